"""The keys that an OpenID Connect issuer publishes (OpenID Connect Discovery 1.0; RFC 7517)."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.core.endpoint import endpoint
from shared.core.errors import CallerRefused, DetachError, Unavailable
from shared.transport.connection import Connections
from shared.transport.send import Request, Transport

KEEP_FOR = 3600.0  # seconds
ASK_AGAIN = (
    60.0  # seconds before an unknown key makes us ask once more: whoever forges tokens must not hammer the issuer
)
ASK_AGAIN_WITHOUT_KEYS = 5.0  # seconds; no event can be taken until then


class Issuer:
    """The issuer's keys, kept for an hour, for any number of threads; `url` has no slash at its end.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, url: str, client: Connections, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()  # held by the one thread that asks
        self._keys: dict[str, dict[str, Any]] | None = None  # by key id
        self._told = self._asked = float("-inf")  # when it last answered, and when it was last asked
        self._failure = "it has not been asked yet"

    def key(self, key_id: str, transport: Transport) -> dict[str, Any]:
        """The key with that id, as a JWK.

        While the issuer does not answer, the keys that are known serve. Raises CallerRefused when the issuer has no
        such key, and Unavailable while it cannot be told whether it has.
        """
        answered = self._keys is not None and key_id in self._keys
        if not answered or self._is_old():
            answered = self._ask(key_id, transport) or answered
        if self._keys is not None and key_id in self._keys:
            return self._keys[key_id]
        if not answered:
            raise Unavailable(
                f"DOOR_OIDC_ISSUER: it is not known whether {self.url} has the token's key: {self._failure}"
            )
        raise CallerRefused("the ID token is signed with a key that DOOR_OIDC_ISSUER does not publish")

    def _is_old(self) -> bool:
        return self._clock() - self._told >= KEEP_FOR

    def _ask(self, key_id: str, transport: Transport) -> bool:
        """Ask the issuer, unless it was asked just now; returns whether its answer is known to be new enough."""
        # Who knows some keys does not wait for another's question: a slow issuer must not hold all threads.
        wait = 0.0 if self._keys is not None else max(transport.deadline.left(), 0.0)
        if not self._lock.acquire(timeout=wait):
            return False
        try:
            if self._keys is not None and key_id in self._keys and not self._is_old():
                return True
            pause = ASK_AGAIN if self._keys is not None else ASK_AGAIN_WITHOUT_KEYS
            if self._clock() - self._asked < pause:
                return False
            self._asked = self._clock()
            self._keys = self._fetch(replace(transport, client=self._client))
            self._told = self._clock()
            self._failure = "it was asked less than a minute ago"
        except DetachError as exc:
            self._failure = exc.message
            return False
        finally:
            self._lock.release()
        return True

    def _fetch(self, transport: Transport) -> dict[str, dict[str, Any]]:
        # GET {issuer}/.well-known/openid-configuration  (OpenID Connect Discovery 1.0, section 4)
        found = self._get(f"{self.url}/.well-known/openid-configuration", transport)
        if str(found.get("issuer")).rstrip("/") != self.url:
            raise Unavailable(f"{self.url} says that it is another issuer")
        try:
            address = endpoint(str(found.get("jwks_uri")))
        except ValueError as exc:
            raise Unavailable(f"the jwks_uri of {self.url}: {exc}") from None
        # GET {jwks_uri}  (RFC 7517, section 5)
        listed = self._get(address, transport).get("keys")
        keys = {
            key["kid"]: key
            for key in (listed if isinstance(listed, list) else [])
            if isinstance(key, dict) and isinstance(key.get("kid"), str) and key.get("use", "sig") == "sig"
        }
        if not keys:
            raise Unavailable(f"{self.url} publishes no keys that sign")
        return keys

    def _get(self, url: str, transport: Transport) -> dict[str, Any]:
        request = Request(
            "iam", "GET", url, f"GET {url}", (200,), lambda reply: Unavailable(f"GET {url} answered {reply.status}")
        )
        return transport.send(request).fields()

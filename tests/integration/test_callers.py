"""Who may call the HTTP door: shared tokens from a store, and ID tokens of an issuer on real sockets."""

import base64
import json
import os
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from sandbox import Sandbox
from shared.callers.issuer import Issuer as Known
from shared.callers.shared_token import SharedToken
from shared.core.delivery import Deadline
from shared.core.errors import CallerRefused, ConfigurationError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores.process import Process
from shared.transport.send import Transport
from shared.transport.tls import new_client
from shared.wiring import Runtime
from tests.support.issuer import (
    AUDIENCE,
    EC,
    OTHER_RSA,
    RSA,
    WEAK_RSA,
    Issuer,
    coded,
    issuing,
    public,
    signature,
    token,
)
from tests.support.leaks import WATCH
from tests.support.listener import Answer

FIRST, SECOND = secrets.token_urlsafe(12), secrets.token_urlsafe(30)  # 16 and 40 characters
SENDER = "system:serviceaccount:web:broker"
NewRuntime = Callable[..., Runtime]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture
def runtime(new_runtime: NewRuntime, issuer: Issuer) -> Runtime:
    """It takes ID tokens."""
    return new_runtime(DOOR_OIDC_ISSUER=issuer.url, DOOR_OIDC_AUDIENCE=AUDIENCE)


def refused(runtime: Runtime, authorization: str | None) -> str:
    """The reason, which never holds what was shown."""
    with pytest.raises(CallerRefused) as info:
        runtime.sender(authorization)
    reason = str(info.value)
    assert not any(part and part in reason for part in (authorization or "").partition(" ")[2].split("."))
    return reason


# --- a shared token ---


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    WATCH.add([FIRST, SECOND])
    WATCH.keep(tmp_path)
    return tmp_path / "tokens"


def test_without_a_setting_the_platform_decides(new_runtime: NewRuntime):
    """No sender is known, whatever is sent."""
    assert new_runtime().sender(None) is None
    assert new_runtime().sender("Bearer abc") is None


@pytest.mark.parametrize(
    "content",
    [
        f"{FIRST}\n{SECOND}\n",
        f"\r\n  {FIRST}\r\n\r\n{SECOND}",
        json.dumps({"token": [FIRST, SECOND]}),
    ],
    ids=["lines", "lines with spaces", "JSON"],
)
def test_each_token_of_the_store_is_taken(new_runtime: NewRuntime, shared: Path, content: str):
    """Two are valid at a time, so that none is missing while callers change over."""
    shared.write_text(content)
    runtime = new_runtime(DOOR_BEARER_URI=f"file:{shared}")
    for authorization in (f"Bearer {FIRST}", f"bearer  {SECOND} ", f"BEARER {SECOND}"):
        assert runtime.sender(authorization) == "bearer"
    for authorization in (f"Bearer {FIRST}x", f"Bearer {FIRST[:-1]}", f"Bearer {FIRST},{SECOND}", "Bearer ü" * 9):
        assert refused(runtime, authorization) == "the token is none of DOOR_BEARER_URI"
    for authorization in (None, "", "Bearer", "Bearer ", f"Basic {FIRST}", FIRST, f"Bearer{FIRST}"):
        assert refused(runtime, authorization) == "there is no `Authorization: Bearer`"


def test_a_changed_token_is_seen(new_runtime: NewRuntime, shared: Path):
    """As the store sees it: a file at once. The old one is refused from then on."""
    shared.write_text(json.dumps({"token": FIRST}))
    runtime = new_runtime(DOOR_BEARER_URI=f"file:{shared}")
    assert runtime.sender(f"Bearer {FIRST}") == "bearer"
    shared.write_text(SECOND)
    assert runtime.sender(f"Bearer {SECOND}") == "bearer"
    refused(runtime, f"Bearer {FIRST}")


def test_no_token_is_missing_or_taken_by_mistake_during_a_change(new_runtime: NewRuntime, shared: Path):
    """Eight threads ask while the file changes all the time: the lasting token always counts, another one never."""
    runtime = new_runtime(DOOR_BEARER_URI=f"file:{shared}")
    over = time.monotonic() + 1

    def change() -> None:
        while time.monotonic() < over:
            for content in (f"{FIRST}\n{SECOND}", SECOND):
                (shared.parent / "next").write_text(content)
                (shared.parent / "next").replace(shared)

    def ask(_: int) -> tuple[int, int]:
        asked = taken = 0
        while time.monotonic() < over:
            assert runtime.sender(f"Bearer {SECOND}") == "bearer"
            asked += 1
            with suppress(CallerRefused):
                taken += runtime.sender(f"Bearer {FIRST}{SECOND}") is not None
        return asked, taken

    shared.write_text(SECOND)
    with ThreadPoolExecutor(9) as pool:
        changing = pool.submit(change)
        counts = list(pool.map(ask, range(8)))
        changing.result()
    assert sum(asked for asked, _ in counts) > 100
    assert sum(taken for _, taken in counts) == 0


SHAPE = "expected text with one token a line, or a JSON object whose `token` is such a text or a list"
SHORT = "a token is not as expected: at least 16 visible ASCII characters without a space"
NONE = "there is no token: at least 16 visible ASCII characters without a space"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (FIRST[:-1], SHORT),
        (f"{SECOND}\nshort", SHORT),
        (f"{SECOND} and more", SHORT),
        ("{" + SECOND, SHAPE),
        ("{}", SHAPE),
        ('{"token": 5}', SHAPE),
        ('{"token": []}', NONE),
        (json.dumps({"token": [SECOND, "x"]}), SHORT),
        ("[" * 20_000, SHAPE),
        ('{"token":' * 20_000, SHAPE),
    ],
    ids=lambda content: f"{len(content)} characters",  # no secret is part of a test's name
)
def test_a_token_that_can_be_guessed_is_a_wrong_setting(
    new_runtime: NewRuntime, shared: Path, content: str, expected: str
):
    """One short token makes all of them refused. The error names the setting, and no value."""
    shared.write_text(content)
    with pytest.raises(ConfigurationError) as info:
        new_runtime(DOOR_BEARER_URI=f"file:{shared}").sender(f"Bearer {SECOND}")
    assert info.value.message == f"DOOR_BEARER_URI: {expected}"
    assert not [word for word in (SECOND, FIRST[:8], "short") if word in info.value.message]


@pytest.mark.parametrize("uri", ["file:/no/such/file", "env:NOT_SET", "other:address", "file:relative", "env:"])
def test_a_store_that_cannot_be_read_names_the_setting(new_runtime: NewRuntime, uri: str):
    """It is ours, and not SECRET_URI."""
    with pytest.raises(ConfigurationError, match="^DOOR_BEARER_URI: ") as info:
        new_runtime(DOOR_BEARER_URI=uri).sender("Bearer x")
    assert "SECRET_URI" not in str(info.value)


def test_a_store_that_hangs_holds_no_other_request_for_longer_than_its_time(shared: Path):
    """It cannot be told now who calls, so that request comes again."""
    os.mkfifo(shared)  # which is read once somebody writes
    check = SharedToken(f"file:{shared}", Process({}.get, new_client))
    with new_client(None) as client, ThreadPoolExecutor(1) as pool:
        hasty, patient = (Transport(client, 5.0, 1, Deadline.after(after), lambda _: None) for after in (0.2, 20))
        waiting = pool.submit(check, Secret(FIRST), patient)
        while not check._lock.locked():
            time.sleep(0.005)
        with pytest.raises(Unavailable, match="^DOOR_BEARER_URI: the store has not answered another request yet$"):
            check(Secret(FIRST), hasty)
        shared.write_text(FIRST)
        assert waiting.result() == "bearer"


# --- an ID token ---


def now(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims with each span as a moment: that many seconds from now, when the test runs."""
    moment = int(time.time())
    return {
        name: moment + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in claims.items()
    }


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": ["other", AUDIENCE]},
        {"iat": None},
        {"iat": timedelta(seconds=30), "nbf": timedelta(seconds=30)},
        {"exp": timedelta(seconds=-30)},
        {"email": "broker@example.com"},
        {"email": "broker@example.com", "email_verified": "true"},
    ],
)
def test_a_token_of_the_issuer_is_taken(runtime: Runtime, issuer: Issuer, claims: dict[str, Any]):
    """Its sender is its `sub`. The two clocks may differ by a minute."""
    assert runtime.sender(issuer.bearer(**now(claims))) == SENDER


def test_the_sender_is_a_verified_address(runtime: Runtime, issuer: Issuer):
    """As Google's tokens have it, whose `sub` is a number."""
    claims = {"email": "push@project.iam.gserviceaccount.com", "email_verified": True}
    assert runtime.sender(issuer.bearer(**claims)) == "push@project.iam.gserviceaccount.com"


def test_only_the_named_subjects_are_taken(new_runtime: NewRuntime, issuer: Issuer):
    """By `sub` or by the verified address. Many issuers make tokens for everybody, for any audience."""
    subjects = f"{SENDER},push@example.com"
    settings = {"DOOR_OIDC_ISSUER": issuer.url, "DOOR_OIDC_AUDIENCE": AUDIENCE, "DOOR_OIDC_SUBJECTS": subjects}
    runtime = new_runtime(**settings)
    verified = {"email": "push@example.com", "email_verified": True}
    assert runtime.sender(issuer.bearer()) == SENDER
    assert runtime.sender(issuer.bearer(**verified, sub="4711")) == "push@example.com"
    for claims in (
        {"sub": "system:serviceaccount:web:other"},
        {"sub": SENDER[:-1]},
        {"sub": "4711", "email": "push@example.com"},
        {"sub": "4711", "email": "other@example.com", "email_verified": True},
    ):
        assert refused(runtime, issuer.bearer(**claims)) == "the ID token is of nobody in DOOR_OIDC_SUBJECTS"


def test_an_issuer_may_end_with_a_slash(new_runtime: NewRuntime, issuer: Issuer):
    """The setting is kept without it, and some issuers have it in their tokens."""
    issuer.found = {"issuer": f"{issuer.url}/"}
    runtime = new_runtime(DOOR_OIDC_ISSUER=f"{issuer.url}/", DOOR_OIDC_AUDIENCE=AUDIENCE)
    assert runtime.sender(issuer.bearer(iss=f"{issuer.url}/")) == SENDER


@pytest.mark.parametrize(
    ("algorithm", "kid", "key"), [("PS256", "rsa", RSA), ("ES256", "ec", EC), ("RS256", "rsa", RSA)]
)
def test_each_kind_of_signature_is_checked(runtime: Runtime, issuer: Issuer, algorithm: str, kid: str, key: Any):
    """Good ones are taken; one with a changed bit is refused."""
    good = token({"alg": algorithm, "kid": kid}, issuer.claims(), key)
    assert runtime.sender(f"Bearer {good}") == SENDER
    content, _, signed = good.rpartition(".")
    changed = bytearray(base64.urlsafe_b64decode(signed + "=="))
    changed[20] ^= 1
    assert refused(runtime, f"Bearer {content}.{coded(bytes(changed))}").endswith("its signature is wrong")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "other"}, "it is for another audience than DOOR_OIDC_AUDIENCE"),
        ({"aud": f"{AUDIENCE}/x"}, "it is for another audience than DOOR_OIDC_AUDIENCE"),
        ({"aud": []}, "it has no aud"),
        ({"aud": None}, "it has no aud"),
        ({"iss": "https://accounts.example.com"}, "it is of another issuer than DOOR_OIDC_ISSUER"),
        ({"iss": None}, "it has no iss"),
        ({"exp": timedelta(seconds=-70)}, "it has expired"),
        ({"exp": None}, "it has no exp"),
        ({"nbf": timedelta(seconds=90)}, "it is not valid yet; check the clocks"),
        ({"iat": timedelta(seconds=90)}, "it is not valid yet; check the clocks"),
        ({"sub": None}, "it has no sub"),
    ],
)
def test_a_token_that_is_not_for_us_now_is_refused(
    runtime: Runtime, issuer: Issuer, claims: dict[str, Any], reason: str
):
    """Signed by the issuer, and still refused."""
    assert refused(runtime, issuer.bearer(**now(claims))) == f"the ID token is refused: {reason}"


@pytest.mark.parametrize("sub", ["", " " * 300, "a\nb", 5, ["a"]])
def test_a_subject_that_cannot_be_told_is_refused(runtime: Runtime, issuer: Issuer, sub: Any):
    """It goes into log lines and outcomes."""
    refused(runtime, issuer.bearer(sub=sub))


def test_a_subject_has_255_characters_at_most(runtime: Runtime, issuer: Issuer):
    """As OpenID Connect Core 1.0, section 2, has it."""
    assert runtime.sender(issuer.bearer(sub="s" * 255)) == "s" * 255
    reason = refused(runtime, issuer.bearer(sub="s" * 256))
    assert reason == "the ID token's sub is not 1 to 255 printable characters"


def test_a_key_signs_only_in_the_way_that_it_is_for(runtime: Runtime, issuer: Issuer):
    """An issuer may say so beside the key. And the token has to name its key."""
    issuer.keys.append(public(RSA, "ps", alg="PS256"))
    good = token({"alg": "PS256", "kid": "ps"}, issuer.claims(), RSA)
    assert runtime.sender(f"Bearer {good}") == SENDER
    other = token({"alg": "RS256", "kid": "ps"}, issuer.claims(), RSA)
    assert refused(runtime, f"Bearer {other}") == "the ID token is signed in another way than its key is for"
    unnamed = token({"alg": "RS256"}, issuer.claims(), RSA)
    assert refused(runtime, f"Bearer {unnamed}") == "the ID token is not signed with a named key of an issuer"


@pytest.mark.parametrize("exp", ["soon", float("inf"), float("nan"), [1], {}, True, -1e400])
def test_an_expiry_that_is_no_time_is_refused(runtime: Runtime, issuer: Issuer, exp: Any):
    """And breaks nothing."""
    refused(runtime, issuer.bearer(exp=exp))


def test_only_the_issuers_own_signature_counts(runtime: Runtime, issuer: Issuer):
    """None, an HMAC with the public key as its secret, another's key under a known name, a key that is too short."""
    claims = issuer.claims()
    issuer.keys.append(public(WEAK_RSA, "weak"))
    issuer.keys.append({"kty": "oct", "kid": "oct", "k": coded(b"k" * 32)})
    for forged in (
        f"{coded({'alg': 'none', 'kid': 'rsa'})}.{coded(claims)}.",
        f"{coded({'alg': 'HS256', 'kid': 'oct'})}.{coded(claims)}.{coded(b'x' * 32)}",
        f"{coded({'alg': ['RS256'], 'kid': 'rsa'})}.{coded(claims)}.{coded(b'x' * 256)}",
        f"{coded({'alg': 'RS256'})}.{coded(claims)}.{coded(b'x' * 256)}",
        f"{coded({'alg': 'RS256', 'kid': 7})}.{coded(claims)}.{coded(b'x' * 256)}",
        token({"alg": "RS256", "kid": "rsa"}, claims, OTHER_RSA),
        token({"alg": "RS256", "kid": "weak"}, claims, WEAK_RSA),
        token({"alg": "ES256", "kid": "rsa"}, claims, EC),
        token({"alg": "RS256", "kid": "ec"}, claims, RSA),
        token({"alg": "RS256", "kid": "oct"}, claims, RSA),
        token({"alg": "RS256", "kid": "rsa", "jwk": public(OTHER_RSA, "rsa")}, claims, OTHER_RSA),
        token({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": False}, claims, RSA),
        f"{coded({'alg': 'RS256', 'kid': 'rsa'})}.{coded(claims)}",
        "a.b.c",
        f"{coded(b'[' * 9000)}.{coded(b'{}')}.{coded(b'x')}",
        f"{coded({'alg': 'RS256', 'kid': 'rsa'})}.{coded(b'[' * 5000)}.{coded(b'x' * 256)}",
    ):
        refused(runtime, f"Bearer {forged}")
    deep = f"{coded({'alg': 'RS256', 'kid': 'rsa'})}.{coded(b'[' * 9000)}"
    refused(runtime, f"Bearer {deep}.{coded(signature(RSA, 'RS256', deep.encode()))}")


def test_a_key_for_encryption_signs_nothing(runtime: Runtime, issuer: Issuer):
    """It is as if the issuer did not have it."""
    issuer.keys.append(public(OTHER_RSA, "other", use="enc"))
    signed = token({"alg": "RS256", "kid": "other"}, issuer.claims(), OTHER_RSA)
    assert refused(runtime, f"Bearer {signed}").endswith("a key that DOOR_OIDC_ISSUER does not publish")


def test_either_suffices(new_runtime: NewRuntime, issuer: Issuer, shared: Path):
    """A shared token is taken while the issuer is down, and an ID token while the store cannot be read."""
    shared.write_text(FIRST)
    settings = {"DOOR_OIDC_ISSUER": issuer.url, "DOOR_OIDC_AUDIENCE": AUDIENCE, "DOOR_BEARER_URI": f"file:{shared}"}
    runtime = new_runtime(**settings)
    assert [runtime.sender(f"Bearer {FIRST}"), runtime.sender(issuer.bearer())] == ["bearer", SENDER]
    assert refused(runtime, f"Bearer {SECOND}") == "the token is none of DOOR_BEARER_URI; the token is no ID token"
    shared.unlink()
    assert runtime.sender(issuer.bearer()) == SENDER
    with pytest.raises(ConfigurationError, match="^DOOR_BEARER_URI: "):  # it might have been a shared one
        runtime.sender(f"Bearer {FIRST}")


# --- the issuer's keys ---


def test_keys_are_asked_for_once(runtime: Runtime, issuer: Issuer):
    """By one thread, however many tokens come at the same time; the others wait for the first answer."""
    issuer.delay = 0.1
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(runtime.sender, [issuer.bearer()] * 24)) == {SENDER}
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize("broken", [(503, ""), (404, "{}"), (302, ""), (200, "no JSON"), (200, "[]")])
def test_an_issuer_that_does_not_answer_loses_no_event(runtime: Runtime, issuer: Issuer, broken: Answer):
    """The event is asked to come again: its token may be good."""
    issuer.broken = broken
    with pytest.raises(Unavailable, match=r"^DOOR_OIDC_ISSUER: it is not known whether http://127\.0\.0\.1:"):
        runtime.sender(issuer.bearer())
    assert refused(runtime, "Bearer abc") == "the token is no ID token"


@pytest.mark.parametrize(
    "found",
    [
        {"issuer": "https://accounts.example.com"},
        {"jwks_uri": "http://keys.example.com/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
def test_a_wrong_discovery_document_is_not_followed(runtime: Runtime, issuer: Issuer, found: dict[str, Any]):
    """Keys come by https only, this machine excepted, and from the issuer that is meant."""
    issuer.found = found
    with pytest.raises(Unavailable, match="DOOR_OIDC_ISSUER"):
        runtime.sender(issuer.bearer())
    assert issuer.asked == ["/.well-known/openid-configuration"]


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Keys:
    """The issuer's keys as we know them, by a clock of the test; `ask` gives "known", "refused" or "unavailable"."""

    def __init__(self, issuer: Issuer) -> None:
        self.clock = Clock()
        self.client = new_client(None)
        self.known = Known(issuer.url, self.client, self.clock)

    def ask(self, kid: str, seconds: float = 5.0) -> str:
        transport = Transport(self.client, 5.0, 1, Deadline.after(seconds), lambda _: None)
        try:
            assert self.known.key(kid, transport)["kid"] == kid
        except CallerRefused:
            return "refused"
        except Unavailable:
            return "unavailable"
        return "known"


@pytest.fixture
def keys(issuer: Issuer) -> Iterator[Keys]:
    known = Keys(issuer)
    yield known
    known.client.close()


def test_an_issuer_that_fails_is_asked_once_more(runtime: Runtime, issuer: Issuer):
    """The sender waits at the door, and sends the event again by itself."""
    issuer.broken = (503, "")
    with pytest.raises(Unavailable, match="DOOR_OIDC_ISSUER: it is not known whether"):
        runtime.sender(issuer.bearer())
    assert len(issuer.asked) == 2


def test_a_forger_cannot_hammer_the_issuer(keys: Keys, issuer: Issuer):
    """An unknown key makes us ask once a minute. In between it is not known, so such an event comes again."""
    assert [keys.ask("rsa"), keys.ask("forged"), keys.ask("rsa")] == ["known", "unavailable", "known"]
    for _ in range(50):
        keys.ask("forged")
    keys.clock.now += 59
    assert keys.ask("forged") == "unavailable"
    assert issuer.asked.count("/keys") == 1
    keys.clock.now += 1
    assert [keys.ask("forged"), keys.ask("forged-too")] == ["refused", "unavailable"]
    assert issuer.asked.count("/keys") == 2


def test_a_new_key_of_the_issuer_is_found(keys: Keys, issuer: Issuer):
    """Within a minute, and without losing the event that is signed with it."""
    assert keys.ask("rsa") == "known"
    issuer.keys = [public(OTHER_RSA, "next")]
    assert keys.ask("next") == "unavailable"
    keys.clock.now += 61
    assert [keys.ask("next"), keys.ask("rsa")] == ["known", "unavailable"]


def test_known_keys_serve_while_the_issuer_is_down(keys: Keys, issuer: Issuer):
    """They are asked for again after an hour, and then once a minute until there is an answer."""
    assert keys.ask("rsa") == "known"
    issuer.broken = (503, "")
    keys.clock.now += 3590
    assert (keys.ask("rsa"), len(issuer.asked)) == ("known", 2)
    keys.clock.now += 20
    assert [keys.ask("rsa") for _ in range(5)] == ["known"] * 5
    assert len(issuer.asked) == 3
    assert keys.ask("other") == "unavailable"
    issuer.broken, issuer.keys = None, [public(OTHER_RSA, "next")]
    keys.clock.now += 61
    assert [keys.ask("next"), keys.ask("rsa")] == ["known", "unavailable"]
    keys.clock.now += 61
    assert keys.ask("rsa") == "refused"


def test_without_keys_the_issuer_is_asked_again_soon(keys: Keys, issuer: Issuer):
    """No event can be taken until then."""
    issuer.broken = (503, "")
    assert [keys.ask("rsa") for _ in range(5)] == ["unavailable"] * 5
    keys.clock.now += 4
    assert keys.ask("rsa") == "unavailable"
    assert len(issuer.asked) == 1
    issuer.broken = None
    keys.clock.now += 1
    assert keys.ask("rsa") == "known"


def test_a_hanging_issuer_holds_nobody_whose_key_is_known(keys: Keys, issuer: Issuer):
    """One thread waits for it. Known keys serve meanwhile, and unknown ones do not wait."""
    assert keys.ask("rsa") == "known"
    issuer.delay = 0.6
    keys.clock.now += 61
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(keys.ask, "forged")
        while len(issuer.asked) < 3:
            time.sleep(0.01)
        started = time.monotonic()
        assert [keys.ask("rsa"), keys.ask("forged-too")] == ["known", "unavailable"]
        assert time.monotonic() - started < 0.3
        assert asking.result() == "refused"


def test_a_hanging_issuer_is_given_up(issuer: Issuer, keys: Keys):
    """Within the time that there is to tell who calls."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keys.known = Known(f"http://127.0.0.1:{silent.getsockname()[1]}", keys.client, keys.clock)
        started = time.monotonic()
        assert keys.ask("rsa", seconds=0.5) == "unavailable"
        assert time.monotonic() - started < 1.5


def test_a_private_issuer_is_trusted_by_os_cacert(new_runtime: NewRuntime, sandbox: Sandbox, tmp_path: Path):
    """Beside the system's trust store, since a public issuer has nothing to do with the gateway's CA."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    both = tmp_path / "both.pem"
    both.write_bytes(Path(sandbox.ca_file).read_bytes() + ca.cert_pem.bytes())
    with issuing(context) as issuer:
        settings = {"DOOR_OIDC_ISSUER": issuer.url, "DOOR_OIDC_AUDIENCE": AUDIENCE}
        assert new_runtime(**settings, OS_CACERT=str(both)).sender(issuer.bearer()) == SENDER
        with pytest.raises(Unavailable, match="certificate is not trusted"):  # an event must not be lost for that
            new_runtime(**settings).sender(issuer.bearer())

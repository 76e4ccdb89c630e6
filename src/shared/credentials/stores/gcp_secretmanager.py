"""`gcp-secretmanager:projects/P/secrets/S/versions/V`: a version of a secret of Google's Secret Manager.

The metadata server of Cloud Run, GKE and Compute Engine gives the token of the service account.
"""

import base64
import binascii
import re
import time
from collections.abc import Callable
from functools import cache

from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores.process import Process, Store
from shared.credentials.stores.remote import KEEP_FOR, Cached, Question, Server, undocumented
from shared.transport.send import Reply, Transport

ENDPOINT = "https://secretmanager.googleapis.com"
_NAME = re.compile(r"projects/[A-Za-z0-9:.-]+/secrets/[A-Za-z0-9_-]+/versions/[A-Za-z0-9_-]+")
_METADATA_CHECK = "that this runs on Google Cloud with a service account (GCE_METADATA_HOST)"
_RENEW_BEFORE = 60.0  # seconds before the metadata server's token expires


def open_store(
    name: str,
    process: Process,
    *,
    endpoint: str = ENDPOINT,
    ca_file: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Store:
    """Asks for the version every five minutes at most, and again when the secret has been refused."""
    uri = f"gcp-secretmanager:{name}"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"SECRET_URI: {uri}; expected gcp-secretmanager:projects/P/secrets/S/versions/V")
    host = process.get("GCE_METADATA_HOST") or "metadata.google.internal"
    client = process.client(ca_file)
    metadata = Server(uri, client, _no_token, _METADATA_CHECK)
    manager = Server(uri, client, _refusal, "that the function reaches secretmanager.googleapis.com")
    held: tuple[Secret, float] | None = None

    def token(transport: Transport) -> Secret:
        nonlocal held
        if held is None or clock() >= held[1]:
            # GET /computeMetadata/v1/instance/service-accounts/default/token  ("Authenticate workloads ...")
            path = "/computeMetadata/v1/instance/service-accounts/default/token"
            question = Question("GET", f"http://{host}", path, {"Metadata-Flavor": "Google"})
            fields = metadata.ask(transport, question)
            value, seconds = fields.get("access_token"), fields.get("expires_in")
            if not isinstance(value, str) or not value or not isinstance(seconds, int):
                raise undocumented(uri, "access_token")
            held = Secret(value), clock() + seconds - _RENEW_BEFORE
        return held[0]

    def ask(transport: Transport) -> tuple[Secret, float]:
        nonlocal held
        headers = {"Authorization": f"Bearer {token(transport).reveal()}"}
        # GET /v1/{name}:access  (projects.secrets.versions.access)
        try:
            fields = manager.ask(transport, Question("GET", endpoint, f"/v1/{name}:access", headers))
        except ConfigurationError as exc:
            if exc.status == 401:  # the next event asks for another token
                held = None
            raise
        return Secret(_payload(uri, fields.get("payload"))), KEEP_FOR

    return Cached(ask, clock)


def _payload(uri: str, payload: object) -> str:
    data, checksum = (payload.get(key) if isinstance(payload, dict) else None for key in ("data", "dataCrc32c"))
    if not isinstance(data, str) or not data:
        raise undocumented(uri, "payload.data")
    try:
        content = base64.b64decode(data, validate=True)
        text = content.decode()
    except (binascii.Error, UnicodeDecodeError):
        raise undocumented(uri, "base64 of UTF-8 text in payload.data") from None
    # int64 is a string in JSON. It is missing only for secrets that are older than the checksums.
    if checksum is not None and str(checksum) != str(crc32c(content)):
        raise Unavailable(f"SECRET_URI: {uri}: the payload does not match its CRC32C; it was damaged on the way")
    return text


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of RFC 3720, appendix B.4. Some 0.1 µs a byte, and a secret has 64 KiB at most.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _table()[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        return value

    return tuple(entry(byte) for byte in range(256))


def _no_token(begin: str, reply: Reply) -> DetachError:
    if reply.status in (429, 503) or reply.status >= 500:
        return Unavailable(f"{begin}; check {_METADATA_CHECK}", status=reply.status)
    return ConfigurationError(f"{begin}; check {_METADATA_CHECK}", status=reply.status)


_MEANINGS = {
    400: "the version is disabled or destroyed; enable it, or name another one",
    401: "the service account's token was refused",
    403: "permission denied; grant the service account roles/secretmanager.secretAccessor on the secret, and enable the"
    " Secret Manager API in the project",
    404: "there is no such secret or version; check the name and the project",
}


def _refusal(begin: str, reply: Reply) -> DetachError:
    if reply.status == 429 or reply.status >= 500:
        return Unavailable(f"{begin}; Secret Manager's quota or health is to be checked", status=reply.status)
    return ConfigurationError(f"{begin}: {_MEANINGS.get(reply.status, 'check the name')}", status=reply.status)

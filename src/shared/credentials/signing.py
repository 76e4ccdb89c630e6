"""AK/SK request signing, SDK-HMAC-SHA256: pure functions of the request, the key and the moment.

Source: the vendor's "API Request Signing Guide", and IAM's page "Authentication" (AK/SK).
"""

import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote, unquote, unquote_plus

import httpx

from shared.credentials.content import AccessKey

ALGORITHM = "SDK-HMAC-SHA256"
MAX_SKEW = 900.0  # seconds: a request is refused when its X-Sdk-Date is 15 minutes off
_SIGNED = ("content-type", "host", "x-project-id", "x-sdk-date", "x-security-token")  # a proxy may change any other


def sign(request: httpx.Request, key: AccessKey, moment: datetime, project_id: str | None = None) -> None:
    """Put X-Sdk-Date, X-Project-Id, X-Security-Token and Authorization on a request whose body has been read.

    `moment` is in UTC. What is signed already is signed anew.
    """
    request.headers["X-Sdk-Date"] = moment.strftime("%Y%m%dT%H%M%SZ")
    if project_id is not None:
        request.headers["X-Project-Id"] = project_id
    if key.security_token is not None:
        request.headers["X-Security-Token"] = key.security_token.reveal()
    signed = {name: request.headers[name] for name in _SIGNED if name in request.headers}
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    canonical = canonical_request(request.method, path, query, signed, request.content)
    to_sign = "\n".join((ALGORITHM, request.headers["X-Sdk-Date"], hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(key.secret_key.reveal().encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    request.headers["Authorization"] = (
        f"{ALGORITHM} Access={key.access_key}, SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"
    )


def canonical_request(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> str:
    """The text whose hash is signed. `path` and `query` as they are sent, names of `headers` in lower case.

    Six lines: method, path, query, the headers (each with its own line end, hence the blank line), their names, the
    body's hash. The path ends with a slash here, whether or not the one that is sent does.
    """
    segments = (quote(unquote(segment), safe="~") for segment in path.split("/"))
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    arguments = sorted((unquote_plus(name), unquote_plus(value)) for name, value in pairs)
    return "\n".join(
        (
            method.upper(),
            "/".join(segments).removesuffix("/") + "/",
            "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in arguments),
            "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers)),
            ";".join(sorted(headers)),
            hashlib.sha256(body).hexdigest(),
        )
    )

"""The errors for requests that got no answer, or one that no API gives. Each names the host and what to check."""

import httpcore
import httpx

from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import strike_out
from shared.transport.connection import UNSENT, UnreadableError
from shared.transport.tls import distrusted

# The setting that holds a service's address. A secret's store says itself what is to be checked.
_SETTINGS = {"apig": "APIG_ENDPOINT", "iam": "OS_AUTH_URL", "sink": "K_SINK"}


def unanswered(exc: Exception, subject: str, service: str, url: httpx.URL) -> DetachError:
    """The error for one of the exceptions that `Connections.ask` raises when no answer came."""
    distrust = distrusted(exc)
    if distrust is not None:
        return ConfigurationError(f"{subject}: {distrust}")
    # Without a connection it is certain that the request was not carried out; later it is not.
    unsent = isinstance(exc, UNSENT)
    # h11 repeats an illegal header, even the token. Other errors have the text of the operating system or of OpenSSL.
    reason = "" if isinstance(exc, httpcore.ProtocolError) or not str(exc) else f": {exc}"
    return Unavailable(
        f"{subject}: no answer from {_place(url)} ({type(exc).__name__}{reason}){_check(service) if unsent else ''}",
        ambiguous=not unsent,
    )


def unreadable(exc: UnreadableError, subject: str, url: httpx.URL) -> Unavailable:
    """The error for an answer that was not read to its end. What was asked for may have been done."""
    return Unavailable(
        f"{subject}: the answer of {_place(url)} is not read: {exc}",
        status=exc.status,
        too_large=exc.too_large,
        ambiguous=True,
    )


def redirected(status: int, location: str, subject: str, service: str, url: httpx.URL) -> ConfigurationError:
    """No API that is called here redirects, so something else answers at this address. Only its host is told."""
    try:
        target = url.join(location)
        where = strike_out(f"{target.scheme}://{target.netloc.decode('ascii')}")
    except (httpx.InvalidURL, ValueError):
        where = "an invalid address"
    return ConfigurationError(
        f"{subject} answered {status}, a redirect to {where}: not followed, because credentials go to"
        f" {url.host} only{_check(service)}",
        status=status,
    )


def _place(url: httpx.URL) -> str:
    """Host and port, without the user and the path that a URL may have."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port or {'http': 80, 'https': 443}.get(url.scheme, '')}"


def _check(service: str) -> str:
    return f"; check {_SETTINGS[service]}" if service in _SETTINGS else ""

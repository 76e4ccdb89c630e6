"""Addresses to which credentials go: https, loopback excepted."""

from urllib.parse import urlsplit

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_EXPECTED = "expected an https URL without user, query or fragment (http is allowed to this machine only)"


def endpoint(value: str) -> str:
    """The URL without a trailing slash; raises ValueError unless it is https, or http to this machine."""
    try:
        url = urlsplit(value)
        url.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError(_EXPECTED) from None
    host_ok = url.hostname and (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK))
    if not host_ok or url.username is not None or url.query or url.fragment:
        raise ValueError(_EXPECTED)
    return value.rstrip("/")

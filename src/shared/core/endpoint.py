"""Addresses to which credentials go: https, loopback excepted; those of the vendors' clouds."""

from urllib.parse import urlsplit

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_EXPECTED = "expected an https URL without user, query or fragment (http is allowed to this machine only)"

# The vendor's page "Regions and Endpoints". Any other region has other hosts, or is another cloud's.
REGIONS = ("eu-de", "eu-nl")
DEFAULT_ENDPOINTS = {
    "OS_AUTH_URL": "https://iam.{region}.otc.t-systems.com/v3",
    "APIG_ENDPOINT": "https://apig.{region}.otc.t-systems.com",
}
_CLOUDS = {
    ".otc.t-systems.com": "Open Telekom Cloud",
    ".myhuaweicloud.com": "Huawei Cloud",
    ".myhuaweicloud.eu": "Huawei Cloud",
}


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


def cloud_of(url: str) -> str | None:
    """The cloud that an address belongs to; None for an address of neither, which is anyone's own."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    return next((name for suffix, name in _CLOUDS.items() if host.endswith(suffix)), None)

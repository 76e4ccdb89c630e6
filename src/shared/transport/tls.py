"""TLS: which servers an HTTP client trusts, and what is told about one that it does not trust."""

import os
import re
import ssl
from pathlib import Path

from shared.core.errors import ConfigurationError
from shared.transport.connection import Connections

_WHOLE = 50  # public CAs, of some 140: a folder with fewer is no system's whole trust store


def new_client(ca_file: str | None, setting: str = "OS_CACERT", *, pem: str | None = None) -> Connections:
    """Connections with their one TLS context: TLS 1.2 or newer, host names checked.

    `ca_file`, which `setting` named, replaces the system's trust store; `pem`, a sink's K_CA_CERTS, adds to it.
    """
    # Not ssl.create_default_context: from Python 3.13 on it refuses private CAs without a keyUsage, which the older
    # ones accept. This way each Python decides the same about a certificate.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which checks certificates and host names
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a CA file may hold the intermediate CA alone
    if ca_file is None:
        _trust_system(context)
    else:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigurationError(
                f"{setting}: {ca_file!r} is no readable file of PEM certificates ({exc})"
            ) from None
    if pem is not None:
        try:
            context.load_verify_locations(cadata=pem)
        except (ValueError, ssl.SSLError) as exc:
            raise ConfigurationError(f"K_CA_CERTS: expected PEM certificates ({exc})") from None
    return Connections(context)


def _trust_system(context: ssl.SSLContext) -> None:
    """Trust the CAs at OpenSSL's paths, or those of certifi where there are none.

    A folder whose files are named by hash is read when a server's CA is looked for (0.1 ms); the bundle that holds the
    same certificates is parsed whole (20 ms of each cold start). Not every system has such a folder, and SSL_CERT_FILE
    may name a CA that is not in it. Nor does a folder with a few hold them all: somebody added those to the bundle.
    """
    paths = ssl.get_default_verify_paths()
    hashed = 0 if paths.capath is None else sum(map(_is_hashed, Path(paths.capath).iterdir()))
    if hashed >= _WHOLE and not os.environ.get("SSL_CERT_FILE"):
        context.load_verify_locations(capath=paths.capath)
    elif hashed or paths.cafile:
        context.load_default_certs()
    else:
        import certifi  # noqa: PLC0415 - httpx brings it; some milliseconds that few systems need

        context.load_verify_locations(cafile=certifi.where())


def _is_hashed(path: Path) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", path.name) is not None


# These end with time, or are corrected by the server's owner. For all other reasons a setting is wrong.
_EXPIRED, _NOT_YET_VALID = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID


def distrusted(exc: BaseException | None) -> str | None:
    """Why the server's certificate is not trusted, and what to check; None if the request failed for another reason."""
    while exc is not None and not isinstance(exc, ssl.SSLCertVerificationError):
        exc = exc.__cause__ or exc.__context__
    if exc is None or exc.verify_code in {_EXPIRED, _NOT_YET_VALID}:
        return None
    return (
        f"the server's certificate is not trusted: {exc.verify_message}; check the endpoint's host name, and the CA"
        " file or the system's trust store"
    )

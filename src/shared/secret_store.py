"""SECRET_URI → the secret it names. One function a scheme; each raises ConfigurationError that names the address.

A store gives the text as it stands now, or as long as the store says that it may be kept; `fresh` asks it again.
"""

import os
from collections.abc import Callable
from pathlib import Path

from shared.errors import ConfigurationError
from shared.secret import Secret, Store


def open_store(uri: str, get: Callable[[str], str | None], platform_token: Callable[[], str] | None = None) -> Store:
    """The store that a SECRET_URI names; `get` reads an environment variable. Nothing is read yet."""
    scheme, _, address = uri.partition(":")
    if scheme == "functiongraph":
        return _functiongraph(platform_token)
    if scheme not in SCHEMES:
        # The whole URI is not repeated: a secret itself may have been pasted there.
        raise ConfigurationError(f"SECRET_URI: unknown scheme {scheme!r}; expected one of {', '.join(SCHEMES)}")
    if not address:
        raise ConfigurationError(f"SECRET_URI: {uri!r} names nothing; expected {scheme}:ADDRESS")
    return SCHEMES[scheme](address, get)


def _env(name: str, get: Callable[[str], str | None]) -> Store:
    """`env:NAME`: the variable's value."""

    def read(*, fresh: bool = False) -> Secret:  # noqa: ARG001 - a variable is always read
        value = get(name)
        if not value:
            raise ConfigurationError(f"SECRET_URI: env:{name} is not set")
        return Secret(value)

    return read


def _file(path: str, get: Callable[[str], str | None]) -> Store:  # noqa: ARG001 - every scheme has one signature
    """`file:/path`: the file's text, read again when it changes.

    Every read opens the path anew, so that Kubernetes' swap of the symlink behind a mounted secret is seen.
    """
    location = Path(path)
    if not location.is_absolute():
        raise ConfigurationError(f"SECRET_URI: file:{path} is relative; expected file:/path")

    def read(*, fresh: bool = False) -> Secret:  # noqa: ARG001 - a file is always read
        try:
            text = location.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else "not UTF-8 text"
            raise ConfigurationError(f"SECRET_URI: file:{path} cannot be read: {reason}") from None
        if not text.strip():
            raise ConfigurationError(f"SECRET_URI: file:{path} is empty")
        return Secret(text)

    return read


def _functiongraph(platform_token: Callable[[], str] | None) -> Store:
    """`functiongraph:`: the token of the function's agency."""
    if platform_token is None:
        raise ConfigurationError("SECRET_URI: functiongraph: is for a function that FunctionGraph runs")

    def read(*, fresh: bool = False) -> Secret:  # noqa: ARG001 - the platform keeps it
        token = platform_token()
        if not token:
            raise ConfigurationError("SECRET_URI: functiongraph: gave no token; give the function an agency")
        return Secret(token)

    return read


SCHEMES: dict[str, Callable[[str, Callable[[str], str | None]], Store]] = {"env": _env, "file": _file}

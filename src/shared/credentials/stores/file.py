"""`file:/path`: the file's text, read again when it changes."""

import os
from pathlib import Path

from shared.core.errors import ConfigurationError
from shared.core.secret import Secret
from shared.credentials.stores.process import Process, Store
from shared.transport.send import Transport


def open_store(path: str, process: Process) -> Store:  # noqa: ARG001 - every scheme has one signature
    """Opens the path again at every call (some 20 µs), so that a changed file is seen at once.

    Kubernetes changes a mounted secret by swapping a symlink in the path, which keeping the file open would miss.
    """
    location = Path(path)
    if not location.is_absolute():
        raise ConfigurationError(f"SECRET_URI: file:{path} is relative; expected file:/path")

    def read(transport: Transport, *, fresh: bool = False) -> Secret:  # noqa: ARG001 - nothing is asked or kept
        try:
            text = location.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else "not UTF-8 text"
            raise ConfigurationError(f"SECRET_URI: file:{path} cannot be read: {reason}") from None
        if not text.strip():
            raise ConfigurationError(f"SECRET_URI: file:{path} is empty")
        return Secret(text)

    return read

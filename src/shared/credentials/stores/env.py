"""`env:NAME`: the variable's value."""

from shared.core.errors import ConfigurationError
from shared.core.secret import Secret
from shared.credentials.stores.process import Process, Store
from shared.transport.send import Transport


def open_store(name: str, process: Process) -> Store:
    """Reads the variable at every call: that costs nothing."""

    def read(transport: Transport, *, fresh: bool = False) -> Secret:  # noqa: ARG001 - nothing is asked or kept
        value = process.get(name)
        if not value or not value.strip():
            raise ConfigurationError(f"SECRET_URI: env:{name} is not set, or empty")
        return Secret(value)

    return read

"""`env:NAME`: the variable's value."""

from shared.errors import ConfigurationError
from shared.secret import Secret, Store
from shared.secret_store.surroundings import Surroundings
from shared.transport import Transport


def open_store(name: str, surroundings: Surroundings) -> Store:
    """Reads the variable at every call: that costs nothing."""

    def read(transport: Transport, *, fresh: bool = False) -> Secret:  # noqa: ARG001 - nothing is asked or kept
        value = surroundings.get(name)
        if not value or not value.strip():
            raise ConfigurationError(f"SECRET_URI: env:{name} is not set, or empty")
        return Secret(value)

    return read

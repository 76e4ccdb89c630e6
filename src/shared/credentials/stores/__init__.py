"""SECRET_URI → the store that holds the secret it names. One module a scheme.

Every error names the address and says what to check. A store that asks the network keeps the answer for a while
(`shared.credentials.stores.remote`), and asks again at once when what it gave has been refused.
"""

import re
from importlib import import_module

from shared.core.errors import ConfigurationError, DetachError
from shared.core.secret import Secret
from shared.credentials.stores.process import Process, Store
from shared.transport.send import Transport

# Each scheme's module is imported when it is used: a function has one store, and the six of them cost some 5 ms.
SCHEMES = {
    "env": "env",
    "file": "file",
    "aws-secretsmanager": "aws_secretsmanager",
    "vault": "vault",
    "gcp-secretmanager": "gcp_secretmanager",
    "functiongraph": "functiongraph",
}


def open_store(uri: str, process: Process, setting: str = "SECRET_URI") -> Store:
    """The store that an address names. Nothing is read yet; raises ConfigurationError for what can never work.

    `setting` is the variable that holds the address: the errors name it.
    """
    try:
        store = _open(uri, process)
    except DetachError as exc:
        raise _about(setting, exc) from None

    def read(transport: Transport, *, fresh: bool = False) -> Secret:
        try:
            return store(transport, fresh=fresh)
        except DetachError as exc:
            raise _about(setting, exc) from None

    return store if setting == "SECRET_URI" else read


def _open(uri: str, process: Process) -> Store:
    scheme, _, address = uri.partition(":")
    if scheme not in SCHEMES:
        # The whole URI is not repeated: a secret itself may have been pasted there.
        raise ConfigurationError(f"SECRET_URI: unknown scheme {scheme!r}; expected one of {', '.join(SCHEMES)}")
    if not address and scheme != "functiongraph":
        raise ConfigurationError(f"SECRET_URI: {uri!r} names nothing; expected {scheme}:ADDRESS")
    store: Store = import_module(f"{__name__}.{SCHEMES[scheme]}").open_store(address, process)
    return store


def _about(setting: str, error: DetachError) -> DetachError:
    """The error of a store, which knows its address as SECRET_URI, with the setting that it really is."""
    error.message = re.sub(r"\bSECRET_URI\b", setting, error.message)
    error.args = (error.message,)
    return error

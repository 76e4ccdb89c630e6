"""SECRET_URI → the store that holds the secret it names. One module a scheme.

Every error names the address and says what to check. A store that asks the network keeps the answer for a while
(`shared.credentials.stores.remote`), and asks again at once when what it gave has been refused.
"""

from collections.abc import Callable

from shared.core.errors import ConfigurationError
from shared.credentials.secret import Store
from shared.credentials.stores import aws_secretsmanager, env, file, functiongraph, gcp_secretmanager, vault
from shared.credentials.stores.process import Process

SCHEMES: dict[str, Callable[[str, Process], Store]] = {
    "env": env.open_store,
    "file": file.open_store,
    "aws-secretsmanager": aws_secretsmanager.open_store,
    "vault": vault.open_store,
    "gcp-secretmanager": gcp_secretmanager.open_store,
    "functiongraph": functiongraph.open_store,
}


def open_store(uri: str, process: Process) -> Store:
    """The store that a SECRET_URI names. Nothing is read yet; raises ConfigurationError for what can never work."""
    scheme, _, address = uri.partition(":")
    if scheme not in SCHEMES:
        # The whole URI is not repeated: a secret itself may have been pasted there.
        raise ConfigurationError(f"SECRET_URI: unknown scheme {scheme!r}; expected one of {', '.join(SCHEMES)}")
    if not address and scheme != "functiongraph":
        raise ConfigurationError(f"SECRET_URI: {uri!r} names nothing; expected {scheme}:ADDRESS")
    return SCHEMES[scheme](address, process)

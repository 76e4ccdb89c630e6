"""`functiongraph:`: the token of the function's agency, which FunctionGraph hands out itself; no secret is stored."""

import json

from shared.core.errors import ConfigurationError
from shared.core.secret import Secret
from shared.credentials.stores.process import Process, Store
from shared.transport.send import Transport


def open_store(address: str, process: Process) -> Store:
    """Asks the platform at every call, which keeps the token itself (24 hours valid)."""
    token_of = process.platform_token
    if address or token_of is None:
        raise ConfigurationError("SECRET_URI: functiongraph: takes no address, and needs the FunctionGraph door")

    def read(transport: Transport, *, fresh: bool = False) -> Secret:  # noqa: ARG001 - nothing is asked or kept
        token = token_of()
        if not token:  # "" is what comes from a function without agency
            raise ConfigurationError(
                "SECRET_URI: functiongraph: gave no token; give the function an agency with permissions for API Gateway"
            )
        # The platform gives the function's own project in a variable, so IAM need not be asked.
        return Secret(json.dumps({"token": token, "project_id": process.get("RUNTIME_PROJECT_ID") or None}))

    return read

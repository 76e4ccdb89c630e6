"""A detached domain, its `undo`, and an undo event as a sender writes it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import handle
from sandbox import Sandbox
from shared.wiring import Runtime
from tests.conftest import FAR_AHEAD
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, delivery, furnish

BINDINGS = {(CERTIFICATE, DOMAIN, FIRST), (CERTIFICATE, DOMAIN, SECOND)}
UNDO: list[dict[str, Any]] = [
    {
        "certificate_id": CERTIFICATE,
        "domains": [{"domain": DOMAIN, "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": False}],
    }
]


def ago(**time: float) -> str:
    """A time before now, as it is written in a signature."""
    return (datetime.now(UTC) - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def detach_everything(sandbox: Sandbox) -> None:
    """The certificate is valid, and its domain is there without it."""
    furnish(sandbox, not_after=FAR_AHEAD)
    for instance_id in (FIRST, SECOND):
        sandbox.fleet.unbind(CERTIFICATE, DOMAIN, instance_id)


def undo(runtime: Runtime, data: Any) -> dict[str, Any]:
    """The outcome's JSON of data that is sent as it stands."""
    return handle(delivery(json.dumps(data), "undo"), runtime).to_dict()

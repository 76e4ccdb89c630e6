"""The vendor's example as a small world, and the ways in which tests let an event into it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import handle
from sandbox import Sandbox
from shared.core.delivery import Deadline, Delivery
from shared.core.event_data import Kind
from shared.core.outcome import Outcome
from shared.wiring import Runtime
from tests.conftest import LONG_AGO
from tests.support.undo_key import signed

# From the request example of BatchDisassociateDomainsV2.
DOMAIN = "apigtest.example.com"
FIRST = "f0fa1789-3b76-433b-a787-9892951c620e"
SECOND = "7d39549681c54d968ec2910da9da95cd"
THIRD = "1d6b1cf2a7d94c0f8e9b5a3c4d2e1f00"
CERTIFICATE = "a27be832f2e9441c8127fe48e3b5ac67"


def furnish(sandbox: Sandbox, *, domains: Iterable[str] = (DOMAIN,), not_after: Any = LONG_AGO) -> None:
    """Two gateways that share one certificate, expired unless said otherwise, on each of the domains."""
    fleet = sandbox.fleet
    if isinstance(not_after, timedelta):
        not_after = datetime.now(UTC) + not_after
    for instance_id in (FIRST, SECOND):
        fleet.add_gateway(id=instance_id)
    fleet.add_certificate(
        id=CERTIFICATE, common_name=DOMAIN, san=("*.example.com",), not_after=not_after, type="global"
    )
    for domain in domains:
        for instance_id in (FIRST, SECOND):
            fleet.add_domain(domain, instance_id)
            fleet.bind(CERTIFICATE, domain, instance_id)


def send(runtime: Runtime, kind: Kind, data: Any, *, seconds: float = 20.0) -> Outcome:
    """Hand the bare data of a kind to the handlers, as a door does; a list, which is an undo's, is signed first."""
    if isinstance(data, list):
        data = signed(data, runtime.work(Deadline.after(seconds), lambda _: None).client.project_id)
    return handle(delivery(data, kind, seconds=seconds), runtime)


def delivery(data: Any, kind: Kind | None = None, *, seconds: float = 20.0) -> Delivery:
    """What a door makes of bare data, or of a whole envelope."""
    return Delivery(data, Deadline.after(seconds), kind, "event-1")


def expire(runtime: Runtime, **data: Any) -> dict[str, Any]:
    """The outcome's JSON of a certificate expiry."""
    return send(runtime, "certificate_expiry", data).to_dict()


def decommission(runtime: Runtime, **data: Any) -> dict[str, Any]:
    """The outcome's JSON of a domain decommission."""
    return send(runtime, "domain_decommission", data).to_dict()


def pairs(entries: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """(domain, gateway) of entries that have `domain` and `instance_ids`."""
    return {(entry["domain"], instance_id) for entry in entries for instance_id in entry["instance_ids"]}

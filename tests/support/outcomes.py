"""Plans, results and outcomes, made as the executor makes them."""

from datetime import UTC, datetime
from typing import Any, get_args

from shared.core.errors import AccessDenied, DetachError, Rejected, Unavailable
from shared.core.event_data import Kind
from shared.core.models import Binding, Certificate
from shared.core.outcome import CertificateOutcome, CleanupSummary, GatewayOutcome, Outcome, Result, State
from shared.core.plan import Action, Entry, Plan

CERTIFICATE = Certificate("a27be832f2e9441c8127fe48e3b5ac67", "a.example.com", datetime(2021, 4, 26, 9, 3, tzinfo=UTC))
FIRST, SECOND, THIRD = "f0fa1789-3b76-433b-a787-9892951c620e", "7d39549681c54d968ec2910da9da95cd", "1" * 32
A1, A2, A3 = (Binding("a.example.com", instance_id) for instance_id in (FIRST, SECOND, THIRD))
B1 = Binding("b.example.com", FIRST, verified_client_certificate_enabled=True)
DENIED, DOWN, REFUSED = AccessDenied("denied", error_code="APIG.1005"), Unavailable("down"), Rejected("refused")
STATES: tuple[State, ...] = get_args(State)
DONE: dict[Action, str] = {"detach": "detached", "attach": "attached"}
NOTHING: dict[Action, str] = {"detach": "nothing_to_detach", "attach": "nothing_to_attach"}


def plan(*bindings: Binding, action: Action = "detach", **facts: Any) -> Plan:
    """A plan that changes these bindings, each by an entry of its own."""
    return Plan(action, CERTIFICATE, tuple(Entry((binding,)) for binding in bindings), **facts)


def result(binding: Binding, state: State, error: DetachError | None = DOWN) -> Result:
    """A result as the executor makes it: only a failed one has an error."""
    return Result(binding, state, error if state == "failed" else None, ours=state == "changed")


def outcome(
    *certificates: CertificateOutcome,
    kind: Kind = "certificate_expiry",
    dry_run: bool = False,
    cleanup: CleanupSummary | None = None,
    gateways: tuple[GatewayOutcome, ...] = (),
) -> Outcome:
    """The outcome of an event that meant these certificates."""
    return Outcome("event-1", kind, dry_run, certificates, cleanup, gateways=gateways)

"""What keeps a binding as it is, and what refuses a whole event: small pure functions, asked in order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from shared.core.errors import BlastRadiusExceeded, DetachError, InvalidEvent, Rejected
from shared.core.event_data import DomainEntry, Event
from shared.core.models import Binding, Certificate, Place

Reason = Literal["protected", "wildcard_covers_protected", "live", "not_requested", "renewed"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be changed, and how: the settings on which decisions rest.

    `live_domains` is None when nobody has set it: `detach`, but `keep` for what a DNS trace says.
    """

    dry_run: bool = False
    expiry_grace: timedelta = timedelta(0)
    protected_domains: tuple[str, ...] = ()
    max_bindings: int = 200
    max_cleanup_bindings: int = 2000
    live_domains: Literal["detach", "keep"] | None = None
    max_event_age: timedelta = timedelta(days=7)  # 0: any age
    private_zones: bool = False
    batch_size: int = 50
    concurrency: int = 4


@dataclass(frozen=True)
class Scope:
    """What an event asks for: these entries (every domain when None) on these gateways (every gateway when None)."""

    entries: tuple[DomainEntry, ...] | None = None
    instance_ids: tuple[str, ...] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names asked for, in the form in which they compare."""
        return frozenset(self._by_name)

    @cached_property
    def _by_name(self) -> dict[str, list[DomainEntry]]:
        named: dict[str, list[DomainEntry]] = {}
        for entry in self.entries or ():
            named.setdefault(entry.domain, []).append(entry)
        return named

    def entry_for(self, binding: Binding, name: str) -> DomainEntry | None:
        """The first entry that asks for this binding, whose name compares as `name`; None when nothing does."""
        if self.instance_ids is not None and binding.instance_id not in self.instance_ids:
            return None
        if self.entries is None:
            return _EVERYTHING
        for entry in self._by_name.get(name, ()):
            if entry.instance_ids is None or binding.instance_id in entry.instance_ids:
                return entry
        return None


_EVERYTHING = DomainEntry.model_construct(domain="", instance_ids=None, verified_client_certificate_enabled=None)


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What the places of an undo carry now: the certificates' ids by place.

    At the places `verified`, clients are verified now. `unread` are the gateways that do not exist any more or could
    not be read, each with its error.
    """

    carried: Mapping[Place, frozenset[str]] = field(default_factory=dict)
    verified: frozenset[Place] = frozenset()
    unread: Mapping[str, DetachError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One binding of a certificate, and all that the rules look at.

    `unattachable` is why API Gateway would attach the certificate nowhere.
    """

    certificate_id: str
    binding: Binding
    name: str  # the binding's domain as it compares
    scope: Scope
    policy: Policy
    occupancy: Occupancy
    unattachable: DetachError | None = None


Verdict = Reason | Literal["already"] | DetachError
Rule = Callable[[Case], Verdict | None]


def not_requested(case: Case) -> Reason | None:
    """The event asks for other domains or gateways."""
    return None if case.scope.entry_for(case.binding, case.name) else "not_requested"


def protected(case: Case) -> Reason | None:
    """DETACH_PROTECTED_DOMAINS names it."""
    return "protected" if is_protected(case.name, case.policy.protected_domains) else None


def wildcard_covers_protected(case: Case) -> Reason | None:
    """A bound wildcard serves a protected name too: without its certificate that name is down."""
    if not case.name.startswith("*."):
        return None
    below = case.name.removeprefix("*")
    covered = any(pattern.endswith(below) for pattern in case.policy.protected_domains)
    return "wildcard_covers_protected" if covered else None


def live(case: Case) -> Reason | None:
    """DETACH_LIVE_DOMAINS is `keep`, and the domain's CNAME still resolves to the gateway."""
    return "live" if case.policy.live_domains == "keep" and case.binding.resolves else None


def gateway_unread(case: Case) -> DetachError | None:
    """The gateway does not exist any more, or nobody knows what its domains carry."""
    return case.occupancy.unread.get(case.binding.instance_id)


def attached_already(case: Case) -> Literal["already"] | None:
    """The certificate is where it is to be attached."""
    return "already" if case.certificate_id in _holders(case) else None


def unattachable(case: Case) -> DetachError | None:
    """The certificate has expired."""
    return case.unattachable


def carries_another(case: Case) -> DetachError | None:
    """Another certificate has taken the place: somebody has decided since."""
    holders = _holders(case)
    if not holders:
        return None
    return Rejected(
        f"{case.binding.domain} on gateway {case.binding.instance_id} carries certificate"
        f" {', '.join(sorted(holders))} now; detach that one first if the old one is to come back"
    )


def _holders(case: Case) -> frozenset[str]:
    return case.occupancy.carried.get((case.binding.instance_id, case.name), frozenset())


# The first that says something decides.
EXPIRY_RULES: tuple[Rule, ...] = (not_requested, protected, wildcard_covers_protected)
DECOMMISSION_RULES: tuple[Rule, ...] = (*EXPIRY_RULES, live)
ATTACH_RULES: tuple[Rule, ...] = (
    gateway_unread,
    attached_already,
    unattachable,
    carries_another,
    protected,
    wildcard_covers_protected,
)


def is_protected(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern names it; `*.example.com` protects all below example.com, itself included, at any depth."""
    return any(
        name == pattern or (pattern.startswith("*.") and name.endswith(pattern.removeprefix("*")))
        for pattern in patterns
    )


def is_due(certificate: Certificate, policy: Policy, now: datetime) -> bool:
    """Whether `not_after` plus the grace has passed: the gateway's own date decides, never the event."""
    if certificate.not_after is None:
        raise Rejected(
            f"certificate {certificate.id}: the API gives no usable not_after, so nothing tells whether it has expired"
        )
    # The grace is taken from now: 9999-12-31, RFC 5280's "no expiry", leaves no room for adding it.
    return now - policy.expiry_grace >= certificate.not_after


def expired(certificate: Certificate, now: datetime) -> Rejected | None:
    """Why API Gateway would not attach a certificate that has expired. Without a date, the API decides."""
    if certificate.not_after is None or certificate.not_after > now:
        return None
    date = certificate.not_after.isoformat().replace("+00:00", "Z")
    return Rejected(
        f"certificate {certificate.id} has expired ({date}), and API Gateway attaches no expired certificate:"
        " renew it, or attach another one to its domains",
        error_code="APIG.2102",
    )


def check_size(bindings: int, policy: Policy, *, cleanup: bool) -> None:
    """Refuse to change more bindings (pairs of a domain and a gateway) than allowed; raises BlastRadiusExceeded."""
    name, most = (
        ("DETACH_MAX_CLEANUP_BINDINGS", policy.max_cleanup_bindings)
        if cleanup
        else ("DETACH_MAX_BINDINGS", policy.max_bindings)
    )
    if bindings > most:
        raise BlastRadiusExceeded(
            f"{bindings} bindings (pairs of a domain and a gateway) would be changed and {name} is {most}:"
            " nothing was changed"
        )


MOST_AHEAD = timedelta(minutes=15)  # as far as two clocks may lie apart


def policy_for(event: Event, policy: Policy) -> Policy:
    """The policy that holds for this event.

    It may ask for a dry run, and can never end one that the settings ask for. What is only known from the trace of a
    DNS deletion does not take a live domain down, unless a setting says so: replacing a record is a deletion too.
    """
    return replace(
        policy,
        dry_run=policy.dry_run or event.data.dry_run,
        live_domains=policy.live_domains or ("keep" if event.dns else None),
    )


def check_zone(event: Event, policy: Policy) -> None:
    """Refuse the trace of a private zone, unless a setting takes them; raises InvalidEvent."""
    if event.dns == "private" and not policy.private_zones:
        raise InvalidEvent(
            "cts.trace_name",
            "expected a public zone's; anyone in the project may make and delete a private zone of any name, so its"
            " traces are taken only with DETACH_PRIVATE_ZONES=true",
        )


def check_age(event: Event, policy: Policy, clocks: tuple[datetime, datetime]) -> None:
    """Refuse an event that is too old, or from the future; raises InvalidEvent. Without a time, nothing is known.

    `clocks` are this machine's time and the gateway's: only an event that both would refuse is refused.
    """
    if event.time is None:
        return
    told = event.time.isoformat(timespec="seconds").replace("+00:00", "Z")
    age, ahead = min(clocks) - event.time, event.time - max(clocks)
    if policy.max_event_age and age > policy.max_event_age:
        raise InvalidEvent(
            "time",
            f"expected an event of at most {policy.max_event_age} (DETACH_MAX_EVENT_AGE), and this one is of {told},"
            f" {_whole_seconds(age)} ago; if it still holds, send it again with the time of now",
        )
    if ahead > MOST_AHEAD:
        raise InvalidEvent(
            "time",
            f"expected a time that has come, and this event is of {told}, {_whole_seconds(ahead)} from now; set the"
            " sender's clock right",
        )


def _whole_seconds(span: timedelta) -> timedelta:
    return timedelta(seconds=int(span.total_seconds()))

"""What is bound, what was asked for and the policy → what to change, and why the rest is kept. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.core.errors import DetachError
from shared.core.guards import Case, Occupancy, Policy, Reason, Rule, Scope, Verdict
from shared.core.models import Binding, Certificate
from shared.core.names import comparable_name

Action = Literal["detach", "attach"]


@dataclass(frozen=True, slots=True)
class Target:
    """One certificate that an event means, and the bindings that are looked at.

    To detach: where it is bound now. To attach: where it was bound. `due` is False for a certificate that has not
    expired; nothing is planned for it. `read_at` is the moment of the monotonic clock at which `not_after` was read, if
    it is the date that decides. `error` is why the certificate could not be read, `unattachable` why API Gateway would
    attach it nowhere.
    """

    certificate: Certificate
    bindings: tuple[Binding, ...] = ()
    due: bool = True
    read_at: float | None = None
    error: DetachError | None = None
    unattachable: DetachError | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What an event means: the certificates, what it asks of them, and the rules that may keep a binding.

    `unread` are the gateways that could not be searched, each with its error.
    """

    action: Action
    targets: tuple[Target, ...]
    rules: tuple[Rule, ...]
    scope: Scope = field(default_factory=Scope)
    occupancy: Occupancy = field(default_factory=Occupancy)
    unread: Mapping[str, DetachError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a request: bindings of one domain, and the flag that goes with them, if any."""

    bindings: tuple[Binding, ...]
    verified_client_certificate_enabled: bool | None = None

    def __post_init__(self) -> None:
        if not self.bindings:
            raise ValueError("an entry without instance_ids would mean every gateway")

    def to_dict(self) -> dict[str, Any]:
        """The API's AttachOrDetachDomainInfo.

        `instance_ids` is never empty and never left out: without it, the API acts on every gateway.
        """
        entry: dict[str, Any] = {
            "domain": self.bindings[0].domain,
            "instance_ids": [binding.instance_id for binding in self.bindings],
        }
        if self.verified_client_certificate_enabled is not None:
            entry["verified_client_certificate_enabled"] = self.verified_client_certificate_enabled
        return entry


@dataclass(frozen=True, slots=True)
class Plan:
    """For one certificate: what to change, and for each other binding why it is not changed.

    `already` are bindings that are as they should be. `refused` are those that cannot be changed, each with its error.
    `error` is why nothing is known of the certificate. `read_at`: see `Target`.
    """

    action: Action
    certificate: Certificate
    entries: tuple[Entry, ...] = ()
    kept: tuple[tuple[Binding, Reason], ...] = ()
    already: tuple[Binding, ...] = ()
    refused: tuple[tuple[Binding, DetachError], ...] = ()
    due: bool = True
    read_at: float | None = None
    error: DetachError | None = None

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What is to be changed: pairs of a domain and a gateway."""
        return bindings_of(self.entries)

    def batches(self, size: int) -> Iterator[tuple[Entry, ...]]:
        """The entries, at most `size` domains a request."""
        for start in range(0, len(self.entries), size):
            yield self.entries[start : start + size]


def not_found(selection: Selection) -> tuple[str, ...]:
    """The domains that the event names and that none of its certificates is bound to.

    A certificate that is not due or could not be read was not asked for its bindings, and a gateway that could not be
    searched may have more: then nothing is said.
    """
    if selection.unread or not all(target.due and target.error is None for target in selection.targets):
        return ()
    bound = {comparable_name(binding.domain) for target in selection.targets for binding in target.bindings}
    return tuple(sorted(selection.scope.names - bound))


def bindings_of(entries: Iterable[Entry]) -> tuple[Binding, ...]:
    """The bindings of entries, in order."""
    return tuple(binding for entry in entries for binding in entry.bindings)


def narrowed(entries: Iterable[Entry], left: Iterable[Binding]) -> tuple[Entry, ...]:
    """What remains of the entries when only the bindings in `left` remain."""
    remaining = set(left)
    parts = ((tuple(each for each in entry.bindings if each in remaining), entry) for entry in entries)
    return tuple(Entry(part, entry.verified_client_certificate_enabled) for part, entry in parts if part)


def halves(entries: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Two requests in place of one of several bindings: split between domains, or a single domain's gateways."""
    if len(entries) > 1:
        middle = len(entries) // 2
        return entries[:middle], entries[middle:]
    [entry] = entries
    middle, flag = len(entry.bindings) // 2, entry.verified_client_certificate_enabled
    return (Entry(entry.bindings[:middle], flag),), (Entry(entry.bindings[middle:], flag),)


def make_plan(target: Target, selection: Selection, policy: Policy) -> Plan:
    """Decide for each binding: it is changed, unless a rule says something else. The first rule that speaks decides.

    To detach, the order of the target's bindings does not matter; to attach, it is the order of the request.
    """
    action, certificate, scope = selection.action, target.certificate, selection.scope
    if target.error is not None or not target.due:
        refused = tuple((binding, target.error) for binding in target.bindings) if target.error else ()
        return Plan(action, certificate, refused=refused, due=target.due, error=target.error)
    chosen: dict[tuple[str, bool | None], list[Binding]] = {}
    kept: list[tuple[Binding, Reason]] = []
    already: list[Binding] = []
    refusals: list[tuple[Binding, DetachError]] = []
    for binding in _in_order(target.bindings, scope) if action == "detach" else target.bindings:
        name = comparable_name(binding.domain)
        case = Case(certificate.id, binding, name, scope, policy, selection.occupancy, target.unattachable)
        match _verdict(case, selection.rules):
            case None:
                chosen.setdefault((binding.domain, _flag(case, action)), []).append(binding)
            case DetachError() as error:
                refusals.append((binding, error))
            case "already":
                already.append(binding)
            case reason:
                kept.append((binding, reason))
    entries = tuple(Entry(tuple(bindings), flag) for (_, flag), bindings in chosen.items())
    return Plan(action, certificate, entries, tuple(kept), tuple(already), tuple(refusals), read_at=target.read_at)


def _verdict(case: Case, rules: Iterable[Rule]) -> Verdict | None:
    """What the first rule that speaks says."""
    for rule in rules:
        verdict = rule(case)
        if verdict is not None:
            return verdict
    return None


def _flag(case: Case, action: Action) -> bool | None:
    """An undo attaches with client verification as it was, and never turns it off where it is on by now.

    A detach says of it what the event's entry says.
    """
    if action == "attach":
        verified_now = (case.binding.instance_id, case.name) in case.occupancy.verified
        return case.binding.verified_client_certificate_enabled or verified_now
    entry = case.scope.entry_for(case.binding, case.name)
    return None if entry is None else entry.verified_client_certificate_enabled


def _in_order(bound: Iterable[Binding], scope: Scope) -> list[Binding]:
    """One binding a pair, by name and then as the event orders its gateways.

    The same name comes once a custom port, and a detach takes them all: it resolves if any of them does.
    """
    pairs: dict[tuple[str, str], Binding] = {}
    for binding in bound:
        seen = pairs.get((binding.domain, binding.instance_id), binding)
        pairs[binding.domain, binding.instance_id] = Binding(
            binding.domain,
            binding.instance_id,
            resolves=seen.resolves or binding.resolves,
            verified_client_certificate_enabled=seen.verified_client_certificate_enabled
            or binding.verified_client_certificate_enabled,
        )
    listed = [*(scope.instance_ids or ()), *(i for entry in scope.entries or () for i in entry.instance_ids or ())]
    rank = {instance_id: position for position, instance_id in reversed(list(enumerate(listed)))}
    return sorted(pairs.values(), key=lambda b: (b.domain, rank.get(b.instance_id, len(rank)), b.instance_id))

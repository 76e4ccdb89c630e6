"""What is bound, what was asked for, the policy and the clock → what to detach, and why the rest is kept. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import BlastRadiusExceeded, Rejected
from shared.models import Binding, Certificate, DomainEntry, comparable_name
from shared.outcome import Reason
from shared.settings import Policy


@dataclass(frozen=True, slots=True)
class Asked:
    """What an event asks for: these entries (every domain when None) on these gateways (every gateway when None)."""

    entries: tuple[DomainEntry, ...] | None = None
    instance_ids: tuple[str, ...] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names asked for, in the form in which they compare."""
        return frozenset(entry.domain for entry in self.entries or ())


@dataclass(frozen=True, slots=True)
class Detachment:
    """One entry of a detach request: bindings of one domain, and the flag as the event gave it."""

    bindings: tuple[Binding, ...]
    verified_client_certificate_enabled: bool | None = None

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
class DetachPlan:
    """For one certificate: what to detach, and each kept binding with its reason."""

    certificate: Certificate
    detachments: tuple[Detachment, ...]
    kept: tuple[tuple[Binding, Reason], ...]

    def batches(self, size: int) -> Iterator[tuple[Detachment, ...]]:
        """The detachments, at most `size` domains a request."""
        for start in range(0, len(self.detachments), size):
            yield self.detachments[start : start + size]


def is_due(certificate: Certificate, policy: Policy, now: datetime) -> bool:
    """Whether `not_after` plus the grace has passed: the gateway's own date decides, never the event."""
    if certificate.not_after is None:
        raise Rejected(
            f"certificate {certificate.id}: the API gives no not_after, so nothing tells that it has expired"
        )
    return now >= certificate.not_after + policy.expiry_grace


def plan_detach(
    certificate: Certificate, bound: Iterable[Binding], asked: Asked, policy: Policy, *, keep_live: bool = False
) -> DetachPlan:
    """Decide for each (domain, gateway) pair: only what is bound and asked for goes, unless the policy keeps it.

    `keep_live` keeps a domain whose CNAME still resolves. The order of `bound` does not matter.
    """
    entries = _by_name(asked.entries)
    chosen: dict[tuple[str, bool | None], list[Binding]] = {}
    kept: list[tuple[Binding, Reason]] = []
    for binding in _in_order(bound, asked):
        name = comparable_name(binding.domain)
        entry = _entry_for(binding, name, entries, asked)
        if entry is None:
            kept.append((binding, "not_requested"))
        elif is_protected(name, policy.protected_domains):
            kept.append((binding, "protected"))
        elif keep_live and binding.resolves:
            kept.append((binding, "live"))
        else:
            chosen.setdefault((binding.domain, entry.verified_client_certificate_enabled), []).append(binding)
    detachments = (Detachment(tuple(bindings), flag) for (_, flag), bindings in chosen.items())
    return DetachPlan(certificate, tuple(detachments), tuple(kept))


def still_bound(detachments: Iterable[Detachment], bound: Collection[Binding]) -> tuple[Detachment, ...]:
    """What remains of the detachments, now that `bound` is what is attached."""
    pairs = {(binding.domain, binding.instance_id) for binding in bound}
    remaining = (
        Detachment(
            tuple(binding for binding in detachment.bindings if (binding.domain, binding.instance_id) in pairs),
            detachment.verified_client_certificate_enabled,
        )
        for detachment in detachments
    )
    return tuple(detachment for detachment in remaining if detachment.bindings)


def check_blast_radius(plans: Iterable[DetachPlan], policy: Policy) -> None:
    """Refuse an event whose plans take in more domains than the policy allows; raises BlastRadiusExceeded."""
    domains = sum(len({detachment.bindings[0].domain for detachment in plan.detachments}) for plan in plans)
    if domains > policy.max_domains:
        raise BlastRadiusExceeded(
            f"{domains} domains would be detached and DETACH_MAX_DOMAINS is {policy.max_domains}: nothing was detached"
        )


def is_protected(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern names it; `*.example.com` protects all below example.com, itself included, at any depth."""
    return any(
        name == pattern or (pattern.startswith("*.") and name.endswith(pattern.removeprefix("*")))
        for pattern in patterns
    )


_EVERYTHING = DomainEntry.model_construct(domain="", instance_ids=None, verified_client_certificate_enabled=None)


def _by_name(entries: Iterable[DomainEntry] | None) -> dict[str, list[DomainEntry]]:
    named: dict[str, list[DomainEntry]] = {}
    for entry in entries or ():
        named.setdefault(entry.domain, []).append(entry)
    return named


def _entry_for(binding: Binding, name: str, entries: dict[str, list[DomainEntry]], asked: Asked) -> DomainEntry | None:
    if asked.instance_ids is not None and binding.instance_id not in asked.instance_ids:
        return None
    if asked.entries is None:
        return _EVERYTHING
    for entry in entries.get(name, ()):
        if entry.instance_ids is None or binding.instance_id in entry.instance_ids:
            return entry
    return None


def _in_order(bound: Iterable[Binding], asked: Asked) -> list[Binding]:
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
    listed = [*(asked.instance_ids or ()), *(i for entry in asked.entries or () for i in entry.instance_ids or ())]
    rank = {instance_id: position for position, instance_id in reversed(list(enumerate(listed)))}
    return sorted(pairs.values(), key=lambda b: (b.domain, rank.get(b.instance_id, len(rank)), b.instance_id))

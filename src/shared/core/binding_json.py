"""Bindings in the public JSON: by their domains, as an `undo`, and with what they failed for."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from shared.core.errors import DetachError
from shared.core.models import Binding
from shared.core.plan import Plan


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, with `Z`: `2021-04-26T09:03:30Z`."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def by_domain(bindings: Iterable[Binding]) -> list[dict[str, Any]]:
    """`[{"domain", "instance_ids"}]`, in the order of first appearance."""
    domains: dict[str, list[str]] = {}
    for binding in bindings:
        domains.setdefault(binding.domain, []).append(binding.instance_id)
    return [{"domain": domain, "instance_ids": instance_ids} for domain, instance_ids in domains.items()]


def undo_of(plan: Plan, bindings: Iterable[Binding], perhaps: Collection[Binding] = ()) -> dict[str, Any]:
    """The entry of `undo` for one certificate: the attach request that brings the bindings back as they were.

    What we have only perhaps detached has `perhaps`, and stands by itself.
    """
    domains: dict[tuple[str, bool, bool], list[str]] = {}
    for binding in bindings:
        key = (binding.domain, binding.verified_client_certificate_enabled, binding in perhaps)
        domains.setdefault(key, []).append(binding.instance_id)
    return {
        "certificate_id": plan.certificate.id,
        "domains": [
            {
                "domain": domain,
                "instance_ids": instance_ids,
                "verified_client_certificate_enabled": verified,
                **({"perhaps": True} if unsure else {}),
            }
            for (domain, verified, unsure), instance_ids in domains.items()
        ],
    }


def failures(failed: Iterable[tuple[Binding, DetachError]]) -> list[dict[str, Any]]:
    """`[{"domain", "instance_ids", "error", "error_code", "message"}]`, gateways together that failed alike."""
    alike: dict[tuple[str, str], tuple[list[str], DetachError]] = {}
    for binding, error in failed:
        alike.setdefault((binding.domain, error.message), ([], error))[0].append(binding.instance_id)
    return [
        {"domain": domain, "instance_ids": instance_ids, **error.to_dict()}
        for (domain, _), (instance_ids, error) in alike.items()
    ]

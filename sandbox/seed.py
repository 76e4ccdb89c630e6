"""A fleet as a JSON seed.

    {"gateways":     [{"id"?, "name"?, "status"?}],
     "certificates": [{"id"?, "name"?, "common_name", "san"?, "not_after"?, "type"?, "instance_id"?,
                       "has_trusted_root_ca"?}],
     "groups":       [{"id"?, "name"?, "gateway_id"}],
     "domains":      [{"id"?, "name", "gateway_id", "group"?, "status"?, "https_port"?,
                       "certificate_id"?, "verified_client_certificate_enabled"?}]}

`not_after` is an RFC 3339 date, or a span from now on: "P90D", "-P3D", "PT36H". `group` is an API group's name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.tables import Tables


def load(seed: dict[str, Any], add: Mapping[str, Callable[..., object]]) -> None:
    """Call `add[part]` with the fields of each row of that part; a ValueError names the row that cannot be added."""
    if unknown := seed.keys() - add.keys():
        raise ValueError(f"seed: unknown part {sorted(unknown)}, known are {list(add)}")
    for part, add_row in add.items():
        for number, row in enumerate(seed.get(part, ())):
            try:
                add_row(**row)
            except (LookupError, TypeError, ValueError) as exc:
                raise ValueError(f"seed: {part}[{number}] {row}: {exc}") from exc


def dump(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """The seed of a fleet as it is now."""
    with tables.lock:
        return {
            "gateways": [{"id": g.id, "name": g.name, "status": g.status} for g in tables.gateways.values()],
            "certificates": [
                {
                    "id": c.id,
                    "name": c.name,
                    "common_name": c.common_name,
                    "san": list(c.san),
                    "not_after": c.not_after,
                    "type": c.type,
                    "instance_id": c.instance_id,
                    "has_trusted_root_ca": c.has_trusted_root_ca,
                }
                for c in tables.certificates.values()
            ],
            "groups": [{"id": g.id, "name": g.name, "gateway_id": g.gateway_id} for g in tables.groups.values()],
            "domains": [
                {
                    "id": d.id,
                    "name": d.name,
                    "gateway_id": d.gateway_id,
                    "group": tables.groups[d.group_id].name,
                    "status": d.status,
                    "https_port": d.https_port,
                    "certificate_id": d.certificate_id,
                    "verified_client_certificate_enabled": d.verified_client_certificate_enabled,
                }
                for d in tables.domains.values()
            ],
        }

"""A fleet as a JSON seed.

    {"gateways":     [{"id", "name", "status"?}],
     "certificates": [{"id"?, "name"?, "common_name", "san"?, "not_after", "type"?, "instance_id"?,
                       "has_trusted_root_ca"?}],
     "groups":       [{"id"?, "name", "gateway_id"}],
     "domains":      [{"id"?, "name", "gateway_id", "group"?, "status"?, "https_port"?,
                       "certificate_id"?, "verified_client_certificate_enabled"?}]}

`not_after` is an RFC 3339 date, or a span from now on: "P90D", "-P3D", "PT36H". `group` is an API group's name.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.fleet import Fleet

_PARTS = ("gateways", "certificates", "groups", "domains")


def load(fleet: "Fleet", seed: dict[str, Any]) -> "Fleet":
    """Add all that the seed names; ValueError says which row cannot be."""
    if unknown := seed.keys() - set(_PARTS):
        raise ValueError(f"seed: unknown part {sorted(unknown)}, known are {list(_PARTS)}")
    for part in _PARTS:
        for number, row in enumerate(seed.get(part, ())):
            try:
                _add(fleet, part, dict(row))
            except (LookupError, TypeError, ValueError) as exc:
                raise ValueError(f"seed: {part}[{number}] {row}: {exc}") from exc
    return fleet


def _add(fleet: "Fleet", part: str, row: dict[str, Any]) -> None:
    if part == "gateways":
        fleet.add_gateway(**row)
    elif part == "certificates":
        fleet.add_certificate(**row)
    elif part == "groups":
        fleet.add_group(**row)
    else:
        certificate_id = row.pop("certificate_id", None)
        verified = row.pop("verified_client_certificate_enabled", False)
        domain = fleet.add_domain(**row)
        if certificate_id is not None:
            if certificate_id not in fleet.certificates:
                raise LookupError(f"no certificate {certificate_id!r}")
            fleet.carry(domain, certificate_id, verified)


def dump(fleet: "Fleet") -> dict[str, list[dict[str, Any]]]:
    """The seed of a fleet as it is now."""
    with fleet.lock:
        return {
            "gateways": [{"id": g.id, "name": g.name, "status": g.status} for g in fleet.gateways.values()],
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
                for c in fleet.certificates.values()
            ],
            "groups": [{"id": g.id, "name": g.name, "gateway_id": g.gateway_id} for g in fleet.groups.values()],
            "domains": [
                {
                    "id": d.id,
                    "name": d.name,
                    "gateway_id": d.gateway_id,
                    "group": fleet.groups[d.group_id].name,
                    "status": d.status,
                    "https_port": d.https_port,
                    "certificate_id": d.certificate_id,
                    "verified_client_certificate_enabled": d.verified_client_certificate_enabled,
                }
                for d in fleet.domains.values()
            ],
        }

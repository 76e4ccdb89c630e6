"""The JSON of API Gateway's answers, field by field as on the vendor's pages."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sandbox.behaviour import Behaviour
from sandbox.fleet import Fleet
from sandbox.records import Certificate, Domain, Gateway, Group, timestamp

Row = dict[str, Any]
Record = TypeVar("Record")

# querying_dedicated_gateways.rst: each status has a number, instance_status.
_INSTANCE_STATUS = {
    "Creating": 1,
    "CreateSuccess": 2,
    "CreateFail": 3,
    "Initing": 4,
    "Registering": 5,
    "Running": 6,
    "Installing": 10,
    "Updating": 12,
    "UpdateFailed": 13,
    "Deleting": 23,
    "UpdateTimeout": 31,
    "Starting": 35,
    "Freezing": 36,
    "Frozen": 37,
    "Restarting": 38,
    "Unhealthy": 40,
    "Resizing": 42,
}


def page(name: str, rows: Sequence[Record], offset: int, limit: int, shape: Callable[[Record], Row]) -> Row:
    """One page of a list: `total` counts all matching rows, `size` the rows on this page."""
    shown = [shape(row) for row in rows[offset : offset + limit]]
    return {"total": len(rows), "size": len(shown), name: shown}


def gateway(record: Gateway, project_id: str) -> Row:
    """querying_dedicated_gateways.rst; create_time is in epoch milliseconds, unlike all other dates."""
    return {
        "id": record.id,
        "project_id": project_id,
        "instance_name": record.name,
        "status": record.status,
        "instance_status": _INSTANCE_STATUS[record.status],
        "type": "apig",
        "spec": "PROFESSIONAL",
        "create_time": int(record.created.timestamp() * 1000),
        "enterprise_project_id": "0",
        "eip_address": "203.0.113.10",
        "charging_mode": 0,
    }


def certificate(record: Certificate, project_id: str, behaviour: Behaviour) -> Row:
    """querying_ssl_certificates.rst, CertificateBase: it has no status or flag for expiry, only `not_after`."""
    row = {
        "id": record.id,
        "name": record.name,
        "type": record.type,
        "project_id": project_id,
        "instance_id": record.instance_id,
        "common_name": record.common_name,
        "san": list(record.san),
        "not_after": record.not_after,
        "signature_algorithm": "SHA256-RSA",
        # By the two examples: fractional seconds in the list, none in the details.
        "create_time": timestamp(record.created, 6),
        "update_time": timestamp(record.updated, 6),
    }
    return row if behaviour.sparse_replies else {**row, "is_has_trusted_root_ca": record.has_trusted_root_ca}


def certificate_details(record: Certificate, project_id: str, behaviour: Behaviour) -> Row:
    """querying_certificate_details.rst; its example lacks type, instance_id, project_id. Never a key or a PEM."""
    row = {
        **certificate(record, project_id, behaviour),
        "create_time": timestamp(record.created),
        "update_time": timestamp(record.updated),
        "version": 3,
        "organization": ["Sandbox"],
        "organizational_unit": ["IT"],
        "locality": ["Bonn"],
        "state": ["NRW"],
        "country": ["DE"],
        "not_before": "2019-06-01T00:00:00Z",
        "serial_number": str(int(record.id[:8], 16)) if _is_hex(record.id[:8]) else "13010",
        "issuer": ["Sandbox CA"],
    }
    if behaviour.sparse_replies:
        for name in ("type", "instance_id", "project_id"):
            del row[name]
    return row


def attached_domain(record: Domain, fleet: Fleet, behaviour: Behaviour) -> Row:
    """querying_domain_names_of_an_ssl_certificate.rst, UrlDomainRefInfo."""
    row: Row = {
        "id": record.id,
        "url_domain": record.name,
        "status": record.status,
        "min_ssl_version": "TLSv1.2",
        "ssl_id": record.certificate_id,
        "ssl_name": _name_of(record.certificate_id, fleet),
        "instance_id": record.gateway_id,
        "api_group_id": record.group_id,
        "api_group_name": fleet.groups[record.group_id].name,
    }
    if not behaviour.sparse_replies:
        row["is_http_redirect_to_https"] = False
        row["verified_client_certificate_enabled"] = record.verified_client_certificate_enabled
    if record.https_port is not None:
        # Only for entries per port: these fields are on Huawei's pages, not on Open Telekom Cloud's. -1: no port.
        row["ingress_http_port"], row["ingress_https_port"] = -1, record.https_port
    return row


def group(record: Group, fleet: Fleet, behaviour: Behaviour) -> Row:
    """querying_api_groups.rst, ApiGroupInfo."""
    own_name = f"{record.id}.apic.eu-de.example.com"
    row: Row = {
        "id": record.id,
        "name": record.name,
        "status": 1,
        "is_default": 2,
        "on_sell_status": 2,
        "remark": "",
        "sl_domain": own_name,
        "sl_domains": [own_name],
        "sl_domain_access_enabled": True,
        # Real answers have nine fractional digits here; the example has six or none.
        "register_time": timestamp(record.created, 9),
        "update_time": timestamp(record.created, 9),
    }
    if behaviour.groups_show_domains:
        row["url_domains"] = [_group_domain(each, fleet, behaviour) for each in fleet.domains_in(record.id)]
    return row


def _group_domain(record: Domain, fleet: Fleet, behaviour: Behaviour) -> Row:
    row: Row = {
        "id": record.id,
        "domain": record.name,
        "cname_status": record.status,
        "min_ssl_version": "TLSv1.2",
    }
    if behaviour.groups_show_ssl_id and behaviour.ssl_id_shown_for in (None, record.name):
        # How the API shows a domain without certificate is undocumented; here the fields are empty strings.
        row["ssl_id"] = record.certificate_id or ""
        row["ssl_name"] = _name_of(record.certificate_id, fleet)
    if not behaviour.sparse_replies:
        carried = fleet.certificates.get(record.certificate_id or "")
        row["verified_client_certificate_enabled"] = record.verified_client_certificate_enabled
        row["is_has_trusted_root_ca"] = carried is not None and carried.has_trusted_root_ca
    return row


def _name_of(certificate_id: str | None, fleet: Fleet) -> str:
    return "" if certificate_id is None else fleet.certificates[certificate_id].name


def _is_hex(text: str) -> bool:
    return all(each in "0123456789abcdef" for each in text)

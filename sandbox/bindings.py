"""The two writes, attach and detach: what they require, what they change, and what they answer.

[undocumented] marks what no page of the vendor says.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from sandbox.behaviour import Behaviour
from sandbox.fleet import Fleet
from sandbox.records import COMMON, Certificate, Domain, now
from sandbox.refusals import Refusal

# Huawei's AssociateDomainV2: underscores and one trailing dot are allowed; a wildcard only as the first label.
_NAME = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\.){1,7}[a-zA-Z][a-zA-Z0-9-]{1,63}\.?")
_WILDCARD = re.compile(r"\*(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?){1,6}\.[a-zA-Z][a-zA-Z0-9-]{1,63}\.?")
_MAX_NAME = 255


@dataclass(frozen=True)
class Entry:
    """AttachOrDetachDomainInfo; `gateway_ids` None means every gateway."""

    domain: str
    gateway_ids: tuple[str, ...] | None
    verified: bool | None


def read_entries(body: bytes) -> list[Entry]:
    """Check the body against tables 3 and 4 of BatchDisassociateDomainsV2; attach has the same tables."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("APIG.2000", "Parameter error: the body is not JSON.") from None  # [undocumented]
    if not isinstance(data, dict):
        raise Refusal("APIG.2000", "Parameter error: the body is not an object.")  # [undocumented]
    domains = data.get("domains")
    if domains is None or domains == []:
        raise Refusal("APIG.2001")  # "domains", mandatory
    if not isinstance(domains, list):
        raise Refusal("APIG.2011")
    return [_read_entry(each) for each in domains]


def _read_entry(data: Any) -> Entry:
    if not isinstance(data, dict):
        raise Refusal("APIG.2011")
    domain, gateway_ids = data.get("domain"), data.get("instance_ids")
    verified = data.get("verified_client_certificate_enabled")
    if domain is None or domain == "":
        raise Refusal("APIG.2001")  # "domain", mandatory
    if not isinstance(domain, str) or not (verified is None or isinstance(verified, bool)):
        raise Refusal("APIG.2011")
    # The page's example of an invalid value has this text, although its parameter name (domain_id) is wrong here.
    if len(domain) > _MAX_NAME or not (_NAME.fullmatch(domain) or _WILDCARD.fullmatch(domain)):
        raise Refusal("APIG.2012")
    if gateway_ids is None:
        return Entry(domain, None, verified)
    if not isinstance(gateway_ids, list) or not all(isinstance(each, str) for each in gateway_ids):
        raise Refusal("APIG.2011")
    # [undocumented] an empty list: handled like a missing list, because that does most harm to a careless client.
    return Entry(domain, tuple(gateway_ids) or None, verified)


def detach(fleet: Fleet, certificate_id: str, entries: list[Entry], behaviour: Behaviour) -> None:
    """BatchDisassociateDomainsV2: returns for a 204, raises for anything else."""
    with fleet.lock:
        certificate = _certificate(fleet, certificate_id)
        bound: list[Domain] = []
        problems: list[Refusal] = []
        for entry in entries:
            found, missing = _found(fleet, entry, behaviour)
            bound += [each for each in found if each.certificate_id == certificate.id]
            with_it = {each.gateway_id for each in found if each.certificate_id == certificate.id}
            # Without gateway ids, the entry means every gateway, so the binding is absent only if no gateway has it.
            without = {each.gateway_id for each in found} - with_it
            if entry.gateway_ids is None and with_it:
                without = set()
            problems += [Refusal("APIG.3020")] * bool(missing)
            problems += [_absent(behaviour)] * (bool(without) and behaviour.absent != "204")
        # [undocumented] whether one error stops the whole batch.
        if not (problems and behaviour.atomic):
            for each in {domain.id: domain for domain in bound}.values():
                fleet.carry(each, None)
            # The Terraform provider sends such mixed batches and expects 204.
            if bound and behaviour.mixed_ok:
                return
        if problems:
            raise problems[0]


def _absent(behaviour: Behaviour) -> Refusal:
    if behaviour.absent == "2000":
        # Seen in Huawei's Terraform provider (resource_huaweicloud_apig_certificate_batch_domains_associate.go).
        return Refusal("APIG.2000", "Parameter error: no valid domain name")
    return Refusal("APIG.3097")  # appendix/error_codes.rst: no binding record of this certificate and domain


def attach(fleet: Fleet, certificate_id: str, entries: list[Entry], behaviour: Behaviour) -> None:
    """BatchAssociateDomainsV2: returns for a 204, raises for anything else; attaches all or nothing [undocumented]."""
    with fleet.lock:
        certificate = _certificate(fleet, certificate_id)
        if certificate.expires_at <= now():
            raise Refusal("APIG.2102")  # appendix/error_codes.rst
        planned: list[tuple[Domain, bool]] = []
        for entry in entries:
            if not certificate.covers(entry.domain):
                raise Refusal("APIG.2103")  # appendix/error_codes.rst
            found, missing = _found(fleet, _within_reach(entry, certificate), behaviour)
            if missing:
                raise Refusal("APIG.3020")
            taken = any(each.certificate_id not in (None, certificate.id) for each in found)
            if taken and not behaviour.attach_replaces:
                raise Refusal("APIG.2051")  # appendix/error_codes.rst
            # Table 4: on by default if the certificate has a trusted_root_ca, else off.
            verified = certificate.has_trusted_root_ca if entry.verified is None else entry.verified
            planned += [(each, verified) for each in found]
        for domain, verified in planned:
            fleet.carry(fleet.domains[domain.id], certificate.id, verified)


def _certificate(fleet: Fleet, certificate_id: str) -> Certificate:
    try:
        return fleet.certificates[certificate_id]
    except KeyError:
        raise Refusal("APIG.3021") from None


def _within_reach(entry: Entry, certificate: Certificate) -> Entry:
    """A certificate of type "instance" serves its own gateway only (umn: ssl_certificates.rst)."""
    if certificate.instance_id == COMMON:
        return entry
    if entry.gateway_ids is None:
        return Entry(entry.domain, (certificate.instance_id,), entry.verified)
    if set(entry.gateway_ids) != {certificate.instance_id}:
        raise Refusal("APIG.3021")  # [undocumented] that gateway has no such certificate
    return entry


def _found(fleet: Fleet, entry: Entry, behaviour: Behaviour) -> tuple[list[Domain], bool]:
    """All entries of the name (one per port) on the gateways meant, and whether one of these gateways has none."""
    found = fleet.find_domains(entry.domain, entry.gateway_ids, ignore_case=behaviour.name_match == "insensitive")
    if entry.gateway_ids is None:
        return found, not found
    if unknown := set(entry.gateway_ids) - fleet.gateways.keys():
        raise Refusal("APIG.3030", f"The instance does not exist. ({min(unknown)})")
    return found, bool(set(entry.gateway_ids) - {each.gateway_id for each in found})

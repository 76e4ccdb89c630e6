"""The state behind the sandbox: gateways, certificates, API groups, domains, and what each domain carries.

A fleet can be changed from a test's thread while the server reads it: every method takes `lock`, and the server
holds it over each read-check-write. Records are frozen; a change replaces the record.
"""
# A test says what it needs in one line, in the words of the API:
# ruff: noqa: A002, FBT001, FBT002, PLR0913, PLR0917

import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from sandbox import seed
from sandbox.records import (
    COMMON,
    Certificate,
    CertificateType,
    Domain,
    Gateway,
    Group,
    expiry_text,
    gateway_id,
    hex_id,
    now,
)

Binding = tuple[str, str, str]
"""(certificate id, domain name, gateway id)"""


def fold(name: str) -> str:
    """The name without regard to case and to one trailing dot."""
    return name.lower().removesuffix(".")


class Fleet:
    """Gateways, certificates and domains of one project; ids are made up where none is given."""

    # umn/source/service_overview/notes_and_constraints.rst: five independent domain names for an API group.
    def __init__(self, domains_per_group: int = 5) -> None:
        self.lock = threading.RLock()
        self.domains_per_group = domains_per_group
        self.gateways: dict[str, Gateway] = {}
        self.certificates: dict[str, Certificate] = {}
        self.groups: dict[str, Group] = {}
        self.domains: dict[str, Domain] = {}
        # Indexes of ids; a dict with None as value is a set that keeps its order, which listings page through.
        self._certificates_of: dict[str, dict[str, None]] = {COMMON: {}}
        self._groups_of: dict[str, dict[str, None]] = {}
        self._domains_in: dict[str, dict[str, None]] = {}
        self._domains_with: dict[str, dict[str, None]] = {}
        self._domains_named: dict[str, dict[str, None]] = {}
        self._group_named: dict[tuple[str, str], str] = {}
        self._open_group: dict[str, str] = {}
        self._numbers = count(1)

    # --- adding ---

    def add_gateway(self, id: str | None = None, name: str | None = None, status: str = "Running") -> Gateway:
        """Add a dedicated gateway; `status` is one of the API's words, such as "Running"."""
        with self.lock:
            gateway = Gateway(id or gateway_id(), name or f"gateway_{len(self.gateways) + 1}", status)
            _refuse_known(gateway.id, self.gateways)
            self.gateways[gateway.id] = gateway
            self._certificates_of[gateway.id] = {}
            self._groups_of[gateway.id] = {}
            return gateway

    def add_certificate(
        self,
        id: str | None = None,
        name: str | None = None,
        common_name: str = "",
        san: Iterable[str] = (),
        not_after: datetime | str = "P365D",
        type: CertificateType = "instance",
        instance_id: str | None = None,
        has_trusted_root_ca: bool = False,
    ) -> Certificate:
        """`instance_id` may be left out when the fleet has one gateway, and is "common" for a global certificate."""
        with self.lock:
            if type == "global":
                instance_id = COMMON
            elif instance_id is None and len(self.gateways) == 1:
                instance_id = next(iter(self.gateways))
            if instance_id not in self._certificates_of:
                raise LookupError(f"certificate for {common_name!r}: no gateway {instance_id!r}, add_gateway() first")
            certificate = Certificate(
                id=id or hex_id(),
                name=name or f"cert_{len(self.certificates) + 1}",
                common_name=common_name,
                san=tuple(san) or (common_name,),
                not_after=expiry_text(not_after),
                type=type,
                instance_id=instance_id,
                has_trusted_root_ca=has_trusted_root_ca,
            )
            _refuse_known(certificate.id, self.certificates)
            self.certificates[certificate.id] = certificate
            self._certificates_of[instance_id][certificate.id] = None
            self._domains_with[certificate.id] = {}
            return certificate

    def add_group(self, gateway_id: str, name: str | None = None, id: str | None = None) -> Group:
        """Add an API group; add_domain() does so where it needs one."""
        with self.lock:
            if gateway_id not in self.gateways:
                raise LookupError(f"API group {name!r}: no gateway {gateway_id!r}, add_gateway() first")
            group = Group(id or hex_id(), name or f"api_group_{next(self._numbers):03d}", gateway_id)
            if (gateway_id, group.name) in self._group_named:
                raise ValueError(f"gateway {gateway_id} already has an API group {group.name!r}")
            _refuse_known(group.id, self.groups)
            self.groups[group.id] = group
            self._groups_of[gateway_id][group.id] = None
            self._group_named[gateway_id, group.name] = group.id
            self._domains_in[group.id] = {}
            return group

    def add_domain(
        self,
        name: str,
        gateway_id: str,
        status: int = 1,
        group: str | None = None,
        https_port: int | None = None,
        id: str | None = None,
    ) -> Domain:
        """Put a name on a gateway, into the API group of that name (made if new), or into one with room left."""
        with self.lock:
            # binding_a_domain_name.rst: groups of one gateway may not share a name, except for entries per port.
            for other in self.find_domains(name, [gateway_id], ignore_case=True):
                if other.https_port == https_port:
                    raise ValueError(f"domain {name!r} is already on gateway {gateway_id} (port {https_port})")
            group_id = self._group_for(gateway_id, group)
            domain = Domain(id or hex_id(), name, gateway_id, group_id, status, https_port)
            _refuse_known(domain.id, self.domains)
            self.domains[domain.id] = domain
            self._domains_in[group_id][domain.id] = None
            self._domains_named.setdefault(fold(name), {})[domain.id] = None
            return domain

    def _group_for(self, gateway_id: str, name: str | None) -> str:
        if name is None:
            group_id = self._open_group.get(gateway_id)
            if group_id is None or len(self._domains_in[group_id]) >= self.domains_per_group:
                group_id = self._open_group[gateway_id] = self.add_group(gateway_id).id
            return group_id
        group_id = self._group_named.get((gateway_id, name)) or self.add_group(gateway_id, name).id
        if len(self._domains_in[group_id]) >= self.domains_per_group:
            raise ValueError(f"API group {name!r} is full: {self.domains_per_group} domains is its quota")
        return group_id

    # --- changing ---

    def bind(
        self,
        certificate_id: str,
        domain: str,
        gateway_id: str,
        verified_client_certificate_enabled: bool = False,
    ) -> None:
        """Attach by fiat, on every port of the name: an expired or foreign certificate may be bound here."""
        with self.lock:
            if certificate_id not in self.certificates:
                raise LookupError(f"no certificate {certificate_id!r}")
            found = self.find_domains(domain, [gateway_id])
            if not found:
                raise LookupError(f"no domain {domain!r} on gateway {gateway_id!r}, add_domain() first")
            for entry in found:
                if entry.certificate_id not in (None, certificate_id):
                    raise ValueError(
                        f"{domain!r} on {gateway_id} already carries {entry.certificate_id}: unbind() first"
                    )
            for entry in found:
                self.carry(entry, certificate_id, verified_client_certificate_enabled)

    def unbind(self, certificate_id: str, domain: str, gateway_id: str) -> int:
        """Detach by fiat; the number of domain entries that carried the certificate."""
        with self.lock:
            found = [d for d in self.find_domains(domain, [gateway_id]) if d.certificate_id == certificate_id]
            for entry in found:
                self.carry(entry, None)
            return len(found)

    def carry(self, domain: Domain, certificate_id: str | None, verified: bool = False) -> None:
        """Let one domain entry carry this certificate, or none."""
        with self.lock:
            previous = self.domains[domain.id].certificate_id
            if previous is not None:
                del self._domains_with[previous][domain.id]
            if certificate_id is not None:
                self._domains_with[certificate_id][domain.id] = None
            self.domains[domain.id] = replace(
                self.domains[domain.id], certificate_id=certificate_id, verified_client_certificate_enabled=verified
            )

    def renew(self, certificate_id: str, not_after: datetime | str) -> Certificate:
        """Replace the content in place, as modifying_an_ssl_certificate.rst does: same id, same bindings, new date."""
        with self.lock:
            old = self.certificates[certificate_id]
            self.certificates[certificate_id] = replace(old, not_after=expiry_text(not_after), updated=now())
            return self.certificates[certificate_id]

    def remove_domain(self, domain: str, gateway_id: str | None = None) -> None:
        """Take a name off one gateway, or off all; its bindings go with it."""
        with self.lock:
            for entry in self.find_domains(domain, None if gateway_id is None else [gateway_id]):
                self.carry(entry, None)
                del self.domains[entry.id]
                del self._domains_in[entry.group_id][entry.id]
                del self._domains_named[fold(entry.name)][entry.id]

    def remove_certificate(self, certificate_id: str) -> None:
        """Delete a certificate; its bindings go with it."""
        with self.lock:
            for domain_id in list(self._domains_with[certificate_id]):
                self.carry(self.domains[domain_id], None)
            certificate = self.certificates.pop(certificate_id)
            del self._certificates_of[certificate.instance_id][certificate_id]
            del self._domains_with[certificate_id]

    def remove_gateway(self, gateway_id: str) -> None:
        """Remove a gateway with its API groups, domains and own certificates."""
        with self.lock:
            for group_id in self._groups_of.pop(gateway_id):
                for domain_id in list(self._domains_in[group_id]):
                    self.remove_domain(self.domains[domain_id].name, gateway_id)
                del self._domains_in[group_id], self._group_named[gateway_id, self.groups.pop(group_id).name]
            for certificate_id in list(self._certificates_of[gateway_id]):
                self.remove_certificate(certificate_id)
            del self._certificates_of[gateway_id], self.gateways[gateway_id]
            self._open_group.pop(gateway_id, None)

    # --- asking ---

    def bindings(self, certificate_id: str | None = None) -> set[Binding]:
        """What is bound, of one certificate or of all."""
        with self.lock:
            wanted = self._domains_with if certificate_id is None else [certificate_id]
            return {
                (each, self.domains[domain_id].name, self.domains[domain_id].gateway_id)
                for each in wanted
                for domain_id in self._domains_with.get(each, ())
            }

    def find_domains(
        self, name: str, gateway_ids: Iterable[str] | None = None, ignore_case: bool = False
    ) -> list[Domain]:
        """Every entry of a name, on some gateways or on all; `ignore_case` also looks past one trailing dot."""
        with self.lock:
            among = None if gateway_ids is None else set(gateway_ids)
            found = (self.domains[each] for each in self._domains_named.get(fold(name), ()))
            return [d for d in found if (ignore_case or d.name == name) and (among is None or d.gateway_id in among)]

    def certificates_on(self, gateway_id: str) -> list[Certificate]:
        """A gateway's own certificates, then those that all gateways share."""
        with self.lock:
            return [self.certificates[c] for c in (*self._certificates_of[gateway_id], *self._certificates_of[COMMON])]

    def groups_on(self, gateway_id: str) -> list[Group]:
        """The API groups of a gateway."""
        with self.lock:
            return [self.groups[each] for each in self._groups_of[gateway_id]]

    def domains_in(self, group_id: str) -> list[Domain]:
        """The domain entries of an API group."""
        with self.lock:
            return [self.domains[each] for each in self._domains_in[group_id]]

    def domains_with(self, certificate_id: str) -> list[Domain]:
        """The domain entries that carry a certificate; none for an unknown one."""
        with self.lock:
            return [self.domains[each] for each in self._domains_with.get(certificate_id, ())]

    # --- as JSON ---

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """The seed that `from_json` reads, as JSON data."""
        return seed.dump(self)

    @classmethod
    def from_json(cls, text_or_data: str | bytes | dict[str, Any]) -> "Fleet":
        """Build a fleet from a seed, as text or as data; see sandbox/seed.py for its shape."""
        data = text_or_data if isinstance(text_or_data, dict) else json.loads(text_or_data)
        return seed.load(cls(), data)


def _refuse_known(id: str, known: dict[str, Any]) -> None:
    if id in known:
        raise ValueError(f"id {id} is taken by {known[id]}")

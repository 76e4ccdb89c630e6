"""The state of the sandbox: gateways, certificates, API groups and domains, and the rules for adding them."""
# Parameters are named as in the API, so that a test and a seed read like a request:
# ruff: noqa: A002

import json
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
from sandbox.tables import Tables


class Fleet(Tables):
    """The fleet of one project. A record added without an id gets a random one."""

    # umn/source/service_overview/notes_and_constraints.rst: five independent domain names for an API group.
    def __init__(self, domains_per_group: int = 5) -> None:
        super().__init__()
        self.domains_per_group = domains_per_group
        self._open_group: dict[str, str] = {}
        self._numbers = count(1)

    # --- adding ---

    def add_gateway(self, id: str | None = None, name: str | None = None, status: str = "Running") -> Gateway:
        """Add a dedicated gateway; `status` is one of the API's words, such as "Running"."""
        with self.lock:
            return self._put_gateway(
                Gateway(id or gateway_id(), name or f"gateway_{len(self.gateways) + 1}", status),
            )

    def add_certificate(  # noqa: PLR0913 - one parameter for each field of a certificate; a test names those it needs
        self,
        id: str | None = None,
        *,
        name: str | None = None,
        common_name: str = "",
        san: Iterable[str] = (),
        not_after: datetime | str = "P365D",
        type: CertificateType = "instance",
        instance_id: str | None = None,
        has_trusted_root_ca: bool = False,
    ) -> Certificate:
        """Add a certificate. `instance_id` may be left out for type "global", and in a fleet of one gateway."""
        with self.lock:
            if type == "global":
                instance_id = COMMON
            elif instance_id is None and len(self.gateways) == 1:
                instance_id = next(iter(self.gateways))
            if instance_id not in self._certificates_of:
                raise LookupError(f"certificate for {common_name!r}: no gateway {instance_id!r}, add_gateway() first")
            return self._put_certificate(
                Certificate(
                    id=id or hex_id(),
                    name=name or f"cert_{len(self.certificates) + 1}",
                    common_name=common_name,
                    san=tuple(san) or (common_name,),
                    not_after=expiry_text(not_after),
                    type=type,
                    instance_id=instance_id,
                    has_trusted_root_ca=has_trusted_root_ca,
                )
            )

    def add_group(self, gateway_id: str, name: str | None = None, id: str | None = None) -> Group:
        """Add an API group. add_domain() calls this by itself when it needs a new group."""
        with self.lock:
            if gateway_id not in self.gateways:
                raise LookupError(f"API group {name!r}: no gateway {gateway_id!r}, add_gateway() first")
            group = Group(id or hex_id(), name or f"api_group_{next(self._numbers):03d}", gateway_id)
            if (gateway_id, group.name) in self._group_named:
                raise ValueError(f"gateway {gateway_id} already has an API group {group.name!r}")
            return self._put_group(group)

    def add_domain(  # noqa: PLR0913 - one parameter for each field of a domain; a test names those it needs
        self,
        name: str,
        gateway_id: str,
        *,
        status: int = 1,
        group: str | None = None,
        https_port: int | None = None,
        id: str | None = None,
    ) -> Domain:
        """Add a domain to a gateway: to the API group named `group` (new if need be), or to any group with room."""
        with self.lock:
            # binding_a_domain_name.rst: groups of one gateway may not share a name, except for entries per port.
            for other in self.find_domains(name, [gateway_id], ignore_case=True):
                if other.https_port == https_port:
                    raise ValueError(f"domain {name!r} is already on gateway {gateway_id} (port {https_port})")
            group_id = self._group_for(gateway_id, group)
            return self._put_domain(Domain(id or hex_id(), name, gateway_id, group_id, status, https_port))

    def _group_for(self, gateway_id: str, name: str | None) -> str:
        if name is None:
            group_id = self._open_group.get(gateway_id)
            if group_id is None or len(self._domains_in[group_id]) >= self.domains_per_group:
                group_id = self._open_group[gateway_id] = self.add_group(gateway_id).id
            return group_id
        group_id = self._group_named.get((gateway_id, name)) or self.add_group(gateway_id, name).id
        if len(self._domains_in[group_id]) >= self.domains_per_group:
            raise ValueError(f"API group {name!r} is full: its quota is {self.domains_per_group} domains")
        return group_id

    # --- changing ---

    def bind(
        self,
        certificate_id: str,
        domain: str,
        gateway_id: str,
        *,
        verified_client_certificate_enabled: bool = False,
    ) -> None:
        """Attach on every port of the name, without the API's checks: the certificate may be expired, for example."""
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
        """Detach without the API; returns how many domain entries carried the certificate."""
        with self.lock:
            found = [d for d in self.find_domains(domain, [gateway_id]) if d.certificate_id == certificate_id]
            for entry in found:
                self.carry(entry, None)
            return len(found)

    def renew(self, certificate_id: str, not_after: datetime | str) -> Certificate:
        """Replace the content in place, as modifying_an_ssl_certificate.rst does: same id, same bindings, new date."""
        with self.lock:
            old = self.certificates[certificate_id]
            self.certificates[certificate_id] = replace(old, not_after=expiry_text(not_after), updated=now())
            self._tell("renewed", certificate_id)
            return self.certificates[certificate_id]

    def remove_gateway(self, gateway_id: str) -> None:
        """Remove a gateway with its API groups, domains and own certificates."""
        with self.lock:
            super().remove_gateway(gateway_id)
            self._open_group.pop(gateway_id, None)

    # --- as JSON ---

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """The fleet as a seed, which `from_json` reads."""
        return seed.dump(self)

    @classmethod
    def from_json(cls, text_or_data: str | bytes | dict[str, Any]) -> "Fleet":
        """Build a fleet from a seed, given as JSON text or as data; sandbox/seed.py shows its shape."""
        data = text_or_data if isinstance(text_or_data, dict) else json.loads(text_or_data)
        fleet = cls()
        seed.load(
            data,
            {
                "gateways": fleet.add_gateway,
                "certificates": fleet.add_certificate,
                "groups": fleet.add_group,
                "domains": fleet._add_bound_domain,
            },
        )
        return fleet

    def _add_bound_domain(
        self, *, certificate_id: str | None = None, verified_client_certificate_enabled: bool = False, **fields: Any
    ) -> None:
        """A domain of a seed, which names the certificate that it carries."""
        domain = self.add_domain(**fields)
        if certificate_id is not None:
            if certificate_id not in self.certificates:
                raise LookupError(f"no certificate {certificate_id!r}")
            self.carry(domain, certificate_id, verified_client_certificate_enabled)

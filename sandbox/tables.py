"""The records of a fleet, with indexes, so that no lookup has to read all of them."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sandbox.records import COMMON, Certificate, Domain, Gateway, Group
from sandbox.watch import Change, What

Binding = tuple[str, str, str]
"""(certificate id, domain name, gateway id)"""


def fold(name: str) -> str:
    """The name in lower case and without one trailing dot, for comparisons."""
    return name.lower().removesuffix(".")


class Tables:
    """Gateways, certificates, API groups and domains by id.

    Every method takes `lock`, because a test changes records in its own thread while the server reads them. Records are
    frozen: a change replaces the record.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.gateways: dict[str, Gateway] = {}
        self.certificates: dict[str, Certificate] = {}
        self.groups: dict[str, Group] = {}
        self.domains: dict[str, Domain] = {}
        # Indexes of ids. A dict with None as value is a set that keeps its order: pages of a list need a stable order.
        self._certificates_of: dict[str, dict[str, None]] = {COMMON: {}}
        self._groups_of: dict[str, dict[str, None]] = {}
        self._domains_in: dict[str, dict[str, None]] = {}
        self._domains_with: dict[str, dict[str, None]] = {}
        self._domains_named: dict[str, dict[str, None]] = {}
        self._group_named: dict[tuple[str, str], str] = {}
        self.changed: Callable[[Change], None] = lambda _: None
        """Told of each change, under the lock; `Sandbox.watch` sets it."""

    # --- reading ---

    def bindings(self, certificate_id: str | None = None) -> set[Binding]:
        """The bindings of one certificate, or of all."""
        with self.lock:
            wanted = self._domains_with if certificate_id is None else [certificate_id]
            return {
                (each, self.domains[domain_id].name, self.domains[domain_id].gateway_id)
                for each in wanted
                for domain_id in self._domains_with.get(each, ())
            }

    def find_domains(
        self, name: str, gateway_ids: Iterable[str] | None = None, *, ignore_case: bool = False
    ) -> list[Domain]:
        """Every entry of a name, on these gateways or on all; `ignore_case` also ignores one trailing dot."""
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
        """The domain entries that carry a certificate; none for an unknown certificate."""
        with self.lock:
            return [self.domains[each] for each in self._domains_with.get(certificate_id, ())]

    # --- changing ---

    # The flag belongs to the certificate beside it, so it may be given by position.
    def carry(self, domain: Domain, certificate_id: str | None, verified: bool = False) -> None:  # noqa: FBT001, FBT002
        """Set the certificate of one domain entry, or take it away with None; nothing is checked."""
        with self.lock:
            before = self._carried(domain)
            previous = self.domains[domain.id].certificate_id
            if previous is not None:
                del self._domains_with[previous][domain.id]
            if certificate_id is not None:
                self._domains_with[certificate_id][domain.id] = None
            self.domains[domain.id] = replace(
                self.domains[domain.id], certificate_id=certificate_id, verified_client_certificate_enabled=verified
            )
            after = self._carried(domain)
            for each in before.keys() - after.keys():
                self._tell("detached", each, domain, verified=before[each])
            for each, flag in after.items():
                if before.get(each) is not flag:
                    self._tell("attached", each, domain, verified=flag)

    def remove_domain(self, domain: str, gateway_id: str | None = None) -> None:
        """Remove a name from one gateway, or from all, together with its bindings."""
        with self.lock:
            for entry in self.find_domains(domain, None if gateway_id is None else [gateway_id]):
                self.carry(entry, None)
                del self.domains[entry.id]
                del self._domains_in[entry.group_id][entry.id]
                del self._domains_named[fold(entry.name)][entry.id]
                self._tell("domain_removed", None, entry)

    def remove_certificate(self, certificate_id: str) -> None:
        """Delete a certificate, together with its bindings."""
        with self.lock:
            for domain_id in list(self._domains_with[certificate_id]):
                self.carry(self.domains[domain_id], None)
            certificate = self.certificates.pop(certificate_id)
            del self._certificates_of[certificate.instance_id][certificate_id]
            del self._domains_with[certificate_id]
            self.changed(Change("certificate_removed", certificate_id, not_after=certificate.not_after))

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

    # --- for Fleet: add a record to the tables and the indexes; Fleet has checked everything but the id ---

    def _put_gateway(self, gateway: Gateway) -> Gateway:
        _require_new(gateway.id, self.gateways)
        self.gateways[gateway.id] = gateway
        self._certificates_of[gateway.id] = {}
        self._groups_of[gateway.id] = {}
        return gateway

    def _put_certificate(self, certificate: Certificate) -> Certificate:
        _require_new(certificate.id, self.certificates)
        self.certificates[certificate.id] = certificate
        self._certificates_of[certificate.instance_id][certificate.id] = None
        self._domains_with[certificate.id] = {}
        self._tell("certificate_added", certificate.id)
        return certificate

    def _put_group(self, group: Group) -> Group:
        _require_new(group.id, self.groups)
        self.groups[group.id] = group
        self._groups_of[group.gateway_id][group.id] = None
        self._group_named[group.gateway_id, group.name] = group.id
        self._domains_in[group.id] = {}
        return group

    def _put_domain(self, domain: Domain) -> Domain:
        _require_new(domain.id, self.domains)
        self.domains[domain.id] = domain
        self._domains_in[domain.group_id][domain.id] = None
        self._domains_named.setdefault(fold(domain.name), {})[domain.id] = None
        self._tell("domain_added", None, domain)
        return domain

    # --- for a watcher ---

    def _carried(self, domain: Domain) -> dict[str, bool]:
        """The certificates that this name carries on this gateway on any port, and whether clients are verified."""
        carried: dict[str, bool] = {}
        for each in self.find_domains(domain.name, [domain.gateway_id]):
            if each.certificate_id is not None:
                verified = each.verified_client_certificate_enabled
                carried[each.certificate_id] = carried.get(each.certificate_id, False) or verified
        return carried

    def _tell(
        self, what: What, certificate_id: str | None, domain: Domain | None = None, *, verified: bool = False
    ) -> None:
        certificate = self.certificates.get(certificate_id or "")
        self.changed(
            Change(
                what,
                certificate_id,
                None if domain is None else domain.name,
                None if domain is None else domain.gateway_id,
                verified,
                None if certificate is None else certificate.not_after,
            )
        )


def _require_new(new_id: str, known: Mapping[str, object]) -> None:
    if new_id in known:
        raise ValueError(f"id {new_id} is already taken by {known[new_id]}")

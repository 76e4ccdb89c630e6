"""Who carries which domain: the certificates at the domains that are looked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.apig.client import ApigClient
from shared.apig.replies import GroupDomain
from shared.core.errors import DetachError
from shared.core.models import Binding
from shared.reconcile.gateways import ask_each


@dataclass(frozen=True, slots=True)
class Carried:
    """The domains that were looked for, gateway by gateway, and the gateways that could not be read, with the reason.

    A domain may come twice.
    """

    domains: tuple[GroupDomain, ...]
    unread: Mapping[str, DetachError]


def carried_domains(client: ApigClient, instance_ids: Iterable[str], is_wanted: Callable[[Binding], bool]) -> Carried:
    """The wanted domains of these gateways with the certificates that they carry.

    Raises a DetachError when none of the gateways could be read.
    """
    asked: dict[str, tuple[Binding, ...]] = {}

    def read(instance_id: str) -> list[GroupDomain]:
        shown = _shown_by_groups(client, instance_id, is_wanted)
        return list(_told_by_certificates(client, instance_id, is_wanted, asked)) if shown is None else shown

    read_from, unread = ask_each(instance_ids, read, client.transport.deadline)
    return Carried(tuple(domain for domains in read_from.values() for domain in domains), unread)


def _shown_by_groups(
    client: ApigClient, instance_id: str, is_wanted: Callable[[Binding], bool]
) -> list[GroupDomain] | None:
    """The short way: pages instead of one call a certificate. None when they do not tell what is looked for."""
    found: list[GroupDomain] = []
    for group in client.api_groups(instance_id):
        if group.domains is None or not group.shows(is_wanted):
            return None
        found += [domain for domain in group.domains if is_wanted(domain.binding)]
    return found


def _told_by_certificates(
    client: ApigClient,
    instance_id: str,
    is_wanted: Callable[[Binding], bool],
    asked: dict[str, tuple[Binding, ...]],
) -> Iterator[GroupDomain]:
    """The long way. A global certificate is listed by every gateway, and is `asked` once."""
    for certificate in client.certificates(instance_id):
        if certificate.id not in asked:
            asked[certificate.id] = client.attached_domains_if_any(certificate.id)
        for binding in asked[certificate.id]:
            if binding.instance_id == instance_id and is_wanted(binding):
                yield GroupDomain(certificate.id, binding)

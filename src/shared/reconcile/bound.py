"""Where several certificates are bound: one that cannot be read does not stop the others."""

from collections.abc import Iterable
from dataclasses import replace

from shared.apig.client import ApigClient
from shared.core.plan import Target
from shared.reconcile.gateways import ask_each


def with_bindings(targets: Iterable[Target], client: ApigClient) -> tuple[Target, ...]:
    """The targets with where their certificates are bound now, or with why that could not be read.

    What is not due or has an error already is not asked. Raises what is about none of them alone, or an error for all.
    """
    known = tuple(targets)
    ids = [target.certificate.id for target in known if target.due and target.error is None]
    bound, failed = ask_each(ids, client.attached_domains_if_any, client.transport.deadline)
    return tuple(
        replace(
            target,
            bindings=bound.get(target.certificate.id, ()),
            error=target.error or failed.get(target.certificate.id),
        )
        for target in known
    )

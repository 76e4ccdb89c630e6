"""Somebody who watches the sandbox at work: each request, its answer, and each change of the fleet, in order.

    sandbox.watch(watcher)

A watcher may change the fleet, and it may say what goes wrong with a request. The sandbox knows nothing else of it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from sandbox.journal import Received

if TYPE_CHECKING:
    from sandbox.faults import Fault

What = Literal[
    "attached",
    "detached",
    "renewed",
    "certificate_added",
    "certificate_removed",
    "domain_added",
    "domain_removed",
]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a certificate, of a domain on a gateway, or of the binding of both.

    A name with entries for several ports is one binding: "detached" is told with the last of them, "attached" with the
    first, and again when only `verified` changes. `verified` is the flag of client verification, before a detach or
    after an attach. `not_after` is the certificate's at that moment.
    """

    what: What
    certificate_id: str | None = None
    domain: str | None = None
    instance_id: str | None = None
    verified: bool = False
    not_after: str | None = None


class Watcher(Protocol):
    """What a watcher has to have. Called by the sandbox's own thread, or by the one that changes the fleet."""

    def received(self, request: Received) -> "Fault | None":
        """A request has arrived, and nothing of it has been done: what goes wrong with it, if anything.

        What it changes in the fleet has happened before the request. Called in the context (`contextvars`) in which the
        request is then carried out, so that `changed` can tell whose change it is.
        """

    def answered(self, request: Received, status: int, error_code: str | None) -> None:
        """Its answer is about to be sent. Never called for a request whose connection is cut."""

    def changed(self, change: Change) -> None:
        """The fleet has changed. Called under the fleet's lock, so the order of calls is the order of the changes."""

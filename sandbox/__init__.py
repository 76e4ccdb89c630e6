"""A stand-in for the vendor's IAM and API Gateway, with state, on real sockets with real TLS.

    with Sandbox.start(fleet=fleet) as sandbox:
        ...  # speak to sandbox.auth_url and sandbox.endpoint, trusting sandbox.ca_file
        assert sandbox.fleet.bindings() == ...
        assert sandbox.journal.detaches()[0].body == ...

It knows nothing of the function that it tests. Where the vendor's pages are silent, `Behaviour` has a switch.
"""

from sandbox.behaviour import Behaviour
from sandbox.faults import Fault, Faults
from sandbox.fleet import Fleet
from sandbox.journal import Journal, Received
from sandbox.records import Certificate, Domain, Gateway, Group
from sandbox.server import Sandbox

__all__ = [
    "Behaviour",
    "Certificate",
    "Domain",
    "Fault",
    "Faults",
    "Fleet",
    "Gateway",
    "Group",
    "Journal",
    "Received",
    "Sandbox",
]

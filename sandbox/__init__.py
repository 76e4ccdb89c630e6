"""A local IAM and API Gateway with state, on real sockets with real TLS.

    with Sandbox.start(fleet=fleet) as sandbox:
        ...  # call sandbox.auth_url and sandbox.endpoint; sandbox.ca_file is the CA to trust
        assert sandbox.fleet.bindings() == ...
        assert sandbox.journal.detaches()[0].body == ...

It imports nothing of the function that it tests. Where the vendor's pages do not say what happens, `Behaviour` has a
switch.
"""

from sandbox.behaviour import Behaviour
from sandbox.faults import Fault, Faults
from sandbox.fleet import Fleet
from sandbox.journal import Journal, Received
from sandbox.records import Certificate, Domain, Gateway, Group
from sandbox.server import Sandbox
from sandbox.watch import Change, Watcher

__all__ = [
    "Behaviour",
    "Certificate",
    "Change",
    "Domain",
    "Fault",
    "Faults",
    "Fleet",
    "Gateway",
    "Group",
    "Journal",
    "Received",
    "Sandbox",
    "Watcher",
]

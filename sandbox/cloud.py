"""The state that all servers share, in one place where a test can read and change it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.behaviour import Behaviour
from sandbox.faults import Faults
from sandbox.fleet import Fleet
from sandbox.identity import Identity
from sandbox.journal import Journal

if TYPE_CHECKING:
    from sandbox.watch import Watcher


@dataclass
class Cloud:
    """State and switches; the URLs are known once the sockets are bound."""

    fleet: Fleet = field(default_factory=Fleet)
    behaviour: Behaviour = field(default_factory=Behaviour)
    identity: Identity = field(default_factory=Identity)
    journal: Journal = field(default_factory=Journal)
    faults: Faults = field(default_factory=Faults)
    watcher: "Watcher | None" = None
    auth_url: str = ""
    endpoint: str = ""

"""What goes wrong with which request: decided by the seed and the request alone, whoever else sends at that time.

The draw for a request is seeded by its line: method, path without the project, query, body, and how often this same
line came before. So a storm of the same seed has the same faults for the same requests, however its senders interleave.
"""

import hashlib
import json
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox import Behaviour, Fault, Received
from tests.storm import faults
from tests.storm.faults import Row
from tests.storm.neighbour import Neighbour
from tests.storm.secret_files import SecretFiles

IAM_DOWN = 1.5  # seconds


@dataclass
class Draw:
    """A request's line, how often it came before, its fault, and the generator of the further draws."""

    line: str
    nth: int
    row: Row | None
    rng: Random


class Forecast:
    """Which fault a request gets: the part that the seed and the request alone decide.

    `again` are the draws of an earlier storm, in order, by line: the same requests get the same faults once more, and
    what is not among them gets none.
    """

    def __init__(self, seed: int, share: float, again: Mapping[str, deque[int]] | None = None) -> None:
        self.seed = seed
        self.share = share
        self._again = again
        self._came = Counter[str]()

    def drawn(self, request: Received) -> Draw:
        """The fault of this request, if any."""
        line = line_of(request)
        share, nth = self.share, self._came[line]
        self._came[line] += 1
        if self._again is not None:
            left = self._again.get(line)
            share, nth = (share, left.popleft()) if left else (0.0, -1)
        rng = Random(f"{self.seed}|{line}|{nth}")
        if share and any(self._is_refused(name) for name in names_of(request)):
            return Draw(line, nth, faults.REFUSED_NAME, rng)
        return Draw(line, nth, _draw(request, rng, share), rng)

    def _is_refused(self, name: str) -> bool:
        """One name in 500 is refused whenever a write names it, alone or in a batch."""
        return Random(f"{self.seed}|refused|{name.lower()}").random() < 1 / 500


class Weather:
    """Decides for each request, and changes the world where the fault is that somebody did so.

    Used by the sandbox's thread alone. `timeout` is the function's HTTP_TIMEOUT in seconds.
    """

    def __init__(
        self, forecast: Forecast, timeout: float, behaviour: Behaviour, neighbour: Neighbour, files: SecretFiles
    ) -> None:
        self._forecast = forecast
        self._timeout = timeout
        self._behaviour = behaviour
        self._neighbour = neighbour
        self._files = files
        self._iam_down_until = 0.0

    def fault(self, request: Received) -> tuple[Draw, Fault | None]:
        """What goes wrong with it."""
        drawn = self._forecast.drawn(request)
        if request.service == "apig" and request.method == "POST":
            self._draw_behaviour(drawn.rng)
        if request.service == "iam" and time.monotonic() < self._iam_down_until:
            drawn.row = faults.DOWN
        if drawn.row is None:
            return drawn, None
        if drawn.row.world is not None:
            self._change_world(drawn.row.world, request, drawn.rng)
        return drawn, drawn.row.make(drawn.rng, self._timeout)

    def _draw_behaviour(self, rng: Random) -> None:
        """What the vendor's pages leave open is another thing for each write. Nothing comes between here and there."""
        behaviour = self._behaviour
        behaviour.absent = rng.choice(("3097", "2000", "204"))
        behaviour.atomic, behaviour.mixed_ok = rng.random() < 0.5, rng.random() < 0.5
        behaviour.name_match = rng.choice(("exact", "insensitive"))

    def _change_world(self, what: str, request: Received, rng: Random) -> None:
        names = names_of(request)
        certificate_id = certificate_of(request)
        match what:
            case "revoke":
                self._files.sandbox.revoke_tokens()
            case "rotate":
                self._files.rotate_password(after=rng.choice((0.0, 0.05, 0.15)))
            case "iam_down":
                self._iam_down_until = time.monotonic() + IAM_DOWN
            case "move":
                world = self._neighbour.world
                known = world.certificate(certificate_id) if certificate_id else rng.choice(world.certificates)
                self._neighbour.move_rows(known, rng)
            case "renew" if certificate_id:
                self._neighbour.renew(certificate_id)
            case "delete" if certificate_id:
                self._neighbour.delete_certificate(certificate_id)
            case "take_away" if names:
                self._neighbour.take_away(certificate_id, rng.choice(names))
            case "rebind" if names:
                self._neighbour.rebind(certificate_id, rng.choice(names), rng)
            case "remove_domain" if names:
                self._neighbour.remove_domain(rng.choice(names))


def _draw(request: Received, rng: Random, share: float) -> Row | None:
    if rng.random() >= share:
        return None
    rows = faults.IAM if request.service == "iam" else faults.WRITES if request.method == "POST" else faults.READS
    if request.method == "POST" and _is_single(request):
        # "No such binding" for a single one that was there a moment ago: nobody could tell it from a neighbour's doing.
        rows = [row for row in rows if not row.name.startswith("applied-no-")]
    if request.service == "apig" and request.method == "GET":
        if "instance_id" in request.query or "/instances/" in request.path:
            rows = [*rows, *faults.ONE_GATEWAY]
        if certificate_of(request):
            rows = [*rows, *faults.ONE_CERTIFICATE]
    return rng.choices(rows, [row.weight for row in rows])[0]


def line_of(request: Received) -> str:
    """The request without what is another one in each run: the project, and what IAM is sent."""
    path = request.path.partition("/apigw/")[2] or request.path
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
    body = "" if request.service == "iam" else hashlib.sha256(request.raw).hexdigest()[:16]
    return f"{request.method} {path}?{query} {body}"


def certificate_of(request: Received) -> str:
    """The certificate that the path names, or nothing."""
    parts = request.path.split("/")
    at = parts.index("certificates") if "certificates" in parts else len(parts)
    return parts[at + 1] if at + 1 < len(parts) else ""


def _is_single(request: Received) -> bool:
    """Whether a write names one pair of a domain and a gateway."""
    entries = request.body.get("domains") if isinstance(request.body, dict) else ()
    return sum(len(each.get("instance_ids") or "all") for each in entries or () if isinstance(each, dict)) == 1


def names_of(request: Received) -> list[str]:
    """The domains that a write names."""
    body = request.body
    domains = body.get("domains") if isinstance(body, dict) else None
    return [str(each.get("domain")) for each in domains if isinstance(each, dict)] if isinstance(domains, list) else []


def described(row: Row | None) -> dict[str, Any] | None:
    """The fault as the records have it."""
    return row and {"name": row.name, "class": row.kind, "applied": row.applied}


def as_line(record: dict[str, Any]) -> str:
    """One line of a record file."""
    return json.dumps(record, separators=(",", ":")) + "\n"

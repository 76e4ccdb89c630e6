"""One storm through one door: the sandbox, the function's processes, the senders, and the folder of records."""

import json
import os
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox import Behaviour, Fleet, Sandbox
from tests.storm.broker import KNATIVE, SQS, Broker
from tests.storm.copies import Original, replay_undos, replayable
from tests.storm.events import Event, Generator
from tests.storm.fleet import World, make_world
from tests.storm.http_door import HttpDoor
from tests.storm.lambda_door import LambdaDoor
from tests.storm.neighbour import Neighbour
from tests.storm.recorder import Recorder
from tests.storm.samples import Samples
from tests.storm.secret_files import SecretFiles
from tests.storm.weather import Forecast, Weather, as_line

UNDO_KEY_EVERY = 300  # events
SECONDS_AN_EVENT = 4.0  # for one sender, before the storm counts as hung


@dataclass(frozen=True)
class Plan:
    """What is asked for. `only` are event numbers; with them nothing else is sent, but what an undo needs."""

    seed: int = 1
    events: int = 2000
    door: str = "http"
    senders: int = 8
    faults: float = 0.2
    only: tuple[int, ...] = ()
    certificates: int = 400
    again: Path | None = None
    """The records of an earlier storm: its faults for the events of `only` come once more."""
    copies_seconds: float = 60.0
    """For replaying undos on a copy."""


# Settings of the function that a record's reader has to know; small, so that a storm meets their bounds.
TIMEOUTS = {"http": 20, "lambda": 60}  # seconds that the platform gives
HTTP_TIMEOUT = 1.5
MAX_BINDINGS, MAX_CLEANUP_BINDINGS, BATCH_SIZE, HTTP_ATTEMPTS = 100, 1500, 10, 4
MOST_ROWS = 50  # of a page, so that listings have several


def run(plan: Plan, folder: Path, progress: Callable[[str, int, int], None]) -> None:
    """Carry it out, and write the records into the folder, which is empty or new."""
    (folder / "output").mkdir(parents=True)
    now = datetime.now(UTC)
    world = make_world(plan.seed, plan.certificates, now)
    # A locked account stays locked until a reset, and after a rotation each environment sends the old password once.
    behaviour = Behaviour(token_lifetime=60.0, most_rows=MOST_ROWS, lockout_after=1000)
    with Sandbox.start(Fleet.from_json(world.seed), behaviour) as sandbox:
        files = SecretFiles(sandbox, folder / "secrets")
        _Storm(plan, folder, world, sandbox, files, now).run(progress)


class _Storm:
    def __init__(
        self, plan: Plan, folder: Path, world: World, sandbox: Sandbox, files: SecretFiles, now: datetime
    ) -> None:
        self.plan = plan
        self.folder = folder
        self.world = world
        self.sandbox = sandbox
        self.files = files
        self.now = now
        self.live_domains = (None, "keep", "detach")[plan.seed % 3]
        self.neighbour = Neighbour(sandbox.fleet, world)
        forecast = Forecast(plan.seed, plan.faults, plan.again and draws(plan.again, plan.only))
        self.weather = Weather(forecast, HTTP_TIMEOUT, sandbox.behaviour, self.neighbour, files)
        self.recorder = Recorder(sandbox, self.weather)
        self.started_at, self.wall_at_start = time.monotonic(), time.time()
        self.fleet_at_start = sandbox.fleet.to_json()

    def run(self, progress: Callable[[str, int, int], None]) -> None:
        plan = self.plan
        events = chosen(Generator(plan.seed, self.world, plan.door, self.now), plan)
        manners = KNATIVE if plan.door == "http" else SQS
        with self._door() as door, Samples(door.processes) as samples:
            broker = Broker(events, door, manners, self._prepare, door.batch)
            until = time.monotonic() + 60 + SECONDS_AN_EVENT * len(events) / plan.senders * (1 + 3 * plan.faults)
            broker.run(plan.senders, lambda done: progress("events", done, len(events)), until)
        self.files.wait()
        ended_at = time.monotonic()
        self._write(events, broker, samples, ended_at)
        replays = replayable(self.fleet_at_start, self.recorder.changes, broker.deliveries)
        original = Original(self.fleet_at_start, self.sandbox.project_id, self.variables, self.files)
        replay_undos(original, replays, self.folder, time.monotonic() + plan.copies_seconds, progress)
        _write_secret(self.folder / "secrets.json", self.files.all())
        self.files.remove()

    def _door(self) -> Any:
        if self.plan.door == "http":
            return HttpDoor(self.variables(self.sandbox), self.folder, TIMEOUTS["http"])
        return LambdaDoor(self.variables(self.sandbox), self.folder, TIMEOUTS["lambda"])

    def variables(self, sandbox: Sandbox) -> dict[str, str]:
        """The environment of the function: as a deployment has it, secrets in files."""
        settings = {
            "SECRET_URI": f"file:{self.files.credentials}",
            "UNDO_KEY_URI": f"file:{self.files.undo_key}",
            "OS_AUTH_URL": sandbox.auth_url,
            "APIG_ENDPOINT": sandbox.endpoint,
            "OS_CACERT": sandbox.ca_file,
            "DETACH_PROTECTED_DOMAINS": ",".join(self.world.protected),
            "DETACH_MAX_BINDINGS": str(MAX_BINDINGS),
            "DETACH_MAX_CLEANUP_BINDINGS": str(MAX_CLEANUP_BINDINGS),
            "DETACH_BATCH_SIZE": str(BATCH_SIZE),
            "HTTP_TIMEOUT": str(HTTP_TIMEOUT),
            "HTTP_ATTEMPTS": str(HTTP_ATTEMPTS),
        }
        live = {} if self.live_domains is None else {"DETACH_LIVE_DOMAINS": self.live_domains}
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), **settings, **live}

    def _prepare(self, event: Event) -> None:
        self.neighbour.act(event.before)
        if event.number % UNDO_KEY_EVERY == UNDO_KEY_EVERY - 1:
            self.files.rotate_undo_key()

    def _write(self, events: list[Event], broker: Broker, samples: Samples, ended_at: float) -> None:
        sent = [event for event in events if event.number not in set(broker.result.skipped)]
        _write_lines(self.folder / "meanings.jsonl", [event.meaning for event in sent])
        _write_lines(self.folder / "deliveries.jsonl", broker.deliveries)
        _write_lines(self.folder / "samples.jsonl", samples.taken)
        self.recorder.write(self.folder)
        fleet = self.sandbox.fleet
        with fleet.lock:
            end = {
                "bindings": bindings(fleet),
                "certificates": {each.id: each.not_after for each in fleet.certificates.values()},
                "ended_at": ended_at,
                "hung": broker.hung(),
                "skipped": broker.result.skipped,
            }
        _write_json(self.folder / "end.json", end)
        _write_json(self.folder / "run.json", self._facts(len(sent)))

    def _facts(self, sent: int) -> dict[str, Any]:
        return {
            "seed": self.plan.seed,
            "events": sent,
            "door": self.plan.door,
            "senders": self.plan.senders,
            "faults": self.plan.faults,
            "planned": self.plan.events,
            "settings": {
                "max_bindings": MAX_BINDINGS,
                "max_cleanup_bindings": MAX_CLEANUP_BINDINGS,
                "protected": list(self.world.protected),
                "live_domains": self.live_domains,
                "expiry_grace_seconds": 0,
                "max_event_age_seconds": 7 * 86_400,
                "private_zones": False,
                "undo_enabled": True,
                "batch_size": BATCH_SIZE,
                "platform_timeout_seconds": TIMEOUTS[self.plan.door],
                "http_timeout": HTTP_TIMEOUT,
                "http_attempts": HTTP_ATTEMPTS,
            },
            "started_at": self.started_at,
            "wall_at_start": self.wall_at_start,
            "fleet": self.fleet_at_start,
        }


def chosen(generator: Generator, plan: Plan) -> list[Event]:
    """The events to send: all, or those of ONLY= with what their undos undo."""
    if not plan.only:
        return [generator.event(number) for number in range(plan.events)]
    wanted = [generator.event(number) for number in sorted(set(plan.only))]
    sources = {event.undo_of for event in wanted if event.undo_of is not None}
    return [generator.event(number) for number in sorted({*plan.only, *sources})]


def draws(folder: Path, only: tuple[int, ...]) -> dict[str, deque[int]]:
    """The draws of that storm, by line, for what was received while one of these events was under way."""
    deliveries = [json.loads(line) for line in (folder / "deliveries.jsonl").read_bytes().splitlines()]
    spans = [(each["sent_at"], each["answered_at"]) for each in deliveries if each["event"] in only]
    found = defaultdict[str, deque[int]](deque)
    for line in (folder / "requests.jsonl").read_bytes().splitlines():
        request = json.loads(line)
        if any(since <= request["at"] <= until for since, until in spans):
            found[request["draw"][0]].append(request["draw"][1])
    return found


def bindings(fleet: Fleet) -> list[list[Any]]:
    """Every pair of a domain and a gateway with its certificate and the flag of client verification, sorted."""
    found: dict[tuple[str, str, str], bool] = {}
    for each in fleet.domains.values():
        if each.certificate_id is not None:
            pair = each.certificate_id, each.name, each.gateway_id
            found[pair] = found.get(pair, False) or each.verified_client_certificate_enabled
    return [[*pair, verified] for pair, verified in sorted(found.items())]


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(map(as_line, records)), encoding="utf-8")


def _write_secret(path: Path, content: Any) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)

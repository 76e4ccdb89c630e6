"""Undos replayed on a copy: does what an outcome calls `undo` bring back exactly what its event took away?

The copy is a sandbox of its own with one certificate's domains as they were after the event, and a second process of
the function. Only events that had their certificates for themselves are replayed: where somebody else changed the same
certificate meanwhile, nobody can say what the event's own doing was.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sandbox import Fleet, Sandbox
from tests.storm.envelopes import Said, Wire, eventbridge
from tests.storm.http_door import HttpDoor
from tests.storm.secret_files import SecretFiles
from tests.storm.weather import as_line

Bound = dict[tuple[str, str, str], bool]
"""Certificate, domain, gateway → client verification."""


@dataclass(frozen=True)
class Replay:
    """One outcome with an `undo`, and what its certificates were bound to before and after."""

    event: int
    undo: list[dict[str, Any]]
    signature: dict[str, Any]
    before: Bound
    after: Bound


@dataclass(frozen=True)
class Original:
    """What is copied: the fleet at the start as a seed, the project, and the function's settings and secrets."""

    fleet: dict[str, Any]
    project_id: str
    variables: Callable[[Sandbox], dict[str, str]]
    files: SecretFiles


def replay_undos(
    original: Original, replays: list[Replay], folder: Path, until: float, progress: Callable[[str, int, int], None]
) -> None:
    """Write undo.jsonl: as many as there is time for, until that moment of the monotonic clock."""
    lines = []
    if replays:
        with Sandbox.start(Fleet(), project_id=original.project_id) as copy:
            files = SecretFiles(copy, folder / "copied-secrets")
            variables = {
                **original.variables(copy),
                "SECRET_URI": f"file:{files.credentials}",
                "DETACH_PROTECTED_DOMAINS": "",
                "DETACH_MAX_BINDINGS": "100000",
            }
            with HttpDoor(variables, folder, 20, "undo") as door:
                sender = door.sender()
                for number, each in enumerate(replays):
                    if time.monotonic() > until:
                        break
                    lines.append(_replay(each, copy, sender, original.fleet))
                    progress("undos on a copy", number + 1, len(replays))
                sender.close()
            original.files.more.extend(files.all())
            files.remove()
    (folder / "undo.jsonl").write_text("".join(map(as_line, lines)), encoding="utf-8")


def _replay(replay: Replay, copy: Sandbox, sender: Any, seed: dict[str, Any]) -> dict[str, Any]:
    copy.fleet = fleet = _copied(replay, seed)
    data = {"undo": replay.undo, "undo_signature": replay.signature}
    said = Said(f"copy-{replay.event}", "undo", data, None, "/storm/copy")
    [answer] = sender.deliver([(0, 1, Wire(json.dumps(eventbridge(said, Random(0)))))])
    restored: Bound = {}
    for each in fleet.domains.values():
        if each.certificate_id is not None:
            pair = each.certificate_id, each.name, each.gateway_id
            restored[pair] = restored.get(pair, False) or each.verified_client_certificate_enabled
    return {
        "event": replay.event,
        "before": _rows(replay.before),
        "after": _rows(replay.after),
        "restored": _rows(restored),
        "result": answer.result,
        "error": answer.error,
    }


def replayable(seed: dict[str, Any], changes: list[dict[str, Any]], deliveries: list[dict[str, Any]]) -> list[Replay]:
    """The outcomes with a live `undo` whose event had its certificates for itself."""
    history = _History(seed, changes)
    found = []
    for each in deliveries:
        outcome = each["outcome"] or {}
        if not outcome.get("undo") or not outcome.get("undo_signature") or outcome.get("dry_run"):
            continue
        touched = _touched(outcome)
        since, until = each["sent_at"], each["answered_at"]
        others = (other for other in deliveries if other is not each and _overlap(each, other))
        if history.foreign(touched, since, until) or any(_may_touch(other, touched) for other in others):
            continue
        before, after = history.bound(touched, since), history.bound(touched, until)
        found.append(Replay(each["event"], outcome["undo"], outcome["undo_signature"], before, after))
    return found


class _History:
    """Where each certificate was bound at any moment."""

    def __init__(self, seed: dict[str, Any], changes: list[dict[str, Any]]) -> None:
        self._start: dict[str, Bound] = defaultdict(dict)
        self._changes: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for each in seed["domains"]:
            if each.get("certificate_id"):
                pair = each["certificate_id"], each["name"], each["gateway_id"]
                bound = self._start[each["certificate_id"]]
                bound[pair] = bound.get(pair, False) or each["verified_client_certificate_enabled"]
        for each in changes:
            if each["what"] in ("attached", "detached"):
                self._changes[each["certificate_id"]].append(each)

    def bound(self, certificate_ids: set[str], at: float) -> Bound:
        """What these certificates were bound to at that moment."""
        found: Bound = {}
        for each in certificate_ids:
            bound = dict(self._start[each])
            for change in self._changes[each]:
                if change["at"] <= at:
                    pair = each, change["domain"], change["instance_id"]
                    if change["what"] == "attached":
                        bound[pair] = change["verified"]
                    else:
                        bound.pop(pair, None)
            found |= bound
        return found

    def foreign(self, certificate_ids: set[str], since: float, until: float) -> bool:
        """Whether the neighbour changed one of them between these moments."""
        return any(
            change["by"] == "neighbour" and since <= change["at"] <= until
            for each in certificate_ids
            for change in self._changes[each]
        )


def _touched(outcome: dict[str, Any]) -> set[str]:
    """The certificates that the outcome speaks of."""
    return {each["certificate_id"] for part in ("certificates", "undo") for each in outcome.get(part) or ()}


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["sent_at"] <= other["answered_at"] and other["sent_at"] <= one["answered_at"])


def _may_touch(other: dict[str, Any], certificate_ids: set[str]) -> bool:
    """What was not answered, or as a bug, may have done anything; a failure without an outcome has written nothing."""
    if other["result"] == "no_answer" or other["status"] == 500:
        return True
    return bool(_touched(other["outcome"] or {}) & certificate_ids)


def _copied(replay: Replay, seed: dict[str, Any]) -> Fleet:
    """The certificates, valid for a year, and their domains, bound as after the event."""
    ids = {each["certificate_id"] for each in replay.undo} | {pair[0] for pair in replay.before}
    pairs = {(name, gateway) for _, name, gateway in {**replay.before, **replay.after}}
    carried = {(name, gateway): (each, flag) for (each, name, gateway), flag in replay.after.items()}
    names = sorted({name for name, _ in pairs})
    domains = []
    for each in seed["domains"]:
        place = each["name"], each["gateway_id"]
        if place in pairs:
            certificate_id, flag = carried.get(place, (None, False))
            row = {name: value for name, value in each.items() if name != "group"}
            domains.append({**row, "certificate_id": certificate_id, "verified_client_certificate_enabled": flag})
    certificates = [
        # A neighbour may have put it where it does not fit: here it fits all its places.
        {**each, "not_after": "P365D", "san": [*each["san"], *names]}
        for each in seed["certificates"]
        if each["id"] in ids
    ]
    return Fleet.from_json({"gateways": seed["gateways"], "certificates": certificates, "domains": domains})


def _rows(bound: Bound) -> list[list[Any]]:
    return [[*pair, verified] for pair, verified in sorted(bound.items())]

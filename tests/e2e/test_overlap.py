"""Processes of eight threads each handle events that mean the same certificates and names, all at the same time.

What is promised, and looked at here against what the gateway's own state shows:

- Nothing is removed or attached that no event justifies. A certificate that is renewed may still lose what was sent
  within two seconds of the reading of its date.
- `detached` counts exactly: each removal that was answered is told by one outcome, that of the event that did it. A
  removal without an answer is told by no `detached`; it is in that event's `undo`, as `perhaps`. This holds where API
  Gateway refuses a batch in which something is gone already. Where it takes one (204), two may tell the same; where it
  carries out a part and refuses the batch all the same, that part is `perhaps`.
- What was removed is in the `undo` of the event that did it, with its client verification; without `perhaps` it is just
  what stands in `detached`.
- `attached` may be told twice: API Gateway answers alike when the certificate is there already.
- Each event is answered. When all are, nothing is left to be done: once more, they write nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from sandbox import Behaviour, Received, Sandbox
from tests.e2e.doors import THREADS, doors, held
from tests.e2e.scene import Scene, faults, neighbour, scene
from tests.e2e.seeds import chance
from tests.e2e.senders import Answer, deliver
from tests.e2e.stories import bound, rows
from tests.e2e.witness import Change, Row
from tests.platform.framework import Framework

pytestmark = pytest.mark.timeout(180)

FRESH = 2.0  # seconds for which a date counts as just read
ON_ITS_WAY = 1.0  # seconds more, for a request that was sent in time; two processors are shared by all of this
FEW, MANY = 2, 4  # processes
MOST_SECONDS = 40.0
OWN_THREADS = 7  # of a process beside those for events: its event loop, four that admit requests, two for probes
# How API Gateway may answer a batch in which a binding is gone already; the first two are exact, see above.
WORLDS: tuple[dict[str, Any], ...] = (
    {},
    {"absent": "2000"},
    {"atomic": False, "mixed_ok": False},
    {"atomic": False, "mixed_ok": True},
    {"absent": "204"},
)
EXACT = 2
SETTINGS = {"DETACH_BATCH_SIZE": "3", "HTTP_ATTEMPTS": "2"}  # many writes, and events that are sent again
Pair = tuple[str, str, str]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Callable[[int], AbstractContextManager[list[Framework]]]:
    """Starts so many processes. No partial: a failing test would print the password in it."""
    return lambda number: doors({**environment, **SETTINGS}, tmp_path, number)


@pytest.mark.parametrize(
    ("processes", "number"),
    [(FEW, 0), *(pytest.param(MANY, number, marks=pytest.mark.slow) for number in range(len(WORLDS)))],
)
def test_events_that_overlap(sandbox: Sandbox, start, processes: int, number: int):
    made = scene(sandbox.project_id)
    sandbox.reset(made.fleet)
    fleet = made.fleet
    with chance("overlap", number) as by_chance, start(processes) as running:
        urls = [service.url for service in running]
        texts = [text for text in (*made.lasting, *made.contrary) for _ in range(1 if processes == FEW else 3)]
        if number % 2:  # else all that mean the same certificate are sent at once
            by_chance.shuffle(texts)
        sandbox.faults.add(*faults(by_chance, 20 * processes))
        sandbox.behaviour = Behaviour(latency=0.002, **WORLDS[number])
        began = time.monotonic()
        with ThreadPoolExecutor(processes * THREADS + 1) as pool:
            beside = pool.submit(neighbour, made, by_chance)
            answers = list(pool.map(lambda text: deliver(text, lambda: by_chance.choice(urls)), texts))
            beside.result()
        assert time.monotonic() - began < MOST_SECONDS
        sandbox.faults.clear()

        told = [answer.outcome for each in answers for answer in each]
        assert _refused(answers, made) == []
        by_api = [change for change in fleet.changes if change.by_api]
        assert [change for change in by_api if not _justified(change, made)] == []
        assert [write for write in _writes(sandbox) if not _names_gateways(write)] == []
        _tells_what_went(sandbox, by_api, told, exactly=number < EXACT)
        assert bound(fleet) == _end(made)
        files_then = [held(service)[1] for service in running]

        # Once more, and nothing is left to be done.
        sandbox.journal.clear()
        with ThreadPoolExecutor(processes * THREADS) as pool:
            again = list(pool.map(lambda text: deliver(text, lambda: by_chance.choice(urls)), made.lasting))
        assert _refused(again, made) == []
        assert _writes(sandbox) == []
        for service, most_files in zip(running, files_then, strict=True):
            threads, files = held(service)
            assert threads <= THREADS + OWN_THREADS
            assert files <= most_files + THREADS  # each thread may have a connection of its own


def _refused(answers: list[list[Answer]], made: Scene) -> list[Answer]:
    """The last answers but 200, and but an undo's that was refused for what a neighbour has put in u0's place."""
    last = [each[-1] for each in answers]
    return [answer for answer in last if answer.status != 200 and _failed(answer) != [made.rows["u0"][0][:3]]]


def _failed(answer: Answer) -> list[Pair]:
    return [
        (entry["certificate_id"], domain["domain"], gateway)
        for entry in answer.outcome.get("certificates", [])
        for domain in entry["failed"]
        for gateway in domain["instance_ids"]
    ]


def _justified(change: Change, made: Scene) -> bool:
    """Whether an event asks for it, by what the certificate was at that moment or just before."""
    if change.after is not None:
        return change.before is None and change.after in made.undone
    certificate_id, domain, _, _ = change.before
    renewed = made.fleet.renewed.get(certificate_id)
    just_expired = renewed is not None and change.at - renewed < FRESH + ON_ITS_WAY
    return change.expired or just_expired or domain in made.decommissioned


def _writes(sandbox: Sandbox) -> list[Received]:
    return [*sandbox.journal.detaches(), *sandbox.journal.attaches()]


def _names_gateways(write: Received) -> bool:
    return all(domain.get("instance_ids") for domain in write.body["domains"])


def _tells_what_went(sandbox: Sandbox, by_api: list[Change], told: list[dict[str, Any]], *, exactly: bool) -> None:
    """Compare what outcomes tell with what has changed."""
    removed = Counter(change.before for change in by_api if change.after is None)
    removals, claims = Counter(_pairs(removed.elements())), Counter(_told(told, "detached"))
    writes = sandbox.journal.detaches()
    unclear = Counter(_named(write for write in writes if _is_unclear(write, exactly=exactly)))
    assert removals <= claims + unclear
    assert claims <= (removals if exactly else Counter(_named(write for write in writes if write.status == 204)))

    undo = [entry for outcome in told for entry in outcome.get("undo", [])]
    sure = [{**e, "domains": [domain for domain in e["domains"] if not domain.get("perhaps")]} for e in undo]
    listed, surely = (Counter(row for entry in entries for row in rows([entry])) for entries in (undo, sure))
    assert removed <= listed
    assert Counter(_pairs(surely.elements())) == claims

    added = Counter(_pairs(change.after for change in by_api if change.after is not None))
    attached = Counter(_told(told, "attached"))
    assert added <= attached + Counter(_named(filter(_is_unclear, sandbox.journal.attaches())))
    assert set(attached) <= set(added)


def _pairs(found: Iterable[Row | None]) -> Iterator[Pair]:
    return (each[:3] for each in found if each is not None)


def _told(outcomes: list[dict[str, Any]], name: str) -> Iterator[Pair]:
    for outcome in outcomes:
        for entry in outcome.get("certificates", []):
            for domain in entry.get(name, []):
                for gateway in domain["instance_ids"]:
                    yield entry["certificate_id"], domain["domain"], gateway


def _named(writes: Iterable[Received]) -> Iterator[Pair]:
    """What requests name."""
    for write in writes:
        for domain in write.body["domains"]:
            for gateway in domain["instance_ids"]:
                yield write.path.split("/")[-3], domain["domain"], gateway


def _is_unclear(write: Received, *, exactly: bool = True) -> bool:
    """Whether its answer was lost or leaves open what was done; a refusal does where a part is done all the same."""
    if write.status is None or write.error_code == "APIG.9999":
        return True
    return not exactly and write.status in (400, 404)


def _end(made: Scene) -> set[Row]:
    """What is bound at the end. Of those that were renewed, and of those with contrary events, it is what is left."""
    open_ids = {made.ids[name] for name in ("e0", "e1", *made.certificates("b"))}
    left = {row for row in bound(made.fleet) if row[0] in open_ids}
    assert left <= made.bindings("e") | made.bindings("b")
    return left | made.bindings("v") | (made.bindings("u") - {made.rows["u0"][0]}) | made.taken

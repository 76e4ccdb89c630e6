"""A small storm runs through, its records are complete, and a seed says all of it."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox import Received
from tests.storm.events import Generator
from tests.storm.fleet import make_world
from tests.storm.run import Plan, chosen, draws, run
from tests.storm.weather import Forecast
from tests.support.leaks import WATCH

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
EVENTS = 30


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("storm") / "records"
    run(Plan(seed=4, events=EVENTS, senders=4, certificates=40, copies_seconds=2), folder, lambda *_: None)
    secrets = folder / "secrets.json"
    WATCH.add(json.loads(secrets.read_bytes()))
    secrets.unlink()
    return folder


def lines(folder: Path, name: str):
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_event_has_a_meaning_and_one_end(records: Path):
    end = json.loads((records / "end.json").read_bytes())
    sent = [each["event"] for each in lines(records, "meanings")]
    assert sorted([*sent, *end["skipped"]]) == list(range(EVENTS))
    assert sorted(each["event"] for each in lines(records, "deliveries") if each["end"]) == sent
    assert end["hung"] == []


def test_requests_and_changes_share_one_order(records: Path):
    requests, changes = lines(records, "requests"), lines(records, "changes")
    numbers = sorted(each["n"] for each in (*requests, *changes))
    assert numbers == list(range(1, len(numbers) + 1))
    writes = {each["n"]: each for each in requests if each["method"] == "POST" and each["service"] == "apig"}
    ours = [each for each in changes if each["by"] != "neighbour"]
    assert ours
    for change in ours:
        request = writes[change["by"]]
        assert change["n"] > request["n"]
        assert change["certificate_id"] in request["path"]
        assert change["all_gateways"] is False


def test_the_records_lead_from_the_start_to_the_end(records: Path):
    fleet = json.loads((records / "run.json").read_bytes())["fleet"]
    bound = {}
    for each in fleet["domains"]:
        if each["certificate_id"]:
            pair = each["certificate_id"], each["name"], each["gateway_id"]
            bound[pair] = bound.get(pair, False) or each["verified_client_certificate_enabled"]
    for each in lines(records, "changes"):
        pair = each["certificate_id"], each["domain"], each["instance_id"]
        if each["what"] == "attached":
            bound[pair] = each["verified"]
        elif each["what"] == "detached":
            assert bound.pop(pair) is each["verified"]
    end = json.loads((records / "end.json").read_bytes())["bindings"]
    assert sorted([*pair, verified] for pair, verified in bound.items()) == end


def test_some_requests_failed_as_asked_for(records: Path):
    requests = lines(records, "requests")
    faults = [each["fault"] for each in requests if each["fault"]]
    assert 0.1 < len(faults) / len(requests) < 0.35
    assert {each["class"] for each in faults} <= {"transient", "permanent", "credentials", "data"}
    assert len({each["name"] for each in faults}) > 5


def test_undos_are_replayed_on_a_copy(records: Path):
    """Each begins with what its event left, and the undo brings back what was there before."""
    replays = lines(records, "undo")
    assert replays
    for each in replays:
        before, after = ({tuple(row) for row in each[name]} for name in ("before", "after"))
        assert after <= before
        assert each["restored"] == each["before"]


def test_no_secret_stays_beside_the_records(records: Path):
    assert not list(records.glob("*secrets*"))


@pytest.mark.parametrize("door", ["http", "lambda"])
def test_the_same_seed_gives_the_same_events(door: str):
    def made(seed: int):
        generator = Generator(seed, make_world(seed, 60, NOW), door, NOW)
        return [
            (each.meaning, each.wire and (each.wire.body, each.wire.headers), each.before, each.undo_of)
            for each in map(generator.event, range(300))
        ]

    assert made(7) == made(7)
    assert made(7) != made(8)


def test_only_the_events_asked_for_and_what_an_undo_needs():
    generator = Generator(7, make_world(7, 60, NOW), "http", NOW)
    undo = next(each for each in map(generator.event, range(300)) if each.undo_of is not None)
    only = chosen(generator, Plan(seed=7, only=(3, undo.number)))
    assert [each.number for each in only] == sorted({3, undo.number, undo.undo_of})


def test_the_same_request_has_the_same_faults_whoever_sends_in_between():
    rows = [row for row in (request(path) for path in map(str, range(200))) for _ in range(3)]

    def drawn(seed: int, order: list[Received]):
        forecast, found = Forecast(seed, 0.2), {}
        for each in order:
            row = forecast.drawn(each).row
            found.setdefault(each.path, []).append(row and row.name)
        return found

    shuffled = random.Random(1).sample(rows, len(rows))
    assert drawn(5, rows) == drawn(5, shuffled)
    assert drawn(5, rows) != drawn(6, rows)


def request(certificate: str) -> Received:
    path = f"/v2/{random.getrandbits(64):x}/apigw/certificates"  # the project is another one in each run
    return Received("apig", "GET", f"{path}/{certificate}", {}, {}, None, b"")


def test_the_faults_of_an_earlier_storm_come_once_more(records: Path):
    first = min(lines(records, "deliveries"), key=lambda each: each["sent_at"])
    seen = [each for each in lines(records, "requests") if first["sent_at"] <= each["at"] <= first["answered_at"]]
    read = [each for each in seen if each["method"] == "GET"]
    forecast = Forecast(4, 0.2, draws(records, (first["event"],)))
    for each in read:
        row = forecast.drawn(Received("apig", "GET", each["path"], each["query"], {}, None, b"")).row
        assert (row and row.name) == (each["fault"] and each["fault"]["name"])
    assert read
    assert forecast.drawn(request("another")).row is None

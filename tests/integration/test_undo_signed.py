"""Undo by event is for what we have signed ourselves; everything else is refused before anything is read."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from handlers import handle
from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline, Delivery
from shared.core.errors import BlastRadiusExceeded, ConfigurationError, DetachError, InvalidEvent, Unavailable
from shared.telemetry import logger
from shared.wiring import Runtime
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.support.deliveries import cloudevent, eventbridge, smn, sqs, timer
from tests.support.fleets import counted_fleet
from tests.support.leaks import WATCH
from tests.support.listener import listening
from tests.support.undo_key import signature, signed
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, decommission, delivery, expire, furnish, send

ROOT = Path(__file__).parents[2]
OTHER = "0123456789abcdef0123456789abcdef"
BINDINGS = {(CERTIFICATE, DOMAIN, FIRST), (CERTIFICATE, DOMAIN, SECOND)}
UNDO: list[dict[str, Any]] = [
    {
        "certificate_id": CERTIFICATE,
        "domains": [{"domain": DOMAIN, "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": False}],
    }
]


def ago(**time: float) -> str:
    """A time before now, as it is written in a signature."""
    return (datetime.now(UTC) - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def detached(sandbox: Sandbox) -> Sandbox:
    """The certificate is valid, and its domain is there without it."""
    furnish(sandbox, not_after=FAR_AHEAD)
    for instance_id in (FIRST, SECOND):
        sandbox.fleet.unbind(CERTIFICATE, DOMAIN, instance_id)
    return sandbox


def undo(runtime: Runtime, data: Any) -> dict[str, Any]:
    """The outcome's JSON of data that is sent as it stands."""
    return handle(delivery(json.dumps(data), "undo"), runtime).to_dict()


def is_signed(fields: dict[str, Any], project_id: str) -> bool:
    """Whether an independent signer says the same."""
    told = fields["undo_signature"]
    return bool(told == signature(fields["undo"], project_id, signed_at=told["signed_at"]))


# --- Signing ---


def test_plan_report_and_outcome_are_signed(sandbox: Sandbox, new_runtime, caplog):
    """Each by itself, and each will do as the data of an undo."""
    furnish(sandbox, not_after=FAR_AHEAD)
    outcome = decommission(new_runtime(), domain=DOMAIN)
    lines = [record.__dict__ for record in caplog.records if record.message in ("detach.plan", "detach.report")]
    assert [line["message"] for line in lines] == ["detach.plan", "detach.report"]
    for fields in (outcome, *lines):
        assert is_signed(fields, sandbox.project_id)
    assert abs(datetime.fromisoformat(outcome["undo_signature"]["signed_at"]) - datetime.now(UTC)) < timedelta(
        seconds=5
    )


def test_each_part_of_a_long_report_is_signed_by_itself(sandbox: Sandbox, new_runtime, caplog):
    """So is each plan; a part can be undone without the others."""
    counted = counted_fleet(3, 50, 20, every=1)
    sandbox.reset(counted.fleet)
    outcome = send(new_runtime(DETACH_MAX_CLEANUP_BINDINGS="3000"), "scheduled_cleanup", {}).to_dict()
    reports = [record.__dict__ for record in caplog.records if record.message == "detach.report"]
    plans = [record.__dict__ for record in caplog.records if record.message == "detach.plan"]
    assert (len(reports), len(plans)) == (6, 150)
    assert len({report["undo_signature"]["signature"] for report in reports}) == 6
    assert all(is_signed(fields, sandbox.project_id) for fields in (outcome, *reports, *plans))


def test_an_outcome_that_failed_is_signed_too(sandbox: Sandbox, new_runtime):
    """What was done before the failure can be undone."""
    furnish(sandbox, domains=("a.example.com", "b.example.com"))
    sandbox.faults.add(Fault(path="/domains/detach", nth=2, error_code="APIG.3718", times=None))
    with pytest.raises(Unavailable) as caught:
        expire(new_runtime(DETACH_BATCH_SIZE="1", HTTP_ATTEMPTS="1"), certificate_id=CERTIFICATE)
    assert caught.value.outcome is not None
    assert caught.value.outcome["undo"]
    assert is_signed(caught.value.outcome, sandbox.project_id)


def test_what_detaches_nothing_needs_no_key(sandbox: Sandbox, new_runtime):
    """A dry run, a certificate that is not due, nothing bound: the key is not read, and no guard costs a call."""
    furnish(sandbox)
    broken = new_runtime(UNDO_KEY_URI="file:/nowhere/key")
    assert (
        "undo_signature"
        not in send(broken, "certificate_expiry", {"certificate_id": CERTIFICATE, "dry_run": True}).to_dict()
    )
    sandbox.fleet.renew(CERTIFICATE, "P90D")
    assert expire(broken, certificate_id=CERTIFICATE)["status"] == "not_due"
    assert decommission(broken, domain="elsewhere.example.com")["status"] == "nothing_to_detach"


def test_signing_costs_no_call(sandbox: Sandbox, new_runtime):
    """An expiry takes its three calls, signed or not."""
    furnish(sandbox)
    assert "undo_signature" in expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.journal.apig()) == 3


@pytest.mark.parametrize("kind", ["certificate_expiry", "scheduled_cleanup"])
def test_a_key_store_that_is_down_fails_the_event_before_the_first_write(sandbox: Sandbox, new_runtime, kind: Any):
    """What could not be undone by event is not detached. The event comes again, and succeeds then."""
    furnish(sandbox)
    data = {"certificate_id": CERTIFICATE} if kind == "certificate_expiry" else {}
    answer: list[tuple[int, str]] = [(503, "{}")]
    with listening(lambda _: answer[0]) as vault:
        runtime = new_runtime(
            UNDO_KEY_URI="vault:kv/undo", VAULT_ADDR=vault.url, VAULT_TOKEN="t" * 20, HTTP_ATTEMPTS="1"
        )
        with pytest.raises(Unavailable, match=r"UNDO_KEY_URI: vault:kv/undo: .*503"):
            send(runtime, kind, data)
        assert sandbox.journal.detaches() == []
        key = "vault-key-" + "v" * 32
        WATCH.add((key,))
        answer[0] = (200, json.dumps({"data": {"data": {"key": [key]}}}))
        outcome = send(runtime, kind, data).to_dict()
    told = outcome["undo_signature"]
    assert told == signature(outcome["undo"], sandbox.project_id, key=key, signed_at=told["signed_at"])
    assert {heard.target for heard in vault.heard} == {"/v1/kv/data/undo"}


def test_a_key_that_is_too_short_changes_nothing(sandbox: Sandbox, new_runtime):
    """The error names the setting, and never the key."""
    furnish(sandbox)
    with pytest.raises(ConfigurationError, match="UNDO_KEY_URI: key 1 of 1 is too short"):
        expire(new_runtime(TEST_UNDO_KEY="short-and-secret"), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches() == []


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("hunter:x", "UNDO_KEY_URI: unknown scheme 'hunter'"),
        ("env:", "UNDO_KEY_URI: 'env:' names nothing"),
        ("file:relative", "UNDO_KEY_URI: file:relative is relative"),
        ("vault:kv/undo", "VAULT_ADDR: not set; UNDO_KEY_URI vault:kv/undo needs"),
    ],
)
def test_a_wrong_address_is_told_with_its_own_setting(new_runtime, uri: str, told: str):
    """At the start of a process, as that of the credentials is."""
    with pytest.raises(ConfigurationError) as caught:
        new_runtime(UNDO_KEY_URI=uri).check()
    assert caught.value.message.startswith(told)
    assert "SECRET_URI" not in caught.value.message


def test_an_empty_variable_is_told_with_its_own_setting(sandbox: Sandbox, new_runtime):
    """Also when the store is read."""
    furnish(sandbox)
    with pytest.raises(ConfigurationError, match=r"^UNDO_KEY_URI: env:TEST_UNDO_KEY is not set, or empty$"):
        expire(new_runtime(TEST_UNDO_KEY=" "), certificate_id=CERTIFICATE)


# --- Undo by event ---


def test_without_a_key_there_is_no_undo_by_event(detached: Sandbox, new_runtime):
    """It is a matter of the settings, whatever the event holds; nothing is sent, not even a login."""
    runtime = new_runtime(UNDO_KEY_URI="")
    for data in (UNDO, {"undo": UNDO}, signed(UNDO, detached.project_id), []):
        with pytest.raises(ConfigurationError, match=r"^UNDO_KEY_URI: not set") as caught:
            undo(runtime, data)
        assert not caught.value.retryable
    assert list(detached.journal) == []
    assert "undo_signature" not in decommission(runtime, domain=DOMAIN)


def test_a_signed_undo_attaches(detached: Sandbox, new_runtime):
    assert undo(new_runtime(), signed(UNDO, detached.project_id))["status"] == "attached"
    assert detached.fleet.bindings() == BINDINGS


def test_a_key_for_the_undo_is_read_from_its_own_address(detached: Sandbox, new_runtime, tmp_path: Path):
    """As a project of its own would: the credentials are elsewhere."""
    file = tmp_path / "key"
    WATCH.keep(file)
    key = "file-key-" + "f" * 40
    file.write_text(f"{key}\n", encoding="utf-8")
    runtime = new_runtime(UNDO_KEY_URI=f"file:{file}", OS_PROJECT_ID=detached.project_id)
    assert undo(runtime, signed(UNDO, detached.project_id, key=key))["status"] == "attached"


FORGED: dict[str, Any] = {
    "a bare list": (lambda _: UNDO, "undo_signature"),
    "no signature": (lambda _: {"undo": UNDO}, "undo_signature"),
    "no signature, and dry_run": (lambda _: {"undo": UNDO, "dry_run": True}, "undo_signature"),
    "a signature that is none": (lambda _: {"undo": UNDO, "undo_signature": "yes"}, "undo_signature"),
    "half a signature": (
        lambda project: {"undo": UNDO, "undo_signature": {"key_id": "0" * 16, "signed_at": ago()}},
        "undo_signature.signature",
    ),
    "another key": (lambda project: signed(UNDO, project, key="x" * 40), "undo_signature.key_id"),
    "another project": (lambda _: signed(UNDO, "f" * 32), "undo_signature.signature"),
    "too old": (lambda project: signed(UNDO, project, signed_at=ago(days=31)), "undo_signature.signed_at"),
    "from the future": (lambda project: signed(UNDO, project, signed_at=ago(minutes=-16)), "undo_signature.signed_at"),
    "made younger": (
        lambda project: {
            "undo": UNDO,
            "undo_signature": signature(UNDO, project, signed_at=ago(days=31)) | {"signed_at": ago()},
        },
        "undo_signature.signature",
    ),
    "an outcome with another list": (
        lambda project: {**signed(UNDO, project), "undo": [{**UNDO[0], "certificate_id": OTHER}]},
        "undo_signature.signature",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_is_not_ours_is_refused_before_anything_is_read(detached: Sandbox, new_runtime, what: str):
    """InvalidEvent, which no platform delivers again; the gateway is not asked at all."""
    make, field = FORGED[what]
    with pytest.raises(InvalidEvent) as caught:
        undo(new_runtime(), make(detached.project_id))
    assert caught.value.field == field
    assert not caught.value.retryable
    assert detached.journal.apig() == []
    if field != "undo_signature.signature":  # to check a signature, the project has to be known
        assert list(detached.journal) == []


def test_a_captured_undo_is_refused_once_it_is_too_old(detached: Sandbox, new_runtime):
    """DETACH_MAX_UNDO_AGE counts from the detach, not from the event."""
    captured = signed(UNDO, detached.project_id, signed_at=ago(hours=25))
    assert undo(new_runtime(), captured)["status"] == "attached"
    with pytest.raises(InvalidEvent, match="longer ago than DETACH_MAX_UNDO_AGE allows"):
        undo(new_runtime(DETACH_MAX_UNDO_AGE="P1D"), captured)


@pytest.mark.parametrize("days", [60, -60])
def test_a_wrong_clock_makes_no_undo_young(detached: Sandbox, new_runtime, days: int):
    """Ours is sixty days behind the gateway's, or ahead of it: it shows at the first reading, before any write."""
    theirs = format_datetime(datetime.now(UTC) + timedelta(days=days), usegmt=True)
    body = json.dumps({"total": 0, "size": 0, "groups": []})
    details = json.dumps({"id": CERTIFICATE, "common_name": DOMAIN, "not_after": FAR_AHEAD.isoformat()})
    for path, raw_body in (("/api-groups", body), (f"/{CERTIFICATE}$", details)):
        fault = Fault(service="apig", path=path, method="GET", status=200, raw_body=raw_body, headers={"Date": theirs})
        detached.faults.add(fault)
    with pytest.raises(ConfigurationError, match="the clocks differ by more than 15 minutes"):
        undo(new_runtime(), signed(UNDO, detached.project_id, signed_at=ago(days=1)))
    assert detached.journal.attaches() == []


ENVELOPES: dict[str, Any] = {
    "a CloudEvent": lambda data: delivery(json.dumps(cloudevent("apig.detach.undo", data=data))),
    "a CloudEvent in binary mode": lambda data: Delivery(
        json.dumps(data),
        Deadline.after(20),
        headers={"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/ops", "ce-type": "apig.detach.undo"},
    ),
    "an event of EventBridge": lambda data: delivery(eventbridge("Detach Undo", detail=data)),
    "a message of SQS": lambda data: delivery(sqs(eventbridge("Detach Undo", detail=data))),
    "bare data in a message of SQS": lambda data: delivery(sqs(data), "undo"),
    "a message of SMN": lambda data: delivery(smn(cloudevent("apig.detach.undo", data=data))),
    "bare data in a message of SMN": lambda data: delivery(smn(data), "undo"),
    "a timer": lambda data: delivery(timer(json.dumps(cloudevent("apig.detach.undo", data=data)))),
    "bare data": lambda data: delivery(data, "undo"),
}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_every_envelope_needs_the_signature_and_carries_it(detached: Sandbox, new_runtime, envelope: str):
    """None of them is a way around it."""
    runtime = new_runtime()
    with pytest.raises(InvalidEvent) as caught:
        handle(ENVELOPES[envelope]({"undo": UNDO}), runtime)
    assert caught.value.field == "undo_signature"
    assert list(detached.journal) == []
    outcome = handle(ENVELOPES[envelope](signed(UNDO, detached.project_id)), runtime)
    assert (outcome.status, detached.fleet.bindings()) == ("attached", BINDINGS)


def test_a_dry_run_of_a_signed_undo_attaches_nothing(detached: Sandbox, new_runtime):
    """`dry_run` and `context` are not signed: they can only make the event harmless, or tell of it."""
    data = signed(UNDO, detached.project_id) | {"dry_run": True, "context": {"ticket": "CHG-7"}}
    outcome = undo(new_runtime(), data)
    assert (outcome["status"], outcome["context"]) == ("dry_run", {"ticket": "CHG-7"})
    assert detached.journal.attaches() == []


def test_a_refused_undo_counts_as_an_invalid_event(detached: Sandbox, new_runtime, capsys):
    """And is reported with the field that is wrong."""
    with pytest.raises(InvalidEvent):
        undo(new_runtime(), UNDO)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [metrics] = [line for line in lines if "_aws" in line]
    assert (metrics["kind"], metrics["InvalidEvents"], metrics["EventsFailed"]) == ("undo", [1.0], [1.0])


# --- What is logged and told can be sent as it stands ---


@pytest.mark.parametrize("message", ["detach.plan", "detach.report"])
def test_a_line_of_the_log_will_do_as_the_data(sandbox: Sandbox, new_runtime, caplog, message: str):
    """With all its fields, written anew by what collects logs."""
    furnish(sandbox, not_after=FAR_AHEAD)
    runtime = new_runtime()
    send(runtime, "domain_decommission", {"domains": [DOMAIN, "lost.example.com"], "context": {"ticket": "CHG-1"}})
    [record] = [record for record in caplog.records if record.message == message]
    line = json.loads(logger().registered_formatter.format(record))
    # What Powertools adds on Lambda.
    line |= {"cold_start": True, "function_name": "x", "function_arn": "arn:x", "function_request_id": "1"}
    line |= {"function_memory_size": "512", "xray_trace_id": "1-2-3"}
    assert undo(runtime, dict(reversed(line.items())))["status"] == "attached"
    assert sandbox.fleet.bindings() == BINDINGS


def test_an_unknown_field_beside_a_signed_undo_is_refused(detached: Sandbox, new_runtime):
    """A misspelt one must not pass for one that we know."""
    with pytest.raises(InvalidEvent, match="unknown field; did you mean undo_signature"):
        undo(new_runtime(), {"undo": UNDO, "undo_signatur": signature(UNDO, detached.project_id)})
    data = signed(UNDO, detached.project_id)
    with pytest.raises(InvalidEvent) as caught:
        undo(new_runtime(), {**data, "undo_signature": {**data["undo_signature"], "key": "x"}})
    assert caught.value.message == "undo_signature.key: unknown field; did you mean key_id?"


def test_the_plan_of_a_killed_process_can_be_undone_by_event(
    sandbox: Sandbox, environment: dict[str, str], new_runtime, tmp_path: Path
):
    """SIGKILL while the detach waits for its answer: the plan was logged and signed before."""
    furnish(sandbox, not_after=FAR_AHEAD)
    sandbox.faults.add(Fault(path="/domains/detach", applied=True, status=204, delay=20.0))
    event = json.dumps(cloudevent("apig.domain.decommissioned", data={"domain": DOMAIN}))
    program = (
        "import sys; from handlers import handle; from shared.core.delivery import Deadline, Delivery;"
        "from shared.wiring import Runtime; handle(Delivery(sys.argv[1], Deadline.after(60)), Runtime())"
    )
    log = tmp_path / "log"
    with log.open("wb") as stdout:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", program, event],
            env={**environment, "PYTHONPATH": str(ROOT / "src")},
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )
    until = time.monotonic() + 20
    while not sandbox.journal.detaches() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    [line] = log.read_text(encoding="utf-8").splitlines()
    sandbox.faults.clear()
    for instance_id in (FIRST, SECOND):  # whether the request was carried out or not
        sandbox.fleet.unbind(CERTIFICATE, DOMAIN, instance_id)
    assert undo(new_runtime(), json.loads(line))["status"] == "attached"
    assert sandbox.fleet.bindings() == BINDINGS


# --- Rotation ---

NEW, OLD = "new-" + "n" * 40, "old-" + "o" * 40


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with keys, as Kubernetes mounts it."""
    file = tmp_path / "undo" / "key"
    file.parent.mkdir()
    WATCH.keep(file.parent)
    WATCH.add((NEW, OLD))
    return file


def write(file: Path, *keys: str) -> None:
    """Replace the file in one step."""
    written = file.with_name(f"{file.name}-{threading.get_ident()}")
    written.write_text("\n".join(keys), encoding="utf-8")
    os.replace(written, file)  # noqa: PTH105 - what it is about


def test_a_key_is_rotated_without_losing_what_it_signed(sandbox: Sandbox, new_runtime, key_file: Path):
    """The new one goes first, the old one stays below until nothing that it signed is young enough."""
    furnish(sandbox, not_after=FAR_AHEAD)
    write(key_file, OLD)
    runtime = new_runtime(UNDO_KEY_URI=f"file:{key_file}")
    by_old = decommission(runtime, domain=DOMAIN)
    write(key_file, NEW, OLD)
    assert undo(runtime, by_old)["status"] == "attached"
    by_new = decommission(runtime, domain=DOMAIN)
    assert by_new["undo_signature"]["key_id"] == signature([], "", key=NEW)["key_id"]
    write(key_file, NEW)
    assert undo(runtime, by_new)["status"] == "attached"
    with pytest.raises(InvalidEvent, match=r"^undo_signature\.key_id: "):
        undo(runtime, by_old)


def test_a_rotation_races_with_forgers(detached: Sandbox, new_runtime, key_file: Path):
    """While the key is swapped again and again, what is ours is taken each time, and what is forged never."""
    detached.fleet.add_certificate(id=OTHER, common_name="*.example.com", not_after=FAR_AHEAD, type="global")
    forged_entry = [{**UNDO[0], "certificate_id": OTHER}]
    write(key_file, OLD, NEW)
    runtime = new_runtime(UNDO_KEY_URI=f"file:{key_file}")
    done = threading.Event()

    def rotate() -> None:
        while not done.is_set():
            write(key_file, NEW, OLD)
            write(key_file, OLD, NEW)

    def ours(number: int) -> str:
        return str(undo(runtime, signed(UNDO, detached.project_id, key=(NEW, OLD)[number % 2]))["status"])

    def forged(number: int) -> str:
        real = signature(UNDO, detached.project_id, key=(NEW, OLD)[number % 2])
        try:
            undo(runtime, {"undo": forged_entry, "undo_signature": real})
        except DetachError as exc:
            return exc.name
        return "taken"

    rotation = threading.Thread(target=rotate)
    rotation.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            taken, refused = list(pool.map(ours, range(24))), list(pool.map(forged, range(200)))
    finally:
        done.set()
        rotation.join()
    assert set(taken) <= {"attached", "nothing_to_attach"}
    assert set(refused) == {"InvalidEvent"}
    assert detached.fleet.bindings() == BINDINGS


# --- The attack of the issue ---


def test_one_decommission_and_one_forged_undo(sandbox: Sandbox, new_runtime):
    """Client verification off, another certificate, 500 protected domains under a cap of 1: nothing is attached."""
    furnish(sandbox, not_after=FAR_AHEAD)
    sandbox.fleet.add_certificate(id=OTHER, common_name="*.example.com", not_after=LONG_AGO, type="global")
    sandbox.fleet.unbind(CERTIFICATE, DOMAIN, FIRST)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, FIRST, verified_client_certificate_enabled=True)
    names = [f"host{number}.shop.example.com" for number in range(500)]
    for name in names:
        sandbox.fleet.add_domain(name, FIRST)
    runtime = new_runtime(DETACH_MAX_BINDINGS="2", DETACH_PROTECTED_DOMAINS="*.shop.example.com")
    outcome = decommission(runtime, domain=DOMAIN)
    assert sandbox.fleet.bindings() == set()

    def entry(certificate_id: str, *domains: str) -> dict[str, Any]:
        flags = {"instance_ids": [FIRST], "verified_client_certificate_enabled": False}
        return {"certificate_id": certificate_id, "domains": [{"domain": domain, **flags} for domain in domains]}

    forged: tuple[list[dict[str, Any]], ...] = (
        [entry(CERTIFICATE, DOMAIN)],  # client verification off
        [entry(OTHER, DOMAIN)],  # another certificate
        [entry(CERTIFICATE, *names)],  # 500 protected domains
        [*outcome["undo"], entry(OTHER, *names)],  # ours, and more
    )
    calls = len(sandbox.journal)
    for undo_list in forged:
        for data in (undo_list, {"undo": undo_list}, outcome | {"undo": undo_list}):
            with pytest.raises(InvalidEvent):
                undo(runtime, data)
    assert len(sandbox.journal) == calls
    # Even with a signature, the guards hold: what is protected is kept, and a plan above the cap is refused whole.
    attached = undo(runtime, signed([entry(CERTIFICATE, *names)], sandbox.project_id))
    assert attached["status"] == "nothing_to_attach"
    unprotected = new_runtime(DETACH_MAX_BINDINGS="1")
    with pytest.raises(BlastRadiusExceeded):
        undo(unprotected, signed([entry(CERTIFICATE, *names[:2])], sandbox.project_id))
    assert sandbox.journal.attaches() == []
    assert undo(runtime, outcome)["status"] == "attached"  # what is really ours still works


# --- From the operator's shell ---


@pytest.mark.parametrize("content", ["unsigned", "signed", "signed long ago", "a log"])
@pytest.mark.parametrize("with_key", [True, False])
def test_the_shell_needs_no_signature(
    detached: Sandbox, environment: dict[str, str], tmp_path: Path, content: str, with_key: bool
):
    """Who holds the credentials needs no proof; signatures that are there do no harm."""
    ours = signed(UNDO, detached.project_id, signed_at=ago(days=90))
    text = {
        "unsigned": json.dumps(UNDO),
        "signed": json.dumps(signed(UNDO, detached.project_id)),
        "signed long ago": json.dumps(ours),
        "a log": "web-1 " + json.dumps({"message": "detach.plan", **ours}) + "\nnothing\n",
    }[content]
    report = tmp_path / "report"
    report.write_text(text, encoding="utf-8")
    finished = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "scripts.undo", str(report)],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": "src", **({} if with_key else {"UNDO_KEY_URI": ""})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert detached.fleet.bindings() == BINDINGS

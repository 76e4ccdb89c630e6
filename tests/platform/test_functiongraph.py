"""src/index.py by FunctionGraph's handler contract, against the sandbox over TLS: the sources, and the package."""

import json
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from scripts.find_python import find_python
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.platform.functiongraph import Function
from tests.support.leaks import WATCH
from tests.support.undo_key import SETTINGS
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, THIRD

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events" / "functiongraph"
PACKAGE = ROOT / "build" / "functiongraph.zip"
VALID = "5f1e0c7ab3d24e6f9a8b7c6d5e4f3a21"
EXPIRED = {"certificate_id": CERTIFICATE}

# The kind of each file of events/functiongraph/, and the domains that are then detached.
OUTCOMES = {
    "cts_delete_private_record_set": ("domain_decommission", {"legacy.example.com"}),
    "cts_delete_private_zone": ("domain_decommission", {"old-shop.example.com"}),
    "cts_delete_public_record_set": ("domain_decommission", {"legacy.example.com"}),
    "cts_delete_public_zone": ("domain_decommission", {"old-shop.example.com"}),
    "cts_older_trace": ("domain_decommission", {"legacy.example.com"}),
    "smn_certificate_expired": ("certificate_expiry", {DOMAIN}),
    "smn_domain_decommissioned": ("domain_decommission", {"legacy.example.com"}),
    "timer": ("scheduled_cleanup", {DOMAIN}),
}

# What each of them says of where it comes from.
SOURCES = {
    **dict.fromkeys((name for name in OUTCOMES if name.startswith("cts_")),
                    "DNS/dns-admin/e14aed517380466cac2d109877a5ac6b"),
    "cts_older_trace": "DNS/dns-admin",
    "smn_certificate_expired": "https://monitoring.example.com/certificates",
    "smn_domain_decommissioned": "https://cmdb.example.com/domains",
    "timer": "Timer_certificate_cleanup",
}  # fmt: skip

Start = Callable[..., Function]


@pytest.fixture(scope="module", params=["sources", pytest.param("package", marks=pytest.mark.slow)])
def code(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """The interpreter and the folder of the code. With the package, there is nothing else to import from."""
    if request.param == "sources":
        return [sys.executable], ROOT / "src"
    folder = tmp_path_factory.mktemp("code")
    with zipfile.ZipFile(PACKAGE) as package:
        package.extractall(folder)
    return [str(find_python("3.12")), "-I", "-S"], folder


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    """The world that the files of events/ speak of: see events/README.md."""
    fleet = sandbox.fleet
    for instance_id in (FIRST, SECOND, THIRD):
        fleet.add_gateway(id=instance_id)
    fleet.add_certificate(id=CERTIFICATE, common_name=DOMAIN, not_after=LONG_AGO, type="global")
    fleet.add_certificate(id=VALID, common_name="*.example.com", not_after=FAR_AHEAD, type="global")
    for domain, instance_id, certificate_id in (
        (DOMAIN, FIRST, CERTIFICATE),
        ("legacy.example.com", SECOND, VALID),
        ("old-shop.example.com", THIRD, VALID),
    ):
        fleet.add_domain(domain, instance_id)
        fleet.bind(certificate_id, domain, instance_id)
    return sandbox


@pytest.fixture
def start(world: Sandbox, code: tuple[list[str], Path], tmp_path: Path) -> Iterator[Start]:
    """Starts a function against the sandbox: `start({"DETACH_DRY_RUN": "true"}, handler="index.undo")`."""
    settings = {
        "SECRET_URI": "functiongraph:",
        "OS_AUTH_URL": world.auth_url,
        "APIG_ENDPOINT": world.endpoint,
        "OS_CACERT": world.ca_file,
        "HTTP_ATTEMPTS": "1",
        **SETTINGS,
    }
    with ExitStack() as running:

        def start_one(user_data: dict[str, Any] | None = None, folder: Path | None = None, **options: Any) -> Function:
            python, source = code
            options.setdefault("project_id", world.project_id)
            function = Function(python, folder or source, settings | (user_data or {}), tmp_path / "run", **options)
            return running.enter_context(function)

        yield start_one
        WATCH.add(world.secrets)


def test_the_outcomes_cover_every_file() -> None:
    """A new file under events/functiongraph/ needs its outcome here."""
    assert {path.stem for path in EVENTS.glob("*.json")} == set(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_event_returns_its_outcome(start: Start, world: Sandbox, name: str) -> None:
    """TIMER, SMN and CTS events are understood. The agency's token is the only credential that is needed."""
    kind, domains = OUTCOMES[name]
    event = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))

    taken = {"DETACH_MAX_EVENT_AGE": "P0D", "DETACH_PRIVATE_ZONES": "true"}
    outcome = start(taken).invoke(event, token=world.issue_token())["result"]

    assert (outcome["kind"], outcome["status"]) == (kind, "detached")
    assert outcome["source"] == SOURCES[name]
    assert "sender" not in outcome
    sent = {entry["domain"] for received in world.journal.detaches() for entry in received.body["domains"]}
    assert sent == domains
    assert {received.path.split("/")[2] for received in world.journal.apig()} == {world.project_id}
    assert not world.journal.iam()


@pytest.mark.parametrize(
    ("function", "data"),
    [("certificate_expiry", EXPIRED), ("domain_decommission", {"domain": DOMAIN}), ("scheduled_cleanup", {})],
)
def test_a_function_of_one_kind_takes_bare_data(
    start: Start, world: Sandbox, function: str, data: dict[str, Any]
) -> None:
    """What is sent straight to the function of a kind needs no envelope."""
    outcome = start(handler=f"index.{function}").invoke(data, token=world.issue_token())["result"]
    assert (outcome["kind"], outcome["status"]) == (function, "detached")
    assert [received.body["domains"][0]["domain"] for received in world.journal.detaches()] == [DOMAIN]


def test_an_outcome_can_be_undone(start: Start, world: Sandbox) -> None:
    """An outcome, sent to `index.undo` as it is, brings every binding back."""
    before = world.fleet.bindings()
    undo = start().invoke(smn({"domain": "legacy.example.com"}), token=world.issue_token())["result"]
    assert world.fleet.bindings() != before
    outcome = start(handler="index.undo").invoke(undo, token=world.issue_token())["result"]
    assert (outcome["kind"], outcome["status"], outcome["undo"]) == ("undo", "attached", [])
    assert world.fleet.bindings() == before


def test_a_function_of_one_kind_refuses_another(start: Start, world: Sandbox) -> None:
    """A trigger with the wrong function changes nothing."""
    event = json.loads((EVENTS / "cts_delete_public_zone.json").read_text(encoding="utf-8"))
    answer = start(handler="index.certificate_expiry").invoke(event, token=world.issue_token())
    assert answer["errorType"] == "InvalidEvent"
    assert not world.journal


def test_the_newest_context_is_asked_for_the_token(start: Start, world: Sandbox) -> None:
    """Each call has a context of its own, and the token of the first one ends some day."""
    function = start()
    assert function.invoke({"cts": {}}, token=world.issue_token())["errorType"] == "InvalidEvent"
    function.invoke(smn(EXPIRED), token=world.issue_token())
    world.revoke_tokens()
    answer = function.invoke(smn({"domain": "legacy.example.com"}), token=world.issue_token())
    assert answer["result"]["status"] == "detached"


def test_without_agency_the_error_says_so(start: Start, world: Sandbox) -> None:
    """Then getToken() gives an empty text."""
    answer = start().invoke(smn(EXPIRED))
    assert answer["errorType"] == "ConfigurationError"
    assert "agency" in answer["errorMessage"]


def test_a_password_may_stand_in_the_encrypted_user_data(start: Start, world: Sandbox) -> None:
    """Encrypted user data are read like plain ones. Two events share one token, and the project is the token's own."""
    credentials = json.dumps(world.credentials)
    function = start({"SECRET_URI": "env:CREDENTIALS", "CREDENTIALS": credentials}, project_id="0" * 32)
    assert function.invoke(smn(EXPIRED))["result"]["status"] == "detached"
    assert function.invoke(smn(EXPIRED))["result"]["status"] == "nothing_to_detach"
    assert [received.method for received in world.journal.iam()] == ["POST"]
    assert {received.path.split("/")[2] for received in world.journal.apig()} == {world.project_id}


@pytest.mark.parametrize(
    ("user_data", "message"),
    [
        ({"DETACH_BATCH_SIZE": "none"}, "DETACH_BATCH_SIZE: 'none' is not allowed"),
        ({"DETACH_DRYRUN": "true"}, "DETACH_DRYRUN: no such setting; did you mean DETACH_DRY_RUN?"),
        ({"SECRET_URI": ""}, "SECRET_URI: not set"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL: 'loud' is not allowed"),
    ],
)
def test_a_wrong_setting_fails_the_initializer(start: Start, user_data: dict[str, str], message: str) -> None:
    """The variable is named before the first event. Without an initializer, the event fails with the same error."""
    begun = start(user_data).begun
    assert begun["errorType"] == "ConfigurationError"
    assert begun["errorMessage"].startswith(message)
    answer = start(user_data, initializer=None).invoke(smn(EXPIRED))
    assert (answer["errorType"], answer["errorMessage"]) == (begun["errorType"], begun["errorMessage"])


def test_settings_may_be_numbers_and_booleans(start: Start, world: Sandbox) -> None:
    """`jsonencode({DETACH_DRY_RUN = true})` in Terraform gives a boolean."""
    function = start({"DETACH_DRY_RUN": True, "DETACH_BATCH_SIZE": 5})
    outcome = function.invoke(smn(EXPIRED), token=world.issue_token())["result"]
    assert (outcome["status"], outcome["dry_run"]) == ("dry_run", True)
    assert outcome["certificates"][0]["planned"] == [{"domain": DOMAIN, "instance_ids": [FIRST]}]
    assert outcome["certificates"][0]["detached"] == []
    assert not world.journal.detaches()


def test_a_failure_raises_its_public_name(start: Start, world: Sandbox) -> None:
    """Only raising marks an invocation as failed."""
    answer = start().invoke(smn({"certificate_id": "0" * 32}), token=world.issue_token())
    assert answer["errorType"] == "NotFound"
    assert "APIG.3021" in answer["errorMessage"]
    assert "\n" not in answer["errorMessage"]


def test_a_raised_error_tells_what_was_done(start: Start, world: Sandbox) -> None:
    """The platform keeps an error's name and text: its second line has the outcome, with the undo."""
    world.fleet.add_domain("shop.example.com", FIRST)
    world.fleet.bind(CERTIFICATE, "shop.example.com", FIRST)
    refusal = Fault(method="POST", path="/detach$", nth=2, times=None, status=400, error_code="APIG.2012")
    world.faults.add(refusal)
    event = smn(EXPIRED | {"context": {"ticket": "CHG1"}})
    answer = start({"DETACH_BATCH_SIZE": 1}).invoke(event, token=world.issue_token())
    sentence, record = answer["errorMessage"].split("\n")
    told = json.loads(record)
    assert (answer["errorType"], told["error"], told["message"]) == ("Rejected", "Rejected", sentence)
    assert told["error_code"] == "APIG.2012"
    outcome = told["outcome"]
    assert (outcome["status"], outcome["context"]) == ("failed", {"ticket": "CHG1"})
    [certificate] = outcome["certificates"]
    assert certificate["detached"] == [{"domain": DOMAIN, "instance_ids": [FIRST]}]
    assert [entry["domain"] for entry in certificate["failed"]] == ["shop.example.com"]
    assert [entry["domain"] for entry in outcome["undo"][0]["domains"]] == [DOMAIN]


def test_no_answer_holds_a_secret(start: Start, world: Sandbox) -> None:
    """Neither an outcome nor an error's text, should the token stand in the event by mistake."""
    token = world.issue_token()
    function = start()
    event = smn(EXPIRED | {"context": {"note": f"sent with {token}"}})
    world.faults.add(Fault(method="POST", path="/detach$", status=400, error_code="APIG.2012"))
    answer = function.invoke(event, token=token)
    assert (answer["errorType"], token[:8] in json.dumps(answer)) == ("Rejected", False)
    assert '{"note": "sent with <secret>"}' in answer["errorMessage"]
    answer = function.invoke(event, token=token)
    assert answer["result"]["context"] == {"note": "sent with <secret>"}


def test_the_time_left_bounds_every_wait(start: Start, world: Sandbox) -> None:
    """The function reports and fails by itself before the platform kills it."""
    function = start()
    world.faults.add(Fault(path=f"{CERTIFICATE}$", delay=8))
    started = time.monotonic()
    assert function.invoke(smn(EXPIRED), token=world.issue_token(), timeout=3)["errorType"] == "Unavailable"
    assert time.monotonic() - started < 3
    assert [report["error"] for report in function.lines("detach.report")] == ["Unavailable"]


def test_each_log_line_appears_once(start: Start, world: Sandbox) -> None:
    """The platform's context adds a handler to the root logger at each call. None of our lines reaches it."""
    function = start({"LOG_LEVEL": "debug"})
    for number in range(3):
        function.invoke(smn(EXPIRED), token=world.issue_token(), request_id=f"request-{number}")
    assert [report["status"] for report in function.lines("detach.report")] == ["detached", *["nothing_to_detach"] * 2]
    assert len(function.lines("gateway.call")) == len(world.journal)
    assert function.errors() == ""


@pytest.mark.parametrize("code", [pytest.param("package", marks=pytest.mark.slow)], indirect=True)
def test_what_is_packed_wins_over_what_the_image_bundles(start: Start, world: Sandbox, tmp_path: Path) -> None:
    """Here, old releases of typing-extensions and idna come first on sys.path, and must not be imported."""
    bundled = tmp_path / "bundled"
    bundled.mkdir()
    for name in ("typing_extensions", "idna", "certifi"):
        (bundled / f"{name}.py").write_text("raise ImportError('the old one')\n")
    event = smn({"domain": "bücher.example.com"})  # IDNA is what needs idna
    answer = start(first=[bundled]).invoke(event, token=world.issue_token())
    assert answer["result"]["status"] == "nothing_to_detach"


def test_a_bug_raises_without_its_message(start: Start, code: tuple[list[str], Path], tmp_path: Path) -> None:
    """The platform shows an exception's message to the caller, so only the log tells where a bug is."""
    folder = tmp_path / "broken"
    shutil.copytree(code[1], folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "handlers" / "certificate_expiry.py").write_text("def select(*_):\n    raise LookupError('4711')\n")
    function = start(folder=folder)
    answer = function.invoke(smn(EXPIRED), token="a-token")
    assert answer["errorMessage"] == "LookupError: a bug; the log line detach.report tells where"
    (report,) = function.lines("detach.report")
    assert "certificate_expiry.py" in report["where"][-1]


def smn(data: dict[str, Any]) -> dict[str, Any]:
    """An event of an SMN trigger, whose message is a CloudEvent with that data."""
    kind = "apig.domain.decommissioned" if "domain" in data else "apig.certificate.expired"
    event = {"specversion": "1.0", "id": "event-1", "source": "/test", "type": kind, "data": data}
    message = {"message": json.dumps(event), "message_id": "message-1", "type": "notification"}
    return {"record": [{"event_version": "1.0", "smn": message, "event_source": "smn"}]}

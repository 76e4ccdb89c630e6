"""src/main.py on functions-framework and gunicorn, against the sandbox over TLS.

The CloudEvents SDK writes the events and reads the replies.
"""

import gzip
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http, from_json

from sandbox import Fault, Sandbox
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.platform.framework import SRC, Framework, framework
from tests.support.leaks import WATCH
from tests.support.undo_key import SETTINGS, signed_within
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, THIRD

EVENTS = Path(__file__).parents[2] / "events" / "cloudevents"
SHOP = "0d4a1b7c9e3f4862a5c8d7e6f1b2a394"
VALID = "5f1e0c7ab3d24e6f9a8b7c6d5e4f3a21"
MEBIBYTE = 1_048_576

# The status that answers each file of events/cloudevents, and the certificates that are then detached from a domain.
OUTCOMES = {
    "certificate_expired": ("detached", {CERTIFICATE}),
    "certificate_expired_by_name": ("detached", {SHOP}),
    "certificate_expiring": ("not_due", set()),
    "domain_decommissioned": ("detached", {VALID}),
    "domains_decommissioned": ("detached", {VALID}),
    "cleanup_due": ("detached", {CERTIFICATE, SHOP}),
    "ping_source": ("detached", {CERTIFICATE, SHOP}),
    "detach_undo": ("nothing_to_attach", set()),
}
MODES: dict[str, Callable[[CloudEvent], tuple[dict[str, str], bytes]]] = {
    "binary": to_binary,
    "structured": to_structured,
}


def variables(sandbox: Sandbox) -> dict[str, str]:
    """The settings of a function that talks to the sandbox."""
    return {
        "SECRET_URI": "env:TEST_CREDENTIALS",
        "TEST_CREDENTIALS": json.dumps(sandbox.credentials),
        "OS_AUTH_URL": sandbox.auth_url,
        "APIG_ENDPOINT": sandbox.endpoint,
        "OS_CACERT": sandbox.ca_file,
        "HTTP_ATTEMPTS": "1",
        "DETACH_MAX_EVENT_AGE": "P0D",  # the files of events/ are old
        "LOG_LEVEL": "DEBUG",
        **SETTINGS,
    }


@pytest.fixture(scope="module")
def service(_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framework]:
    """The function of every kind."""
    with framework(variables(_sandbox), "handler", tmp_path_factory.mktemp("handler")) as running:
        yield running
        WATCH.add(_sandbox.secrets)


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    """The world that the files of events/ speak of: see events/README.md."""
    fleet = sandbox.fleet
    for instance_id in (FIRST, SECOND, THIRD):
        fleet.add_gateway(id=instance_id)
    fleet.add_certificate(id=CERTIFICATE, common_name=DOMAIN, not_after=LONG_AGO, type="global")
    fleet.add_certificate(id=SHOP, common_name="*.shop.example.com", not_after=LONG_AGO, type="global")
    fleet.add_certificate(id=VALID, common_name="*.example.com", not_after=FAR_AHEAD, type="global")
    for domain, instance_id, certificate_id in (
        (DOMAIN, FIRST, CERTIFICATE),
        (DOMAIN, SECOND, CERTIFICATE),
        ("www.shop.example.com", THIRD, SHOP),
        ("legacy.example.com", FIRST, VALID),
        ("old-shop.example.com", THIRD, VALID),
    ):
        fleet.add_domain(domain, instance_id)
        fleet.bind(certificate_id, domain, instance_id)
    return sandbox


def problem(response: httpx.Response) -> dict[str, Any]:
    """The body of an answer, which must be a problem+json with the status of the answer."""
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    return body


def test_the_outcomes_cover_every_file() -> None:
    """A new file under events/cloudevents/ needs its outcome here."""
    assert {path.stem for path in EVENTS.glob("*.json")} == set(OUTCOMES)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", OUTCOMES)
def test_each_event_is_answered_with_an_event(service: Framework, world: Sandbox, name: str, mode: str) -> None:
    """Both modes are understood. The reply is a valid CloudEvent with the outcome as its data."""
    status, detached = OUTCOMES[name]
    content = signed_within(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")), world.project_id)
    event = from_json(json.dumps(content))
    headers, body = MODES[mode](event)

    response = service.post(body, headers)

    assert response.status_code == 200, response.text
    reply = from_http(response.headers, response.content)
    assert (reply["specversion"], reply["type"]) == ("1.0", "apig.detach.completed")
    assert reply["source"] == "/apig-certificate-detach"
    assert (reply.data["event_id"], reply.data["status"]) == (event["id"], status)
    assert {received.path.split("/")[5] for received in world.journal.detaches()} == detached


def test_the_reply_can_be_undone(service: Framework, world: Sandbox) -> None:
    """A reply, sent back as it is, brings every binding back."""
    before = world.fleet.bindings()
    undo = service.post((EVENTS / "domain_decommissioned.json").read_bytes()).json()
    assert world.fleet.bindings() != before
    headers, body = to_binary(CloudEvent({"type": "apig.detach.undo", "source": "/test", "id": "undo"}, undo))
    outcome = service.post(body, headers).json()
    assert (outcome["kind"], outcome["status"], outcome["undo"]) == ("undo", "attached", [])
    assert world.fleet.bindings() == before


def test_bare_data_is_for_a_function_of_one_kind(service: Framework, world: Sandbox, tmp_path: Path) -> None:
    """The function of a kind takes bare data. The function of every kind cannot know what it is."""
    data = json.dumps({"domain": "legacy.example.com"})
    assert problem(service.post(data))["field"] == "type"
    assert not world.journal.detaches()
    with framework(variables(world), "domain_decommission", tmp_path) as of_one_kind:
        response = of_one_kind.post(data, {"Content-Type": "application/json"})
        assert response.status_code == 200
        outcome = from_http(response.headers, response.content).data
        assert outcome["certificates"][0]["detached"] == [{"domain": "legacy.example.com", "instance_ids": [FIRST]}]
        other = of_one_kind.post((EVENTS / "certificate_expired.json").read_bytes())
        assert (other.status_code, problem(other)["error"]) == (422, "InvalidEvent")


def test_a_failure_that_no_retry_helps_is_422(service: Framework, world: Sandbox) -> None:
    """The problem names the error and the API's code. A broker sends such an event to the dead letters."""
    data = {"certificate_id": "0" * 32}
    event = CloudEvent({"type": "apig.certificate.expired", "source": "/test", "id": "missing"}, data)
    headers, body = to_binary(event)

    response = service.post(body, headers)

    assert response.status_code == 422
    found = problem(response)
    assert (found["title"], found["error"], found["error_code"]) == ("NotFound", "NotFound", "APIG.3021")


def test_during_a_rotation_an_event_is_kept_for_later(world: Sandbox, tmp_path: Path) -> None:
    """While the store has the old password: 503 each time, one login in all. With the new one the event succeeds."""
    secret = tmp_path / "credentials.json"
    secret.write_text(json.dumps(world.credentials | {"password": "the-old-password"}), encoding="utf-8")
    WATCH.keep(secret)
    body = (EVENTS / "certificate_expired.json").read_bytes()
    headers = {"Content-Type": "application/cloudevents+json"}
    with framework(variables(world) | {"SECRET_URI": f"file:{secret}"}, "handler", tmp_path) as door:
        refused = [door.post(body, headers) for _ in range(5)]
        logins = len(world.journal.iam())
        secret.write_text(json.dumps(world.credentials), encoding="utf-8")
        response = door.post(body, headers)
    assert {(each.status_code, problem(each)["error"]) for each in refused} == {(503, "CredentialsRefused")}
    assert logins == 1
    assert response.status_code == 200


def test_the_answer_of_a_failure_carries_what_was_done(service: Framework, world: Sandbox) -> None:
    """One gateway refuses and the others do not: the problem has the outcome, with `undo` and each binding's error."""
    world.faults.add(Fault(path="/domains/detach", status=400, error_code="APIG.2012"))
    world.faults.add(Fault(path="/domains/detach", nth=2, status=400, error_code="APIG.2012"))
    body = (EVENTS / "certificate_expired.json").read_bytes()

    response = service.post(body, {"Content-Type": "application/cloudevents+json"})

    assert response.status_code == 422
    found = problem(response)
    [certificate] = found["outcome"]["certificates"]
    assert (found["error_code"], found["outcome"]["status"]) == ("APIG.2012", "failed")
    assert {entry["error_code"] for entry in certificate["failed"]} == {"APIG.2012"}
    assert certificate["detached"]
    assert found["outcome"]["undo"][0]["certificate_id"] == certificate["certificate_id"]


def test_a_failure_that_a_retry_may_help_is_503(service: Framework, world: Sandbox) -> None:
    """API Gateway says 500 APIG.9008 for too many requests. We answer 503, and the same event succeeds later."""
    world.faults.add(Fault.throttled())
    body = (EVENTS / "certificate_expired.json").read_bytes()

    first, second = (service.post(body, {"Content-Type": "application/cloudevents+json"}) for _ in range(2))

    found = problem(first)
    assert (first.status_code, found["error"], found["error_code"]) == (503, "Unavailable", "APIG.9008")
    assert second.status_code == 200


def test_percent_encoded_headers_are_decoded(service: Framework, world: Sandbox) -> None:
    """CloudEvents HTTP binding 1.0.2, section 3.1.3.2: the reply names the id as the sender meant it."""
    attributes = {"type": "apig.certificate.expired", "source": "/test", "id": "id"}
    headers, body = to_binary(CloudEvent(attributes, {"certificate_id": CERTIFICATE}))
    assert service.post(body, headers | {"ce-id": "Euro%20%E2%82%AC"}).json()["event_id"] == "Euro €"
    found = problem(service.post(body, headers | {"ce-id": "%ff"}))
    assert (found["status"], found["field"]) == (422, "ce-id")


def test_the_accept_header_changes_nothing(service: Framework, world: Sandbox) -> None:
    """There is only one form of the reply."""
    body = (EVENTS / "certificate_expired.json").read_bytes()
    response = service.post(body, {"Content-Type": "application/cloudevents+json", "Accept": "text/html"})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize(
    ("headers", "body", "field"),
    [
        ({}, b"", "body"),
        ({"Content-Type": "application/json"}, b"{", "body"),
        ({"Content-Type": "application/json"}, b"[]", "body"),
        ({"Content-Type": "application/cloudevents+json"}, b"{}", "specversion"),
        (
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            gzip.compress(b"{}", mtime=0),
            "content-encoding",
        ),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test", "ce-type": "other"}, b"{}", "type"),
        ({"ce-id": "1"}, b"{}", "specversion"),
        ({}, b" " * (MEBIBYTE + 1), "body"),
        ({}, b"[" * 100_000, "body"),
        ({}, b"\xff\xfe", "body"),
    ],
)
def test_bad_requests_are_422_and_name_the_field(
    service: Framework, world: Sandbox, headers: dict[str, str], body: bytes, field: str
) -> None:
    """The answer is one problem that names what is wrong. Nothing is sent to the gateway."""
    response = service.post(body, headers)
    found = problem(response)
    assert (response.status_code, found["error"], found["field"]) == (422, "InvalidEvent", field)
    assert not world.journal.apig()


def test_a_body_without_end_is_refused_early(service: Framework) -> None:
    """A chunked body may go on for ever. No more than the limit is read before the answer."""
    chunk = b"%x\r\n%s\r\n" % (MEBIBYTE, b" " * MEBIBYTE)
    head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(head + 2 * chunk)
        assert connection.recv(65536).startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/", "POST"),
        ("HEAD", "/", "POST"),
        ("PUT", "/", "POST"),
        ("OPTIONS", "/", "POST"),
        ("DELETE", "/anything", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/ready", "GET, HEAD"),
    ],
)
def test_other_methods_are_405(service: Framework, method: str, path: str, allowed: str) -> None:
    """That holds for an event posted to the health path too: it must not count as delivered."""
    response = httpx.request(method, service.url + path, timeout=10, trust_env=False)
    assert (response.status_code, response.headers["Allow"]) == (405, allowed)


def test_health_is_200_when_the_settings_are_right(service: Framework, world: Sandbox) -> None:
    """It sends no request: a gateway that is down must not take the function down."""
    for method in ("GET", "HEAD"):
        response = httpx.request(method, service.url + "/health", timeout=10, trust_env=False)
        assert response.status_code == 200
    assert not world.journal


@pytest.mark.parametrize("name", ["DETACH_BATCH_SIZE", "CLOUD_RUN_TIMEOUT_SECONDS"])
def test_health_is_503_and_names_the_wrong_setting(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """A revision that could handle no event takes no traffic, and says which variable to correct."""
    with framework(variables(sandbox) | {name: "none"}, "handler", tmp_path, by_gunicorn=True) as running:
        response = httpx.get(running.url + "/health", timeout=10, trust_env=False)
        assert response.status_code == 503
        assert problem(response)["error"] == "ConfigurationError"
        assert problem(response)["detail"].startswith(f"{name}: 'none' is not allowed; expected ")
        body = (EVENTS / "certificate_expired.json").read_bytes()
        assert problem(running.post(body))["error"] == "ConfigurationError"


def test_a_bug_is_500_and_tells_nothing(world: Sandbox, tmp_path: Path) -> None:
    """The answer does not have the exception's message. Nor does the report, which has the frames."""
    source = tmp_path / "src"
    shutil.copytree(SRC, source)
    breaks = "def select(*_):\n    raise LookupError('message-4711')\n"
    (source / "handlers" / "certificate_expiry.py").write_text(breaks)
    with framework(variables(world), "handler", tmp_path, source) as running:
        response = running.post((EVENTS / "certificate_expired.json").read_bytes())
        assert (response.status_code, problem(response)["title"]) == (500, "Internal Server Error")
        (report,) = running.lines("detach.report")
        assert report["error"] == "LookupError"
        assert "certificate_expiry.py" in report["where"][-1]
        assert "4711" not in response.text + running.output().replace(breaks.strip().splitlines()[1].strip(), "")

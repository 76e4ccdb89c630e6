"""What the HTTP door takes before it reads anything: JSON, from brokers, from whom the settings name."""

import json
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import Fault, Sandbox
from tests.platform.framework import Framework, framework
from tests.platform.test_functions_framework import problem, variables
from tests.support.issuer import AUDIENCE, issuing
from tests.support.leaks import WATCH
from tests.support.world import CERTIFICATE, furnish

STARTS: dict[str, dict[str, bool]] = {"command": {}, "image": {"by_gunicorn": True}}
BODY = json.dumps({"certificate_id": CERTIFICATE}).encode()
JSON = {"Content-Type": "application/json"}
PART = 'multipart/form-data; boundary="x"'
TYPES = "application/json, application/cloudevents+json"


@pytest.fixture(params=STARTS)
def start(request: pytest.FixtureRequest) -> dict[str, bool]:
    """By functions-framework's own command, and as the image starts it."""
    return STARTS[request.param]


@pytest.fixture
def service(sandbox: Sandbox, tmp_path: Path, start: dict[str, bool]) -> Iterator[Framework]:
    """The function of expiries; one expired certificate is bound."""
    furnish(sandbox)
    with framework(variables(sandbox), "certificate_expiry", tmp_path, **start) as running:
        yield running
        WATCH.add(sandbox.secrets)


def post(service: Framework, headers: dict[str, str], content: bytes = BODY, path: str = "/") -> httpx.Response:
    """With these headers, and no content type of our own."""
    return httpx.post(service.url + path, content=content, headers=headers, timeout=30, trust_env=False)


def test_nothing_but_json_is_read(service: Framework, sandbox: Sandbox) -> None:
    """What a page can post to another site unasked, and what no reader here is for."""
    for given in (
        None,
        "",
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        PART,
        "application/cloudevents-batch+json",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=latin-1",
        "*/*",
    ):
        headers = {} if given is None else {"Content-Type": given}
        for more in ({}, {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "apig.cleanup.due"}):
            response = post(service, headers | more)
            assert (response.status_code, response.headers["Accept"]) == (415, TYPES), given
            assert problem(response)["title"] == "Unsupported Media Type"
    assert not sandbox.journal
    assert not service.lines("detach.report")
    assert {(line["level"], line["status"]) for line in service.lines("door.refused")} == {("WARNING", 415)}
    assert not [line for line in service.lines() if "_aws" in line]


@pytest.mark.parametrize(
    "given", ["application/json", "Application/JSON;charset=UTF-8", 'application/json; x=y ; charset="utf-8"']
)
def test_json_is_read_with_any_parameters(sandbox: Sandbox, tmp_path: Path, given: str) -> None:
    """UTF-8 is the only charset of JSON (RFC 8259)."""
    furnish(sandbox)
    with framework(variables(sandbox), "certificate_expiry", tmp_path, by_gunicorn=True) as service:
        assert post(service, {"Content-Type": given}).json()["status"] == "detached"


def test_no_web_page_can_post(service: Framework, sandbox: Sandbox) -> None:
    """Not even of the same origin, as a page with a rebound name is. Nor does a preflight allow anything."""
    for origin in ("https://evil.example.com", "null", service.url):
        response = post(service, JSON | {"Origin": origin})
        assert (response.status_code, problem(response)["title"]) == (403, "Forbidden")
    preflight = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}
    response = httpx.request("OPTIONS", service.url, headers=preflight, timeout=10, trust_env=False)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert not sandbox.journal


def test_callers_without_the_shared_token_are_refused(sandbox: Sandbox, tmp_path: Path, start: dict[str, bool]) -> None:
    """Before their body is read, on every path, with nothing of the token in answer or log. The probes stay open."""
    furnish(sandbox)
    shared, other = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    WATCH.add([shared, other])
    settings = variables(sandbox) | {"DOOR_BEARER_URI": "env:DOOR_TOKEN", "DOOR_TOKEN": shared}
    with framework(settings, "certificate_expiry", tmp_path, **start) as service:
        for given in ({}, {"Authorization": f"Bearer {other}"}, {"Authorization": f"Basic {shared}"}):
            for path in ("/", "/any", "/health/x"):
                response = post(service, JSON | given, path=path)
                assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
                assert problem(response)["title"] == "Unauthorized"
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
            head = "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode())  # and no body
            assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        assert not sandbox.journal
        refused = service.lines("door.refused")
        assert {(line["level"], line["status"]) for line in refused} == {("WARNING", 401)}
        assert {line["reason"] for line in refused} == {
            "there is no `Authorization: Bearer`",
            "the token is none of DOOR_BEARER_URI",
        }
        assert not [line for line in service.lines() if "_aws" in line]
        for path in ("/health", "/ready"):
            assert httpx.get(service.url + path, timeout=10, trust_env=False).status_code == 200
        assert post(service, JSON | {"Authorization": f"Bearer {shared}"}).json()["status"] == "detached"


def test_callers_with_an_id_token_are_taken(sandbox: Sandbox, tmp_path: Path, start: dict[str, bool]) -> None:
    """Knative's sender identity. While the issuer is down and nothing is known of it, the event comes again."""
    furnish(sandbox)
    with issuing() as issuer:
        issuer.broken = (503, "")
        settings = variables(sandbox) | {"DOOR_OIDC_ISSUER": issuer.url, "DOOR_OIDC_AUDIENCE": AUDIENCE}
        with framework(settings, "certificate_expiry", tmp_path, **start) as service:
            good, wrong = ({**JSON, "Authorization": issuer.bearer(**claims)} for claims in ({}, {"aud": "other"}))
            response = post(service, good)
            assert (response.status_code, problem(response)["error"]) == (503, "Unavailable")
            assert not sandbox.journal
        issuer.broken = None
        with framework(settings, "certificate_expiry", tmp_path, **start) as service:
            response = post(service, wrong)
            assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert not sandbox.journal
            assert post(service, good).json()["status"] == "detached"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"DOOR_OIDC_ISSUER": "https://issuer.example.com"}, "DOOR_OIDC_AUDIENCE: not set"),
        ({"DOOR_OIDC_AUDIENCE": "us"}, "DOOR_OIDC_ISSUER: not set"),
        ({"DOOR_OIDC_ISSUER": "http://issuer.example.com", "DOOR_OIDC_AUDIENCE": "us"}, "DOOR_OIDC_ISSUER: 'http"),
        ({"DOOR_BEARER_URI": "nowhere:x"}, "DOOR_BEARER_URI: unknown scheme"),
    ],
)
def test_health_tells_a_wrong_setting_of_the_door(
    sandbox: Sandbox, tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    """Such a revision takes no traffic, and no event."""
    with framework(variables(sandbox) | settings, "certificate_expiry", tmp_path, by_gunicorn=True) as service:
        for response in (httpx.get(f"{service.url}/health", timeout=10, trust_env=False), post(service, JSON)):
            assert problem(response)["error"] == "ConfigurationError"
            assert problem(response)["detail"].startswith(named)
    assert not sandbox.journal


def test_ready_asks_the_gateway_once_a_minute(sandbox: Sandbox, tmp_path: Path, start: dict[str, bool]) -> None:
    """A login and one page of gateways; success and failure are kept. /health does not ask."""

    def get(service: Framework, path: str) -> httpx.Response:
        return httpx.get(service.url + path, timeout=10, trust_env=False)

    for number in range(600):  # more than a page
        sandbox.fleet.add_gateway(id=f"{number:032x}")
    with framework(variables(sandbox), "handler", tmp_path, **start) as service:
        assert [get(service, "/ready").status_code for _ in range(3)] == [200] * 3
        assert get(service, "/ready").json() == {"status": "ok"}
        assert httpx.head(f"{service.url}/ready", timeout=10, trust_env=False).status_code == 200
    asked = [(received.method, received.path.split("?")[0].rsplit("/", 1)[1]) for received in sandbox.journal]
    assert asked == [("POST", "tokens"), ("GET", "instances")]
    sandbox.faults.add(Fault(path="/instances", status=503, times=None))
    with framework(variables(sandbox), "handler", tmp_path, **start) as service:
        sandbox.journal.clear()
        answers: list[dict[str, Any]] = [problem(get(service, "/ready")) for _ in range(3)]
        assert {(answer["status"], answer["error"]) for answer in answers} == {(503, "Unavailable")}
        assert len(sandbox.journal.apig()) == 1
        assert get(service, "/health").status_code == 200


def test_no_answer_holds_a_secret(sandbox: Sandbox, tmp_path: Path, start: dict[str, bool]) -> None:
    """Answers repeat parts of the event: a refused type, the `context`. What is a secret here is struck out."""
    furnish(sandbox)
    shared = secrets.token_urlsafe(24)
    settings = variables(sandbox) | {"DOOR_BEARER_URI": "env:DOOR_TOKEN", "DOOR_TOKEN": shared}
    head = {**JSON, "Authorization": f"Bearer {shared}", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s"}
    with framework(settings, "handler", tmp_path, **start) as service:
        refused = post(service, head | {"ce-type": shared})
        data = json.dumps({"certificate_id": CERTIFICATE, "context": {"ticket": shared}}).encode()
        done = post(service, head | {"ce-type": "apig.certificate.expired"}, data)
    assert (refused.status_code, done.status_code) == (422, 200)
    assert "<secret>" in problem(refused)["detail"]
    assert done.json()["context"] == {"ticket": "<secret>"}
    assert not [response for response in (refused, done) if shared in response.text]

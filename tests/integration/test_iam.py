"""IAM's three calls against a stand-in that follows its pages: what is sent, and what each answer means."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, CredentialsRefused, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.content import Password, Token
from shared.credentials.iam import Iam
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.leaks import WATCH
from tests.support.listener import Heard, Listener, listening

PASSWORD, TOKEN = "Pw!Kd7Zr2Xm9Vt4", "MIIFqwYJKoZ3Ln8Rb5Hc1Sx"
USER = Password("user-1", Secret(PASSWORD), "domain-1", "project-1")
LOGIN, VERIFY, PROJECTS = "POST /v3/auth/tokens", "GET /v3/auth/tokens", "GET /v3/projects"
CHECK = "check OS_AUTH_URL, and the secret's domain and project"
UNDOCUMENTED = "answered 200 with what is not documented"


def described(**changes: Any) -> dict[str, Any]:
    """The body of a token's answer."""
    facts = {"issued_at": "2026-02-03T06:00:00.000000Z", "expires_at": "2026-02-04T06:00:00.000000Z"}
    return {"token": facts | {"project": {"id": "project-1", "name": "eu-de"}} | changes}


@dataclass
class World:
    listener: Listener
    iam: Iam
    transport: Transport
    headers: dict[str, str]
    status: int = 201
    body: Any = field(default_factory=described)

    def answer(self, _: Heard) -> tuple[int, str]:
        return self.status, self.body if isinstance(self.body, str) else json.dumps(self.body)

    def log_in(self) -> Token:
        return self.iam.log_in(USER, self.transport, 1000.0)


@pytest.fixture
def world() -> Iterator[World]:
    WATCH.add([PASSWORD, TOKEN])
    headers = {"X-Subject-Token": TOKEN}

    def answer(heard: Heard) -> tuple[int, str]:
        return made.answer(heard)

    with listening(answer, headers=headers) as listener, new_client(None) as client:
        transport = Transport(client, 5.0, 1, Deadline.after(20), lambda call: None)
        made = World(listener, Iam(f"{listener.url}/v3"), transport, headers)
        yield made


def refusal(call: Any) -> DetachError:
    with pytest.raises(DetachError) as raised:
        call()
    return raised.value


class NoAuth:
    """Signs nothing."""

    def prove(self, *_: object) -> Any:
        return lambda reply: None


# --- POST /v3/auth/tokens ---


def test_a_token_lasts_as_long_as_iam_says(world: World):
    """Counted from our own moment, whatever the clocks say."""
    assert world.log_in() == Token(Secret(TOKEN), 87_400.0, "project-1")
    [heard] = world.listener.heard
    assert (heard.method, heard.target) == ("POST", "/v3/auth/tokens?nocatalog=true")
    assert heard.headers["content-type"] == "application/json;charset=utf8"
    world.body = described(expires_at="2026-02-03T06:00:01Z", project=None)
    assert world.log_in() == Token(Secret(TOKEN), 1001.0, None)


@pytest.mark.parametrize("expires_at", ["2026-02-03T06:00:00Z", "2026-02-03T05:59:59Z"])
def test_a_token_that_has_expired_already_is_not_used(world: World, expires_at: str):
    """It would be renewed before every request, and accounts lock."""
    world.body = described(expires_at=expires_at)
    error = refusal(world.log_in)
    assert isinstance(error, Unavailable)
    assert error.message == f"{LOGIN} answered 201 with what is not documented: the token has expired"


@pytest.mark.parametrize("value", ["", "with a space", "tök"])
def test_what_no_header_may_hold_is_no_token(world: World, value: str):
    """Nothing is sent with it."""
    world.headers["X-Subject-Token"] = value
    error = refusal(world.log_in)
    assert isinstance(error, Unavailable)
    assert error.message == f"{LOGIN} answered 201 without a token in X-Subject-Token"


@pytest.mark.parametrize(
    "body",
    ["<html>", {}, {"token": []}, described(issued_at="soon"), described(project={}), described(project={"id": ""})],
)
def test_facts_that_are_missing_are_told(world: World, body: Any):
    """A project without an id would make another path."""
    world.body = body
    error = refusal(world.log_in)
    assert isinstance(error, Unavailable)
    assert error.message == f"{LOGIN} answered 201 with what is not documented"


def title(status: int, title: str, message: str = "-") -> dict[str, Any]:
    """One of IAM's two envelopes."""
    return {"error": {"code": status, "message": message, "title": title}}


@pytest.mark.parametrize(
    ("status", "body", "error", "code", "said"),
    [
        (401, title(401, "Unauthorized"), CredentialsRefused, None, "401: Unauthorized; check the credentials"),
        (401, title(401, "Unauthorized", "The account is Locked."), CredentialsRefused, "IAM.0061", None),
        (401, {"error_code": "IAM.0061", "error_msg": "x"}, CredentialsRefused, "IAM.0061", None),
        (401, {"error": {"code": "IAM.0001", "title": "Unauthorized"}}, CredentialsRefused, "IAM.0001", None),
        (403, title(403, "Forbidden"), CredentialsRefused, None, "403: Forbidden"),
        (403, title(403, ""), CredentialsRefused, None, "403: no message"),
        (403, title(403, "f" * 301), CredentialsRefused, None, f"403: {'f' * 300}"),
        (403, {"error_code": "IAM.0081"}, CredentialsRefused, "IAM.0081", "403 IAM.0081: no message"),
        (400, title(400, "Bad Request"), ConfigurationError, None, f"400: {CHECK}"),
        (404, {"error_code": "IAM.0004"}, ConfigurationError, "IAM.0004", f"404 IAM.0004: {CHECK}"),
        (409, {"error_code": "IAM.0005"}, Unavailable, "IAM.0005", "409 IAM.0005"),
        (410, {"error_code": "IAM.0020"}, Unavailable, "IAM.0020", "410 IAM.0020"),
        (503, "<html>", Unavailable, None, None),
    ],
)
def test_each_refusal_of_a_login_is_one_of_our_errors(
    world: World, status: int, body: Any, error: type[DetachError], code: str | None, said: str | None
):
    """Only codes and titles are taken from IAM, never its sentences."""
    world.status, world.body = status, body
    raised = refusal(world.log_in)
    assert type(raised) is error
    assert (raised.status, raised.error_code) == (status, code)
    assert raised.message.startswith(f"{LOGIN} answered {status}")
    assert said is None or raised.message == f"{LOGIN} answered {said}"


# --- GET /v3/auth/tokens, GET /v3/projects ---


def test_a_token_asks_about_itself(world: World):
    """In both headers; without a project there is none."""
    world.status = 200
    assert world.iam.project_of(Token(Secret(TOKEN)), world.transport) == "project-1"
    [heard] = world.listener.heard
    assert (heard.method, heard.target, heard.body) == ("GET", "/v3/auth/tokens?nocatalog=true", b"")
    assert (heard.headers["x-auth-token"], heard.headers["x-subject-token"]) == (TOKEN, TOKEN)
    world.body = described(project=None)
    assert world.iam.project_of(Token(Secret(TOKEN)), world.transport) is None
    world.body = {}
    error = refusal(lambda: world.iam.project_of(Token(Secret(TOKEN)), world.transport))
    assert error.message == f"{VERIFY} {UNDOCUMENTED}"


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (401, title(401, "Unauthorized", "locked"), "CredentialsRefused", None),
        (403, title(403, "Forbidden"), "AccessDenied", None),
        (404, {}, "ConfigurationError", None),
        (500, {}, "Unavailable", None),
    ],
)
def test_a_refusal_of_another_call_is_no_refused_login(
    world: World, status: int, body: Any, error: str, code: str | None
):
    """What a token may not ask does not lock an account."""
    world.status, world.body = status, body
    for call, route in (
        (lambda: world.iam.project_of(Token(Secret(TOKEN)), world.transport), VERIFY),
        (lambda: world.iam.project_named("eu-de", world.transport, NoAuth()), PROJECTS),
    ):
        raised = refusal(call)
        assert (raised.name, raised.status, raised.error_code) == (error, status, code)
        assert raised.message.startswith(f"{route} answered {status}")


def test_a_project_is_found_by_its_name(world: World):
    """Exactly one."""
    world.status, world.body = 200, {"projects": [{"id": "project-2"}]}
    assert world.iam.project_named("eu de", world.transport, NoAuth()) == "project-2"
    [heard] = world.listener.heard
    assert (heard.method, heard.target) == ("GET", "/v3/projects?name=eu+de")
    world.body = {"projects": [{"id": "project-2"}, {"id": "project-3"}]}
    error = refusal(lambda: world.iam.project_named("eu-de", world.transport, NoAuth()))
    assert isinstance(error, ConfigurationError)
    assert error.message == (
        "OS_PROJECT_ID: not set, and IAM knows 2 projects named 'eu-de'; set it, or put a project_id into the secret"
    )
    world.body = {"projects": [{"id": ""}]}
    error = refusal(lambda: world.iam.project_named("eu-de", world.transport, NoAuth()))
    assert isinstance(error, Unavailable)
    assert error.message == f"{PROJECTS} {UNDOCUMENTED}"

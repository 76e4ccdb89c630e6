"""Answers of IAM: a login, what a token is for, a project by its name."""

from typing import Any

from tests.corpus.case import GONE, damaged
from tests.corpus.replies.case import TOKEN, Fails, Gives, ReplyCase, http

PROJECT = "0b1aa0f1f6a54bb5a5d7d4b36b1a6d0c"
DESCRIBED: dict[str, Any] = {
    "token": {
        "issued_at": "2026-02-03T06:00:12.000000Z",
        "expires_at": "2026-02-04T06:00:12.000000Z",
        "project": {"id": PROJECT, "name": "eu-de", "domain": {"id": "d", "name": "D"}},
        "methods": ["password"],
    }
}
PROJECTS: dict[str, Any] = {"projects": [{"id": PROJECT, "name": "eu-de", "enabled": True}], "links": {}}
ODD = Fails("Unavailable", "with what is not documented")
NO_TOKEN = Fails("Unavailable", "without a token in X-Subject-Token")
HERE = {"X-Subject-Token": TOKEN}
DAY = 86400
GOOD = Gives([DAY, PROJECT])


def login(status: int = 201, content: object = DESCRIBED, token: object = TOKEN) -> bytes:
    """IAM's answer to a login."""
    return http(status, content, {"X-Subject-Token": token})


def told(**changes: Any) -> bytes:
    """The same with other facts about the token."""
    return login(content=damaged(DESCRIBED, {f"token.{name}": value for name, value in changes.items()}))


def keystone(code: int, message: str, title: str) -> dict[str, Any]:
    """Keystone's body of an error."""
    return {"error": {"code": code, "message": message, "title": title}}


LOGINS: list[tuple[str, bytes, Fails | Gives]] = [
    ("as it should be", login(), GOOD),
    ("no token", login(token=GONE), NO_TOKEN),
    ("an empty token", login(token=""), NO_TOKEN),
    ("a token with a space", login(token="a b"), NO_TOKEN),
    ("a token in latin-1", login(token="caf\xe9-token"), NO_TOKEN),
    ("two tokens", login(token=f"{TOKEN}\r\nX-Subject-Token: second-token"), NO_TOKEN),
    ("no body", login(content=b""), ODD),
    ("HTML", login(content="<html></html>"), ODD),
    ("null", login(content=None), ODD),
    ("a list", login(content=[DESCRIBED]), ODD),
    ("no facts", login(content={}), ODD),
    ("facts null", login(content={"token": None}), ODD),
    ("facts text", login(content={"token": TOKEN}), ODD),
    ("expires_at missing", told(expires_at=GONE), ODD),
    ("expires_at null: never", told(expires_at=None), ODD),
    ("expires_at a word", told(expires_at="tomorrow"), ODD),
    ("expires_at without an offset", told(expires_at="2026-02-04T06:00:12"), ODD),
    ("expires_at the 30th of February", told(expires_at="2026-02-30T06:00:12Z"), ODD),
    ("expires_at before issued_at: it would be renewed at every call", told(expires_at="2026-02-03T06:00:11Z"), ODD),
    ("issued_at missing", told(issued_at=GONE), ODD),
    ("issued_at a list", told(issued_at=[]), ODD),
    ("project missing", told(project=GONE), Gives([DAY, None])),
    ("project null", told(project=None), Gives([DAY, None])),
    ("project text", told(project="eu-de"), ODD),
    ("project without an id", told(project={"name": "eu-de"}), ODD),
    ("project id null", told(project={"id": None}), ODD),
    ("project id a number", told(project={"id": 5}), ODD),
    ("project id empty", told(project={"id": ""}), ODD),
    ("200 instead of 201", login(200), Fails("Unavailable", "answered 200")),
    ("400", login(400, {"error_code": "IAM.0001", "error_msg": "x"}, GONE), Fails("ConfigurationError", "400 IAM.0001")),
    ("401 of Keystone", login(401, keystone(401, "The request you have made requires authentication.", "Unauthorized"), GONE),
     Fails("CredentialsRefused", "answered 401: Unauthorized")),
    ("401 of an account that is locked", login(401, keystone(401, "The account is locked.", "Unauthorized"), GONE),
     Fails("CredentialsRefused", "IAM.0061")),
    ("401 with HTML", login(401, "<html></html>", GONE), Fails("CredentialsRefused", "answered 401: no message")),
    ("401 with a list", login(401, [], GONE), Fails("CredentialsRefused", "answered 401")),
    ("403 of a disabled user", login(403, keystone(403, "x", "Forbidden"), GONE), Fails("CredentialsRefused", "answered 403: Forbidden")),
    ("404", login(404, "", GONE), Fails("ConfigurationError", "check OS_AUTH_URL")),
    ("409: it moves", login(409, {"error_code": "IAM.0005"}, GONE), Fails("Unavailable", "409 IAM.0005")),
    ("429", login(429, "", GONE), Fails("Unavailable", "answered 429")),
    ("500", login(500, keystone(500, "x", "Internal Server Error"), GONE), Fails("Unavailable", "answered 500")),
    ("503 with an error that is a text", login(503, {"error": "down"}, GONE), Fails("Unavailable", "answered 503")),
    ("a title that is an object", login(401, {"error": {"title": {"a": 1}}}, GONE), Fails("CredentialsRefused", "answered 401")),
    ("no answer", b"", Fails("Unavailable", "no answer")),
    ("100 000 open brackets", login(content=b"[" * 100_000), ODD),
    ("a key twice", login(content=b'{"token": null, "token": {}}'), ODD),
]  # fmt: skip

CASES: list[ReplyCase] = [
    *(ReplyCase(f"login: {name}", "login", answer, expected) for name, answer, expected in LOGINS),
    *(
        ReplyCase(f"project: {name}", "project", http(body=content), expected)
        for name, content, expected in (
            ("as it should be", DESCRIBED, Gives(PROJECT)),
            ("missing", damaged(DESCRIBED, {"token.project": GONE}), Gives(None)),
            ("id a list", damaged(DESCRIBED, {"token.project.id": []}), ODD),
            ("nothing", {}, ODD),
        )
    ),
    *(
        ReplyCase(f"project by name: {name}", "named", http(body=content), expected)
        for name, content, expected in (
            ("as it should be", PROJECTS, Gives(PROJECT)),
            ("none", {"projects": []}, Fails("ConfigurationError", "IAM knows 0 projects")),
            ("two", {"projects": PROJECTS["projects"] * 2}, Fails("ConfigurationError", "IAM knows 2 projects")),
            ("null", {"projects": None}, ODD),
            ("an object", {"projects": {}}, ODD),
            ("without an id", {"projects": [{"name": "eu-de"}]}, ODD),
            ("with an empty id", {"projects": [{"id": ""}]}, ODD),
            ("with a number as id", {"projects": [{"id": 5}]}, ODD),
            ("nothing", {}, ODD),
        )
    ),
]  # fmt: skip

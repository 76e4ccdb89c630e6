"""What a secret holds is told apart by its fields, and a mistake is named without its value."""

import json
import traceback

import pytest

from shared.core.errors import ConfigurationError
from shared.core.secret import Secret
from shared.credentials.content import AccessKey, Password, Token, parse_credentials


def parse(content: object) -> Token | Password | AccessKey:
    return parse_credentials(Secret(content if isinstance(content, str) else json.dumps(content)))


@pytest.mark.parametrize("text", ["MIIDtoken", " MIIDtoken\n", '"MIIDtoken"', '{"token":"MIIDtoken"}'])
def test_a_token_is_bare_or_in_json(text: str):
    """A JSON string, or an object. The line end of a file is no part of it."""
    assert parse(text) == Token(Secret("MIIDtoken"))


def test_a_token_may_tell_its_end_and_project():
    """`expires_at` is a moment with a zone."""
    token = parse({"token": "t", "expires_at": "1970-01-01T01:00:00+01:00", "project_id": "p"})
    assert token == Token(Secret("t"), 0.0, "p")


def test_a_password_becomes_the_request_to_iam():
    """As in IAM's reference: the project by its id, or by its name with its domain."""
    fields = {"username": "USER", "password": "SECRET", "domain_name": "DOMAIN"}
    user = {"name": "USER", "password": "SECRET", "domain": {"name": "DOMAIN"}}
    by_id, by_name = parse({**fields, "project_id": "PROJECT"}), parse({**fields, "project_name": "eu-de_NAME"})
    assert isinstance(by_id, Password)
    assert isinstance(by_name, Password)
    assert by_id.request() == {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": "PROJECT"}},
        }
    }
    assert by_name.request()["auth"]["scope"] == {"project": {"name": "eu-de_NAME", "domain": {"name": "DOMAIN"}}}


def test_an_access_key_is_permanent_or_temporary():
    """A temporary one comes with its security token. The project may be named."""
    assert parse({"access_key": "AK", "secret_key": "SK"}) == AccessKey("AK", Secret("SK"))
    temporary = parse({"access_key": "AK", "secret_key": "SK", "security_token": "ST", "project_name": "eu-de_NAME"})
    assert temporary == AccessKey("AK", Secret("SK"), Secret("ST"), None, "eu-de_NAME")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"password": "hunter2-hunter2"', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "content"),
        ({"token": "hunter2 hunter2"}, "token"),
        ({"token": 5}, "token"),
        ({"token": ""}, "token"),
        ({"token": "t", "expires_at": "2024-01-01T00:00:00"}, "expires_at"),
        ({"username": "u", "password": "hunter2-hunter2", "domain_name": "d"}, "project_name"),
        ({"password": "hunter2-hunter2"}, "found password"),
        ({"access_key": "AK hunter2-hunter2", "secret_key": "SK"}, "access_key"),
        ({"access_key": "AK"}, "found access_key"),
        ({"security_token": "hunter2\nhunter2"}, "security_token"),
        ({}, "none of them"),
        ("hunter2-hunter2\nX-Injected: 1", "token"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(content: object, named: str):
    """The error says which field, and repeats no value."""
    with pytest.raises(ConfigurationError) as raised:
        parse(content)
    assert raised.value.message.startswith("SECRET_URI: ")
    assert named in raised.value.message
    assert "hunter2" not in raised.value.message
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))

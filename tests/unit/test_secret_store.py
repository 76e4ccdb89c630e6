"""SECRET_URI: the schemes that ask nobody, and how an answer of those that do is kept."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores import SCHEMES, open_store
from shared.credentials.stores.process import Process, Store
from shared.credentials.stores.remote import Cached
from shared.transport.send import Transport
from shared.transport.tls import new_client


@pytest.fixture
def transport() -> Iterator[Transport]:
    with new_client(None) as client:
        yield Transport(client, 2.0, 1, Deadline.after(20), lambda call: None)


def store(uri: str, platform_token: Callable[[], str] | None = None, **variables: str) -> Store:
    return open_store(uri, Process(variables.get, new_client, platform_token))


def test_these_are_the_schemes():
    """Those of the contract, no more and no fewer."""
    assert set(SCHEMES) == {"env", "file", "aws-secretsmanager", "vault", "gcp-secretmanager", "functiongraph"}


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("hunter2:hunter2-hunter2", "unknown scheme 'hunter2'"),
        ("env:", "names nothing"),
        ("file:relative/path", "relative"),
        ("vault:kv", "names no path"),
        ("vault:/apig", "names no path"),
        ("vault:kv/../../sys/seal-status", "names no path"),
        ("vault:kv/apig", "VAULT_ADDR: not set"),
        ("gcp-secretmanager:apig", "projects/P/secrets/S/versions/V"),
        ("gcp-secretmanager:projects/p/secrets/s/versions/../../x", "projects/P/secrets/S/versions/V"),
        ("functiongraph:", "FunctionGraph"),
    ],
)
def test_what_can_never_work_is_refused_at_once(uri: str, named: str):
    """Before anything is asked, and without repeating what may be a secret."""
    with pytest.raises(ConfigurationError) as raised:
        store(uri)
    assert named in raised.value.message
    assert "hunter2-hunter2" not in raised.value.message


@pytest.mark.parametrize(
    "address", ["http://vault.example.com:8200", "vault:8200", "https://user:pass@vault.example.com"]
)
def test_vault_is_asked_over_tls(address: str):
    """Vault's token goes over https only, this machine excepted."""
    with pytest.raises(ConfigurationError, match="VAULT_ADDR: not allowed; expected an https URL"):
        store("vault:kv/apig", VAULT_ADDR=address)


def test_env_gives_the_variable(transport: Transport):
    """As it stands. An unset or blank variable is an error that names it."""
    assert store("env:NAME", NAME="text")(transport) == Secret("text")
    for variables in ({}, {"NAME": ""}, {"NAME": " \n"}):
        with pytest.raises(ConfigurationError, match=r"^SECRET_URI: env:NAME is not set, or empty$"):
            store("env:NAME", **variables)(transport)


def test_a_changed_file_is_read_again(tmp_path: Path, transport: Transport):
    """Each call reads what is in the file then."""
    path = tmp_path / "secret"
    path.write_text("first")
    read = store(f"file:{path}")
    assert read(transport) == Secret("first")
    path.write_text("second")
    assert read(transport) == Secret("second")


def test_a_file_behind_a_swapped_symlink_is_read_again(tmp_path: Path, transport: Transport):
    """Kubernetes swaps `..data`, a link to a folder: the path of the file stays, and its content is new."""
    for name in ("..2024", "..2025"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "credentials").write_text(name)
    (tmp_path / "..data").symlink_to("..2024")
    (tmp_path / "credentials").symlink_to("..data/credentials")
    read = store(f"file:{tmp_path}/credentials")
    assert read(transport) == Secret("..2024")
    (tmp_path / "..data_tmp").symlink_to("..2025")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert read(transport) == Secret("..2025")


def test_a_file_that_cannot_be_read_is_told_with_its_path(tmp_path: Path, transport: Transport):
    """And with the reason."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_text(" \n")
    reasons = {
        "missing": "No such file or directory",
        "": "Is a directory",
        "binary": "not UTF-8 text",
        "empty": "is empty",
    }
    for name, reason in reasons.items():
        with pytest.raises(ConfigurationError, match=reason) as raised:
            store(f"file:{tmp_path}/{name}")(transport)
        assert raised.value.message.startswith(f"SECRET_URI: file:{tmp_path}/{name}")


def test_functiongraph_asks_the_platform_at_every_call(transport: Transport):
    """The project is that of the function."""
    tokens = iter(["first", "second"])
    read = store("functiongraph:", lambda: next(tokens), RUNTIME_PROJECT_ID="a-project")
    assert read(transport) == Secret('{"token": "first", "project_id": "a-project"}')
    assert read(transport) == Secret('{"token": "second", "project_id": "a-project"}')


def test_functiongraph_without_agency_is_refused(transport: Transport):
    """An empty token is what a function without agency gets."""
    with pytest.raises(ConfigurationError, match="give the function an agency"):
        store("functiongraph:", lambda: "")(transport)


class Asked:
    """A store that is asked over the network: it gives `answers` in turn, an error included, and counts."""

    def __init__(self, *answers: str | Exception, seconds: float = 300.0) -> None:
        self.now = 1000.0
        self.times = 0
        self._answers = answers
        self._seconds = seconds

    def __call__(self, transport: Transport) -> tuple[Secret, float]:  # noqa: ARG002 - a store's signature
        answer = self._answers[min(self.times, len(self._answers) - 1)]
        self.times += 1
        if isinstance(answer, Exception):
            raise answer
        return Secret(answer), self._seconds


def test_an_answer_is_kept_as_long_as_the_store_says(transport: Transport):
    """The store is not asked again before then."""
    asked = Asked("first", "second", seconds=60.0)
    read = Cached(asked, lambda: asked.now)
    assert [read(transport) == Secret("first") for _ in range(3)] == [True] * 3
    asked.now += 59.9
    assert read(transport) == Secret("first")
    assert asked.times == 1
    asked.now += 0.1
    assert read(transport) == Secret("second")


def test_a_refused_answer_is_asked_for_again(transport: Transport):
    """`fresh` asks whatever the time is."""
    asked = Asked("first", "second")
    read = Cached(asked, lambda: asked.now)
    assert read(transport) == Secret("first")
    assert read(transport, fresh=True) == Secret("second")
    assert read(transport) == Secret("second")
    assert asked.times == 2


def test_while_the_store_is_down_the_last_answer_serves(transport: Transport):
    """It has not been refused. The store is asked again after half a minute."""
    asked = Asked("first", Unavailable("down"), "second")
    read = Cached(asked, lambda: asked.now)
    assert read(transport) == Secret("first")
    asked.now += 301
    assert read(transport) == Secret("first")
    asked.now += 29
    assert read(transport) == Secret("first")
    assert asked.times == 2
    asked.now += 1
    assert read(transport) == Secret("second")


def test_a_refused_answer_does_not_serve(transport: Transport):
    """When the store is down and its last answer was refused, there is nothing to give."""
    asked = Asked("first", Unavailable("down"))
    read = Cached(asked, lambda: asked.now)
    read(transport)
    with pytest.raises(Unavailable, match="down"):
        read(transport, fresh=True)


def test_what_is_forbidden_does_not_serve(transport: Transport):
    """A store that forbids it decides: its last answer is not used any more."""
    asked = Asked("first", ConfigurationError("denied"))
    read = Cached(asked, lambda: asked.now)
    read(transport)
    asked.now += 301
    with pytest.raises(ConfigurationError, match="denied"):
        read(transport)

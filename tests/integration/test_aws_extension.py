"""`aws-secretsmanager:` against a stand-in for AWS' extension: what it is asked, and what its refusals mean."""

import json
from collections.abc import Callable, Iterator

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores import aws_secretsmanager
from shared.credentials.stores.process import Process
from shared.transport.connection import Connections
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.leaks import WATCH
from tests.support.listener import Answer, Heard, Listener, listening

SESSION, HELD = "IQoJb3JpZ2luX2VjEKx7Lr4TnB", "Uy6Wk3Bv9Qe2Ta8Jf5"
URI = "SECRET_URI: aws-secretsmanager:team/apig key"
ANSWERED = f"{URI}: GET /secretsmanager/get answered"
CHECK = (
    "check that the function has the layer AWS-Parameters-and-Secrets-Lambda-Extension, and"
    " PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
)
ROLE = "check the secret's id and region, and that the function's role has secretsmanager:GetSecretValue"


class Extension:
    """Answers what a test says."""

    answer: Answer = (200, json.dumps({"Name": "apig", "SecretString": HELD}))

    def __call__(self, _: Heard) -> Answer:
        return self.answer


@pytest.fixture
def extension() -> Extension:
    WATCH.add([SESSION, HELD])
    return Extension()


@pytest.fixture
def listener(extension: Extension) -> Iterator[Listener]:
    with listening(extension) as listener:
        yield listener


@pytest.fixture
def read(listener: Listener) -> Iterator[Callable[..., Secret]]:
    """Reads the secret with these environment variables besides."""
    asked_for: list[str | None] = []
    with new_client(None) as client:

        def client_of(ca_file: str | None) -> Connections:
            asked_for.append(ca_file)
            return client

        def read(**variables: str) -> Secret:
            known = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(listener.port), "AWS_SESSION_TOKEN": SESSION}
            process = Process((known | variables).get, client_of)
            store = aws_secretsmanager.open_store("team/apig key", process)
            secret = store(Transport(client, 5.0, 1, Deadline.after(20), lambda call: None))
            assert asked_for == [None]
            return secret

        yield read


def refusal(read: Callable[..., Secret], **variables: str) -> DetachError:
    with pytest.raises(DetachError) as raised:
        read(**variables)
    return raised.value


def test_the_extension_is_asked_as_its_page_says(read: Callable[..., Secret], listener: Listener):
    """GET /secretsmanager/get?secretId=…, with the function's session token."""
    assert read() == Secret(HELD)
    [heard] = listener.heard
    assert (heard.method, heard.target) == ("GET", "/secretsmanager/get?secretId=team%2Fapig+key")
    assert heard.headers["x-aws-parameters-secrets-token"] == SESSION
    assert heard.headers["host"] == f"localhost:{listener.port}"


@pytest.mark.parametrize("port", ["x", "²", "80/x"])
def test_a_port_that_is_none_is_told(read: Callable[..., Secret], port: str):
    """Nothing is asked."""
    message = refusal(read, PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=port).message
    assert message == f"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: {port!r} is no port"


def test_elsewhere_the_scheme_is_of_no_use(read: Callable[..., Secret], listener: Listener):
    """Only AWS Lambda gives a session token."""
    message = refusal(read, AWS_SESSION_TOKEN="").message
    assert message == f"{URI}: AWS_SESSION_TOKEN is not set; the scheme is for AWS Lambda"
    assert listener.heard == []


def test_without_the_layer_nobody_answers(read: Callable[..., Secret]):
    """The port that it has by default is asked, and what to check is told."""
    error = refusal(read, PARAMETERS_SECRETS_EXTENSION_HTTP_PORT="")
    assert isinstance(error, Unavailable)
    assert error.message.startswith(f"{URI}: GET /secretsmanager/get: no answer from localhost:2773 (ConnectError")
    assert error.message.endswith(f"; {CHECK}")


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (400, "not ready to serve traffic, please wait", Unavailable, ": the extension is not ready yet"),
        (400, "Not Ready To Serve Traffic", Unavailable, ": the extension is not ready yet"),
        (500, "", Unavailable, "; check that the function reaches Secrets Manager"),
        (503, "AccessDenied", Unavailable, "; check that the function reaches Secrets Manager"),
        (429, "", Unavailable, "; check that the function reaches Secrets Manager"),
        (400, "ThrottlingException: slow down", Unavailable, "; check that the function reaches Secrets Manager"),
        (400, "ResourceNotFoundException: none", ConfigurationError,
         ": there is no such secret; check its id, and that it is in the function's region and account"),
        (400, "an AccessDeniedException", ConfigurationError,
         ": access denied; give the function's role secretsmanager:GetSecretValue, and kms:Decrypt"),
        (400, "DecryptionFailure", ConfigurationError,
         ": it cannot be decrypted; give the function's role kms:Decrypt for the secret's key"),
        (499, "", ConfigurationError, f"; {ROLE}"),
        (401, "Uy6Wk3Bv9Qe2Ta8Jf5", ConfigurationError, f"; {ROLE}"),
        (400, "x" * 2000 + "accessdenied", ConfigurationError, f"; {ROLE}"),
        (400, b"\xff accessdenied", ConfigurationError,
         ": access denied; give the function's role secretsmanager:GetSecretValue, and kms:Decrypt"),
    ],
)  # fmt: skip
def test_each_refusal_says_what_to_check(
    read: Callable[..., Secret],
    extension: Extension,
    status: int,
    body: bytes | str,
    error: type[DetachError],
    said: str,
):
    """The extension's plain text is only looked at, never repeated."""
    extension.answer = status, body
    raised = refusal(read)
    assert type(raised) is error
    assert (raised.message, raised.status) == (f"{ANSWERED} {status}{said}", status)


@pytest.mark.parametrize("fields", [{"SecretBinary": "AAAA"}, {"SecretString": ""}, {"SecretString": {"token": "t"}}])
def test_a_secret_without_text_is_told(read: Callable[..., Secret], extension: Extension, fields: object):
    """A binary one cannot be meant."""
    extension.answer = 200, json.dumps(fields)
    assert refusal(read).message == (f"{URI}: the answer holds no SecretString; check that the address is right for it")


def test_what_is_no_json_is_told(read: Callable[..., Secret], extension: Extension):
    """Something else listens at that port."""
    extension.answer = 200, "<html>"
    assert refusal(read).message == f"{ANSWERED} 200 without a JSON object; {CHECK}"

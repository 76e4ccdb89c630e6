"""A stand-in for the AWS Parameters and Secrets Lambda Extension: its HTTP endpoint, with a Secrets Manager behind it.

As the layer does, `python extension.py` serves on PARAMETERS_SECRETS_EXTENSION_HTTP_PORT, takes only requests that have
AWS_SESSION_TOKEN, and keeps an answer for SECRETS_MANAGER_TTL seconds. It asks AWS_ENDPOINT_URL_SECRETS_MANAGER. It
needs only the standard library, so it runs from /opt/extensions: there it registers with AWS_LAMBDA_RUNTIME_API and
waits for the first event. For EXTENSION_NOT_READY_SECONDS after that it is not ready.

"Using AWS Secrets Manager secrets in AWS Lambda functions" documents it. The texts of its refusals are not documented.
"""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAME = "parameters-and-secrets"  # the file's name in /opt/extensions, by which Lambda knows it
NOT_READY = "not ready to serve traffic, please wait"


class Extension:
    """Gives the answers, and keeps them. `manager` is the URL of Secrets Manager, `ttl` is in seconds."""

    def __init__(self, manager: str, session_token: str, ttl: float) -> None:
        self._manager = manager
        self._session_token = session_token
        self._ttl = ttl
        self._kept: dict[str, tuple[float, bytes]] = {}
        self.ready = threading.Event()

    def answer(self, target: str, token: str | None) -> tuple[int, bytes]:
        """Status and body of `GET target`."""
        url = urlsplit(target)
        if token != self._session_token:
            return HTTPStatus.FORBIDDEN, b"unauthorized"
        if not self.ready.is_set():
            return HTTPStatus.BAD_REQUEST, NOT_READY.encode()
        secret_id = parse_qs(url.query).get("secretId", [""])[0]
        if url.path != "/secretsmanager/get" or not secret_id:
            return HTTPStatus.BAD_REQUEST, b"missing secretId"
        until, content = self._kept.get(secret_id, (0.0, b""))
        if time.monotonic() < until:
            return HTTPStatus.OK, content
        status, content = self._ask(secret_id)
        if status == HTTPStatus.OK:
            self._kept[secret_id] = time.monotonic() + self._ttl, content
        return status, content

    def _ask(self, secret_id: str) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "secretsmanager.GetSecretValue",
            # A local Secrets Manager does not care who has signed, but it reads the region from this header.
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/secretsmanager/aws4_request",
        }
        body = json.dumps({"SecretId": secret_id}).encode()
        try:
            request = urllib.request.Request(self._manager, body, headers)  # noqa: S310 - the test's own URL
            with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
                return HTTPStatus.OK, reply.read()
        except urllib.error.HTTPError as exc:
            kind = json.loads(exc.read()).get("__type", "")
            return HTTPStatus.BAD_REQUEST, f"operation error Secrets Manager: GetSecretValue, {kind}".encode()
        except OSError:
            return HTTPStatus.INTERNAL_SERVER_ERROR, b"an unexpected error occurred while executing request"


def serve(extension: Extension, port: int) -> ThreadingHTTPServer:
    """Listen on 127.0.0.1; `serve_forever` and `shutdown` are the caller's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = extension.answer(self.path, self.headers.get("X-Aws-Parameters-Secrets-Token"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def follow(api: str, extension: Extension, seconds: float) -> None:
    """Do what Lambda's extensions do: register, then wait for each event. Ready `seconds` after the first one."""
    register = urllib.request.Request(
        f"http://{api}/2020-01-01/extension/register",
        json.dumps({"events": ["INVOKE", "SHUTDOWN"]}).encode(),
        {"Lambda-Extension-Name": NAME, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(register, timeout=10) as reply:  # noqa: S310
        identifier = reply.headers["Lambda-Extension-Identifier"]
    following = urllib.request.Request(
        f"http://{api}/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": identifier}
    )
    while True:
        with urllib.request.urlopen(following) as reply:  # noqa: S310 - waits for as long as no event comes
            if json.loads(reply.read())["eventType"] == "SHUTDOWN":
                return
        threading.Timer(seconds, extension.ready.set).start()


def main() -> None:
    """Serve until ended, by Lambda or by a signal."""
    extension = Extension(
        os.environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
        os.environ["AWS_SESSION_TOKEN"],
        float(os.environ.get("SECRETS_MANAGER_TTL", "300")),
    )
    server = serve(extension, int(os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seconds = float(os.environ.get("EXTENSION_NOT_READY_SECONDS", "0"))
    if api := os.environ.get("AWS_LAMBDA_RUNTIME_API"):
        follow(api, extension, seconds)
    else:
        threading.Timer(seconds, extension.ready.set).start()
        threading.Event().wait()


if __name__ == "__main__":
    main()

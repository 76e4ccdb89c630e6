"""Single calls of a transport, without the API client around it."""

from dataclasses import replace

from sandbox import Sandbox
from shared.core.error_codes import Answer, error_for
from shared.core.errors import DetachError
from shared.transport.send import Auth, Reply, Request, Transport


def refusal(reply: Reply) -> DetachError:
    """What an answer of the gateway stands for."""
    fields = reply.fields()
    code, message = (str(fields.get(name) or "") for name in ("error_code", "error_msg"))
    return error_for("GET x", Answer(reply.status, code or None, message))


def get(url: str) -> Request:
    """A read that expects 200."""
    return Request("apig", "GET", url, "GET x", (200,), refusal)


def post(url: str, content: dict[str, object] | None = None, *, fresh_until: float | None = None) -> Request:
    """A write that expects 204, and is sent once."""
    return Request(
        "apig", "POST", url, "POST x", (204,), refusal, content=content or {}, repeat=False, fresh_until=fresh_until
    )


def status_of(sandbox: Sandbox, transport: Transport, auth: Auth) -> int:
    """List the gateways; the status of the answer, also of one that is an error."""
    url = f"{sandbox.endpoint}/v2/{sandbox.project_id}/apigw/instances?limit=500&offset=0"
    try:
        return replace(transport, attempts=1).send(get(url), auth).status
    except DetachError as exc:
        if exc.status is None or exc.name == "CredentialsRefused":
            raise
        return exc.status

"""What the applications of IAM, API Gateway and the control routes have in common."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.refusals import Refusal

Endpoint = Callable[[Request], Awaitable[Response]]


def service(
    routes: Sequence[Route],
    *,
    error_body: Callable[[Refusal], dict[str, Any]],
    unknown_route: Callable[[HTTPException], Refusal],
) -> Starlette:
    """An application that answers each Refusal, and each request without a route, with the service's error body."""

    async def refuse(_: Request, exc: Exception) -> Response:
        refusal = unknown_route(exc) if isinstance(exc, HTTPException) else exc
        if not isinstance(refusal, Refusal):  # cannot be: Starlette's type for a handler is wider than what it passes
            raise refusal
        return JSONResponse(error_body(refusal), refusal.status)

    return Starlette(routes=routes, exception_handlers={Refusal: refuse, HTTPException: refuse})

"""/_sandbox/…: routes for other processes to read and change the state. Not part of the vendor's API; loopback only.

GET  bindings    [{"certificate_id", "domain", "instance_id"}], sorted
GET  fleet       the fleet as a seed
GET  journal     the requests received; tokens, signatures and IAM bodies are redacted
GET  behaviour   the switches
POST behaviour   {"name": value, …} sets switches
POST faults      a Fault as JSON, or a list of them
POST reset       the state as at the start; {"fleet": seed} puts another fleet in
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud import Cloud
from sandbox.faults import Fault
from sandbox.fleet import Fleet
from sandbox.journal import Received
from sandbox.routing import Endpoint

# Redacted, so that nobody leaks a secret by printing the journal.
_SECRET_HEADERS = {"x-auth-token", "x-subject-token", "x-security-token", "authorization"}


class Control:
    """The control routes of one cloud; `reset` is the method of the sandbox."""

    def __init__(self, cloud: Cloud, reset: Callable[[Fleet | None], None]) -> None:
        self._cloud = cloud
        self._reset = reset
        self.app = Starlette(
            routes=[
                _route("GET", "bindings", self.bindings),
                _route("GET", "fleet", self.fleet),
                _route("GET", "journal", self.journal),
                _route("GET", "behaviour", self.behaviour),
                _route("POST", "behaviour", self.set_behaviour),
                _route("POST", "faults", self.add_faults),
                _route("POST", "reset", self.reset),
            ]
        )

    async def bindings(self, _: Request) -> Response:
        """All bindings."""
        names = ("certificate_id", "domain", "instance_id")
        rows = sorted(self._cloud.fleet.bindings())
        return JSONResponse([dict(zip(names, row, strict=True)) for row in rows])

    async def fleet(self, _: Request) -> Response:
        """The fleet as a seed."""
        return JSONResponse(self._cloud.fleet.to_json())

    async def journal(self, _: Request) -> Response:
        """The requests received, with secrets redacted."""
        return JSONResponse([_redacted(each) for each in self._cloud.journal])

    async def behaviour(self, _: Request) -> Response:
        """The current switches."""
        return JSONResponse(dataclasses.asdict(self._cloud.behaviour))

    async def set_behaviour(self, request: Request) -> Response:
        """Set some switches."""
        changes = await request.json()
        known = {each.name for each in dataclasses.fields(self._cloud.behaviour)}
        if unknown := set(changes) - known:
            return JSONResponse({"error": f"unknown switches {sorted(unknown)}; known: {sorted(known)}"}, 400)
        for name, value in changes.items():
            setattr(self._cloud.behaviour, name, value)
        return await self.behaviour(request)

    async def add_faults(self, request: Request) -> Response:
        """Add one fault or a list of faults."""
        data = await request.json()
        try:
            faults = [Fault(**each) for each in (data if isinstance(data, list) else [data])]
        except TypeError as exc:
            return JSONResponse({"error": str(exc)}, 400)
        self._cloud.faults.add(*faults)
        return Response(status_code=204)

    async def reset(self, request: Request) -> Response:
        """Reset the sandbox."""
        seed = (await request.json()).get("fleet") if await request.body() else None
        try:
            fleet = None if seed is None else Fleet.from_json(seed)
        except ValueError as exc:
            return JSONResponse({"error": str(exc)}, 400)
        self._reset(fleet)
        return Response(status_code=204)


def _route(method: str, name: str, endpoint: Endpoint) -> Route:
    async def from_here(request: Request) -> Response:
        if request.client is None or request.client.host not in {"127.0.0.1", "::1"}:
            return JSONResponse({"error": "only for calls from this machine (loopback)"}, 403)
        return await endpoint(request)

    return Route(f"/_sandbox/{name}", from_here, methods=[method])


def _redacted(received: Received) -> dict[str, Any]:
    return {
        "service": received.service,
        "method": received.method,
        "path": received.path,
        "query": received.query,
        "headers": {name: "***" if name in _SECRET_HEADERS else value for name, value in received.headers.items()},
        "body": None if received.service == "iam" else received.body,
        "status": received.status,
        "error_code": received.error_code,
        "at": received.at,
    }

"""Door: FunctionGraph. TIMER, SMN and CTS triggers, or an invocation with any envelope or the bare data of a kind.

`handler` takes an event of every kind, a function named after a kind that kind only. Each returns the outcome, and
raises on failure: only raising marks an invocation as failed. The error's text tells what was done all the same. The
settings are the function's user data.
"""

import json
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

# The Python 3.12 image brings old releases of what is packed beside this file (typing-extensions 4.12, idna 2.10), and
# no page says which folder comes first on the path. Ours has to.
sys.path.insert(0, str(Path(__file__).parent))

from handlers import handle, refuse
from shared.core.answer import error_text
from shared.core.delivery import Deadline, Delivery
from shared.core.errors import ConfigurationError, DetachError
from shared.core.event_data import Kind
from shared.core.secret import redact_json
from shared.telemetry import logger
from shared.wiring import Runtime

MARGIN = 1.0  # seconds of the function's timeout, kept back for the answer


class Context(Protocol):
    """What is used of the platform's context ("Using the FunctionGraph context"), which is new at every call."""

    def getUserData(self, key: str) -> Any: ...  # noqa: D102, N802
    def getProjectID(self) -> str: ...  # noqa: D102, N802
    def getToken(self) -> str: ...  # noqa: D102, N802
    def getRemainingTimeInMilliSeconds(self) -> int: ...  # noqa: D102, N802


class _Platform:
    """Gives the newest call's context to what lives longer than one call."""

    context: Context

    def get(self, name: str) -> str | None:
        if name == "RUNTIME_PROJECT_ID":
            return self.context.getProjectID()
        value = self.context.getUserData(name)
        return None if value is None else str(value)

    def names(self) -> Iterable[str]:
        """The names of the plain user data; the context gives a value by its name only."""
        try:
            return list(json.loads(os.environ["RUNTIME_USERDATA"]))
        except (KeyError, TypeError, ValueError):
            return ()

    def token(self) -> str:
        return self.context.getToken()

    def enter(self, context: Context) -> None:
        self.context = context
        # Each context may add its own handler to the root logger: every line would then be written twice.
        logging.getLogger(logger().service).propagate = False
        # User data are not environment variables, so the logger has not seen its level.
        if level := self.get("LOG_LEVEL"):
            try:
                logger().setLevel(level.strip().upper())
            except ValueError:
                raise ConfigurationError(f"LOG_LEVEL: {level!r} is not allowed; expected such as INFO") from None


_platform = _Platform()
_runtime = Runtime(_platform.get, _platform.names, _platform.token)  # reads nothing before the first event


def initializer(context: Context) -> None:
    """Read the settings before the first event; a wrong one fails here, and the platform reports it."""
    _platform.enter(context)
    _runtime.check()


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Function of every kind; the event has to say which it is. A timer's is a scheduled clean-up."""
    return _answer(event, context, None)


def certificate_expiry(event: Any, context: Context) -> dict[str, Any]:
    """Function of the kind `certificate_expiry`."""
    return _answer(event, context, "certificate_expiry")


def domain_decommission(event: Any, context: Context) -> dict[str, Any]:
    """Function of the kind `domain_decommission`."""
    return _answer(event, context, "domain_decommission")


def scheduled_cleanup(event: Any, context: Context) -> dict[str, Any]:
    """Function of the kind `scheduled_cleanup`."""
    return _answer(event, context, "scheduled_cleanup")


def undo(event: Any, context: Context) -> dict[str, Any]:
    """Function of the kind `undo`."""
    return _answer(event, context, "undo")


def _answer(event: Any, context: Context, kind: Kind | None) -> dict[str, Any]:
    deadline = Deadline.after(context.getRemainingTimeInMilliSeconds() / 1000 - MARGIN)
    try:
        _platform.enter(context)
    except ConfigurationError as exc:
        refuse(exc, kind)
        raise
    try:
        # Nobody says who has sent it: the platform's context knows the function alone.
        return redact_json(handle(Delivery(event, deadline, kind), _runtime).to_dict())
    except DetachError as exc:
        exc.args = (error_text(exc),)  # the platform shows an error's name and text
        raise

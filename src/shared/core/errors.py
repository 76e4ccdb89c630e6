"""The errors, named by what the operator does next.

DetachError
 ├─ InvalidEvent          correct what sends the event: it has an unknown type or a bad field
 ├─ ConfigurationError    correct a setting or the secret
 ├─ CredentialsRefused    correct the secret: the event comes again until then (retryable, but nothing is hammered)
 ├─ AccessDenied          grant a permission
 ├─ NotFound              check the project: the certificate or gateway does not exist in it
 ├─ BlastRadiusExceeded   check the plan; raise DETACH_MAX_BINDINGS or DETACH_MAX_CLEANUP_BINDINGS if it is right
 ├─ Rejected              read the API's answer: it refused the request
 └─ Unavailable           nothing: the same event succeeds later (retryable)
"""

from collections.abc import Iterable
from typing import Any, ClassVar, TypedDict, Unpack

from shared.core.secret import redact


class Facts(TypedDict, total=False):
    """What an answer tells beside its message; see DetachError."""

    error_code: str | None
    status: int | None
    ambiguous: bool
    retry_after: float
    throttled: bool
    out_of_time: bool
    too_large: bool
    renewed: bool
    unrenewed: bool
    stale: bool


class DetachError(Exception):
    """Any failure of this package.

    `error_code` is the API's own (`APIG.3021`), `status` its HTTP status; both are None when no answer came.
    `ambiguous` is True when a write may be done all the same (a lost reply, a 5xx, "no such binding"): only reading
    the bindings again tells. `retry_after` is in seconds. `throttled`: there were too many requests, and everybody who
    sends should slow down. `out_of_time`: it would have been tried again if there had been time. `too_large`: the
    answer was larger than any that is read, and asking for less may help. Two tell of a write that was not carried
    out, and that may be repeated at once, after what it rests on has been read again: `renewed`, because its
    credentials were refused and new ones are there; `stale`, because it was not sent before its `fresh_until`.
    `unrenewed`: the answer refused the credentials, and this is why there are no new ones.

    The message is redacted here, so that whatever becomes of the error shows no secret.
    """

    retryable: ClassVar[bool] = False
    """Whether the platform shall deliver the event again."""
    repeatable: ClassVar[bool] = False
    """Whether this process may send the same request again by itself."""

    def __init__(self, message: str, **facts: Unpack[Facts]) -> None:
        self.message = redact(message)
        super().__init__(self.message)
        self.error_code = facts.get("error_code")
        self.status = facts.get("status")
        self.ambiguous = facts.get("ambiguous", False)
        self.retry_after = facts.get("retry_after", 0.0)
        self.throttled = facts.get("throttled", False)
        self.out_of_time = facts.get("out_of_time", False)
        self.too_large = facts.get("too_large", False)
        self.renewed = facts.get("renewed", False)
        self.unrenewed = facts.get("unrenewed", False)
        self.stale = facts.get("stale", False)
        self.outcome: dict[str, Any] | None = None  # of the event that failed with it, once there is one

    @property
    def name(self) -> str:
        """The error's public name, as in logs and in problem+json."""
        return type(self).__name__

    def to_dict(self) -> dict[str, str | None]:
        """The JSON of what failed: `error`, `error_code`, `message`."""
        return {"error": self.name, "error_code": self.error_code, "message": self.message}


def first_error(errors: Iterable[DetachError | None]) -> DetachError | None:
    """The first retryable one, or else the first: a retry then finishes what it can."""
    known = [error for error in errors if error is not None]
    return next((error for error in known if error.retryable), known[0] if known else None)


class InvalidEvent(DetachError):
    """The event cannot be acted on; `field` is where, in the sender's own words (`domains[0].domain`).

    `event_id` is the event's, where the envelope was good enough to tell it.
    """

    def __init__(self, field: str, expected: str, event_id: str = "") -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.event_id = event_id


class ConfigurationError(DetachError):
    """A setting is missing or wrong, or the secret cannot be read."""


class CredentialsRefused(DetachError):
    """A login, token or key was refused, even after one renewal.

    The event waits for the secret to be corrected. Nothing is sent again by this process: accounts lock.
    """

    retryable: ClassVar[bool] = True


class AccessDenied(DetachError):
    """The credentials are good, and have no permission for this."""


class NotFound(DetachError):
    """The certificate or the gateway does not exist, or is in another project."""


class BlastRadiusExceeded(DetachError):
    """The event would change more bindings than the settings allow; nothing was changed."""


class Rejected(DetachError):
    """The API refused the request, and sending it again would not help."""


class Unavailable(DetachError):
    """The API could not answer now; nothing is wrong with the event, which succeeds later."""

    retryable: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True


class CallerRefused(Exception):
    """Who called the HTTP door has not shown that they may. No event was read, so this is no DetachError.

    Its text never holds what was shown.
    """

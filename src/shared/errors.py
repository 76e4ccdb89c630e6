"""The errors, named by what the operator does next.

DetachError
 ├─ InvalidEvent          mend the sender: the event names an unknown type or has a bad field
 ├─ ConfigurationError    mend a setting or the secret
 ├─ AccessDenied          grant a permission, or mend the credentials
 ├─ NotFound              look at the project: the certificate or gateway does not exist in it
 ├─ BlastRadiusExceeded   look at the plan; raise DETACH_MAX_DOMAINS if it is right
 ├─ Rejected              read the API's answer: it refused the request
 └─ Unavailable           nothing: the same event succeeds later (the only one that is retryable)
"""

from typing import ClassVar


class DetachError(Exception):
    """Any failure of this package.

    `error_code` is the API's own (`APIG.3021`), `status` its HTTP status; both are None when no answer came.
    `ambiguous` is True when a detach may be done all the same (a lost reply, a 5xx, "no such binding"): only reading
    the bindings again tells. `retry_after` is in seconds. `throttled` tells that these were too many requests, so that
    all who send had better slow down; `out_of_time` that it would have been tried again, had there been time.
    """

    retryable: ClassVar[bool] = False

    def __init__(  # noqa: PLR0913 - all that an answer tells
        self,
        message: str,
        *,
        error_code: str | None = None,
        status: int | None = None,
        ambiguous: bool = False,
        retry_after: float = 0.0,
        throttled: bool = False,
        out_of_time: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        self.status = status
        self.ambiguous = ambiguous
        self.retry_after = retry_after
        self.throttled = throttled
        self.out_of_time = out_of_time

    @property
    def name(self) -> str:
        """The error's public name, as in logs and in problem+json."""
        return type(self).__name__


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


class AccessDenied(DetachError):
    """Refused: no permission, or the credentials are not accepted even after one renewal."""


class NotFound(DetachError):
    """The certificate or the gateway does not exist, or is in another project."""


class BlastRadiusExceeded(DetachError):
    """The event would detach more domains than DETACH_MAX_DOMAINS allows; nothing was detached."""


class Rejected(DetachError):
    """The API refused the request for a reason that sending it again does not mend."""


class Unavailable(DetachError):
    """The API could not answer now; nothing is wrong with the event, which succeeds later."""

    retryable: ClassVar[bool] = True

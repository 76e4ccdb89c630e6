"""Who may call the HTTP door: whoever sends a shared token, or an ID token of an OpenID Connect issuer.

Where both are set up, either suffices. Where neither is, the platform in front of the door decides.
"""

from collections.abc import Callable, Sequence

from shared.core.errors import CallerRefused, DetachError
from shared.core.secret import Secret
from shared.transport.send import Transport

Check = Callable[[Secret, Transport], str]
"""Who sends this token; raises CallerRefused, or a DetachError when it cannot be told now."""


def sender_of(authorization: str | None, checks: Sequence[Check], transport: Transport) -> str:
    """Who sends a request with this `Authorization` header.

    Raises CallerRefused, or the DetachError (Unavailable, ConfigurationError) for which a check could not decide: an
    event that may be genuine must come again.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CallerRefused("there is no `Authorization: Bearer`")
    shown = Secret(token.strip())  # while this lives, no log line can hold it
    refusals: list[str] = []
    undecided: DetachError | None = None
    for check in checks:
        try:
            return check(shown, transport)
        except CallerRefused as exc:
            refusals.append(str(exc))
        except DetachError as exc:
            undecided = undecided or exc
    if undecided is not None:
        raise undecided
    raise CallerRefused("; ".join(refusals))

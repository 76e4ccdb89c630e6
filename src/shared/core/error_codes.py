"""What each of the API's error codes means to the operator: by `error_code` first, by HTTP status second.

Codes and meanings are from the vendor's appendix "Error Codes"; what to do about them is our judgement. Statuses alone
mislead: throttling is 500 APIG.9008, a missing permission 401 or 403 APIG.1005, a failed PDP server 401 APIG.1010.
"""

import re
from dataclasses import dataclass

from shared.core.errors import (
    AccessDenied,
    ConfigurationError,
    CredentialsRefused,
    DetachError,
    NotFound,
    Rejected,
    Unavailable,
)
from shared.core.secret import strike_out

# The token was refused as such: get a new one and send the request again, once.
TOKEN_REFUSED = frozenset(
    {
        "APIG.1000",  # token missing
        "APIG.1001",  # token expired
        "APIG.1002",  # token incorrect, or not to be resolved
        "APIG.0301",  # front gateway: IAM authentication failed
        "APIG.0307",  # front gateway: the token must be updated
        "APIC.7100",
        "APIC.7101",
        "APIC.7102",
    }
)

# On a detach: somebody else may have done it already, which reading the bindings again proves or disproves.
PERHAPS_DETACHED = frozenset(
    {
        "APIG.3097",  # no binding record between this certificate and the domain
        "APIG.3020",  # the URL domain does not exist
        "APIG.2000",  # "no valid domain name": nothing of the list is bound; also any other parameter error
        "APIG.3309",  # the operation has been performed already
        "APIG.3021",  # the certificate does not exist (any more)
        "APIG.3025",
        "APIG.3001",  # the API group does not exist (any more)
        "APIG.3030",  # the gateway does not exist (any more)
        "APIC.7302",
    }
)

# Too many requests, whatever the HTTP status: everybody who sends to the API at the same time should slow down.
THROTTLED = frozenset({"APIG.9008", "APIG.0308", "IAM.0012"})

# A throttled or deferred request has surely not been carried out.
NOT_CARRIED_OUT = frozenset({"APIG.9008", "APIG.0308", "APIG.1010", "APIG.3711", "APIG.3718", "APIC.7701"})

BY_CODE: dict[str, type[DetachError]] = {
    # the same request succeeds later
    "APIG.9008": Unavailable,  # 500: too many requests
    "APIG.0308": Unavailable,  # 429: front gateway's throttling threshold
    "APIG.1010": Unavailable,  # 401: PDP server connection failed
    "APIG.1029": Unavailable,  # 500: PDP5
    "APIG.2035": Unavailable,  # 400: the domain filing system is busy
    "APIG.3711": Unavailable,  # 409: modifiable once a minute
    "APIG.3718": Unavailable,  # 409: another task of the gateway is being processed
    "APIC.7701": Unavailable,  # 409: the gateway's status conflicts, such as during an upgrade
    # the token or key is refused
    "APIG.1000": CredentialsRefused,
    "APIG.1001": CredentialsRefused,
    "APIG.1002": CredentialsRefused,
    "APIG.0301": CredentialsRefused,
    "APIG.0307": CredentialsRefused,
    # no permission, or no such identity
    "APIG.1005": AccessDenied,  # 401 in the appendix, 403 in the operation's page: no permission for this method
    "APIG.1007": AccessDenied,  # 401: the token lacks its domain
    "APIG.1008": AccessDenied,  # 401: the token lacks its user
    "APIG.1009": AccessDenied,  # 401: the token lacks its roles
    "APIG.1011": AccessDenied,  # 401: real-name authentication
    "APIG.1012": AccessDenied,  # 401: balance
    "APIG.1013": AccessDenied,  # 401: account frozen
    "APIG.1119": AccessDenied,  # 400: no permission
    "APIG.1201": AccessDenied,  # 400: resources of different tenants
    "APIC.7100": CredentialsRefused,
    "APIC.7101": CredentialsRefused,
    "APIC.7102": CredentialsRefused,
    "APIC.7105": AccessDenied,
    "APIC.7107": AccessDenied,
    # the token was issued for no project: its scope is a setting
    "APIG.1003": ConfigurationError,
    "APIC.7103": ConfigurationError,
    # no such resource in this project
    "APIG.3001": NotFound,  # API group
    "APIG.3021": NotFound,  # certificate
    "APIG.3025": NotFound,  # SSL certificate
    "APIG.3030": NotFound,  # gateway
    "APIC.7302": NotFound,  # gateway
}

# Answers about the certificate itself: no other domain of the request would fare better, so a batch is not halved.
ABOUT_THE_CERTIFICATE = frozenset(
    {
        "APIG.2102",  # it has expired: it cannot be attached
        "APIG.3021",  # it does not exist
        "APIG.3025",
    }
)

# Answers about one domain, API group or gateway of the request, although their class is about permissions.
ABOUT_ONE_BINDING = frozenset({"APIG.1101", "APIG.1136", "APIG.1301"})

# Seconds to wait at least, where the code says so.
_WAIT = {"APIG.3711": 60.0}  # modifiable once a minute

_HINTS: dict[type[DetachError], str] = {
    CredentialsRefused: "check the credentials",
    AccessDenied: "grant the permission",
    NotFound: "it may be in another project",
    ConfigurationError: "the token needs the scope of a project",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says of itself: its status, the API's own code and message, Retry-After in seconds."""

    status: int
    code: str | None
    message: str
    retry_after: float = 0.0


def error_for(subject: str, answer: Answer, *, detaching: bool = False) -> DetachError:
    """The error that an answer stands for. `subject` says which call it was; `detaching` that it was a detach.

    The server's words may repeat what was sent to it: no part of a secret is told.
    """
    status, code = answer.status, told_code(answer.code)
    kind = BY_CODE.get(code or "") or _by_status(status)
    ambiguous = kind is Unavailable and code not in NOT_CARRIED_OUT and status != 429
    if detaching and code in PERHAPS_DETACHED:
        ambiguous = True
    hint = f"; {_HINTS[kind]}" if kind in _HINTS else ""
    return kind(
        f"{subject} answered {status}{f' {code}' if code else ''}: {strike_out(answer.message)[:300] or 'no message'}"
        f"{hint}",
        error_code=code,
        status=status,
        ambiguous=ambiguous,
        retry_after=max(answer.retry_after, _WAIT.get(code or "", 0.0)),
        throttled=status == 429 or code in THROTTLED,
    )


def told_code(code: str | None) -> str | None:
    """The code, if it looks like one: any other text in its place may be anything."""
    if code is None or not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", code) or strike_out(code) != code:
        return None
    return code


def _by_status(status: int) -> type[DetachError]:
    if status == 401:
        return CredentialsRefused
    if status == 403:
        return AccessDenied
    if status in (408, 429) or status >= 500:
        return Unavailable
    if status < 300:
        return Unavailable  # not the documented 2xx: something else answers, or a write was done in a way nobody told
    if status < 400:
        return ConfigurationError  # a redirect is never followed: the endpoint is not the API's
    return Rejected

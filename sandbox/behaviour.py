"""What the vendor leaves open, or what depends on the account, as switches. All may be changed while it runs."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Behaviour:
    """Each switch names the question that no page answers; the default is the reading that asks most of a client."""

    absent: Literal["3097", "2000", "204"] = "3097"
    """Detaching what is not bound: 404 APIG.3097 (appendix/error_codes.rst), 400 APIG.2000 "no valid domain name"
    (seen by the Terraform provider), or 204 as if it had been."""

    atomic: bool = True
    """A batch with bound and unbound names: nothing is applied and the first problem is answered; or (False) what is
    bound is detached all the same."""

    mixed_ok: bool = True
    """With `atomic` off: such a batch is answered with 204 when at least one was bound; or (False) with the error."""

    name_match: Literal["exact", "insensitive"] = "exact"
    """How attach and detach compare names; "insensitive" also looks past one trailing dot."""

    filter_match: Literal["exact", "fuzzy"] = "fuzzy"
    """Query filters by name: the pages do not say which, so a client must check what comes back."""

    groups_show_domains: bool = True
    """querying_api_groups.rst has `url_domains` in its table but not in its example: False leaves the key out."""

    groups_show_ssl_id: bool = True
    """Likewise for `ssl_id` and `ssl_name` of each entry; shown, they are empty for a domain without certificate."""

    sparse_replies: bool = False
    """True leaves out each optional field that the pages' examples leave out though their tables have it."""

    forbidden: bool = False
    """The user lacks the permission: 403 APIG.1005 on every call."""

    latency: float = 0.0
    """Seconds added to each API Gateway answer."""

    throttle_rate: float | None = None
    """API Gateway requests in a second; what is above is answered with 500 APIG.9008."""

    token_lifetime: float = 86_400.0
    """Seconds; obtaining_a_user_token_through_password_authentication.rst: 24 hours."""

    token_bytes: int = 1_500
    """Length of a token; the vendor names no bound."""

    lockout_after: int = 5
    """Wrong passwords in a row until the account is locked (401 IAM.0061); it stays locked until a reset."""

    iam_envelope: Literal["error", "error_code"] = "error"
    """IAM errors as {"error": {code, message, title}}, or as {error_code, error_msg}: its pages show both."""

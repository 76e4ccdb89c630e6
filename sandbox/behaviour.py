"""Switches for what the vendor's pages leave open and for what depends on the account. They can change at any time."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Behaviour:
    """One switch for each open question. The default is the answer that is hardest for a client."""

    absent: Literal["3097", "2000", "204"] = "3097"
    """The answer to a detach of what is not bound: 404 APIG.3097 (appendix/error_codes.rst), 400 APIG.2000 "no valid
    domain name" (seen by the Terraform provider), or 204 as if it had been bound."""

    atomic: bool = True
    """A batch with bound and unbound names. True: nothing is detached, and the answer is the first error. False: the
    bound names are detached."""

    mixed_ok: bool = True
    """The answer to such a batch when `atomic` is False. True: 204 if at least one name was bound. False: the error."""

    name_match: Literal["exact", "insensitive"] = "exact"
    """How attach and detach compare names; "insensitive" also ignores one trailing dot."""

    filter_match: Literal["exact", "fuzzy"] = "fuzzy"
    """How query filters match names. The pages do not say, so a client must check the rows that it gets."""

    groups_show_domains: bool = True
    """querying_api_groups.rst has `url_domains` in its table but not in its example. False leaves the field out."""

    groups_show_ssl_id: bool = True
    """The same for `ssl_id` and `ssl_name` of each entry. If shown, they are empty for a domain without certificate."""

    ssl_id_shown_for: str | None = None
    """With a name, `ssl_id` and `ssl_name` are shown for the entries of that name only."""

    attach_replaces: bool = False
    """appendix/error_codes.rst has APIG.2051 for a domain with another certificate. True: it is replaced instead."""

    sparse_replies: bool = False
    """True leaves out each optional field that is in a page's table but not in its example."""

    most_rows: int = 500
    """Rows on a page at most. The pages say 500; with fewer, a small fleet has listings of many pages."""

    forbidden: bool = False
    """The user has no permission: 403 APIG.1005 on every call."""

    latency: float = 0.0
    """Seconds to wait before each API Gateway answer."""

    throttle_rate: float | None = None
    """API Gateway requests per second; those above the limit are answered with 500 APIG.9008."""

    token_lifetime: float = 86_400.0
    """In seconds; obtaining_a_user_token_through_password_authentication.rst: 24 hours."""

    token_bytes: int = 1_500
    """Length of a token; the vendor names no limit."""

    lockout_after: int = 5
    """After this number of wrong passwords in a row, the account is locked (401 IAM.0061) until a reset."""

    iam_envelope: Literal["error", "error_code"] = "error"
    """Form of IAM errors: {"error": {code, message, title}} or {error_code, error_msg}. IAM's pages show both."""

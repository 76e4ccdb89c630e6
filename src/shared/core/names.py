"""Domain names and resource ids: which are well formed, and the form in which they compare."""

import re
from typing import Annotated

# First: pydantic loads some 6 ms faster through its main module than through the types below.
import pydantic.main  # noqa: F401
from pydantic import AfterValidator, Field, StringConstraints

# Every id in the vendor's examples is 32 lower-case hex digits; gateway ids also come as dashed UUIDs, side by side in
# the request example of BatchDisassociateDomainsV2. "common", the gateway of a global certificate, is no gateway id.
ID_PATTERN = r"^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
ResourceId = Annotated[str, StringConstraints(strict=True, pattern=ID_PATTERN)]

# Looser than the rule for new domains (AssociateDomainV2): the API once took names that the rule of today refuses, and
# a name that is bound nowhere detaches nothing.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})+")
_NAME_EXPECTED = "expected a domain name such as api.example.com or *.example.com"


def normal_name(name: str) -> str:
    """The form in which names compare: lower case, IDNA (UTS 46), one trailing dot dropped.

    >>> normal_name("API.Bücher.Example.")
    'api.xn--bcher-kva.example'

    Raises ValueError when it is no domain name of at most 255 characters; `*` stands only as the whole first label.
    """
    bare = name.removesuffix(".")
    if not bare.isascii():
        import idna  # noqa: PLC0415 - the tables cost some 10 ms, and few names need them

        try:
            wildcard, rest = ("*.", bare[2:]) if bare.startswith("*.") else ("", bare)
            bare = wildcard + idna.encode(rest, uts46=True).decode()
        except idna.IDNAError:
            raise ValueError(_NAME_EXPECTED) from None
    bare = bare.lower()
    if len(bare) > 255 or not _NAME.fullmatch(bare):
        raise ValueError(_NAME_EXPECTED)
    return bare


def comparable_name(name: str) -> str:
    """`normal_name`, or for what is no domain name the text itself in lower case: it then equals nothing asked for."""
    try:
        return normal_name(name)
    except ValueError:
        return name.lower()


DomainName = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=255,
        description="A domain name; any case, Unicode or IDNA, a trailing dot is allowed. `*.` matches only itself.",
        examples=["api.example.com"],
    ),
    AfterValidator(normal_name),
]


def _is_name(name: str) -> str:
    normal_name(name)
    return name


ExactName = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=255, description="The domain's name exactly as the API listed it."),
    AfterValidator(_is_name),
]

"""Names as they compare, and which of them a setting protects."""

from collections.abc import Sequence
from functools import lru_cache

import idna


@lru_cache(maxsize=100_000)
def plain(name: str) -> str:
    """Lower case, IDNA, without one trailing dot; what is no name stays as it is, in lower case.

    >>> plain("*.API.Bücher.Example.")
    '*.api.xn--bcher-kva.example'
    """
    bare = name.removesuffix(".")
    if bare.isascii():
        return bare.lower()
    star, rest = ("*.", bare[2:]) if bare.startswith("*.") else ("", bare)
    try:
        return star + idna.encode(rest, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return bare.lower()


def is_protected(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern names it; `*.example.com` protects all below example.com, at any depth."""
    return any(name == each or (each.startswith("*.") and name.endswith(each[1:])) for each in patterns)


def covers_protected(name: str, patterns: Sequence[str]) -> bool:
    """Whether it is a wildcard that serves a protected name: `*.a.example` serves `x.a.example`, one label below."""
    return name.startswith("*.") and any(each.partition(".")[2] == name[2:] for each in patterns)


def may_cover_protected(name: str, patterns: Sequence[str]) -> bool:
    """The same at any depth: keeping such a wildcard is allowed, detaching it too where it does not serve the name."""
    return name.startswith("*.") and any(each.endswith(name[1:]) for each in patterns)

"""Secrets have no string form, and text that leaves the process is redacted."""

import hmac
import json
import weakref
from collections.abc import Iterator
from typing import Any, NoReturn, final

_SHORTEST = 8  # characters; redacting anything shorter would garble a log and protect nothing
_alive: "weakref.WeakValueDictionary[int, Secret]" = weakref.WeakValueDictionary()


@final
class Secret:
    """A secret text; only `reveal()` gives it.

    Its repr, str and format are a placeholder; it can be neither pickled, copied nor encoded as JSON. Equal texts are
    equal.
    """

    __slots__ = ("__text", "__weakref__")

    def __init__(self, text: str) -> None:
        self.__text = text
        _alive[id(self)] = self

    def reveal(self) -> str:
        """The text itself, for the request that carries it."""
        return self.__text

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__text.encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would tell two secrets apart in a log

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def redact(text: str) -> str:
    """The text without any secret that is in use: a second protection, for what the first one missed.

    A secret is found as it is, and as JSON writes it.
    """
    for secret in list(_alive.values()):
        known = secret.reveal().strip()
        if len(known) >= _SHORTEST:
            for form in {known, json.dumps(known)[1:-1], json.dumps(known, ensure_ascii=False)[1:-1]}:
                text = text.replace(form, "<secret>")
    return text


def redact_json(value: dict[str, Any]) -> dict[str, Any]:
    """The JSON object without any secret that is in use, in keys and in values: what an answer may hold."""
    # One search through all of it, because nearly always there is nothing to find.
    texts = "\0".join(_texts(value))
    return value if redact(texts) == texts else dict(_redacted(value))


def _texts(value: object) -> Iterator[str]:
    """Every text in it, keys and numbers too: a secret may be one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {redact(str(key)): _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner) for inner in value]
    text = str(value)
    return value if redact(text) == text else redact(text)

"""Secrets have no string form, and text that leaves the process is redacted."""

import hmac
import json
import weakref
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
    """The JSON object without any secret that is in use."""
    redacted: dict[str, Any] = json.loads(redact(json.dumps(value)))
    return redacted

"""Secrets have no string form, and text that leaves the process is redacted."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, final
from urllib.parse import quote, quote_plus

_SHORTEST = 8  # characters; redacting anything shorter would garble a log and protect nothing
_LONGEST_FOREIGN = 2000  # characters of a foreign text that are looked at, and told
_MARK = "<secret>"


class _Known:
    """The text of one secret that is in use, and the forms in which it may stand in another text."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._forms: list[str] | None = None

    def forms(self) -> list[str]:
        """As it is, in JSON, in a URL, and in base64; worked out when they are first needed."""
        if self._forms is None:
            text, content = self.text, self.text.encode(errors="surrogatepass")
            forms = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
            forms |= {quote(content, safe=""), quote(content), quote_plus(content)}
            forms |= {base64.b64encode(content).decode().rstrip("="), *_inside_base64(content)}
            self._forms = sorted(forms, key=len, reverse=True)
        return self._forms


def _inside_base64(content: bytes) -> Iterator[str]:
    """What stands in base64 wherever the content stands in the text, such as behind "user:" (RFC 7617).

    Three bytes become four characters. So there are three ways, each without the characters that it shares with
    its neighbours.
    """
    for skipped in (0, 2, 1):
        whole = content[skipped : skipped + (len(content) - skipped) // 3 * 3]
        if len(whole) >= _SHORTEST:
            yield base64.b64encode(whole).decode()


# Every secret that is in use, by its id. A change and a copy of a dict are one step of the interpreter each. So there
# is no lock, for which a destructor, that may run in the middle of anything, could not wait.
_alive: dict[int, _Known] = {}


@final
class Secret:
    """A secret text; only `reveal()` gives it.

    Its repr, str and format are a placeholder; it can be neither pickled, copied nor encoded as JSON. Equal texts are
    equal. As long as it is in use, its text is redacted in errors and in log lines.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text
        _alive[id(self)] = _Known(text)

    def __del__(self, forget: Callable[[int, None], object] = _alive.pop) -> None:
        forget(id(self), None)  # bound above, because names are gone when the interpreter ends

    def reveal(self) -> str:
        """The text itself, for the request that carries it."""
        return self.__text

    def __repr__(self) -> str:
        return _MARK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__text.encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would tell two secrets apart in a log

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def each_in(secret: Secret, name: str) -> tuple[Secret, ...]:
    """The secrets in one: a text with one a line, or a JSON object whose `name` is such a text or a list of texts.

    Vault and Secrets Manager hold JSON. Broken JSON is no secret: raises ValueError, without any value.
    """
    text = secret.reveal()
    try:
        found = json.loads(text)[name] if text.lstrip().startswith(("{", "[", '"')) else text
        lines = found.splitlines() if isinstance(found, str) else list(found)
        known = [line for each in lines if (line := str.strip(each)) and line.encode()]  # a lone surrogate has no bytes
    except (LookupError, TypeError, ValueError, RecursionError):
        expected = f"expected text with one {name} a line, or a JSON object whose `{name}` is such a text or a list"
        raise ValueError(expected) from None
    return tuple(map(Secret, known))


def redact(text: str) -> str:
    """The text without any secret that is in use: a second protection, for what the first one missed.

    A secret is found as it is, as JSON and a URL write it, and in base64.
    """
    for known in _in_use():
        for form in known.forms():
            text = text.replace(form, _MARK)
    return text


def strike_out(foreign: str) -> str:
    """The beginning of a text that a server sent, without any part of a secret of eight characters or more.

    For such text alone, because it takes some µs for each character. At most 2000 characters are told.
    """
    # A JSON object is made of field names, which are ordinary words; what is secret in it is known by itself.
    secrets = [known.text for known in _in_use() if not _is_object(known.text)]
    text = redact(foreign[:_LONGEST_FOREIGN])
    struck: list[str] = []
    at = 0
    while at < len(text):
        end = max([at, *(_end_of_part(text, at, secret) for secret in secrets)])
        if end == at:
            struck.append(text[at])
            at += 1
        else:
            struck.append(_MARK)
            at = end
    return "".join(struck)


def _is_object(text: str) -> bool:
    """Whether it is a JSON object. A password may begin as one does, and is none."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _end_of_part(text: str, at: int, secret: str) -> int:
    """Where the longest part of the secret ends that begins at that place; the place itself if it has less than 8."""
    end = at
    for longer in range(at + _SHORTEST, len(text) + 1):
        if text[at:longer] not in secret:
            break
        end = longer
    return end


def _in_use() -> list[_Known]:
    """The secrets to look for: each text once, longer ones first, because one may stand in another."""
    known = {each.text: each for each in list(_alive.values()) if len(each.text) >= _SHORTEST}
    return sorted(known.values(), key=lambda each: len(each.text), reverse=True)


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

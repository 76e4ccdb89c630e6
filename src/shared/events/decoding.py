"""Text from outside → a JSON object: UTF-8, each key once, bounded in size and depth; or one InvalidEvent."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from itertools import accumulate
from typing import Any

from shared.core.delivery import MAX_BYTES
from shared.core.errors import InvalidEvent
from shared.core.event_data import Kind
from shared.core.secret import redact

SHOWN = 60  # characters of foreign text in an error
ENVELOPE = 65_536  # characters that a platform may put around an event, such as the record of SQS with its receipt
MAX_DEPTH = 64  # of objects and lists; our deepest, a CTS trace, has five
MAX_MARKS = 100_000  # brackets and commas; an undo of 1 MiB has some 70 000
MAX_KEYS = 2_000  # of one object; a context of 8 KB has some 1 300 at most


def decoded(raw: object, field: str, kind: Kind | None = None) -> dict[str, Any]:
    """The JSON object in `raw`, which came as `field`: UTF-8, each key once, bounded; int() refuses NaN and Infinity.

    For the kind `undo` also a list, which is an outcome's `undo` alone.
    """
    try:
        value = json.loads(
            _text(raw, field), object_pairs_hook=partial(_once, field), parse_constant=int, parse_float=_finite
        )
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise InvalidEvent(field, f"expected UTF-8; wrong at position {error.start}") from None
    except json.JSONDecodeError as error:
        raise InvalidEvent(field, f"expected JSON; wrong at line {error.lineno} column {error.colno}") from None
    except (TypeError, ValueError, RecursionError):  # deeper than the stack is deeper than MAX_DEPTH
        raise InvalidEvent(field, f"expected a JSON object, at most {MAX_DEPTH} levels, no NaN or big number") from None
    if kind == "undo" and isinstance(value, list):
        return {"undo": value}
    if not isinstance(value, dict):
        raise InvalidEvent(field, f"expected a JSON object{instead(value)}")
    return value


def _text(raw: Any, field: str) -> str:
    if isinstance(raw, Mapping | list):  # decoded by the platform: made text again, so that the same rules hold
        content = raw if isinstance(raw, list) else dict(raw)
        _refuse_larger(content, field)
        text = json.dumps(content, allow_nan=False, ensure_ascii=False)
    else:
        encoded = raw.encode("utf-8") if isinstance(raw, str) else raw
        if len(encoded) > MAX_BYTES:
            raise InvalidEvent(field, f"expected at most {MAX_BYTES} bytes")
        text = str(encoded, "utf-8")
    if sum(map(text.count, "[]{},")) > MAX_MARKS:
        raise InvalidEvent(field, f"expected at most {MAX_MARKS} brackets and commas")
    # All but the brackets goes away; a quote without an end takes the rest, so that the time stays linear.
    brackets = re.sub(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^\[\]{}"]++', "", text, flags=re.DOTALL)
    if max(accumulate((1 if bracket in "[{" else -1 for bracket in brackets), initial=0)) > MAX_DEPTH:
        raise InvalidEvent(field, f"expected at most {MAX_DEPTH} levels of objects and lists")
    return text


def _refuse_larger(content: list[Any] | dict[str, Any], field: str) -> None:
    """Raise InvalidEvent for what is surely too large, before a text is made of all of it."""
    values, characters = 0, 0
    inside: list[Any] = [content]
    while inside:
        each = inside.pop()
        if isinstance(each, str):
            characters += len(each)
        elif isinstance(each, dict | list):
            values += len(each)
            if isinstance(each, dict) and len(each) > MAX_KEYS:
                raise InvalidEvent(field, f"expected at most {MAX_KEYS} keys in an object")
        if characters > MAX_BYTES + ENVELOPE:
            raise InvalidEvent(field, f"expected at most {MAX_BYTES} bytes")
        if values > MAX_MARKS:
            raise InvalidEvent(field, f"expected at most {MAX_MARKS} brackets and commas")
        if isinstance(each, dict):
            inside += each
            inside += each.values()
        elif isinstance(each, list):
            inside += each


def _finite(text: str) -> float:
    """The number; raises ValueError for 1e400, which as Infinity would make no JSON of an outcome with it."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _once(field: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise InvalidEvent(field, f"expected at most {MAX_KEYS} keys in an object")
    if len(found := dict(pairs)) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise InvalidEvent(field, f"expected each key once{instead(key)} twice")
    for key in found:  # as a field's name it would be an error of the whole object
        if not key.isascii() and any("\ud800" <= char <= "\udfff" for char in key):
            raise InvalidEvent(field, f"expected keys in UTF-8{instead(key)}")
    return found


def instead(value: object) -> str:
    """What stood there instead, for the end of a message: at most 60 characters, never a list or an object itself.

    Secrets are struck out before the cut: half of one would not be recognised later.
    """
    if isinstance(value, str):
        return f", not {redact(value)[:SHOWN]!r:.{SHOWN}}"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    return "" if value in (None, []) else f", not {names.get(type(value), 'an object')}"

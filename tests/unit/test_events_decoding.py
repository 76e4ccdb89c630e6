"""Text from outside: JSON of a bounded size and depth, or one error that says where it is wrong."""

import json
import time
from typing import Any

import pytest

from shared.core.delivery import MAX_BYTES
from shared.core.event_data import ScheduledCleanup
from tests.support.deliveries import parsed, refused


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "expected JSON; wrong at line 1 column 1"),
        (b"hello", "expected JSON; wrong at line 1 column 1"),
        (b'{\n "a": }', "expected JSON; wrong at line 2 column 7"),
        (b'{"a": 1} {"b": 2}', "expected JSON; wrong at line 1 column 10"),
        (b"{'a': 1}", "expected JSON; wrong at line 1 column 2"),
        (b"\xef\xbb\xbf{}", "expected JSON; wrong at line 1 column 1"),
        (b'{"a": "\xff"}', "expected UTF-8; wrong at position 7"),
        ("{}".encode("utf-16"), "expected UTF-8; wrong at position 0"),
        ('{"a": "\ud800"}', "expected UTF-8; wrong at position 7"),
        (b"[]", "expected a JSON object"),
        (b'[{"specversion": "1.0"}]', "expected a JSON object, not a list"),
        (b'"text"', "expected a JSON object, not 'text'"),
        (b"null", "expected a JSON object"),
        (b"12", "expected a JSON object, not a number"),
        (b'{"a": NaN}', "expected a JSON object, at most 64 levels, no NaN or big number"),
        (b'{"a": -Infinity}', "expected a JSON object, at most 64 levels, no NaN or big number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "expected a JSON object, at most 64 levels, no NaN or big number"),
        (b'{"a": 1, "a": 1}', "expected each key once, not 'a' twice"),
        (b'{"x": [{"instance_ids": [], "b": 1, "instance_ids": null}]}',
         "expected each key once, not 'instance_ids' twice"),
        (b'{"a": "' + b"x" * MAX_BYTES + b'"}', "expected at most 1048576 bytes"),
        ('{"a": "' + "é" * (MAX_BYTES // 2) + '"}', "expected at most 1048576 bytes"),
        (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "expected at most 64 levels of objects and lists"),
        (b'{"a": ' * 65 + b"1" + b"}" * 65, "expected at most 64 levels of objects and lists"),
        (b"[" * 1_000_000, "expected at most 100000 brackets and commas"),
        (b'{"a":' * 200_000, "expected at most 100000 brackets and commas"),
        (None, "expected a JSON object, at most 64 levels, no NaN or big number"),
        (12, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": float("nan")}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": 10**5000}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": b"bytes"}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": {1, 2}}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({("a",): 1}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": "x" * (MAX_BYTES + 65_536)}, "expected at most 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused_as_a_whole(body: Any, expected: str) -> None:
    """Only a JSON object of a bounded size and depth is taken. The error gives the place, where there is one."""
    assert refused(lambda: parsed(body, kind="scheduled_cleanup")) == ("body", expected)


def test_depth_is_bounded_decoded_or_not() -> None:
    """64 levels are read and 65 are not, as text and decoded. A list that holds itself is refused too."""
    nested: Any = []
    for _ in range(61):
        nested = [nested]
    deep = {"cursor": "after-1", "context": {"a": nested}}
    expected_data = ScheduledCleanup(cursor="after-1", context={"a": nested})
    assert parsed(deep, kind="scheduled_cleanup").data == expected_data
    assert parsed(json.dumps(deep), kind="scheduled_cleanup").data == expected_data
    nested = [nested]
    expected = ("body", "expected at most 64 levels of objects and lists")
    assert refused(lambda: parsed({"a": [nested]}, kind="scheduled_cleanup")) == expected
    for _ in range(100_000):
        nested = [nested]
    assert refused(lambda: parsed({"a": nested}, kind="scheduled_cleanup"))[0] == "body"
    nested = []
    nested.append(nested)
    assert refused(lambda: parsed({"a": nested}, kind="scheduled_cleanup"))[0] == "body"
    many: Any = ["x"]
    for _ in range(60):
        many = [many, many]
    assert refused(lambda: parsed({"a": many}, kind="scheduled_cleanup"))[0] == "body"


@pytest.mark.parametrize("as_text", [False, True])
def test_size_is_bounded_decoded_or_not(*, as_text: bool) -> None:
    """As many keys and marks as may be are read, and then the fields count. One more is refused."""

    def outcome(body: dict[str, Any]) -> tuple[str, str]:
        return refused(lambda: parsed(json.dumps(body) if as_text else body, kind="scheduled_cleanup"))

    assert outcome({f"k{number}": 0 for number in range(2_000)})[0] == "k0"
    many = {f"k{number}": 0 for number in range(2_001)}
    assert outcome(many) == ("body", "expected at most 2000 keys in an object")
    assert outcome({"x": [[many]]}) == ("body", "expected at most 2000 keys in an object")
    # four brackets, and a comma less than numbers
    assert outcome({"x": [0] * 99_997})[0] == "x"
    assert outcome({"x": [0] * 99_998}) == ("body", "expected at most 100000 brackets and commas")
    assert outcome({"x": [[0] * 50_001, [0] * 50_001]}) == ("body", "expected at most 100000 brackets and commas")
    assert outcome({"cursor": "X" * 200_000})[0] == "cursor"


def test_keys_beyond_ascii_are_keys() -> None:
    """Only half of a surrogate pair is none."""
    data = {"context": {"é": 1, "日本": 2, "\U0001f600": 3, "\ue000": 4}}
    for body in (data, json.dumps(data), json.dumps(data, ensure_ascii=False).encode()):
        assert parsed(body, kind="scheduled_cleanup").data == ScheduledCleanup(context=data["context"])
    for half in ("\ud800", "a\udfff"):
        assert refused(lambda half=half: parsed({"context": {half: 1}}, kind="scheduled_cleanup"))[0] == "body"


def test_brackets_in_text_are_no_depth() -> None:
    """Depth is counted outside of strings only, whatever they escape."""
    data = {"context": {"note": '[{"\\' * 1000, "more": "\\", "[[": "]]"}, "cursor": "c"}
    expected = ScheduledCleanup(cursor="c", context=data["context"])
    assert parsed(json.dumps(data), kind="scheduled_cleanup").data == expected


@pytest.mark.parametrize(
    "body",
    [b'{"a": "' + b'\\"' * 500_000, b'{"' + b"[{" * 500_000, b'"' * 1_000_000, b"\\" * 1_000_000, b"[]" * 500_000],
)
def test_a_hostile_body_is_refused_quickly(body: bytes) -> None:
    """A megabyte that is made to be slow takes less than two seconds."""
    started = time.perf_counter()
    assert refused(lambda: parsed(body))[0] == "body"
    assert time.perf_counter() - started < 2

"""A listing, read whole: an incomplete one is never given as if it were complete."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.apig.replies import Page, Row, adapter, list_of, validated
from shared.core.errors import DetachError, Unavailable

# Rows a page. The API gives 500 at most and clamps what is above silently; fewer are asked for when an answer with so
# many is too large to be read.
SIZES = (500, 100, 20)
RESTARTS = 3  # of a listing whose rows move while it is read


def all_rows(
    read: Callable[[Mapping[str, int]], dict[str, Any]], key: str, model: type[Row], subject: str
) -> Iterator[Row]:
    """Every row of a listing, holding one page at a time. After a restart, rows come twice.

    `read` gets `offset` and `limit` and gives the JSON of one page, with its rows under `key`. `total` alone is not
    believed: the listing ends with a page that is not full. Rows that come or go meanwhile move the others, and a row
    that moves from one page to another would be missed. So each page begins with the last row of the page before; where
    it does not, the listing is read again from its start. Raises Unavailable when that does not help.
    """
    sizes, restarts = iter(SIZES), RESTARTS
    size = next(sizes)
    seen, last = 0, None  # rows, and the last of them
    while True:
        try:
            fields = read({"offset": seen if last is None else seen - 1, "limit": size})
        except DetachError as exc:
            smaller = next(sizes, None) if exc.too_large else None
            if smaller is None:
                raise
            size = smaller
            continue
        total = validated(adapter(Page), fields, subject).total
        content: Any = fields.get(key)
        content = [] if content is None and total == 0 else content
        rows = validated(list_of(model), content, subject)
        if last is not None and not (rows and _is_same(content[0], last)):
            if not restarts:
                raise Unavailable(f"{subject}: the rows moved while they were read, {RESTARTS + 1} times in a row")
            seen, last, restarts = 0, None, restarts - 1
            continue
        full, before = len(rows) >= size, seen
        if last is not None:
            del rows[0]
        seen, last = seen + len(rows), content[-1] if content else None
        del fields, content  # some 5 MB a page: no two of them at a time
        yield from rows
        del rows
        if seen >= total and not full:
            return
        if seen == before:  # what is missing may be bound
            raise Unavailable(f"{subject} ended after {seen} of {total} rows")


def _is_same(row: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether it is the same row: by its `id`, or else as a whole."""
    return bool(row["id"] == other["id"] if "id" in row and "id" in other else row == other)

"""Chance that can be had again: `SEED=… make test-crash` repeats a run."""

import os
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

SEED = os.environ.get("SEED") or secrets.token_hex(4)


@contextmanager
def chance(*names: object) -> Iterator[random.Random]:
    """A source of chance for the test of these names; a failure tells the seed."""
    try:
        yield random.Random(" ".join(map(str, (SEED, *names))))
    except BaseException as exc:
        exc.add_note(f"SEED={SEED}")
        raise

"""What the fuzzer looks for holds of each row of the corpus: so it starts from nothing that it would find."""

import pytest

from tests.corpus.targets import SEED, TARGETS, seeds


@pytest.mark.parametrize("target", TARGETS)
def test_no_row_breaks_what_has_to_hold(target: str) -> None:
    tried = 0
    for name, data in seeds(target):
        if len(data) <= SEED:
            try:
                TARGETS[target](data)
            except Exception as error:
                raise AssertionError(f"{name}: {data!r}") from error
            tried += 1
    assert tried > 400

"""The generated parts of documents and deployments are as the tables in src/ say."""

from pathlib import Path

import pytest

from scripts.generate import ROOT, generated, with_parts


@pytest.mark.parametrize("path", generated(), ids=lambda path: str(path.relative_to(ROOT)))
def test_make_generate_would_change_nothing(path: Path) -> None:
    """A setting, kind or metric that is not in a document, template or manifest turns this red."""
    assert path.read_text("utf-8") == generated()[path]


def test_no_schema_is_left_from_a_kind_that_is_gone() -> None:
    """events/schemas/ has one file a kind, and no other."""
    assert set((ROOT / "events/schemas").iterdir()) <= set(generated())


def test_a_part_without_its_marks_is_an_error() -> None:
    """A file that lost its marks would keep its old text in silence."""
    with pytest.raises(ValueError, match="generated: settings"):
        with_parts("# nothing here\n", {"settings": lambda: iter(())})

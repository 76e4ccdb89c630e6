"""What `make mutants` counts, and the reasons that it goes by."""

from pathlib import Path

import pytest

from scripts.mutants import Mutant, function_of, mutants, reasons

SRC = Path(__file__).parents[2] / "src"
NAME = "shared.core.names.x_normal_name__mutmut_24"


@pytest.mark.parametrize(
    ("code", "alive"),
    [(0, True), (1, False), (2, True), (5, True), (33, True), (34, True), (36, False), (37, False), (-11, True)],
)
def test_only_a_test_that_failed_or_hung_and_the_type_checker_catch_a_mutant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, alive: bool
):
    (tmp_path / "mutants").mkdir()
    (tmp_path / "mutants" / "names.py.meta").write_text(f'{{"exit_code_by_key": {{"{NAME}": {code}}}}}')
    monkeypatch.chdir(tmp_path)
    assert [(each.name, each.alive) for each in mutants()] == [(NAME, alive)]


@pytest.mark.parametrize(
    ("name", "function", "area"),
    [
        (NAME, "shared.core.names.normal_name", "core"),
        ("shared.core.names.x__is_name__mutmut_1", "shared.core.names._is_name", "core"),
        ("shared.reconcile.window.xǁ_Windowǁtake__mutmut_2", "shared.reconcile.window._Window.take", "executor"),
        ("handlers.x_handle__mutmut_3", "handlers.handle", "elsewhere"),
    ],
)  # fmt: skip
def test_a_mutant_tells_its_function_and_its_area(name: str, function: str, area: str):
    assert (function_of(name), Mutant(name, "survived").area) == (function, area)


@pytest.mark.parametrize(("function", "change"), reasons(), ids=lambda text: text.partition("\n")[0][:60])
def test_a_reason_is_about_a_line_that_is_there(function: str, change: str):
    """A reason for a line that has changed since would excuse nobody, and mislead a reader."""
    assert reasons()[function, change]
    gone = [line[2:].strip() for line in change.splitlines() if line.startswith("- ")]
    module = next(
        path
        for parts in [function.split(".")]
        for end in range(len(parts), 0, -1)
        for path in (SRC.joinpath(*parts[:end]).with_suffix(".py"), SRC.joinpath(*parts[:end], "__init__.py"))
        if path.exists()
    )
    lines = {line.strip() for line in module.read_text(encoding="utf-8").splitlines()}
    assert [line for line in gone if line not in lines] == []

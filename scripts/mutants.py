"""The mutants of src/ and what became of them: how many the tests and the type checker caught, and which survived.

    python -m scripts.mutants                            all of them; it takes hours
    python -m scripts.mutants --only 'shared.core.*'     those of some modules
    python -m scripts.mutants --sample 60 --seed 1       some of them by lot
    python -m scripts.mutants --report                   what the last run has found

mutmut makes the mutants and runs the tests; `[tool.mutmut]` in pyproject.toml says which. A survivor that no test can
tell from the original stands in tests/mutants/equivalent/ with the reason. The exit status is 1 if more of the
others survived than LIMITS allows.
"""

import argparse
import json
import random
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console
from rich.table import Table

MUTANTS = Path("mutants")
EQUIVALENT = Path(__file__).parents[1] / "tests/mutants/equivalent"
# What may survive without a reason, as a share; the core and the executor are where a wrong detach would come from.
LIMITS = {"core": 0.02, "executor": 0.02, "elsewhere": 0.05}
_AREAS = (("shared.core.*", "core"), ("shared.reconcile.*", "executor"), ("*", "elsewhere"))
# By mutmut's codes. Any other (interrupted, skipped, a crash) tells nothing, so it counts as alive.
_OUTCOMES = {None: "not run", 0: "survived", 5: "no test", 33: "no test", 37: "type checker"}
_OUTCOMES |= dict.fromkeys((1, 3, 24, -24, 36, 152, 255), "tests")  # failed, or out of time


@dataclass(frozen=True)
class Mutant:
    """One mutant: mutmut's name of it, and what became of it."""

    name: str
    outcome: str

    @property
    def area(self) -> str:
        """Which of LIMITS holds."""
        return next(area for pattern, area in _AREAS if fnmatchcase(self.name, pattern))

    @property
    def alive(self) -> bool:
        """Whether nothing has told it from the original."""
        return self.outcome not in ("tests", "type checker", "not run")


def mutants() -> list[Mutant]:
    """All mutants of the last run, by name."""
    found: list[Mutant] = []
    for path in sorted(MUTANTS.rglob("*.meta")):
        codes: dict[str, int | None] = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        found += (Mutant(name, _OUTCOMES.get(code, f"code {code}")) for name, code in codes.items())
    return found


def change_of(name: str) -> str:
    """What the mutant changes: the lines that went and came, as `- old` and `+ new`."""
    shown = _mutmut("show", name, capture=True).stdout.splitlines()
    return "\n".join(
        f"{line[0]} {line[1:].strip()}" for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---")
    )


def reasons() -> dict[tuple[str, str], str]:
    """Why a change makes no difference, by the function and the change."""
    listed = (tomllib.loads(path.read_text("utf-8")) for path in sorted(EQUIVALENT.glob("*.toml")))
    rows = (row for each in listed for row in each["mutant"])
    return {(row["function"], row["change"].strip()): row["reason"] for row in rows}


def function_of(name: str) -> str:
    """The function of a mutant: `shared.core.names.normal_name`, `shared.core.plan.Entry.to_dict`."""
    module, _, mangled = name.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled[2:].replace('ǁ', '.')}"


def run(names: Sequence[str]) -> None:
    """Make the mutants that are not there yet, and run the tests of these, or of all that were not run yet.

    mutmut stops when one test fails without a mutant, and on a busy machine one may be too slow: so it is begun twice.
    """
    if all(_mutmut("run", "--max-children", "2", *names).returncode for _ in range(2)):
        raise SystemExit("mutmut could not run: see above")


def sampled(size: int, seed: int) -> list[str]:
    """The names of some mutants, the same for the same seed and the same code."""
    names = sorted(each.name for each in mutants())
    return random.Random(seed).sample(names, min(size, len(names)))  # noqa: S311 - nothing secret


def report(judged: Iterable[Mutant]) -> bool:
    """Print the table and the survivors; whether no limit is exceeded."""
    console, known = Console(width=160), reasons()
    judged = [each for each in judged if each.outcome != "not run"]
    unexplained = Counter[str]()
    for each in judged:
        if each.alive and (function_of(each.name), change := change_of(each.name)) not in known:
            unexplained[each.area] += 1
            console.print(
                f"{function_of(each.name)} {each.outcome}: {each.name}\n{change}\n", highlight=False, markup=False
            )
    table = Table(title="mutants")
    for column in ("area", "mutants", "by tests", "by types", "survived", "of these with a reason", "survived in %"):
        table.add_column(column, justify="left" if column == "area" else "right")
    good = True
    for area, limit in LIMITS.items():
        of_area = [each for each in judged if each.area == area]
        if not of_area:
            continue
        alive, left = sum(each.alive for each in of_area), unexplained[area]
        by = Counter(each.outcome for each in of_area)
        share = left / len(of_area)
        good = good and share <= limit
        table.add_row(
            area,
            *map(str, (len(of_area), by["tests"], by["type checker"], alive, alive - left)),
            f"{100 * share:.1f} of {100 * limit:.0f} allowed",
        )
    console.print(table)
    return good


def _mutmut(*words: str, capture: bool = False) -> "subprocess.CompletedProcess[str]":
    command: list[str | Path] = [Path(sys.executable).parent / "mutmut", *words]
    return subprocess.run(command, text=True, capture_output=capture, check=False)  # noqa: S603 - our own words


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", default=[], help="a pattern of names; may come several times")
    parser.add_argument("--sample", type=int, help="how many, by lot")
    parser.add_argument("--seed", type=int, default=1, help="of the lot (default 1)")
    parser.add_argument("--report", action="store_true", help="run nothing")
    given = parser.parse_args()
    names: list[str] = given.only
    if given.sample is not None:
        run(["shared.credentials.stores.process*"])  # mutmut makes all mutants before it runs the only one of these
        names = sampled(given.sample, given.seed)
    if not given.report:
        run(names)
    meant = [each for each in mutants() if not names or any(fnmatchcase(each.name, name) for name in names)]
    return 0 if report(meant) else 1


if __name__ == "__main__":
    sys.exit(main())

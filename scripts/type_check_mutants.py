"""mypy over all mutants at once, as mutmut asks for it: only the errors that stand inside a mutant.

    python -m scripts.type_check_mutants mypy --output json …

A mutant can change a type that other functions see; mypy then complains there, too, and mutmut stops at an error that
belongs to no mutant. Such an error says nothing of one mutant, so it is left out, and the tests judge that mutant.
"""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

MUTANT = "__mutmut_"


@cache
def lines_of_mutants(path: Path) -> frozenset[int]:
    """The lines, from 1 on, of every mutant in a file that mutmut wrote. The original beside them is none."""
    return frozenset(
        line
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and MUTANT in node.name and not node.name.endswith(f"{MUTANT}orig")
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    )


def main(command: list[str]) -> int:
    """Run the command, print its report without those errors, and return its exit status."""
    checked = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    sys.stderr.write(checked.stderr)
    for line in checked.stdout.splitlines():
        error = json.loads(line)
        if error["line"] in lines_of_mutants(Path(error["file"])):
            print(line)
    return checked.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m tests.storm.oracle FOLDER`: the table of a storm's records; exit status 1 when there are violations."""

import sys
from pathlib import Path

from rich.console import Console

from tests.storm.oracle import judge


def main() -> None:
    """Judge the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.storm.oracle FOLDER")
    verdict = judge(Path(sys.argv[1]))
    Console().print(verdict.table())
    sys.exit(1 if verdict.violations else 0)


if __name__ == "__main__":
    main()

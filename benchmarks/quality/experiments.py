"""An experiment of `latens reproduce`, printed with what is promised of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from latens.reproduce import ROWS
from latens.reproduce.bench import Bench
from latens.reproduce.rows import Table


def aligned(table: Table) -> str:
    """A table as text."""
    lines = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def run(row: str, verdicts: Callable[[Bench], list[str]], about: str | None) -> int:
    """Print the tables of an experiment and its verdicts, as the arguments of the command say."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=Path("reproduce"), help="of results and models")
    asked = parser.parse_args()
    bench = Bench(asked.folder, tuple(asked.seeds), False, lambda line: print(line, file=sys.stderr))
    ROWS[row].lines(bench)
    print(*map(aligned, ROWS[row].tables(bench)), *verdicts(bench), sep="\n")
    return 0

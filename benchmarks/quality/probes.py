"""Accuracy on MNIST's test images from 10, 50, 100 and 1,000 labels: pixels, PCA, and 64 codes of three seeds.

Run as ``python benchmarks/quality/probes.py [--folder FOLDER]``: the experiment S22 of `latens reproduce`, printed.
What has been measured stays in the folder, the models of S20 among it. Labelled images are drawn ten times from the
60,000 training images, the same ones for all; the models never saw a label.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

from latens.reproduce import ROWS
from latens.reproduce.bench import Bench
from latens.reproduce.groups import curves
from latens.reproduce.rows import Table

# Points that the linear probe on 100 labels is promised to gain on pixels, in the median over the seeds.
BUDGET, BAR = 100, 5.0


def verdicts(bench: Bench) -> list[str]:
    """The bar, met or missed, with every seed."""
    found = curves(bench)
    gains = [
        100 * (curve.of("codes", "linear", BUDGET).mean - curve.of("raw", "linear", BUDGET).mean) for curve in found
    ]
    said = f"{median(gains):+.1f} >= {BAR:g} {'met' if median(gains) >= BAR else 'missed'}"
    seeds = " ".join(f"{gain:+.1f}" for gain in gains)
    return [f"linear probe on {BUDGET} labels, points on pixels: {said}; all seeds {seeds}"]


def aligned(table: Table) -> str:
    """A table as text."""
    lines = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def main() -> int:
    """Print the table and the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=Path("reproduce"), help="of results and models")
    asked = parser.parse_args()
    bench = Bench(asked.folder, tuple(asked.seeds), False, lambda line: print(line, file=sys.stderr))
    ROWS["S22"].lines(bench)
    print(*map(aligned, ROWS["S22"].tables(bench)), *verdicts(bench), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Clusters of MNIST's 10,000 test images by 64 codes that no label had a part in, beside the pixels: three seeds.

Run as ``python benchmarks/quality/clusters.py [--folder FOLDER]``: the experiment S20 of `latens reproduce`, printed.
What has been measured stays in the folder. Labels judge and choose nothing but k = 10.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

from latens.reproduce import ROWS
from latens.reproduce.bench import Bench
from latens.reproduce.rows import Table

# What is promised of the median over the seeds.
BARS = {("k-means", "homogeneity"): 0.56, ("UMAP, Gaussian mixture", "accuracy"): 0.95}


def verdicts(bench: Bench) -> list[str]:
    """Each bar, met or missed, with every seed."""
    found = [bench.trial("S20", seed)["clusters"] for seed in bench.seeds]
    lines = []
    for (way, name), bar in BARS.items():
        figures = [each[way][name] for each in found]
        said = f"{median(figures):.3f} >= {bar:g} {'met' if median(figures) >= bar else 'missed'}"
        lines.append(f"{way}, {name}: {said}; all seeds {' '.join(f'{figure:.3f}' for figure in figures)}")
    return lines


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
    ROWS["S20"].lines(bench)
    print(*map(aligned, ROWS["S20"].tables(bench)), *verdicts(bench), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

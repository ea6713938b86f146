"""Clusters of MNIST's 10,000 test images by 64 codes that no label had a part in, beside the pixels: three seeds.

Run as ``python benchmarks/quality/clusters.py [--folder FOLDER]``: the experiment S20 of `latens reproduce`, printed.
What has been measured stays in the folder. Labels judge and choose nothing but k = 10.
"""

from __future__ import annotations

import sys
from statistics import median

from experiments import run

from latens.reproduce.bench import Bench

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


if __name__ == "__main__":
    sys.exit(run("S20", verdicts, __doc__))

"""Accuracy on MNIST's test images from 10, 50, 100 and 1,000 labels: pixels, PCA, and 64 codes of three seeds.

Run as ``python benchmarks/quality/probes.py [--folder FOLDER]``: the experiment S22 of `latens reproduce`, printed.
What has been measured stays in the folder, the models of S20 among it. Labelled images are drawn ten times from the
60,000 training images, the same ones for all; the models never saw a label.
"""

from __future__ import annotations

import sys
from statistics import median

from experiments import run

from latens.reproduce.bench import Bench
from latens.reproduce.groups import curves

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


if __name__ == "__main__":
    sys.exit(run("S22", verdicts, __doc__))

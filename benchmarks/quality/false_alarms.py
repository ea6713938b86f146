"""False alarms of the default detector on fresh normal rows, beside the 99 % beta-binomial interval, three seeds.

Run as ``python benchmarks/quality/false_alarms.py``. On MNIST it learns from the 60,000 training images, of which a
tenth calibrates, and judges the 10,000 test images, which other people wrote. Of three ADBench sets the normal rows are
halved by chance: one half is learned from, a third of it held out to calibrate on (a tenth would be too few rows to
show 0.1 %), the other is judged.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import latens

RATES = (0.001, 0.01, 0.05)
SEEDS = (0, 1, 2)
TABLES = ("23_mammography", "28_pendigits", "2_annthyroid")
# Of a table's learned half, what calibrates: a thousand rows and more.
THIRD = 1 / 3


@dataclass(frozen=True)
class Material:
    """What a detector learns from, and normal rows that it never saw.

    Args:
        learned: Rows or images.
        fresh: The same.
        settings: Of the detector, beside its defaults.
    """

    learned: np.ndarray
    fresh: np.ndarray
    settings: dict[str, Any]


@dataclass(frozen=True)
class Count:
    """False alarms at one rate.

    Args:
        rate: That was asked for.
        alarms: Fresh rows above the threshold.
        fresh: How many there were.
        calibrated: Rows that the threshold was learned from.
        interval: Between which counts they lie with a chance of 99 %.
    """

    rate: float
    alarms: int
    fresh: int
    calibrated: int
    interval: tuple[int, int]

    @property
    def kept(self) -> bool:
        """Inside the interval."""
        low, high = self.interval
        return low <= self.alarms <= high


def digits(seed: int) -> Material:
    """MNIST as it was parted by its makers: training and test images are of different writers."""
    train, test = (latens.open_source(f"dataset:mnist/{part}").values for part in ("train", "test"))
    return Material(train, test, {})


def normals(name: str, seed: int) -> Material:
    """The normal rows of an ADBench set, halved."""
    folder = os.environ.get("LATENS_DATA") or sys.exit("LATENS_DATA names no folder; set it to the one with adbench")
    with np.load(Path(folder, "adbench", f"{name}.npz")) as arrays:
        rows = arrays["X"][arrays["y"] == 0]
    order = np.random.default_rng(seed).permutation(len(rows))
    half = len(rows) // 2
    return Material(rows[order[:half]], rows[order[half:]], {"validation_fraction": THIRD})


SETS: dict[str, Callable[[int], Material]] = {
    "MNIST": digits,
    **{name: lambda seed, name=name: normals(name, seed) for name in TABLES},  # type: ignore[misc]
}


def counts(material: Material, seed: int, **settings: Any) -> list[Count]:
    """Fit once and count at each rate."""
    detector = latens.OutlierDetector(random_state=seed, verbose=0, **material.settings | settings)
    strangeness = -detector.fit(material.learned).score_samples(material.fresh)
    held_out, n = detector.calibration_, len(strangeness)
    return [
        Count(rate, int((strangeness > held_out.threshold(rate)).sum()), n, len(held_out), held_out.interval(n, rate))
        for rate in RATES
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="false alarms on fresh normal rows")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    asked = parser.parse_args()
    sys.stdout.write("set              calibrated  fresh   rate   allowed    alarms, three seeds\n")
    kept = total = 0
    for name in asked.sets:
        seeds = [counts(SETS[name](seed), seed) for seed in SEEDS]
        for found in zip(*seeds, strict=True):
            one, (low, high) = found[0], found[0].interval
            alarms = " ".join(f"{count.alarms:>4}{' ' if count.kept else '!'}" for count in found)
            sys.stdout.write(
                f"{name:<16} {one.calibrated:<11,} {one.fresh:<7,} {one.rate:<6g} {f'{low} to {high}':<10} {alarms}\n"
            )
            kept, total = kept + sum(count.kept for count in found), total + len(found)
        sys.stdout.flush()
    sys.stdout.write(f"inside the interval: {kept} of {total}\n")


if __name__ == "__main__":
    main()

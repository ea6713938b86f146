"""One recipe for tables against exact PCA of the same size on held-out rows of the ADBench sets, three seeds.

Run as ``python benchmarks/quality/tables.py``; a fifth of the rows is held out from everything, and the errors are the
mean squares of scaled values. Labels and outliers play no part: all rows are learned from.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import latens
from latens.analysis import principal_components

SEEDS = (0, 1, 2)
RECIPE: dict[str, Any] = {
    "start": "pca",
    "hidden": [128, 64],
    "max_epochs": 100,
    "batch_size": 64,
    "schedule": "one-cycle",
    "learning_rate": 2e-3,
    "dropout": 0.1,
    "validation_fraction": 0.2,
    "early_stopping": True,
    "patience": 100,  # all epochs, and the best weights of them
}


@dataclass(frozen=True)
class Comparison:
    """A set's outcome.

    Args:
        n_components: Size of both codes.
        ratios: The network's held-out error over PCA's, a seed each.
    """

    n_components: int
    ratios: tuple[float, ...]

    @property
    def won(self) -> bool:
        """The median seed is better than PCA."""
        return median(self.ratios) < 1


def files() -> list[Path]:
    """The sets, in order."""
    folder = os.environ.get("LATENS_DATA") or sys.exit(
        "LATENS_DATA names no folder; set it to the one that holds adbench"
    )
    return sorted(Path(folder, "adbench").glob("*.npz"))


def compare(path: Path, seeds: tuple[int, ...] = SEEDS, **settings: Any) -> Comparison:
    """Fit the recipe and PCA to the same rows."""
    X = latens.open_source(path).values
    ratios = []
    for seed in seeds:
        held_out, learned = np.split(np.random.default_rng(seed).permutation(len(X)), [len(X) // 5])
        ae = latens.Autoencoder(**RECIPE | settings, random_state=seed, verbose=0).fit(X[learned])
        train, test = (ae.schema_.scale_values(X[rows].astype(np.float64)) for rows in (learned, held_out))
        pca = float(principal_components(train, ae.n_components_).errors(test).mean())
        ratios.append(float(np.square(ae.network_.reconstruct(test) - test).mean()) / pca)
    return Comparison(ae.n_components_, tuple(ratios))


def main() -> None:
    sys.stdout.write("set               n   median error over exact PCA's   all seeds\n")
    won = 0
    for path in files():
        found = compare(path)
        won += found.won
        every = " ".join(f"{ratio:.3f}" for ratio in found.ratios)
        sys.stdout.write(f"{path.stem:<17} {found.n_components:<3} {median(found.ratios):<31.3f} {every}\n")
    sys.stdout.write(f"better than PCA on {won} of {len(files())} sets\n")


if __name__ == "__main__":
    main()

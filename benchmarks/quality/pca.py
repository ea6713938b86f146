"""The linear autoencoder against exact PCA on MNIST: test error and largest principal angle, three seeds.

Run as ``python benchmarks/quality/pca.py``; nothing is held out of the 60,000 training images, and the errors are of
the 10,000 test images, pixels in [0, 1].
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy.linalg import subspace_angles

import latens
from latens.analysis import Principal, principal_components

SIZES = (2, 32)
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Comparison:
    """One fit beside exact PCA.

    Args:
        error: Mean squared test error.
        excess: That error over exact PCA's, minus one.
        angle: The largest angle between the two subspaces, in degrees.
    """

    error: float
    excess: float
    angle: float


def images(split: str) -> np.ndarray:
    """(n, 784) float32 in [0, 1]."""
    values = latens.open_source(f"dataset:mnist/{split}").values
    return values.reshape(len(values), -1).astype(np.float32) / 255


def compare(exact: Principal, train: np.ndarray, test: np.ndarray, solver: str, seed: int) -> Comparison:
    """Fit with every default but the split, and measure."""
    n = len(exact.components)
    ae = latens.LinearAutoencoder(n_components=n, solver=solver, validation_fraction=0.0, random_state=seed, verbose=0)
    error = float(ae.fit(train).reconstruction_error(test).mean())
    weight = ae.network_.network.encoder.weight.detach().double().numpy()
    angle = float(np.degrees(subspace_angles(weight.T, exact.components.T).max()))
    return Comparison(error, error / float(exact.errors(test).mean()) - 1, angle)


def main() -> None:
    train, test = images("train"), images("test")
    sys.stdout.write("n   solver    median error  over exact PCA  angle   all seeds\n")
    for n in SIZES:
        exact = principal_components(train, n)
        sys.stdout.write(f"{n:<3} PCA       {exact.errors(test).mean():.6f}\n")
        for solver, seeds in (("gradient", SEEDS), ("exact", SEEDS[:1])):
            found = [compare(exact, train, test, solver, seed) for seed in seeds]
            middle = sorted(found, key=lambda c: c.error)[len(found) // 2]
            every = " ".join(f"{c.error:.6f}" for c in found)
            angle = median(c.angle for c in found)
            sys.stdout.write(
                f"{n:<3} {solver:<9} {middle.error:.6f}      {middle.excess:+.2e}       {angle:.2f}°   {every}\n"
            )


if __name__ == "__main__":
    main()

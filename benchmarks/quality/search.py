"""Search among the codes of 60,000 MNIST images: recall, the time of a query, and the same search among pixels.

Run as ``python benchmarks/quality/search.py``. An autoencoder of 32 codes learns for two epochs; 100 test images ask
for their ten nearest. Truth is the ten nearest codes in float64, by brute force over all of them.
"""

from __future__ import annotations

import sys

import numpy as np

import latens
from latens.reproduce.searching import ratio, search_ways

CODES, EPOCHS, QUERIES = 32, 2, 100


def images(split: str) -> np.ndarray:
    """(n, h, w) float32 in [0, 1]."""
    return np.asarray(latens.open_source(f"dataset:mnist/{split}").values, dtype=np.float32) / 255


def measure() -> dict[str, dict[str, float]]:
    """Every way of searching, by name."""
    train, test = images("train"), images("test")
    model = latens.Autoencoder(n_components=CODES, max_epochs=EPOCHS, random_state=0, verbose=0).fit(train)
    return search_ways(model, train, test[:QUERIES])


def main() -> None:
    found = measure()
    sys.stdout.write("way                 recall@10  milliseconds a query\n")
    for name, each in found.items():
        sys.stdout.write(f"{name:<19} {each['recall']:.3f}      {each['milliseconds']:.2f}\n")
    sys.stdout.write(f"in memory a query among codes is {ratio(found):.1f} times as fast as the same among pixels\n")


if __name__ == "__main__":
    main()

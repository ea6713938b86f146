"""The images that the experiments learn from: MNIST whole, or few of them for a quick look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latens.analysis import principal_components
from latens.data import open_samples
from latens.data.datasets import held

__all__ = ["QUICK", "Digits", "QuickSize", "load_digits"]

_WHITE = {"mnist": 255, "digits": 16}


@dataclass(frozen=True)
class QuickSize:
    """How much is left of an experiment in the quick form; the small digits are few, and so get more epochs."""

    train_rows: int = 6000
    test_rows: int = 1000
    max_epochs: int = 2
    small_max_epochs: int = 10
    pixel_rows: int = 64


QUICK = QuickSize()


@dataclass(frozen=True, eq=False)
class Digits:
    """Grey images of handwritten digits, float32 in [0, 1].

    Args:
        name: The data set's.
        train: (n, h, w).
        train_labels: (n,), never learned from but by probes.
        test: (m, h, w), never learned from.
        test_labels: (m,).
    """

    name: str
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray

    @property
    def n_features(self) -> int:
        """Pixels."""
        return int(np.prod(self.test.shape[1:]))

    def describe(self) -> dict[str, str | int]:
        """What a result has to say about its data."""
        return {"name": self.name, "train_rows": len(self.train), "test_rows": len(self.test)}

    def first(self, n: int) -> Digits:
        """The same test images, and the first n training images."""
        if n == len(self.train):
            return self
        return replace(self, train=self.train[:n], train_labels=self.train_labels[:n])

    def without(self, digits: Sequence[int]) -> Digits:
        """The same test images, and the training images that show none of these digits."""
        if not digits:
            return self
        kept = ~np.isin(self.train_labels, digits)
        return replace(self, train=self.train[kept], train_labels=self.train_labels[kept])

    def one_of_each(self) -> np.ndarray:
        """Test rows, the first of each digit."""
        return np.array([int(np.argmax(self.test_labels == digit)) for digit in np.unique(self.test_labels)])

    def pca_error(self, n_components: int) -> float | None:
        """Exact PCA's mean squared error on the test images; None where it would only copy."""
        if n_components >= self.n_features:
            return None
        train, test = (images.reshape(len(images), -1) for images in (self.train, self.test))
        return float(principal_components(train, n_components).errors(test).mean())


def load_digits(quick: bool) -> Digits:
    """MNIST; in the quick form a part of it, or the small digits that are always here if MNIST is not.

    Raises:
        DataError: MNIST is wanted whole and is neither here nor to be had.
    """
    name = "mnist" if not quick or held("mnist") else "digits"
    train, test = open_samples(f"dataset:{name}/train"), open_samples(f"dataset:{name}/test")
    rows = (QUICK.train_rows, QUICK.test_rows) if quick else (None, None)
    labels = train.labels["label"][: rows[0]], test.labels["label"][: rows[1]]
    images = _unit(train.values[: rows[0]], name), _unit(test.values[: rows[1]], name)
    return Digits(name, images[0], labels[0], images[1], labels[1])


def _unit(images: np.ndarray, name: str) -> np.ndarray:
    return images.astype(np.float32) / np.float32(_WHITE[name])

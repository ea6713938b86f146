"""The referee of every fit: what did the network gain over exact PCA of the same size on the same rows?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latens.analysis.principal import Blocks, Principal, principal_of

__all__ = ["Referee", "judge"]

# Ratios within this of one are called level: less than the spread between seeds.
_LEVEL = 0.01

# Of the data's spread: what rounding leaves of an error that is none.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Referee:
    """A model's error beside that of exact PCA.

    Args:
        n_components: Size of both codes.
        pca_error: Mean squared error of exact, centred PCA, in the scaled units that the model is trained in.
        model_error: The model's, on the same rows, in the same units.
        rows: ``"held-out"``, or ``"training"`` if nothing was held out.
        n_rows: How many.
        n_features: Numbers in a sample; of a fully convolutional model in a pixel, which has a code of its own.
    """

    n_components: int
    pca_error: float
    model_error: float
    rows: str
    n_rows: int
    n_features: int

    @property
    def comparable(self) -> bool:
        """PCA with as many components as features only copies, and then says nothing about the model."""
        return self.n_components < self.n_features and self.pca_error > 0

    @property
    def ratio(self) -> float:
        """The model's error over PCA's: below one, the network earned its place. NaN if not comparable."""
        return self.model_error / self.pca_error if self.comparable else float("nan")

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        where = f"on {self.n_rows:,} {self.rows} row{'s' * (self.n_rows != 1)}"
        if self.n_components < self.n_features and not self.comparable:
            return f"use PCA: at the same size it loses nothing, the network {self.model_error:.4g} {where}"
        if not self.comparable:
            return (
                f"error {self.model_error:.4g} {where}; PCA with {_counted(self.n_components, 'component')} for "
                f"{_counted(self.n_features, 'feature')} would only copy, so there is no comparison"
            )
        figures = f"({self.model_error:.4g} against {self.pca_error:.4g} {where})"
        if abs(self.ratio - 1) <= _LEVEL:
            return f"level with exact PCA of the same size {figures}"
        if self.ratio < 1:
            return f"beats exact PCA of the same size by {100 * (1 - self.ratio):.1f} % {figures}"
        return f"use PCA: its error at the same size is {100 * (1 - 1 / self.ratio):.1f} % smaller {figures}"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def judge(
    train: np.ndarray | Blocks,
    held_out: np.ndarray | Blocks | None,
    model_error: float,
    n_components: int,
    groups: np.ndarray | None = None,
    most: int | None = None,
) -> Referee:
    """Solve PCA on the training rows and compare on the held-out ones (on the training rows if there are none).

    Args:
        train: (m, D), scaled as the model sees them, or what gives some rows at a time; a missing value is NaN, and PCA
            is given the column's mean.
        held_out: (k, D), or what gives some rows at a time; None, or k = 0, for none.
        model_error: The model's mean squared error on the rows of comparison.
        n_components: Size of the code.
        groups: (D,) int, of a typed table the column that each number belongs to: the error is then the mean over a
            row's columns, those that are missing left out, of the sum over a column's numbers.
        most: Of rows with more than 4,096 numbers, how many are held in memory; None for all.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> judge(x, x[:10], model_error=0.1, n_components=2).rows
        'held-out'
    """
    alone = held_out is None or (isinstance(held_out, np.ndarray) and not len(held_out))
    learned, judged = _blocks(train), _blocks(train if alone or held_out is None else held_out)
    features = next(iter(learned())).shape[1]
    columns = np.arange(features) if groups is None else groups
    if n_components < features:
        principal = principal_of(learned, n_components, most=most)
        pca_error, squares, n = _mean_error(principal, judged, columns)
        pca_error = pca_error if pca_error > _ROUNDING * squares else 0.0
    else:
        pca_error, n = 0.0, sum(len(block) for block in judged())
    return Referee(n_components, pca_error, model_error, "training" if alone else "held-out", n, features)


def _blocks(rows: np.ndarray | Blocks) -> Blocks:
    return (lambda: (rows,)) if isinstance(rows, np.ndarray) else rows


def _mean_error(principal: Principal, blocks: Blocks, groups: np.ndarray) -> tuple[float, float, int]:
    """The mean error of rows, the mean square of their numbers, and how many there are."""
    plain = len(np.unique(groups)) == len(groups)
    error = squares = 0.0
    rows = 0
    for block in blocks():
        whole = plain and not np.isnan(block).any()
        error += float((principal.block_errors(block) if whole else _gap_errors(principal, block, groups)).sum())
        squares += float(np.nansum(np.square(block, dtype=np.float64)))
        rows += len(block)
    return error / rows, squares / (rows * len(groups)), rows


def _gap_errors(principal: Principal, judged: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Of rows with missing values, or of columns of several numbers, the error of each."""
    present = ~np.isnan(judged)
    filled = np.where(present, judged, principal.mean) - principal.mean
    squared = np.square(filled - filled @ principal.components.T @ principal.components)
    columns = present @ (1.0 / np.bincount(groups)[groups])  # how many of a row's columns are there
    return np.asarray((squared * present).sum(axis=1) / np.maximum(columns, 1.0))

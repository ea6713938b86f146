"""Exact principal components: the simple method that every autoencoder of the same size has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

from latens.analysis.cores import cores_for

__all__ = ["Blocks", "Principal", "principal_components", "principal_of"]

# Rows (m, D) some at a time, as often as they are asked for.
Blocks: TypeAlias = Callable[[], Iterable[np.ndarray]]

# Numbers that are multiplied at a time, about, of rows that come block by block.
_NUMBERS = 1 << 20
# Rows turned into float64 at a time, the widest data whose D x D covariance is solved, and the longest thin SVD.
_CHUNK = 8192
_WIDEST = 4096
_LONGEST_SVD = 2048


@dataclass(frozen=True, eq=False)
class Principal:
    """A linear subspace.

    Args:
        mean: (D,) float64, what is subtracted first (zero without centring).
        components: (n, D) float64, orthonormal rows by decreasing variance; zero rows beyond the data's rank.
    """

    mean: np.ndarray
    components: np.ndarray

    def errors(self, x: np.ndarray) -> np.ndarray:  # (m, D) -> (m,)
        """Mean squared distance of each row from its projection, in float64."""
        return np.concatenate([self._block_errors(block) for block in _blocks(x, self.mean)])

    def block_errors(self, block: np.ndarray) -> np.ndarray:  # (m, D) -> (m,)
        """The same of few rows."""
        return self._block_errors(block.astype(np.float64) - self.mean)

    def _block_errors(self, centred: np.ndarray) -> np.ndarray:
        codes = centred @ self.components.T
        return np.asarray(((centred - codes @ self.components) ** 2).mean(axis=1))


def principal_components(x: np.ndarray, n_components: int, center: bool = True) -> Principal:
    r"""The n orthonormal directions that keep most of the (centred) data.

    .. math:: \max_{W W^\top = I} \sum_i \lVert W (x_i - \mu) \rVert^2

    Data of up to 4,096 features is solved by its covariance in float64, short data by a thin SVD, and what is both
    wide and long by the randomised method (Halko et al., 2011, https://doi.org/10.1137/090771806).

    Args:
        x: (m, D), any float dtype.
        n_components: n ≤ D.
        center: Subtract the mean first; False gives the directions of the raw second moments.

    Example:
        >>> x = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
        >>> np.abs(principal_components(x, 1).components).round(3)
        array([[0.707, 0.707]])
    """
    rows, features = x.shape
    mean = x.mean(axis=0, dtype=np.float64) if center else np.zeros(features)
    if features <= min(_WIDEST, max(rows, 2)):
        components = _by_covariance(x, mean, n_components)
    elif rows <= _LONGEST_SVD:
        components = np.linalg.svd(x - mean, full_matrices=False)[2][:n_components]
    else:
        components = randomized_svd(x - mean, n_components, n_iter=7, random_state=0)[2]
    missing = n_components - len(components)
    return Principal(mean, np.vstack([components, np.zeros((missing, features))]))


def _by_covariance(x: np.ndarray, mean: np.ndarray, n_components: int) -> np.ndarray:  # -> (n, D)
    features = x.shape[1]
    covariance = np.zeros((features, features))
    for block in _blocks(x, mean):
        covariance += block.T @ block
    return _largest(covariance, n_components)


def _largest(covariance: np.ndarray, n_components: int) -> np.ndarray:  # (D, D) -> (n, D)
    """The directions of the largest variances."""
    features = len(covariance)
    _, vectors = eigh(covariance, subset_by_index=[features - n_components, features - 1])
    return np.ascontiguousarray(vectors.T[::-1])


def _blocks(x: np.ndarray, mean: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(x), _CHUNK):
        yield x[start : start + _CHUNK].astype(np.float64) - mean


def principal_of(blocks: Blocks, n_components: int, center: bool = True, most: int | None = None) -> Principal:
    """What `principal_components` finds, of rows that come block by block, in memory that does not grow with them.

    A missing value, NaN, counts as its column's mean, for which the rows are asked for twice. Of rows with more than
    4,096 numbers all are held in memory, or of more than `most` rows every second, third, … one.

    Args:
        blocks: The rows.
        n_components: n ≤ D.
        center: Subtract the mean first.
        most: Rows of wide data to hold; None for all.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 3)) @ np.diag([1.0, 5.0, 2.0])
        >>> parts = principal_of(lambda: np.array_split(x, 7), 2)
        >>> bool(np.allclose(parts.errors(x), principal_components(x, 2).errors(x)))
        True
    """
    moments = _Moments.of(blocks())
    if moments.missing:
        means = moments.mean

        def filled() -> Iterator[np.ndarray]:
            return (np.where(np.isnan(block), means, block) for block in blocks())

        return principal_of(filled, n_components, center, most)
    if moments.features > min(_WIDEST, max(moments.rows, 2)):
        return principal_components(_gathered(blocks(), moments.rows, most), n_components, center)
    mean = moments.mean if center else np.zeros(moments.features)
    components = _largest(moments.around(mean), n_components)
    missing = np.zeros((n_components - len(components), moments.features))
    return Principal(mean, np.vstack([components, missing]))


class _Moments:
    """Sums and products of rows, around the mean of the first block of them: around zero they would lose digits."""

    def __init__(self, features: int, shift: np.ndarray) -> None:
        self.features, self.rows, self._shift = features, 0, shift
        self._sum, self._present = np.zeros(features), np.zeros(features)
        self._products = np.zeros((features, features)) if features <= _WIDEST else np.zeros((0, 0))

    @classmethod
    def of(cls, blocks: Iterable[np.ndarray]) -> _Moments:
        moments: _Moments | None = None
        for wide in _large(blocks):
            moments = moments or cls(wide.shape[1], _means(wide))
            moments._add(wide - moments._shift)
        assert moments is not None
        return moments

    def _add(self, rows: np.ndarray) -> None:
        self.rows += len(rows)
        gaps = np.isnan(rows)
        self._sum += np.where(gaps, 0.0, rows).sum(axis=0)
        self._present += len(rows) - gaps.sum(axis=0)
        if not self.missing and len(self._products):
            with cores_for(rows.size * self.features):
                self._products += rows.T @ rows

    @property
    def missing(self) -> bool:
        """Whether a value was missing: the products are then of no use."""
        return bool((self._present < self.rows).any())

    @property
    def mean(self) -> np.ndarray:  # (D,)
        return np.asarray(self._shift + self._sum / np.maximum(self._present, 1))

    def around(self, centre: np.ndarray) -> np.ndarray:  # (D, D)
        """The products of the rows around a centre."""
        apart, total = self._shift - centre, np.outer(self._sum, self._shift - centre)
        return np.asarray(self._products + total + total.T + self.rows * np.outer(apart, apart))


def _large(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:  # of (·, D) -> (·, D) float64
    """The blocks, small ones together: a product of few numbers is not worth its threads."""
    held: list[np.ndarray] = []
    for block in blocks:
        held.append(block.astype(np.float64))  # a copy, for the next block may lie in the same memory
        if sum(each.size for each in held) >= _NUMBERS:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _means(rows: np.ndarray) -> np.ndarray:
    present = ~np.isnan(rows)
    return np.asarray(np.where(present, rows, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1))


def _gathered(blocks: Iterable[np.ndarray], rows: int, most: int | None) -> np.ndarray:
    """All rows, or evenly spread ones."""
    step = 1 if most is None else -(-rows // most)
    kept, seen = [], 0
    for block in blocks:
        kept.append(block[-seen % step :: step].copy())
        seen += len(block)
    return np.concatenate(kept)

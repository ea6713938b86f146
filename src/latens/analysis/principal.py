"""Exact principal components: the simple method that every autoencoder of the same size has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

__all__ = ["Principal", "principal_components"]

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
    _, vectors = eigh(covariance, subset_by_index=[features - n_components, features - 1])
    return np.ascontiguousarray(vectors.T[::-1])


def _blocks(x: np.ndarray, mean: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(x), _CHUNK):
        yield x[start : start + _CHUNK].astype(np.float64) - mean

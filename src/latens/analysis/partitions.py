"""The ways to divide rows into clusters, each a function of the rows, a size and a seed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from latens.analysis.cores import cores_for
from latens.analysis.principal import principal_components
from latens.analysis.words import lsa

__all__ = ["METHODS", "SEEDLESS", "Partition"]

# Starts of a fit, the best of which counts.
_STARTS = 10
# Density means little among many numbers, and a full covariance has the square of them.
_DENSITY_COMPONENTS, _MIXTURE_COMPONENTS = 10, 32
# What a mixture's variances are at least, as a share of the rows': clusters of equal rows are no error.
_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Partition:
    """Rows divided.

    Args:
        labels: (n,) int64 from 0; -1 for no cluster.
        strength: (n,) float64 by `measure`.
        measure: ``"distance"`` or ``"probability"``.
        centres: (k, d) float64.
        x: (n, d) the rows as the method saw them.
    """

    labels: np.ndarray
    strength: np.ndarray
    measure: str
    centres: np.ndarray
    x: Any


def _k_means(x: Any, k: int, seed: int) -> Partition:
    from sklearn.cluster import KMeans

    return _centred(KMeans(k, n_init=_STARTS, random_state=seed), x)


def _minibatch(x: Any, k: int, seed: int) -> Partition:
    from sklearn.cluster import MiniBatchKMeans

    return _centred(MiniBatchKMeans(k, n_init=_STARTS, batch_size=1024, random_state=seed), x)


def _centred(method: Any, x: Any) -> Partition:
    with _as_they_come(), cores_for(math.prod(x.shape) * method.n_clusters):
        labels = method.fit_predict(x)
    distances = method.transform(x)[np.arange(len(labels)), labels]
    return Partition(labels.astype(np.int64), distances, "distance", method.cluster_centers_, x)


def _mixture(x: Any, k: int, seed: int) -> Partition:
    from sklearn.mixture import GaussianMixture

    few = _fewer(x, _MIXTURE_COMPONENTS, seed)
    scaled = few / (few.std() or 1.0)
    method = GaussianMixture(k, reg_covar=_LEAST_VARIANCE, random_state=seed)
    with _as_they_come(), cores_for(few.size * k):
        chances = method.fit(scaled).predict_proba(scaled)
    labels = chances.argmax(axis=1)
    return Partition(labels.astype(np.int64), chances.max(axis=1), "probability", method.means_, scaled)


def _hdbscan(x: Any, smallest: int, seed: int) -> Partition:
    from sklearn.cluster import HDBSCAN

    few = _fewer(x, _DENSITY_COMPONENTS, seed)
    method = HDBSCAN(min_cluster_size=smallest, min_samples=min(5, len(few)), copy=True).fit(few)
    labels, chances = method.labels_.astype(np.int64), np.nan_to_num(method.probabilities_)
    centres = [np.average(few[labels == i], axis=0, weights=chances[labels == i]) for i in range(labels.max() + 1)]
    return Partition(labels, chances, "probability", np.reshape(centres, (-1, few.shape[1])), few)


def _fewer(x: Any, n_components: int, seed: int) -> np.ndarray:  # (n, d) -> (n, k)
    """Rows in as many numbers as a method stands: their principal components, of counted words their LSA."""
    if not isinstance(x, np.ndarray):
        return lsa(x, seed, n_components)
    if x.shape[1] <= n_components:
        return x
    principal = principal_components(x, n_components)
    return np.asarray((x - principal.mean) @ principal.components.T)


@contextmanager
def _as_they_come() -> Iterator[None]:
    """Fits that stop before they have settled, and clusters that nothing falls into, are what they are."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


# A function's second argument is how many clusters, but of HDBSCAN how many rows one has at least.
METHODS: dict[str, Callable[[Any, int, int], Partition]] = {
    "kmeans": _k_means,
    "minibatch": _minibatch,
    "hdbscan": _hdbscan,
    "gmm": _mixture,
}

# Those in which no seed has a say.
SEEDLESS = ("hdbscan",)

"""What speaks for a row being strange, each kind of evidence on one scale, so that the loudest can be heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from latens.analysis.neighbours import NearestRows
from latens.errors import finite

__all__ = ["Neighbourhood", "Standard", "loudest", "ordinary_rows", "trimmed_mahalanobis"]

# Added to a distance before its logarithm: far below what standardised data can differ by.
_TINY = 1e-9
# Logarithms of distances that hardly differ are rounding.
_LEAST_REACH = 0.05
# Share of the rows, the closest to the middle, that say where the middle is; and how often they are chosen anew.
_CENTRAL, _ROUNDS = 0.75, 5
# Of the widest direction's variance: below it, a direction is rounding.
_FLAT = 1e-3
# Neighbours that are far enough away to see past a group of outliers.
_FAR = 200
# Rows that neighbours are sought among: more of them change little and cost their number.
_REFERENCE = 10_000


@dataclass(frozen=True)
class Standard:
    r"""What is usual of a kind of distance, and how far the unusual reaches.

    .. math:: z(d) = w \, \frac{\log d - q_{50}}{q_{95} - q_{50}}

    The quantiles are those of the logarithms of the distances of rows that were learned from.

    Args:
        middle: q50.
        reach: q95 - q50.
        weight: w, how loud this kind may speak.
    """

    middle: float
    reach: float
    weight: float = 1.0

    @classmethod
    def of(cls, distances: np.ndarray, weight: float = 1.0) -> Standard:
        """From the distances (n,) of rows that were learned from."""
        middle, high = np.quantile(_log(distances), (0.5, 0.95))
        return cls(float(middle), max(float(high - middle), _LEAST_REACH), weight)

    def __call__(self, distances: np.ndarray) -> np.ndarray:  # (n,) -> (n,)
        """Distances on the common scale: 0 is the middle of what is usual, `weight` its upper end."""
        return np.asarray(self.weight * (_log(distances) - self.middle) / self.reach)


def loudest(distances: Mapping[str, np.ndarray], standards: Mapping[str, Standard]) -> np.ndarray:
    """The strangeness of each row, (n,): what the loudest kind of evidence says.

    Example:
        >>> usual = {"residual": Standard.of(np.linspace(1, 2, 21))}
        >>> loudest({"residual": np.array([1.5, 15.0])}, usual).round(2)
        array([0.  , 8.78])
    """
    return np.asarray(np.max([standards[name](distances[name]) for name in standards], axis=0))


def _log(distances: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.asarray(distances, dtype=np.float64) + _TINY))


class Neighbourhood:
    """Rows, and how far others are from their nearest neighbours among them.

    A row that is itself among them does not count as its own neighbour. Distances are measured in float64 and row by
    row, so that a row's answer is the same alone or in any batch.

    Args:
        rows: (n, D) float64; of more than 10,000 a sample is kept.
        k: Neighbours whose mean distance counts; fewer if there are no more.
        numbers: (n,) of each row the number that it goes by; None counts.
        random_state: Of the sample.

    Example:
        >>> line = np.arange(10.0)[:, None]
        >>> Neighbourhood(line, k=1).distances(np.array([[3.0], [20.0]]))
        array([ 1., 11.])
    """

    def __init__(self, rows: np.ndarray, k: int = 3, numbers: np.ndarray | None = None, random_state: int = 0) -> None:
        numbers = np.arange(len(rows)) if numbers is None else np.asarray(numbers)
        if len(rows) > _REFERENCE:
            kept = np.sort(np.random.default_rng(random_state).choice(len(rows), _REFERENCE, replace=False))
            rows, numbers = rows[kept], numbers[kept]
        self.rows = np.ascontiguousarray(rows, dtype=np.float64)
        self.numbers, self.k = numbers, max(1, min(k, len(rows) - 1))
        self._search = NearestRows(self.rows)

    def distances(self, queries: np.ndarray) -> np.ndarray:  # (m, D) -> (m,)
        """The mean distance to the k nearest."""
        return np.asarray(self.nearest(queries, self.k)[0].mean(axis=1))

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest of each query, nearest first: their distances and their numbers, each (m, k)."""
        found = self._search.nearest(queries, min(k + 1, len(self.rows)))
        # One row exactly like the query is the query.
        itself = (found.distances[:, :1] == 0.0).astype(int)
        places = np.minimum(itself + np.arange(min(k, len(self.rows))), found.indices.shape[1] - 1)
        chosen = np.take_along_axis(found.indices, places, axis=1)
        return np.take_along_axis(found.distances, places, axis=1), self.numbers[chosen]


def trimmed_mahalanobis(x: np.ndarray) -> np.ndarray:
    r"""The squared Mahalanobis distance of each row from the middle of the central three quarters.

    .. math:: d^2(x) = (x - \mu)^\top \Sigma^{-1} (x - \mu)

    The rows closest to the middle say where it is, and which are closest is decided anew five times: the
    concentration steps of Rousseeuw and Van Driessen, 1999, https://doi.org/10.1080/00401706.1999.10485670.

    Args:
        x: (n, D).

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> x[:30] += 20  # a group of outliers draws the mean and the variance to itself
        >>> bool(trimmed_mahalanobis(x)[:30].min() > 100 * np.median(trimmed_mahalanobis(x)[30:]))
        True
    """
    if x.shape[1] > len(x):  # distances are the same in the directions that the rows span
        left, lengths, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        x = left * lengths
    kept = np.arange(len(x))
    for _ in range(_ROUNDS):
        centred = x - x[kept].mean(axis=0)
        variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(x[kept].T, bias=True)))
        floor = max(_FLAT * float(variances[-1]), _TINY)
        distances = (np.square(centred @ directions) / np.maximum(variances, floor)).sum(axis=1)
        kept = np.argsort(distances, kind="stable")[: max(2, int(_CENTRAL * len(x)))]
    return np.asarray(distances)


def ordinary_rows(x: np.ndarray, trim: float, random_state: int = 0) -> np.ndarray:
    """The most ordinary rows, ascending: what is left once the share `trim` of the strangest is set aside.

    Strange is what lies far from the middle and far from its 200 nearest neighbours, so many that a group of outliers
    cannot hide in itself.

    Args:
        x: (n, D), standardised.
        trim: Share to set aside, in [0, 0.9].
        random_state: Of the sample that neighbours are sought among.
    """
    trim = finite("trim", trim, at_least=0.0, at_most=0.9)
    if trim == 0.0 or len(x) < 4:
        return np.arange(len(x))
    far = Neighbourhood(x, min(_FAR, len(x) // 2), random_state=random_state).distances(x)
    from scipy.stats import rankdata  # slow to import

    strange = rankdata(trimmed_mahalanobis(x)) + rankdata(far)
    kept = max(2, round((1.0 - trim) * len(x)))
    return np.sort(np.argsort(strange, kind="stable")[:kept])

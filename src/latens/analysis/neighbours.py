"""Exact nearest neighbours: float32 says which rows can be among them, float64 which are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from latens.analysis.cores import cores_for
from latens.errors import ConfigError, DataError, choice, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DISTANCES", "NearestRows", "Neighbours", "distances_to", "nearest", "recall"]

DISTANCES = ("euclidean", "cosine")

# Queries and rows that are compared at a time: a block of scores has 16 MB.
_QUERIES, _ROWS = 64, 1 << 16
# Numbers whose differences are held in float64 at a time.
_NUMBERS = 1 << 20
_UNIT = float(np.finfo(np.float32).eps)
_TINY = float(np.finfo(np.float32).tiny)
# Distances this close are one: what rounding in float64 leaves.
_LEVEL = 1e-9


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest rows of each query, the nearest first.

    Args:
        indices: (m, k) int64; of rows at one distance the smaller number stands first.
        distances: (m, k) float64, rising: Euclidean in the units of the data, or cosine in [0, 2].
    """

    indices: np.ndarray
    distances: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """A row for each pair: query, rank (from 1), index, distance."""
        import pandas as pd

        m, k = self.indices.shape
        query, rank = np.divmod(np.arange(m * k), max(k, 1))
        columns = {"query": query, "rank": rank + 1, "index": self.indices.ravel(), "distance": self.distances.ravel()}
        return pd.DataFrame(columns)


class NearestRows:
    r"""Rows made ready to be searched, exactly.

    .. math:: d(q, r) = \lVert q - r \rVert \quad\text{or}\quad 1 - \frac{q \cdot r}{\lVert q \rVert \lVert r \rVert}

    :math:`\lVert r \rVert^2 - 2 q \cdot r` in float32 ranks all rows in one matrix product, and is wrong by no more
    than :math:`(D + 8)\,\epsilon\,(\lVert q \rVert + \lVert r \rVert)^2` (Higham, 2002, section 3.1). Every row that
    may be among the k nearest within that bound is measured again in float64, so that the answer is that of float64,
    alone or in any batch.

    Args:
        rows: (n, D), finite.
        distance: ``"euclidean"`` or ``"cosine"``.

    Raises:
        DataError: Rows that are no finite (n, D) array, or have no direction to compare.
        ConfigError: Another distance.

    Example:
        >>> found = NearestRows(np.array([[0.0], [3.0], [1.0]])).nearest(np.array([[0.9]]), k=2)
        >>> found.indices.tolist(), found.distances.round(3).tolist()
        ([[2, 0]], [[0.1, 0.9]])
    """

    def __init__(self, rows: np.ndarray, distance: str = "euclidean") -> None:
        self.distance = choice("distance", distance, DISTANCES)
        self.rows = _directed(_checked(rows, "rows"), distance, "row")
        # About their mean and within one: nearly all of float32's digits are then digits of differences.
        self._offset = self.rows.mean(axis=0, dtype=np.float64)
        spread = max((float(np.abs(part - self._offset).max(initial=0.0)) for part in _parts(self.rows)), default=0.0)
        self._scale = spread or 1.0
        self._narrow = np.concatenate([self._narrowed(part) for part in _parts(self.rows)])  # (n, D) float32
        self._squares = np.square(self._narrow).sum(axis=1)

    def nearest(self, queries: np.ndarray, k: int, leave_out: np.ndarray | None = None) -> Neighbours:
        """The k nearest rows of each query.

        Args:
            queries: (m, D).
            k: From 1 to n; to n - 1 with `leave_out`.
            leave_out: (m,), of each query the row that does not count, such as itself.

        Raises:
            ConfigError: More than there are.
            DataError: Queries of another width.
        """
        most = len(self.rows) - (leave_out is not None)
        if whole("k", k, at_least=1) > most:
            raise ConfigError(f"k={k} exceeds the {most} rows there are to find; use k<={most}")
        asked = _directed(_checked(queries, "queries"), self.distance, "query")
        if asked.shape[1] != self.rows.shape[1]:
            raise DataError(f"queries of {asked.shape[1]} numbers where the rows have {self.rows.shape[1]}")
        found = Neighbours(np.empty((len(asked), k), dtype=np.int64), np.empty((len(asked), k)))
        wanted = k + (leave_out is not None)
        with cores_for(_QUERIES * self._narrow[:_ROWS].size):
            for start in range(0, len(asked), _QUERIES):
                block = asked[start : start + _QUERIES]
                for i, candidates in enumerate(self._candidates(block, wanted), start=start):
                    kept = candidates if leave_out is None else candidates[candidates != leave_out[i]]
                    found.indices[i], found.distances[i] = self._ranked(asked[i], kept, k)
        return found

    def _narrowed(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((values - self._offset) / self._scale, dtype=np.float32)

    def _candidates(self, queries: np.ndarray, k: int) -> Iterator[np.ndarray]:
        """Of each query every row that can be among the k nearest, and few others."""
        with np.errstate(over="ignore", invalid="ignore"):  # a query as far as infinity: all rows stay candidates
            narrow = self._narrowed(queries)
            parts = [self._bounds(narrow, start) for start in range(0, len(self.rows), _ROWS)]
        for query in range(len(queries)):
            kept = [_promising(low[query], high[query], k) for low, high in parts]
            numbers = np.concatenate([start * _ROWS + part for start, part in enumerate(kept)])
            lows, highs = (
                np.concatenate([bound[query][part] for bound, part in zip(side, kept, strict=True)])
                for side in zip(*parts, strict=True)
            )
            yield numbers[_promising(lows, highs, k)]

    def _bounds(self, queries: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:  # (m, D) -> twice (m, c)
        """What the squared distances to a chunk of rows are at least and at most, less the query's own square."""
        rows, squares = self._narrow[start : start + _ROWS], self._squares[start : start + _ROWS]
        scores = squares - 2.0 * (queries @ rows.T)
        reach = np.sqrt(np.square(queries).sum(axis=1))[:, None] + np.sqrt(squares)
        width = queries.shape[1]
        slack = (width + 8) * _UNIT * np.square(reach) + width * _TINY
        return scores - slack, scores + slack

    def _ranked(self, query: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        exact = distances_to(query, self.rows, candidates, self.distance)
        order = np.lexsort([candidates, exact])[:k]
        return candidates[order], exact[order]


def nearest(rows: np.ndarray, queries: np.ndarray, k: int, *, distance: str = "euclidean") -> Neighbours:
    """The k nearest of `rows` for each of `queries`; see `NearestRows`.

    Args:
        rows: (n, D).
        queries: (m, D).
        k: From 1 to n.
        distance: ``"euclidean"`` or ``"cosine"``.

    Raises:
        DataError, ConfigError: As `NearestRows`.

    Example:
        >>> nearest(np.eye(3), np.eye(3)[:1], k=1).indices.tolist()
        [[0]]
    """
    return NearestRows(rows, distance).nearest(queries, k)


def distances_to(query: np.ndarray, rows: np.ndarray, chosen: np.ndarray, distance: str) -> np.ndarray:
    """The distances of a query (D,) to the chosen rows of (n, D), in float64; for cosine both have unit length."""
    step = max(1, _NUMBERS // max(1, rows.shape[1]))
    wide = query.astype(np.float64)
    parts = [chosen[start : start + step] for start in range(0, len(chosen), step)]
    squares = [np.square(rows[part] - wide).sum(axis=1) for part in parts]
    joined = np.concatenate(squares) if squares else np.zeros(0)
    return np.asarray(np.sqrt(joined) if distance == "euclidean" else joined / 2.0)


def recall(found: Neighbours, exact: Neighbours) -> float:
    r"""The share of the true neighbours that were found; another row at the same distance is as good.

    .. math:: \frac{1}{mk} \sum_{i,j} [d_{ij} \le d^*_{ik}]

    Aumüller et al., 2018, https://arxiv.org/abs/1807.05614.

    Args:
        found: (m, k); a place that nothing was found for has distance infinity.
        exact: (m, k), by `NearestRows`.

    Example:
        >>> exact = nearest(np.eye(3), np.eye(3), k=2)
        >>> recall(exact, exact)
        1.0
    """
    if found.distances.shape != exact.distances.shape:
        raise DataError(f"neighbours of shape {found.distances.shape} beside {exact.distances.shape}; give one k")
    return float((found.distances <= exact.distances[:, -1:] * (1.0 + _LEVEL)).mean())


def _promising(lows: np.ndarray, highs: np.ndarray, k: int) -> np.ndarray:
    """Places whose lower bound is within the k-th upper bound; all of them if that is not a number."""
    if len(highs) <= k:
        return np.arange(len(highs))
    limit = np.partition(highs, k - 1)[k - 1]
    return np.flatnonzero(~(lows > limit))


def _checked(values: np.ndarray, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "biuf":
        raise DataError(f"{what} of shape {array.shape} and dtype {array.dtype}; give numbers of shape (n, d)")
    if not np.isfinite(array).all():
        raise DataError(f"{what}: row {int((~np.isfinite(array)).any(axis=1).argmax())} holds NaN or infinity; drop it")
    return array if array.dtype == np.float32 else array.astype(np.float64)


def _directed(values: np.ndarray, distance: str, what: str) -> np.ndarray:
    """For cosine, values of unit length in float64."""
    if distance == "euclidean":
        return values
    wide = values.astype(np.float64)
    lengths = np.abs(wide).max(axis=1)  # first, so that no square overflows or vanishes
    if not lengths.all():
        row = int((lengths == 0).argmax())
        raise DataError(f'{what} {row} is all zeros, which has no direction; use distance="euclidean"')
    wide /= lengths[:, None]
    return np.asarray(wide / np.sqrt(np.square(wide).sum(axis=1))[:, None])


def _parts(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS]

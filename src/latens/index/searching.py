"""How an index is searched: exactly while its codes fit easily into memory, by parts of it beyond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from latens.analysis.neighbours import NearestRows, Neighbours, nearest, recall
from latens.index.about import About, Recall
from latens.index.columns import CODE
from latens.index.table import Rows, as_codes

__all__ = ["Answer", "Searcher"]

# The numbers of rows and their distances, the nearest first.
Answer: TypeAlias = tuple[np.ndarray, np.ndarray]

# Of the sample that recall is measured on: rows, the neighbours asked for, and what is enough.
_SAMPLE, _K, _ENOUGH = 200, 10, 0.99
_FIRST_PROBES = 8
_NOBODY = -1


class Searcher:
    """The nearest rows of an index as it is now.

    Args:
        rows: Of the index.
        about: The index.
    """

    def __init__(self, rows: Rows, about: About) -> None:
        self._rows, self._about = rows, about
        self._held: tuple[np.ndarray, NearestRows] | None = None

    def find(self, codes: np.ndarray, k: int, where: str | None, own: np.ndarray | None) -> list[Answer]:
        """Up to k rows for each code.

        Args:
            codes: (m, d).
            k: How many, if so many pass the filter.
            where: The filter.
            own: (m,) numbers of rows that do not count, each for its code.

        Raises:
            ConfigError: The filter cannot be applied.
        """
        left_out = np.full(len(codes), _NOBODY) if own is None else own
        if len(self._rows) < self._about.exact_below:
            return self._exactly(codes, k, where, left_out)
        # Recall was measured without a filter; with one, every row that passes is looked at.
        probes = self._about.recall.probes if self._about.recall and where is None else None
        return [self._near(code, k, where, probes, int(row)) for code, row in zip(codes, left_out, strict=True)]

    def measured(self) -> Recall:
        """Look into more and more parts until nearly all neighbours of a sample of rows are found."""
        numbers, everything = self._all()
        k = min(_K, len(numbers) - 1)
        sample = np.sort(np.random.default_rng(self._about.seed).permutation(len(numbers))[:_SAMPLE])
        exact = everything.nearest(everything.rows[sample], k, leave_out=sample)
        codes, probes = everything.rows[sample], _FIRST_PROBES
        while True:
            pairs = zip(codes, numbers[sample], strict=True)
            found = _padded([self._near(code, k, None, probes, int(row)) for code, row in pairs], k)
            share = recall(found, exact)
            if share >= _ENOUGH or probes >= self._rows.parts:
                return Recall(share, k, len(sample), probes, len(numbers))
            probes *= 2

    def _all(self) -> tuple[np.ndarray, NearestRows]:
        table = self._rows.read([CODE])
        return np.asarray(table["row"]), NearestRows(as_codes(table[CODE]), self._about.distance)

    def _exactly(self, codes: np.ndarray, k: int, where: str | None, own: np.ndarray) -> list[Answer]:
        """Every row that passes is looked at; all of them stay in memory."""
        self._held = self._held or self._all()
        numbers, rows = self._held
        if where is not None:
            places = np.flatnonzero(np.isin(numbers, self._rows.passing(where)))
            if not len(places):
                return [(numbers[:0], np.zeros(0))] * len(codes)
            numbers, rows = numbers[places], NearestRows(rows.rows[places], self._about.distance)
        # One more than wanted: the row itself, which stands behind others at its place and may not pass the filter.
        found = rows.nearest(codes, min(k + 1, len(numbers)))
        return [_without(numbers[found.indices[i]], found.distances[i], own[i], k) for i in range(len(codes))]

    def _near(self, code: np.ndarray, k: int, where: str | None, probes: int | None, own: int) -> Answer:
        """LanceDB says which rows come into question, and float64 their order."""
        numbers, codes = self._rows.near(code, k + 1, self._about.distance, probes=probes, where=where)
        if not len(numbers):
            return numbers, np.zeros(0)
        order = np.argsort(numbers)  # of rows at one distance the smaller number stands first
        found = nearest(codes[order], code[None], min(k + 1, len(order)), distance=self._about.distance)
        return _without(numbers[order][found.indices[0]], found.distances[0], own, k)


def _without(numbers: np.ndarray, distances: np.ndarray, own: int, k: int) -> Answer:
    kept = np.flatnonzero(numbers != own)[:k]
    return numbers[kept], distances[kept]


def _padded(answers: Sequence[Answer], k: int) -> Neighbours:
    """Answers of up to k rows each; what was not found is infinitely far."""
    found = Neighbours(np.full((len(answers), k), _NOBODY), np.full((len(answers), k), np.inf))
    for i, (numbers, distances) in enumerate(answers):
        found.indices[i, : len(numbers)], found.distances[i, : len(numbers)] = numbers, distances
    return found

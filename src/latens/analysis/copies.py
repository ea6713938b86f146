"""Is it generated, or is it copied? The longest run of a sample that stands in the training text as it is.

Windows are compared by rank: those of the sample are numbered, equal ones alike, and a window of the corpus has the
number of the sample's window that it equals, or none. A longer window is a pair of shorter ones, so that a number
stands for the items themselves and nothing has to be hashed; one pass over the corpus for each doubling, and one for
each halving, find the longest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latens.errors import DataError, whole

__all__ = ["Copy", "longest_copy"]

_ABSENT = -1


@dataclass(frozen=True)
class Copy:
    """The longest run of a sample that occurs in a corpus.

    Args:
        length: In items; characters of a text.
        start: Where it begins in the sample; of several of that length the first.
        place: Where it begins in the corpus; the first occurrence.
        at_least: The length from which on a run counts as copied.
        share: Of the sample's items, how many lie in copied runs, from 0 to 1.
    """

    length: int
    start: int
    place: int
    at_least: int
    share: float


def longest_copy(sample: str | bytes | np.ndarray, corpus: str | bytes | np.ndarray, *, at_least: int = 50) -> Copy:
    """The longest run of `sample` that occurs verbatim in `corpus`, and how much of it is copied.

    Args:
        sample: A generated text, or ids (n,).
        corpus: The training text, or its ids (m,), of the same kind. A second is enough for 10,000 items in a million.
        at_least: The length from which on a run counts as copied.

    Raises:
        ConfigError: at_least is below one.
        DataError: One is a text and the other is not, or an array is not one of whole numbers in one dimension.

    Example:
        >>> longest_copy("so to be or naught", "to be or not to be", at_least=5)
        Copy(length=10, start=3, place=0, at_least=5, share=0.6111111111111112)
    """
    at_least = whole("at_least", at_least, at_least=1)
    if isinstance(sample, str) != isinstance(corpus, str):
        raise DataError(f"sample is {_kind(sample)} and corpus is {_kind(corpus)}; give two texts, or two of ids")
    items = _items("sample", sample)
    single = _single(items, _items("corpus", corpus))
    longest = _longest(single)
    if longest is None:
        return Copy(0, 0, 0, at_least, 0.0)
    start, place = longest.first()
    return Copy(longest.length, start, place, at_least, _share(single, at_least, longest.length))


def _kind(text: object) -> str:
    return "a text" if isinstance(text, str) else f"of type {type(text).__name__}"


def _items(name: str, text: str | bytes | np.ndarray) -> np.ndarray:
    """Code points, bytes or ids."""
    if isinstance(text, str):
        return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    items = np.frombuffer(text, dtype=np.uint8) if isinstance(text, bytes) else np.asarray(text)
    if items.ndim != 1 or (len(items) and items.dtype.kind not in "iu"):
        raise DataError(f"{name} of shape {items.shape} ({items.dtype}); give a text or whole numbers in one dimension")
    return items


@dataclass(frozen=True, eq=False)
class _Windows:
    """All windows of one length by number, equal ones alike.

    Args:
        length: In items.
        sample: (n - length + 1,) int64, of the sample.
        corpus: (m - length + 1,) int32, of the corpus; -1 where the sample has no such window.
    """

    length: int
    sample: np.ndarray
    corpus: np.ndarray

    @property
    def shared(self) -> bool:
        """One of them occurs in both."""
        return bool((self.corpus != _ABSENT).any())

    def longer(self, by: int) -> _Windows:
        """The windows that are longer by at most their length: two of these each, which overlap or meet."""
        n, m = max(len(self.sample) - by, 0), max(len(self.corpus) - by, 0)
        several = int(self.sample.max(initial=0)) + 1
        table, ranks = np.unique(self.sample[:n] * several + self.sample[by : by + n], return_inverse=True)
        left, right = self.corpus[:m], self.corpus[by : by + m]
        possible = np.flatnonzero((left != _ABSENT) & (right != _ABSENT))
        corpus = np.full(m, _ABSENT, dtype=np.int32)
        corpus[possible] = _numbers(left[possible].astype(np.int64) * several + right[possible], table)
        return _Windows(self.length + by, ranks, corpus)

    def first(self) -> tuple[int, int]:
        """Where in the sample the first window begins that is shared, and where in the corpus it occurs first."""
        start = int(np.isin(self.sample, self.corpus).argmax())
        return start, int((self.corpus == self.sample[start]).argmax())

    def covered(self) -> np.ndarray:
        """(n,) bool, the sample's items that lie in a shared window."""
        copied = np.isin(self.sample, self.corpus).astype(np.int64)
        edges = np.zeros(len(copied) + self.length, dtype=np.int64)
        edges[: len(copied)] += copied
        edges[self.length :] -= copied
        return edges.cumsum()[:-1] > 0


def _single(sample: np.ndarray, corpus: np.ndarray) -> _Windows:
    table, ranks = np.unique(sample, return_inverse=True)
    return _Windows(1, ranks, _numbers(corpus, table).astype(np.int32))


def _numbers(keys: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The places of the keys in a sorted table, -1 of those that are not there."""
    if not len(table):
        return np.full(len(keys), _ABSENT)
    at = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where(table[at] == keys, at, _ABSENT)


def _longest(single: _Windows) -> _Windows | None:
    """The longest windows of which one is shared: doubled while that holds, then longer by what still fits."""
    if not single.shared:
        return None
    longest = single
    while (doubled := longest.longer(longest.length)).shared:
        longest = doubled
    by = longest.length // 2
    while by:
        longer = longest.longer(by)
        longest, by = (longer if longer.shared else longest), by // 2
    return longest


def _share(single: _Windows, length: int, longest: int) -> float:
    """Of the sample's items those that lie in a shared window of a length."""
    if length > longest:
        return 0.0
    windows = single
    while windows.length < length:
        windows = windows.longer(min(windows.length, length - windows.length))
    return float(windows.covered().mean())

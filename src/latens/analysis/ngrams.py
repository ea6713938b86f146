"""What counting predicts: the items of held-out sequences by unigrams, by an interpolated 5-gram, and by xz.

Everything is a sort or a search over whole arrays: ten million training items and a vocabulary of 50,000 need no loop
over items. Contexts never cross the start of a document; its first items have shorter ones.
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from latens.errors import DataError, whole

__all__ = ["Documents", "documents", "ngram_nats", "ngram_surprisals", "unigram_nats", "xz_nats"]

# Training text beyond its last 32 MiB is not shown to xz, which would take minutes.
_LONGEST_TEXT = 2**25
_UNSEEN = -1


@dataclass(frozen=True, eq=False)
class Documents:
    """Sequences of ids, one after the other.

    Args:
        ids: (N,) int64, all items.
        offsets: (n + 1,) int64, rising from 0 to N: document i is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def places(self) -> np.ndarray:
        """(N,) int64, each item's place in its document, from 0."""
        starts = np.repeat(self.offsets[:-1], np.diff(self.offsets))
        return np.asarray(np.arange(len(self.ids)) - starts)


def documents(ids: np.ndarray | Sequence[Sequence[int] | np.ndarray], offsets: np.ndarray | None = None) -> Documents:
    """Ids as `Documents`.

    Args:
        ids: A list of sequences, or all of them in one array (N,).
        offsets: Of one array, (n + 1,) where its documents begin and the last one ends; None is one document.

    Raises:
        DataError: Ids that are no whole numbers, or offsets that do not rise from 0 to N.

    Example:
        >>> documents([[3, 1], [], [2]]).offsets
        array([0, 2, 2, 3])
    """
    if not isinstance(ids, np.ndarray):
        parts = [np.asarray(part) for part in ids]
        offsets = np.cumsum([0, *map(len, parts)])
        ids = np.concatenate([part for part in parts if len(part)] or [np.zeros(0, dtype=np.int64)])
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise DataError(f"ids of shape {ids.shape} ({ids.dtype}); give whole numbers in one dimension")
    offsets = np.array([0, len(ids)]) if offsets is None else np.asarray(offsets)
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(ids) or (np.diff(offsets) < 0).any():
        raise DataError(f"offsets={offsets} of {len(ids)} ids; give n + 1 numbers that rise from 0 to {len(ids)}")
    return Documents(ids.astype(np.int64, copy=False), offsets.astype(np.int64, copy=False))


def unigram_nats(train: Documents, held_out: Documents, n_items: int) -> float:
    r"""Cross-entropy of single items, nats per held-out item.

    .. math:: p(w) = \frac{c(w) + 1}{N + V}

    Args:
        train: What is counted.
        held_out: What is predicted.
        n_items: Size of the vocabulary, :math:`V`.

    Raises:
        DataError: Nothing is held out, or an id is beyond the vocabulary.

    Example:
        >>> round(unigram_nats(documents([[0, 0]]), documents([[0, 1]]), n_items=2), 4)  # of 3/4 and of 1/4
        0.837
    """
    _check(train, held_out, n_items)
    counts = np.bincount(train.ids, minlength=n_items) + 1.0
    return float(np.log(counts.sum() / counts)[held_out.ids].mean())


def ngram_nats(train: Documents, held_out: Documents, n_items: int, order: int = 5) -> float:
    """Cross-entropy of the interpolated n-gram, nats per held-out item: the mean of `ngram_surprisals`."""
    return float(ngram_surprisals(train, held_out, n_items, order).mean())


def ngram_surprisals(train: Documents, held_out: Documents, n_items: int, order: int = 5) -> np.ndarray:
    r"""Nats that each held-out item costs an interpolated n-gram.

    .. math:: p(w \mid h) = \frac{c(hw) + T(h) \, p(w \mid h')}{c(h) + T(h)}

    with c(h) the items that followed the context h in training, T(h) how many different ones, and h' the context
    without its first item; below the empty context is 1 / V, so every item of the vocabulary has a finite cost
    (Witten & Bell, 1991, https://doi.org/10.1109/18.87000).

    Args:
        train: What is counted.
        held_out: What is predicted.
        n_items: Size of the vocabulary, :math:`V`.
        order: The longest context and the item after it; 5 looks at four items.

    Returns:
        (N,) float64, of the held-out items in their order.

    Raises:
        DataError: Nothing is held out, or an id is beyond the vocabulary.

    Example:
        >>> seen = documents([[0, 1, 0, 1, 0, 1]])
        >>> ngram_surprisals(seen, documents([[0, 1], [0, 0]]), n_items=2, order=2).round(2)
        array([0.69, 0.13, 0.69, 2.08])
    """
    _check(train, held_out, n_items)
    order = whole("order", order, at_least=1)
    probabilities = np.full(len(held_out), 1.0 / n_items)
    for level in _levels(train, held_out, n_items, order):
        totals = level.followers + level.kinds
        known = totals > 0
        interpolated = (level.counts + level.kinds * probabilities)[known] / totals[known]
        probabilities[known] = interpolated
    return np.asarray(-np.log(probabilities))


@dataclass(frozen=True, eq=False)
class _Level:
    """Of contexts of one length: what training says where each held-out item stands, all (N,).

    Args:
        counts: How often this item followed this context.
        followers: How often any item did.
        kinds: How many different items did.
    """

    counts: np.ndarray
    followers: np.ndarray
    kinds: np.ndarray


def _levels(train: Documents, held_out: Documents, n_items: int, order: int) -> Iterator[_Level]:
    """The contexts of 0, 1, …, order - 1 items.

    A context goes by the rank of its n-gram among those of training, so that an n-gram of any length is a pair of
    integers: its context's rank and its last item.
    """
    places, held_places = train.places(), held_out.places()
    contexts, held_contexts = np.zeros(len(train), dtype=np.int64), np.zeros(len(held_out), dtype=np.int64)
    for length in range(order):
        held_known = np.flatnonzero(held_contexts != _UNSEEN)
        if not len(held_known):
            return
        known = np.flatnonzero(contexts != _UNSEEN)
        grams, ranks, counts = np.unique(
            contexts[known] * n_items + train.ids[known], return_inverse=True, return_counts=True
        )
        wanted = held_contexts[held_known]
        found = _look_up(grams, wanted * n_items + held_out.ids[held_known])
        yield _level(grams // n_items, counts, found, wanted, held_known, len(held_out))
        contexts = _shifted(ranks, known, places, length)
        held_contexts = _shifted(found, held_known, held_places, length)


def _look_up(table: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The places of the keys in a sorted table, -1 of those that are not there."""
    if not len(table):
        return np.full(len(keys), _UNSEEN)
    at = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where(table[at] == keys, at, _UNSEEN)


def _level(
    owners: np.ndarray, counts: np.ndarray, found: np.ndarray, wanted: np.ndarray, where: np.ndarray, n: int
) -> _Level:
    """Counts (n,) at the places `where`, and zeros where the context is not known.

    Args:
        owners: (G,) the context of each n-gram of training.
        counts: (G,) how often it occurs.
        found: (k,) the n-gram of each held-out place, or -1.
        wanted: (k,) the context there.
        where: (k,) which places these are.
        n: How many there are altogether.
    """
    n_contexts = int(max(wanted.max(), owners.max(initial=0))) + 1
    followers = np.bincount(owners, weights=counts, minlength=n_contexts)
    kinds = np.bincount(owners, minlength=n_contexts)

    def spread(values: np.ndarray) -> np.ndarray:
        full = np.zeros(n)
        full[where] = values
        return full

    occurrences = np.append(counts, 0)[found]  # -1 is the zero at the end
    return _Level(spread(occurrences), spread(followers[wanted]), spread(kinds[wanted]))


def _shifted(ranks: np.ndarray, where: np.ndarray, places: np.ndarray, length: int) -> np.ndarray:
    """The n-gram that ends just before each item, if it lies in the same document."""
    ending = np.full(len(places) + 1, _UNSEEN)
    ending[where + 1] = ranks
    return np.where(places > length, ending[:-1], _UNSEEN)


def xz_nats(train: bytes, held_out: bytes, n_items: int) -> float:
    r"""What the held-out text adds to the training text under xz, nats per held-out item.

    .. math:: 8 \ln 2 \, \frac{|xz(\text{train held})| - |xz(\text{train})|}{n}

    Args:
        train: The training text; only its last 32 MiB are compressed.
        held_out: The held-out text.
        n_items: Items of the held-out text: characters, or tokens.

    Raises:
        DataError: Nothing is held out.

    Example:
        >>> xz_nats(b"to be or not to be, " * 50, b"to be or not to be, " * 5, n_items=100) < 0.5
        True
    """
    if not held_out or n_items < 1:
        raise DataError(f"{len(held_out)} bytes held out as {n_items} items; give xz at least one of both")
    train = train[-_LONGEST_TEXT:]
    added = _packed(train + held_out) - _packed(train)
    return 8.0 * math.log(2.0) * added / n_items


def _packed(text: bytes) -> int:
    """Bytes of the compressed text, without headers; all of it is in reach of its end."""
    reach = max(4096, len(text))
    return len(
        lzma.compress(text, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": reach}])
    )


def _check(train: Documents, held_out: Documents, n_items: int) -> None:
    whole("n_items", n_items, at_least=1)
    if not len(held_out):
        raise DataError("held_out: 0 items; give some to predict")
    for name, part in (("train", train), ("held_out", held_out)):
        outside = np.flatnonzero((part.ids < 0) | (part.ids >= n_items))
        if len(outside):
            raise DataError(
                f"{name}: item {outside[0]:,} is {part.ids[outside[0]]}; use ids from 0 to {n_items - 1}, "
                "of which one may stand for all that is unknown"
            )

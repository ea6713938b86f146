"""What a detector learns: an estimator, and how far ordinary rows and unseen rows are from what it expects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from latens.data import split
from latens.data.sequences import split_sequences
from latens.errors import DataError
from latens.estimators.witnesses import SurprisalWitness, Witness, is_one_series

__all__ = ["FEWEST", "Lesson", "sequence_lesson"]

# Rows that a detector needs at least.
FEWEST = 8


@dataclass(frozen=True, eq=False)
class Lesson:
    """What came of a fit.

    Args:
        estimator: Fitted.
        witness: It, as one who can tell what is strange.
        usual: Distances of rows that were learned from, by kind.
        unseen: Distances of the held-out rows, by kind.
        held_out: Their numbers.
        trimmed: Numbers of the rows that were set aside as strange.
    """

    estimator: Any
    witness: Witness
    usual: Mapping[str, np.ndarray]
    unseen: Mapping[str, np.ndarray]
    held_out: np.ndarray
    trimmed: np.ndarray


def sequence_lesson(estimator: Any, X: Any, fraction: float, seed: int, *, fitted: bool) -> Lesson:
    """From texts, sequences of events or series; or from one series, of which time steps are judged.

    Args:
        estimator: An autoregressor.
        X: A list of texts, of lists of items, or of series; or one series, whose end is then held out.
        fraction: Share to hold out.
        seed: Of which of a list are held out.
        fitted: Whether the estimator is not to be fitted.
    """
    if is_one_series(estimator, X):
        return _one_series(estimator, X, fraction, fitted=fitted)
    if not isinstance(X, (list, tuple)):
        raise DataError(f"{type(X).__name__}: a detector judges sequences one by one; give a list of them")
    if len(X) < FEWEST:
        raise DataError(f"{len(X)} sequences are too few to tell which is strange; give at least {FEWEST}")
    learned, held_out = split(len(X), fraction, seed)
    part, rest = ([X[row] for row in rows] for rows in (learned, held_out))
    if not fitted:
        estimator.fit(part)
    witness = SurprisalWitness(estimator)
    return Lesson(estimator, witness, witness.distances(part), witness.distances(rest), held_out, held_out[:0])


def _one_series(estimator: Any, X: Any, fraction: float, *, fitted: bool) -> Lesson:
    if not fitted:
        estimator.set_params(validation_fraction=fraction).fit(X)
    found = SurprisalWitness(estimator).distances(X)
    steps = len(found["residual"])
    cut = int(split_sequences(np.array([0, steps]), fraction)[0][-1])
    usual, unseen = ({name: part[where] for name, part in found.items()} for where in (slice(cut), slice(cut, None)))
    held_out = np.arange(cut, steps)
    return Lesson(estimator, SurprisalWitness(estimator), usual, unseen, held_out, held_out[:0])

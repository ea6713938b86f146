"""What is found out about series before and after a fit: whether their level wanders, and what a model misses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from latens.analysis.forecasts import Judged
from latens.estimators.reading import Reader
from latens.estimators.rollouts import as_items, means, windowed

__all__ = ["judged", "level_share", "residual_spread"]

# Items that the referee judges by, at most: the last ones.
_JUDGED = 1 << 14


def judged(
    reader: Reader, series: Sequence[np.ndarray], learned: Sequence[int], reach: int | None
) -> list[Judged]:  # each (T, d)
    """Series with the network's predictions of their held-out parts, or of all of one where nothing is held out.

    Args:
        reader: Of the network.
        series: Whole, scaled.
        learned: Steps at the beginning of each that the network learned from.
        reach: Items of the past that it knows what to do with, or None.
    """
    sequences = [_to_judge(*each, reader.network.patch, reach) for each in zip(series, learned, strict=True)]
    said = windowed(reader, sequences, reach)
    found = zip(series, learned, (means(reader, each) for each in said), strict=True)
    return [_judged(*each, reader.network.patch) for each in found]


def _to_judge(values: np.ndarray, learned: int, patch: int, reach: int | None) -> np.ndarray:  # -> (m, P·d)
    """The items to predict, after those that are read before them."""
    before = len(values) if reach is None else reach * patch
    begin = max(learned - before, 0) if learned < len(values) else 0
    return as_items(values[begin:], patch)[-_JUDGED:]


def _judged(values: np.ndarray, learned: int, predicted: np.ndarray, patch: int) -> Judged:
    """One series with what was said of its last items; of the first of them nothing was known."""
    origins = len(values) - patch * np.arange(len(predicted) - 1, 0, -1)
    return Judged(values, learned, origins, predicted[1:].reshape(len(origins), patch, values.shape[1]))


def residual_spread(series: Sequence[Judged], patch: int) -> np.ndarray:  # -> (P·d,)
    """The root of the mean squared residual of each value of an item, on the held-out steps where there are some."""
    after = [each.origins >= each.learned for each in series]
    if not any(kept.any() for kept in after):
        after = [np.ones(len(each.origins), dtype=bool) for each in series]
    residuals = [
        each.predicted[kept] - each.values[each.origins[kept, None] + np.arange(patch)]
        for each, kept in zip(series, after, strict=True)
    ]
    spread: np.ndarray = np.sqrt(np.square(np.concatenate(residuals)).mean(axis=0)).reshape(-1)
    return spread


def level_share(series: Sequence[np.ndarray], parts: int = 8) -> float:
    """The share of the variance that lies between eighths of the series: near 1 where levels wander.

    Example:
        >>> level_share([np.arange(800.0)[:, None]]) > 0.9, level_share([np.sin(np.arange(800.0))[:, None]]) < 0.1
        (True, True)
    """
    between = total = 0.0
    for values in series:
        centred = values - values.mean(axis=0)
        total += float(np.square(centred).sum())
        for part in np.array_split(centred, min(parts, len(centred))):
            between += len(part) * float(np.square(part.mean(axis=0)).sum())
    return between / total if total > 0 and math.isfinite(total) else 0.0

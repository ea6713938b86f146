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


def judged(reader: Reader, values: np.ndarray, learned: int, reach: int | None) -> Judged:  # (T, d)
    """A series with the network's predictions of its held-out part, or of all of it where nothing is held out.

    Args:
        reader: Of the network.
        values: The whole series, scaled.
        learned: Steps at its beginning that the network learned from.
        reach: Items of the past that it knows what to do with, or None.
    """
    patch = reader.network.patch
    before = len(values) if reach is None else reach * patch
    begin = max(learned - before, 0) if learned < len(values) else 0
    items = as_items(values[begin:], patch)[-_JUDGED:]
    origins = len(values) - patch * np.arange(len(items) - 1, 0, -1)
    predicted = means(reader, windowed(reader, items, reach))[1:] if len(items) else np.empty((0, 0))
    return Judged(values, learned, origins, predicted.reshape(len(origins), patch, values.shape[1]))


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

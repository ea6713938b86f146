"""What a simple method is given where a model gives its codes: the data itself, as rows of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from latens.analysis.words import weigh_items, weigh_words
from latens.data import Source
from latens.data.events import EventSource
from latens.data.series import SeriesSource
from latens.data.text import TextSource

__all__ = ["PlainInput", "plain_input"]

# Series of one length are given as they are, up to so many numbers.
_LONGEST = 4096
# Of images of different sizes, levels of a histogram for each channel.
_LEVELS = 32

Rows: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class PlainInput:
    """The data without a model.

    Args:
        words: What its numbers are.
        rows: The function of a source of n rows: (n, d), dense or sparse.
    """

    words: str
    rows: Rows


def plain_input(estimator: Any, source: Any) -> PlainInput:
    """What the raw input of a fitted model's data is.

    Images and tables are what the network is given, scaled, a category one number for each level, what is missing the
    mean. Texts are their words, weighed by how rare they are (TF-IDF); sequences of events their items, in the same
    way. Series of one length are their steps; of several lengths, mean, deviation, extremes and mean step by column.

    Args:
        estimator: Fitted.
        source: What weights of words are learned from, and whose series are to be compared.
    """
    return _KINDS[source.kind](estimator, source)


def _samples(estimator: Any, source: Source) -> PlainInput:
    if source.ragged:
        return PlainInput("histograms of the images' levels", lambda data: _histograms(estimator, data))
    return PlainInput("pixels" if source.kind == "images" else "scaled columns", lambda data: _scaled(estimator, data))


def _scaled(estimator: Any, source: Source) -> np.ndarray:  # -> (n, d)
    applied = estimator._applied_source(source).one_size("give all rows, or none, images of one size")
    values = estimator.schema_.scale_values(applied.values)
    if estimator.schema_.typed:
        values = np.nan_to_num(estimator.network_.features(values))
    return np.asarray(values.reshape(len(values), -1))


def _histograms(estimator: Any, source: Source) -> np.ndarray:  # -> (n, channels · levels)
    low = float(estimator.schema_.scaling.offset.min())
    high = float((estimator.schema_.scaling.offset + estimator.schema_.scaling.scale).max())
    return np.stack([_histogram(image, low, high) for image in source.values])


def _histogram(image: np.ndarray, low: float, high: float) -> np.ndarray:
    channels = image.reshape(*image.shape[:2], -1)
    counts = [np.histogram(channels[..., i], bins=_LEVELS, range=(low, high))[0] for i in range(channels.shape[2])]
    return np.asarray(np.concatenate(counts) / (image.shape[0] * image.shape[1]))


def _text(estimator: Any, source: TextSource) -> PlainInput:
    weigh = weigh_words(source.texts(), source.name)
    return PlainInput("counted words, TF-IDF", lambda data: weigh(data.texts()))


def _events(estimator: Any, source: EventSource) -> PlainInput:
    weigh = weigh_items((source[row] for row in range(len(source))), source.name)
    return PlainInput("counted items, TF-IDF", lambda data: weigh(data[row] for row in range(len(data))))


def _series(estimator: Any, source: SeriesSource) -> PlainInput:
    lengths = np.diff(source.offsets)
    if (lengths == lengths[0]).all() and lengths[0] * source.values.shape[1] <= _LONGEST:
        return PlainInput("steps of the series", lambda data: _standardised(_steps(data, int(lengths[0])), source))
    known = _summaries(source)
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    words = "mean, deviation, extremes and mean step of the series"
    return PlainInput(words, lambda data: (_summaries(data) - mean) / scale)


def _steps(source: SeriesSource, length: int) -> np.ndarray:  # -> (n, T, d)
    return np.stack([_of_length(source[row], length) for row in range(len(source))])


def _of_length(series: np.ndarray, length: int) -> np.ndarray:
    """The last steps of a series; of a shorter one the first is repeated."""
    return np.concatenate([np.repeat(series[:1], max(0, length - len(series)), axis=0), series[-length:]])


def _standardised(steps: np.ndarray, source: SeriesSource) -> np.ndarray:  # (n, T, d) -> (n, T · d)
    """By column, over all steps of the source: columns have units of their own."""
    mean, deviation = source.values.mean(axis=0), source.values.std(axis=0)
    return np.asarray(((steps - mean) / np.where(deviation > 0, deviation, 1.0)).reshape(len(steps), -1))


def _summaries(source: SeriesSource) -> np.ndarray:  # -> (n, 5 d)
    return np.stack([_summary(source[row]) for row in range(len(source))])


def _summary(series: np.ndarray) -> np.ndarray:  # (T, d) -> (5 d,)
    steps = np.abs(np.diff(series, axis=0)).mean(axis=0) if len(series) > 1 else np.zeros(series.shape[1])
    return np.concatenate([series.mean(axis=0), series.std(axis=0), series.min(axis=0), series.max(axis=0), steps])


_KINDS: dict[str, Callable[[Any, Any], PlainInput]] = {
    "table": _samples,
    "images": _samples,
    "text": _text,
    "events": _events,
    "series": _series,
}

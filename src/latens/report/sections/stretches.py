"""Where a series surprised the model."""

from __future__ import annotations

import math

import numpy as np

from latens.data import SeriesSource
from latens.report.blocks import Block, Card, Cards, Chart, Section, Words, quantity
from latens.report.charts import Band, Line, draw_chart
from latens.report.scatter import clipped
from latens.report.sections.forecast import across_of, times_of
from latens.report.subject import Subject

__all__ = ["stretches"]

_CARDS = 5
# Steps of a stretch: a share of the series, within bounds; and of its surroundings that are drawn on either side.
_SHARE, _LEAST, _MOST, _AROUND = 100, 4, 48, 3


def stretches(subject: Subject) -> Section | None:
    """Of the series with the steps that cost the most; its first column is drawn."""
    if subject.kind != "series" or subject.source.image is not None:
        return None
    costs = subject.model.surprisal(subject.source)
    costs = costs if isinstance(costs, list) else [costs]
    width = int(np.clip(max(map(len, costs)) // _SHARE, _LEAST, _MOST))
    found = _worst(costs, width)
    if not found:
        return None
    row, first, mean = found[0]
    names = times_of(subject.source, row, len(costs[row]))
    every = float(np.nanmean(np.concatenate(costs)))
    verdict = (
        f"The most surprising {width} steps begin at {names(first)}{_of(subject, row)}: {quantity(mean)} nats per step, "
        f"where {quantity(every)} are usual."
    )
    blocks: list[Block] = [_along(subject, row, costs[row], found, width)]
    blocks.append(Cards([_card(subject, *each, width, every) for each in found]))
    note = "What a step costs is minus the logarithm of the density that the model gave to it, in the units of the data."
    return Section("Most surprising stretches", verdict, [*blocks, Words(note, "faint")])


def _worst(costs: list[np.ndarray], width: int) -> list[tuple[int, int, float]]:
    """The stretches that cost most, apart from each other: series, first step, and mean."""
    means = [_means(each, width) for each in costs]
    found: list[tuple[int, int, float]] = []
    while len(found) < _CARDS:
        tops = [float(each.max(initial=-math.inf)) for each in means]
        row = int(np.argmax(tops))
        if not math.isfinite(tops[row]):
            break
        first = int(means[row].argmax())
        found.append((row, first, tops[row]))
        means[row][max(0, first - 2 * width) : first + 2 * width] = -math.inf
    return found


def _means(costs: np.ndarray, width: int) -> np.ndarray:
    """Of each stretch; what has no cost is left out."""
    if len(costs) < width:
        return np.empty(0)
    sums = np.concatenate([[0.0], np.nancumsum(costs)])
    means = (sums[width:] - sums[:-width]) / width
    means[: int(np.isnan(costs).sum())] = -math.inf
    return np.asarray(means)


def _of(subject: Subject, row: int) -> str:
    return f" of {clipped(subject.name(row), 60)}" if len(subject) > 1 else ""


def _along(subject: Subject, row: int, costs: np.ndarray, found: list[tuple[int, int, float]], width: int) -> Chart:
    """The mean of each stretch along the whole series."""
    source: SeriesSource = subject.source
    means = np.where(np.isfinite(each := _means(costs, width)), each, np.nan)
    places = np.arange(len(means)) + width // 2
    bands = [Band("", np.array([first, first + width]), style=1) for series, first, _ in found if series == row]
    names = times_of(source, row, len(costs))
    up = f"nats per step, mean over {width} steps"
    return draw_chart([Line("", places, means, 0)], bands, across=across_of(source), up=up, names=names, whole=True)


def _card(subject: Subject, row: int, first: int, mean: float, width: int, every: float) -> Card:
    source: SeriesSource = subject.source
    values = source[row]
    names = times_of(source, row, len(values))
    begin, end = max(0, first - _AROUND * width), min(len(values), first + (1 + _AROUND) * width)
    places = np.arange(begin, end)
    band = Band("", np.array([first, min(first + width, len(values) - 1)]), style=1)
    name = clipped(subject.model.schema_.names[0], 40)
    chart = draw_chart([Line("", places, values[places, 0], 0)], [band], across=across_of(source), up=name, names=names, whole=True)
    note = f"{quantity(mean)} nats per step; {quantity(every)} are usual"
    return Card(f"From {names(first)}{_of(subject, row)}", note, chart=chart)

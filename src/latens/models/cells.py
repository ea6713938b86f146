"""The two sides of a network: how a sample enters it, and what its output is compared with.

`Features` are numbers as they stand. `Cells` are the columns of a typed table, in which a category is a distribution,
a time goes in circles, and a cell may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from latens.corruptions import Corruption, on_cells
from latens.losses import mean_where, squared_error
from latens.seeds import Keyed

__all__ = ["Cells", "Features"]


class Features:
    """Every number is a feature, entered, predicted and compared as it stands."""

    def corrupt(self, corruption: Corruption, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        """What the network sees of x in training."""
        return corruption(x, random)

    def enter(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, D)
        """The first layer's input."""
        return x.flatten(1)

    def features(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, D)
        """What a prediction is compared with."""
        return x.flatten(1)

    def weights(self) -> None:
        """All alike, each a column of its own."""

    def activate(self, outputs: Tensor) -> Tensor:  # (B, D) -> (B, D)
        """The last layer's output as a prediction."""
        return outputs

    def present(self, target: Tensor) -> Tensor:  # (B, *shape) -> the same, bool
        """What is there to be compared with: everything."""
        return torch.ones_like(target, dtype=torch.bool)

    def loss(self, outputs: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
        """Mean squared error, of all numbers or of those of a region.

        Args:
            outputs: (B, D).
            target: (B, *shape).
            region: (B, *shape) bool, or None.
        """
        if region is None:
            return squared_error(outputs, target).mean()
        wide = torch.promote_types(outputs.dtype, torch.float32)
        return mean_where(region.flatten(1), (outputs.to(wide).flatten(1) - target.to(wide).flatten(1)).square())

    def settle(self, predicted: Tensor) -> Tensor:  # (B, D) -> (B, D)
        """A prediction in the form of the data."""
        return predicted

    def errors(self, predicted: Tensor, x: Tensor) -> Tensor:  # (B, D), (B, *shape) -> (B, D)
        """Squared error of each number."""
        return (predicted - x.flatten(1)).square()


@dataclass(frozen=True)
class _Category:
    place: int  # of the column
    start: int  # of its outputs
    levels: int
    entropy: float
    gini: float


@dataclass(frozen=True)
class _Time:
    place: int
    start: int
    periods: tuple[float, ...]  # seconds, the longest first
    offset: float  # of the scaling
    scale: float


class Cells:
    r"""The columns of a typed table, each with the loss of its kind, weighted so that no kind drowns another.

    .. math:: \ell = \frac{1}{|P|} \sum_{j \in P} \ell_j, \qquad
              \ell_j = (\hat{x}_j - x_j)^2 \;\text{or}\; \frac{-\log p_j(x_j)}{H_j}

    P are the cells that are present. A number's column has variance 1 and a category's cross-entropy is divided by the
    entropy :math:`H_j` of its frequencies, so that knowing nothing of the row costs 1 in every column. A time is a
    number and a point on a circle for each of its periods. A missing cell enters as zeros and, if `masked`, marked.

    A sample is one number a column: scaled numbers and times, codes of categories; NaN is missing, and a code of -1 a
    category that is none of the levels.

    Args:
        columns: Of each column what `latens.schema.Column.network` says.
        masked: Whether the network is told which cells are missing.

    Example:
        >>> cells = Cells([{}, {"levels": 3, "entropy": 1.0, "gini": 0.6}])
        >>> cells.inputs, cells.outputs
        (6, 4)
    """

    def __init__(self, columns: Sequence[Mapping[str, Any]], masked: bool = True) -> None:
        self.masked = masked
        self.n_columns = len(columns)
        numbers = [i for i, column in enumerate(columns) if not column]
        self.numbers = _together(numbers)
        self.categories: list[_Category] = []
        self.times: list[_Time] = []
        self._n_numbers = width = len(numbers)
        for i, column in enumerate(columns):
            if "levels" in column:
                self.categories.append(_Category(i, width, column["levels"], column["entropy"], column["gini"]))
                width += column["levels"]
            elif column:
                periods = tuple(column["periods"])
                self.times.append(_Time(i, width, periods, column["offset"], column["scale"]))
                width += 1 + 2 * len(periods)
        self.outputs = width
        self.inputs = width + len(columns) * masked

    @property
    def ends(self) -> tuple[int, int]:
        """Widths of the network's input and output."""
        return self.inputs, self.outputs

    def corrupt(self, corruption: Corruption, x: Tensor, random: Keyed) -> Tensor:  # (B, d) -> (B, d)
        """What the network sees of the cells in training; see `latens.corruptions.on_cells`."""
        return on_cells(corruption, x, random, self.numbers)

    def enter(self, x: Tensor) -> Tensor:  # (B, d) -> (B, inputs)
        """Numbers, one place a level, circles, and the marks of what is missing; zeros where it is."""
        parts = [self.features(x).nan_to_num()]
        if self.masked:
            parts.append((x.isnan() | (x == -1.0) & self._coded(x)).to(x.dtype))
        return torch.cat(parts, dim=1)

    def features(self, x: Tensor) -> Tensor:  # (B, d) -> (B, outputs)
        """The cells as numbers a prediction can be compared with; NaN where they are missing."""
        parts = [x[:, self.numbers]]
        parts += [_one_hot(x[:, category.place], category.levels) for category in self.categories]
        parts += [_circles(x[:, time.place], time) for time in self.times]
        return torch.cat(parts, dim=1)

    def weights(self) -> tuple[list[float], list[int]]:
        """For each of the `features` what makes its column's variance one, and the number of its column."""
        places = range(self.n_columns)
        groups = list(places[self.numbers]) if isinstance(self.numbers, slice) else list(self.numbers)
        weights = [1.0] * len(groups)
        for category in self.categories:
            weights += [category.gini**-0.5] * category.levels
            groups += [category.place] * category.levels
        for time in self.times:
            parts = 1 + 2 * len(time.periods)
            weights += [(1 + len(time.periods)) ** -0.5] * parts
            groups += [time.place] * parts
        return weights, groups

    def activate(self, outputs: Tensor) -> Tensor:  # (B, outputs) -> (B, outputs)
        """Numbers as they are, a probability for each level."""
        predicted = outputs.clone()
        for category in self.categories:
            where = slice(category.start, category.start + category.levels)
            predicted[:, where] = outputs[:, where].softmax(dim=1)
        return predicted

    def present(self, target: Tensor) -> Tensor:  # (B, d) -> (B, d) bool
        """Which cells are there to be compared with."""
        return ~(target.isnan() | (target == -1.0) & self._coded(target))

    def loss(self, outputs: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
        """The mean over rows of the mean over their cells that are present, or over all present cells of a region.

        Args:
            outputs: (B, outputs).
            target: (B, d).
            region: (B, d) bool, or None.
        """
        known, costs = self.present(target), self._costs(outputs, target)
        if region is not None:
            return mean_where(region & known, costs)
        return ((costs * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)).mean()

    def _costs(self, outputs: Tensor, target: Tensor) -> Tensor:  # (B, outputs), (B, d) -> (B, d)
        """Of each cell; of what is missing, a number without meaning."""
        wide = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        costs = target.new_zeros(target.shape, dtype=wide.dtype)
        costs[:, self.numbers] = (wide[:, : self._n_numbers] - target[:, self.numbers].nan_to_num()).square()
        for category in self.categories:
            logits = wide[:, category.start : category.start + category.levels]
            codes = target[:, category.place].nan_to_num().clamp(min=0).long()
            costs[:, category.place] = functional.cross_entropy(logits, codes, reduction="none") / category.entropy
        for time in self.times:
            costs[:, time.place] = _time_error(wide, _circles(target[:, time.place].nan_to_num(), time), time)
        return costs

    def settle(self, predicted: Tensor) -> Tensor:  # (B, outputs) -> (B, d)
        """The likeliest cells: numbers, codes, times."""
        cells = predicted.new_empty(len(predicted), self.n_columns)
        cells[:, self.numbers] = predicted[:, : self._n_numbers]
        for category in self.categories:
            shares = predicted[:, category.start : category.start + category.levels]
            cells[:, category.place] = shares.argmax(dim=1).to(cells.dtype)
        for time in self.times:
            cells[:, time.place] = _moment(predicted[:, time.start : time.start + 1 + 2 * len(time.periods)], time)
        return cells

    def errors(self, predicted: Tensor, x: Tensor) -> Tensor:  # (B, outputs), (B, d) -> (B, d)
        """Squared error of each cell over that of knowing nothing; NaN where the cell is missing."""
        errors = x.new_empty(x.shape)
        errors[:, self.numbers] = (predicted[:, : self._n_numbers] - x[:, self.numbers]).square()
        for category in self.categories:
            shares = predicted[:, category.start : category.start + category.levels]
            truth = _one_hot(x[:, category.place], category.levels)
            new = (x[:, category.place] == -1.0).to(x.dtype)  # its place among the levels is outside of them
            errors[:, category.place] = ((shares - truth).square().sum(dim=1) + new) / category.gini
        for time in self.times:
            errors[:, time.place] = _time_error(predicted, _circles(x[:, time.place], time), time)
        return errors

    def chances(self, predicted: Tensor, x: Tensor) -> Tensor:  # (B, outputs), (B, d) -> (B, d)
        """For categories the probability of the cell that is there, NaN for other kinds and missing cells."""
        chances = torch.full_like(x, math.nan)
        for category in self.categories:
            shares = predicted[:, category.start : category.start + category.levels]
            chances[:, category.place] = (shares * _one_hot(x[:, category.place], category.levels)).sum(dim=1)
        return chances

    def _coded(self, x: Tensor) -> Tensor:  # (1, d) bool: which columns hold codes
        coded = torch.zeros(1, x.shape[1], dtype=torch.bool, device=x.device)
        coded[:, [category.place for category in self.categories]] = True
        return coded


def _together(places: list[int]) -> slice | list[int]:
    """Places that follow each other as a slice, which needs no index on the device."""
    first, count = (places or [0])[0], len(places)
    return slice(first, first + count) if places == list(range(first, first + count)) else places


def _one_hot(codes: Tensor, levels: int) -> Tensor:  # (B,) -> (B, levels), NaN where missing
    hot = (codes[:, None] == torch.arange(levels, device=codes.device, dtype=codes.dtype)).to(codes.dtype)
    return hot.masked_fill(codes.isnan()[:, None], math.nan)


def _circles(x: Tensor, time: _Time) -> Tensor:  # (B,) -> (B, 1 + 2P)
    """A scaled time as a number, and as cosine and sine of each period."""
    parts = [x]
    for period in time.periods:
        # Reduced before it is multiplied: 2 pi times many turns would lose the place on the circle in float32.
        turns = x * (time.scale / period) + math.fmod(time.offset, period) / period
        angle = 2.0 * math.pi * (turns - turns.floor())
        parts += [angle.cos(), angle.sin()]
    return torch.stack(parts, dim=1)


def _time_error(outputs: Tensor, truth: Tensor, time: _Time) -> Tensor:  # (B, outputs), (B, 1 + 2P) -> (B,)
    own = outputs[:, time.start : time.start + truth.shape[1]]
    return (own - truth).square().sum(dim=1) / (1 + len(time.periods))


def _moment(parts: Tensor, time: _Time) -> Tensor:  # (B, 1 + 2P) -> (B,)
    """The scaled time that the parts mean: for each period, the longest first, the nearest time at its point.

    A point is believed where it lies nearer to the circle than to its centre; it moves the time by half a period at
    most.
    """
    moment = parts[:, 0]
    for i, period in enumerate(time.periods):
        cosine, sine = parts[:, 1 + 2 * i], parts[:, 2 + 2 * i]
        turns = moment * (time.scale / period) + math.fmod(time.offset, period) / period
        ahead = torch.atan2(sine, cosine) / (2.0 * math.pi) - turns
        shift = (ahead - ahead.round()) * (period / time.scale)
        moment = torch.where(cosine.square() + sine.square() > 0.25, moment + shift, moment)
    return moment

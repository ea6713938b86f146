"""Corruptions that know what a table is: values that could stand there, but do not belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from latens.corruptions.role import Corruption
from latens.errors import finite
from latens.seeds import Keyed

__all__ = ["Swap"]


@dataclass(frozen=True)
class Swap(Corruption):
    r"""Each cell is replaced, with a probability, by the same column's value of another random training row.

    .. math:: \tilde{x}_{ij} = x_{rj} \text{ with probability } p, \text{ else } x_{ij}

    with :math:`r \ne i` drawn anew for each cell, all training rows equally likely.

    Every column keeps its own distribution, whatever its scaling, and a category stays a category; what breaks is how
    columns go together (Bahri et al., 2022, https://arxiv.org/abs/2106.15147). The other rows come with the draws: a
    fit gives its training rows, never those held out. Where there is only one row, x stays as it is.

    Args:
        probability: Of replacing a cell, :math:`p`, from 0 to 1.

    Raises:
        ConfigError: probability is not from 0 to 1; on use: the draws come without a pool of rows.

    Example:
        >>> Swap(0.15)
        Swap(probability=0.15)
    """

    probability: float = 0.15

    # What it puts into a cell is a value of its column, whatever that holds.
    exchanges: ClassVar[bool] = True

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=1.0)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        if random.pool is not None and len(random.pool) < 2:
            return x
        replaced = random.cells(x.shape) < self.probability
        return torch.where(replaced, random.others(x.shape).to(x.dtype), x)

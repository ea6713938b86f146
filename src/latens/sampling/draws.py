"""One uniform number → one item."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import torch
from torch import Tensor

from latens.seeds import sequence_uniform

__all__ = ["draws", "pick"]

# Numbers are made for this many steps at once: for a single step the overhead would be most of the work.
_BLOCK = 64


def draws(seed: int, sequence: Tensor, first: int, n: int | None) -> Iterator[tuple[int, Tensor]]:
    """The numbers of n steps from `first` on, or without end, and the uniform numbers (B,) float64 of each.

    Example:
        >>> [step for step, uniform in draws(seed=0, sequence=torch.arange(2), first=3, n=2)]
        [3, 4]
    """
    end = None if n is None else first + n
    for start in count(first, _BLOCK):
        steps = range(start, start + _BLOCK if end is None else min(start + _BLOCK, end))
        if not steps:
            return
        yield from zip(steps, sequence_uniform(seed, sequence, steps).unbind(dim=1), strict=True)


def pick(logits: Tensor, uniform: Tensor) -> Tensor:  # (B, V), (B,) float64 -> (B,) int64
    r"""Draw an item a row by the inverse of its distribution function, in float64 and in order of id.

    .. math:: \min \{ i : \textstyle\sum_{j \le i} p_j > u, \; p_i > 0 \}, \qquad p = \mathrm{softmax}(\ell)

    Args:
        logits: (B, V); removed items are -inf and are never drawn.
        uniform: (B,) on [0, 1), as `latens.seeds.sequence_uniform` gives them.

    Example:
        >>> pick(torch.tensor([[0.5, 0.0, 0.5]]).log().expand(2, -1), torch.tensor([0.4, 0.5])).tolist()
        [0, 2]
    """
    probabilities = logits.softmax(dim=1, dtype=torch.float64)
    cumulated = probabilities.cumsum(dim=1)
    # Asked of each item rather than searched for: a GPU adds in an order of its own, so that the sums may rise at an
    # item of probability zero, or fall.
    reached = (cumulated > uniform[:, None] * cumulated[:, -1:]) & (probabilities > 0)
    first = reached.to(torch.uint8).argmax(dim=1)
    return torch.where(reached.any(dim=1), first, probabilities.argmax(dim=1))

"""One uniform number → one item."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["pick"]


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

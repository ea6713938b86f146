"""AdamW over parameters that lie side by side, so that a step is one pass over memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Block", "FlatAdamW"]

# Numbers between the starts of two parameters: 64 bytes in float32. Products round the same wherever a fit began.
_ALIGNMENT = 16
# Numbers up to which all parameters are updated at once. Above, gradients would go to memory and come back: a part of
# so many numbers is updated while the two cores still have it in their caches.
_AT_ONCE = 1 << 22
_PART = 1 << 19


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a weight, whose gradient is asked for and used at one time.

    Args:
        rows: Which.
        gradient: (rows, in), where it is to be written.
        flat: Values, gradient, and the two moments, flat.
    """

    rows: slice
    gradient: Tensor
    flat: tuple[Tensor, ...]


class FlatAdamW:
    r"""AdamW (Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101) as `torch.optim.AdamW` has it.

    .. math:: w \leftarrow (1 - \eta \lambda)\, w - \eta\, \hat{m} / (\sqrt{\hat{v}} + \epsilon)

    The parameters become views of one tensor, `state` holds views of two others. Between `begin` and `finish` comes
    the gradient of each parameter: of a matrix in `blocks`, each followed by `take`, of a vector in `gradient`.

    Args:
        parameters: Of one dtype, on the CPU.
        weight_decay: λ.
        clip_value: Bound on every number of the gradient; None for none.
        clip_norm: Bound on the gradient's norm; None for none.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        weight_decay: float,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        ordered = sorted(parameters, key=lambda parameter: parameter.ndim < 2)  # the vectors together, at the end
        self.weight_decay, self.clip_value, self.clip_norm = weight_decay, clip_value, clip_norm
        self.rate, self.step = 0.0, torch.zeros(())
        starts = _starts(ordered)
        self._values, self._first, self._second = (ordered[0].new_zeros(starts[-1]).detach() for _ in range(3))
        self._places = dict(zip(ordered, starts[:-1], strict=True))
        matrices = starts[sum(parameter.ndim > 1 for parameter in ordered)]
        self._at_once = clip_norm is not None or starts[-1] <= _AT_ONCE
        room = 0 if self._at_once else max([_numbers_of_part(p) for p in ordered if p.ndim > 1], default=0)
        self._gradients = self._values.new_zeros(starts[-1] if self._at_once else room + starts[-1] - matrices)
        rest = 0 if self._at_once else matrices  # what `finish` has still to update
        self._shift = 0 if self._at_once else room - matrices
        gradients = self._gradients[rest + self._shift :]
        self._rest = (self._values[rest:], gradients, self._first[rest:], self._second[rest:])
        for parameter in ordered:
            _move(parameter, self._of(parameter, self._values))
        self.state = {parameter: self._moments(parameter) for parameter in ordered}

    def blocks(self, weight: nn.Parameter) -> list[Block]:
        """The parts of a matrix, in the order of its rows."""
        rows, width = weight.shape
        step = rows if self._at_once else max(1, _PART // width)
        return [self._block(weight, slice(start, min(start + step, rows))) for start in range(0, rows, step)]

    def _block(self, weight: nn.Parameter, rows: slice) -> Block:
        width = weight.shape[1]
        start, length = self._places[weight] + rows.start * width, (rows.stop - rows.start) * width
        values, first, second = (flat[start : start + length] for flat in (self._values, self._first, self._second))
        lent = start if self._at_once else 0
        gradient = self._gradients[lent : lent + length]
        return Block(rows, gradient.view(-1, width), (values, gradient, first, second))

    def gradient(self, vector: nn.Parameter) -> Tensor:  # -> (N,)
        """Where a vector's gradient is to be written; zero at first."""
        start = self._places[vector] + self._shift
        return self._gradients[start : start + len(vector)]

    def begin(self, rate: float) -> None:
        """A step with the learning rate η."""
        self.rate = rate
        self.step += 1

    def take(self, block: Block) -> None:
        """The gradient of these rows is there."""
        if not self._at_once:
            self._update(block.flat)

    def finish(self) -> None:
        """All gradients are there."""
        if self.clip_norm is not None:
            self._shorten(self._rest[1], self.clip_norm)
        self._update(self._rest)

    def _shorten(self, gradients: Tensor, longest: float) -> None:
        """As `torch.nn.utils.clip_grad_norm_`, after the bound on each number."""
        self._bound(gradients)
        gradients *= min(1.0, longest / (float(gradients.norm()) + 1e-6))

    def _bound(self, gradients: Tensor) -> None:
        if self.clip_value is not None:
            gradients.clamp_(-self.clip_value, self.clip_value)

    def _update(self, flat: Sequence[Tensor]) -> None:
        self._bound(flat[1])
        values, gradients, first, second = ([part] for part in flat)
        torch._fused_adamw_(
            *(values, gradients, first, second, [], [self.step]),
            lr=self.rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.weight_decay,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def _of(self, parameter: nn.Parameter, flat: Tensor) -> Tensor:
        start = self._places[parameter]
        return flat[start : start + parameter.numel()].view(parameter.shape)

    def _moments(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        first, second = (self._of(parameter, flat) for flat in (self._first, self._second))
        return {"step": self.step, "exp_avg": first, "exp_avg_sq": second}


def _starts(parameters: Sequence[Tensor]) -> list[int]:
    """Where each begins, and where the last one ends."""
    starts = [0]
    for parameter in parameters:
        starts.append(starts[-1] + math.ceil(parameter.numel() / _ALIGNMENT) * _ALIGNMENT)
    return starts


def _numbers_of_part(weight: Tensor) -> int:
    width = weight.shape[1]
    return math.ceil(min(len(weight), max(1, _PART // width)) * width / _ALIGNMENT) * _ALIGNMENT


def _move(parameter: nn.Parameter, to: Tensor) -> None:
    to.copy_(parameter.detach())
    parameter.data = to

r"""A layer over time on a CUDA device: one kernel forward and one backward, whatever the number of items.

Same signature and same numbers as `latens.recurrent.scan_in_torch`. The forward kernel keeps four numbers for each
output and two for each row and item. From them the backward one, which runs from the last item to the first, makes the
gradients :math:`\delta_t` of what the state gives to the gates; those of weight and bias are a product and a sum:

.. math:: \frac{\partial \ell}{\partial W} = \sum_t \delta_t^\top h_{t-1}, \qquad
          \frac{\partial \ell}{\partial b} = \sum_t \delta_t
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from latens.kernels import triton_programs
from latens.kernels.recordings import on_device
from latens.kernels.triton_trial import refuse_if_it_fails

__all__ = ["scan", "supports"]

refuse_if_it_fails()


_GATES = {"gru": 3, "lstm": 4}
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_WIDEST = 256
# Bytes of the registers of a multiprocessor, an NVIDIA one of any generation that torch runs on.
_REGISTERS = 1 << 18
# Rows of a program at most; the part of a sum that it takes at a time where the weights stream.
_MOST, _CHUNK = 4, 16


def supports(kind: str, projected: Tensor) -> bool:
    """Whether `scan` takes such gates: on an NVIDIA device, of at most 256 numbers in an output.

    Example:
        >>> supports("gru", torch.zeros(2, 1, 12))
        False
    """
    fits = kind in _GATES and projected.shape[-1] <= _WIDEST * _GATES[kind]
    return fits and projected.is_cuda and torch.version.hip is None and projected.dtype in _DTYPES


def scan(
    kind: str, projected: Tensor, state: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor, eps: float
) -> tuple[Tensor, Tensor]:  # (T, B, G·H), (B, S), (G·H, H), (G·H,), (H,), (H,) -> (T, B, H), (B, S)
    """See `latens.recurrent.scan_in_torch`; everything is computed in the weights' dtype."""
    given = (projected.to(weight.dtype), state.to(weight.dtype), weight, bias, gamma, beta)
    learns = torch.is_grad_enabled() and any(x.requires_grad for x in given)
    answer: tuple[Tensor, Tensor] = _Scan.apply(kind, *given, eps, learns)
    return answer


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        kind: str,
        projected: Tensor,
        state: Tensor,
        weight: Tensor,
        bias: Tensor,
        gamma: Tensor,
        beta: Tensor,
        eps: float,
        keeps: bool,
    ) -> tuple[Tensor, Tensor]:
        items, rows, size = len(projected), len(state), len(gamma)
        states = state.new_empty(items + 1, rows, state.shape[1])
        states[0] = state
        gates, moments = (state.new_empty((items, rows, *n) if keeps else 0) for n in ((4, size), (2,)))
        tiles = weight.reshape(-1, size, size).transpose(1, 2).contiguous()
        vectors = torch.cat([bias, gamma, beta])
        plan = _plan(weight, rows if keeps else None)
        given = (projected.contiguous(), tiles, vectors, states, gates, moments)
        with on_device(state):
            triton_programs.forward[(-(-rows // plan["R"]),)](*given, items, rows, EPS=eps, SAVE=keeps, **plan)
        ctx.plan = plan
        if keeps:
            ctx.save_for_backward(weight, gamma, states, gates, moments)
        return states[1:, :, :size].contiguous(), states[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, d_last: Tensor) -> tuple[Tensor | None, ...]:
        weight, gamma, states, gates, moments = ctx.saved_tensors
        items, rows, _, size = gates.shape
        d_state = d_last.clone(memory_format=torch.contiguous_format)
        d_gates, d_norm = gates.new_empty(items + 1, rows, 4, size), gates.new_empty(rows, 2, size)
        d_gates[-1] = 0.0
        given = (d_outputs.contiguous(), weight.contiguous(), gamma.contiguous(), states, gates, moments, d_state)
        with on_device(weight):
            triton_programs.backward[(-(-rows // ctx.plan["R"]),)](*given, d_gates, d_norm, items, rows, **ctx.plan)
        d_gates = d_gates[:-1]
        change = d_gates.flatten(2).flatten(0, 1)[:, : len(weight)]
        if len(weight) == 3 * size:
            # A GRU scales what the state gives to its new gate; the gradient of what the input gives stands fourth.
            d_gates = torch.cat([d_gates[:, :, :2], d_gates[:, :, 3:]], dim=2)
        d_weight = change.T @ states[:-1, :, :size].flatten(0, 1)
        return None, d_gates.flatten(2), d_state, d_weight, change.sum(dim=0), *d_norm.sum(dim=0), None, None


def _plan(weight: Tensor, rows: int | None) -> dict[str, int]:
    """Of the programs: the shapes of `triton_programs`, and their warps. None is for any number of rows: where nothing
    is learned, a row's answer must not depend on its batch, and may depend on how many rows a program has.
    """
    size = weight.shape[1]
    gates, wide = len(weight) // size, max(16, 1 << (size - 1).bit_length())
    held = gates * wide * wide * weight.element_size() <= _REGISTERS
    sizes = {"G": gates, "H": size, "W": wide, "CHUNK": wide if held else _CHUNK}
    each = 2 if rows is None else _rows_each(rows, _processors(weight.device), gates, wide)
    return sizes | {"R": each if held else _MOST, "num_warps": 4 if wide <= 64 else 8, "num_stages": 1}


def _rows_each(rows: int, processors: int, gates: int, wide: int) -> int:
    """Rows of a program: as few as leave none waiting for a processor, and no more than the registers hold."""
    if gates * wide >= 4 * 128:
        return 2  # the weights fill the registers: for two rows the compiler spills less than for one or four
    return next((n for n in (1, 2) if rows <= n * processors), _MOST)


def _processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1

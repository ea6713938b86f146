"""A layer over time on the CPU: the recurrence and its gradient in numba, rows shared out among threads.

Same signature and same numbers as `latens.recurrent.scan_in_torch`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from latens.kernels import cpu_gru, cpu_loops, cpu_lstm
from latens.kernels.threads import in_parts
from latens.kernels.tiles import ROWS, packed, packed_bias

__all__ = ["scan", "supports"]

_CELLS: dict[str, ModuleType] = {"gru": cpu_gru, "lstm": cpu_lstm}


def supports(kind: str, projected: Tensor) -> bool:
    """Whether `scan` takes such gates."""
    return kind in _CELLS and projected.device.type == "cpu" and projected.dtype in (torch.float32, torch.float64)


def scan(
    kind: str,
    projected: Tensor,
    state: Tensor,
    weight: Tensor,
    bias_input: Tensor,
    bias: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
) -> tuple[Tensor, Tensor]:  # (T, B, G·H), (B, S), (G·H, H), (G·H,) twice, (H,) twice -> (T, B, H), (B, S)
    """See `latens.recurrent.scan_in_torch`; `projected` is used up: where a gradient is wanted, it holds other numbers
    afterwards.
    """
    norm, biases = torch.stack([gamma, beta]), torch.stack([bias_input, bias])
    learns = torch.is_grad_enabled() and any(x.requires_grad for x in (projected, state, weight, biases, norm))
    gates = projected.clone() if projected.is_leaf and learns else projected.contiguous()
    answer: tuple[Tensor, Tensor] = _Scan.apply(kind, gates, state, weight, biases, norm, eps, learns)
    return answer


class _Scan(torch.autograd.Function):
    """The weight's gradient is one product over all items, after the scan back through time."""

    @staticmethod
    def forward(
        ctx: Any,
        kind: str,
        gates: Tensor,
        state: Tensor,
        weight: Tensor,
        biases: Tensor,
        norm: Tensor,
        eps: float,
        keeps: bool,
    ) -> tuple[Tensor, Tensor]:
        n_items, n_rows, size = sizes = (*gates.shape[:2], len(weight[0]))
        cell, outputs = (0,) * (len(weight) // size), gates.new_empty(sizes)
        inner, statistics = (gates.new_empty((n_items if keeps else 1, n_rows, width)) for width in (size, 2))
        layout = packed(weight.detach().numpy())
        added, inner_bias = _CELLS[kind].biases(biases.detach().numpy())
        padded = packed_bias(added, layout, size)
        arrays = [_flat(x) for x in (gates, inner, statistics, outputs, state)]
        tail = (layout, padded, inner_bias, _flat(norm), eps, keeps)
        in_parts(n_rows, ROWS, gates.numel() * size, lambda rows: cpu_loops.forward(rows, cell, sizes, *arrays, *tail))
        ctx.kind, ctx.used = kind, False
        if keeps:
            ctx.save_for_backward(gates, inner, statistics, outputs, state, weight, norm)
        return outputs, outputs[-1].clone() if kind == "gru" else torch.cat([outputs[-1], inner[-1]], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, towards: Tensor, last: Tensor) -> tuple[Tensor | None, ...]:
        gates, inner, statistics, outputs, state, weight, norm = ctx.saved_tensors
        if gates.dtype == torch.float64:  # the precision of checks, which go back through one graph again and again
            gates, inner = gates.clone(), inner.clone()
        elif ctx.used:
            raise RuntimeError("a second backward through one scan, whose gates are used up; run forward again")
        ctx.used = True
        _, n_rows, size = sizes = tuple(outputs.shape)
        cell, sums = (0,) * (len(weight) // size), gates.new_zeros(-(-n_rows // ROWS), 6, size)
        before = last.clone(memory_format=torch.contiguous_format)
        layout = packed(weight.detach().T.numpy())
        arrays = [_flat(x) for x in (gates, inner, statistics, outputs, state)]
        tail = [_flat(x) for x in (norm, towards, before, sums)]
        in_parts(
            n_rows,
            ROWS,
            gates.numel() * size,
            lambda rows: cpu_loops.backward(rows, cell, sizes, *arrays, layout, *tail),
        )
        changes = [gates[..., : 2 * size], inner] if ctx.kind == "gru" else [gates]
        d_weight = torch.cat([_against(part, outputs, state[:, :size]) for part in changes])
        change = sums.sum(dim=0)
        return None, gates, before, d_weight, _CELLS[ctx.kind].bias_changes(change), change[4:], None, None


def _against(changes: Tensor, outputs: Tensor, state: Tensor) -> Tensor:  # (T, B, N), (T, B, H), (B, H) -> (N, H)
    """The sum over items and rows of the changes times the states that they were computed from."""
    found = changes[0].T @ state
    if len(outputs) > 1:
        found.addmm_(changes[1:].flatten(0, 1).T, outputs[:-1].flatten(0, 1))
    return found


def _flat(x: Tensor) -> np.ndarray:
    return x.detach().contiguous().view(-1).numpy()

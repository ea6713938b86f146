"""Items drawn and read one after the other on a CUDA device, in one launch for all of them.

Same draws as `latens.sampling.generate` with the temperature and the repetition penalty, but for the rounding of sums.
A row is one program, and its answer does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latens.kernels.recordings import on_device
from latens.kernels.triton_draws import draw
from latens.kernels.triton_trial import refuse_if_it_fails

__all__ = ["Drawn", "Sampler", "fits"]

refuse_if_it_fails()

# Of what a program holds in registers: numbers in an output, items of a vocabulary.
_WIDEST, _MOST_ITEMS = 128, 256
_OFF = {"temperature": 1.0, "repetition_penalty": 1.0}


@dataclass(frozen=True, eq=False)
class Drawn:
    """What `Sampler.draw` gives.

    Args:
        ids: (B, K) int64.
        log_probs: (B, K) float64, nats that the model itself gives them.
        broken: (B, K) bool, where logits were NaN, infinite or all -inf.
        state: (L, B, S), behind the last item.
        said: (B, V), the logits of the next one.
    """

    ids: Tensor
    log_probs: Tensor
    broken: Tensor
    state: Tensor
    said: Tensor


def fits(network: Any, settings: Mapping[str, Any]) -> bool:
    """Whether `Sampler` draws from a `TokenNetwork` with these settings of filters; None is off.

    Example:
        >>> from latens.models.autoregressive import TokenNetwork
        >>> fits(TokenNetwork(50), {"temperature": 0.5}), fits(TokenNetwork(50), {"top_k": 3})
        (True, False)
    """
    small = network.hidden_size <= _WIDEST and len(network.first) <= _MOST_ITEMS
    known = all(name in _OFF for name, value in settings.items() if value is not None)
    return small and known and network.first.dtype == torch.float32


class Sampler:
    """A `TokenNetwork` as `draw` takes it; the weights are copied.

    Args:
        network: Trained, on the device where it is to draw.
    """

    @torch.no_grad()
    def __init__(self, network: Any) -> None:
        first, *others = cells = list(network.layers)
        size, n_items = network.hidden_size, len(network.first)
        hidden, _, norm, out = network.head
        self._table = first.project(network.embedding.weight).contiguous()
        blank = [torch.zeros_like(first.weight_state), torch.zeros_like(first.bias_state)]
        inputs = [blank, *([_turned(cell.weight_input, size), cell.bias_input] for cell in others)]
        self._layers = torch.stack(
            [_flat(*entry, *_recurrence(cell)) for entry, cell in zip(inputs, cells, strict=True)]
        )
        self._head = _flat(hidden.weight.T, hidden.bias, norm.weight, norm.bias, out.weight.T, out.bias)
        wide, many = (max(16, 1 << (n - 1).bit_length()) for n in (size, n_items))
        gates = len(first.weight_state) // size
        self._sizes = {"L": len(cells), "G": gates, "H": size, "W": wide, "V": n_items, "N": many, "R": 1}
        self._sizes |= {"EPS": first.norm.eps, "num_warps": 4 if wide <= 64 else 8, "num_stages": 1}

    @torch.no_grad()
    def draw(self, state: Tensor, said: Tensor, seen: Tensor, uniform: Tensor, settings: Mapping[str, Any]) -> Drawn:
        """Draw K items for each row.

        Args:
            state: (L, B, S), before the first item.
            said: (B, V), the logits of the first item.
            seen: (B, V) bool, for the repetition penalty.
            uniform: (B, K) float64, the numbers that draw.
            settings: Of the filters, by name, for which `fits` holds.
        """
        temperature, penalty = (_OFF[name] if settings.get(name) is None else float(settings[name]) for name in _OFF)
        rows, count = uniform.shape
        state, said = (x.clone(memory_format=torch.contiguous_format) for x in (state, said))
        ids = torch.empty(count, rows, dtype=torch.int64, device=said.device)
        log_probs = torch.empty(count, rows, dtype=torch.float64, device=said.device)
        given = (state, said, seen.to(torch.int8).contiguous(), uniform.T.contiguous(), ids, log_probs)
        ways = {"GREEDY": temperature == 0.0, "TEMPERED": temperature not in (0.0, 1.0), "PENALISED": penalty != 1.0}
        with on_device(said):
            draw[(rows,)](
                self._table, self._layers, self._head, *given, count, rows, temperature, penalty, **self._sizes, **ways
            )
        ids, log_probs = ids.T, log_probs.T
        return Drawn(ids.clamp(max=said.shape[1] - 1), log_probs, ~log_probs.isfinite(), state, said)


def _recurrence(cell: Any) -> tuple[Tensor, ...]:
    return _turned(cell.weight_state, cell.hidden_size), cell.bias_state, cell.norm.weight, cell.norm.bias


def _turned(weight: Tensor, size: int) -> Tensor:  # (G·H, H) -> (G, H, H), of each gate the transpose
    return weight.reshape(-1, size, size).transpose(1, 2)


def _flat(*parts: Tensor) -> Tensor:
    return torch.cat([part.detach().reshape(-1) for part in parts])

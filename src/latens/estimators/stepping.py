"""Going on item by item, a stretch at a time: in native code where there is some, else step by step in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from latens.errors import DivergedError
from latens.estimators.states import SequenceState
from latens.kernels.optional import optional
from latens.models.autoregressive import TokenNetwork
from latens.sampling import Drawn, build_filters, generate
from latens.seeds import sequence_uniform

__all__ = ["NativeStepper", "Stretch", "native_stepper", "stretches"]

# Items of a stretch, at most, if somebody watches or a text may end before; and products of two numbers in one, so that
# an interrupt waits for a tenth of a second: of few rows memory sets the pace, as if there were more of them.
_ITEMS, _PRODUCTS, _FEW = 256, 1 << 33, 32
# Numbers in the table of the first layer's products with all items, at most.
_TABLE = 1 << 24
# Numbers in a line of a cache, at whose multiples parts begin.
_LINE = 16
_KERNEL = ("latens.kernels.cpu_sampling", "numba")
# (rows of a group, their costs (R, T), their outputs pooled (R, H)); one of the two is without numbers.
_Keep: TypeAlias = Callable[[Sequence[int], np.ndarray, np.ndarray], None]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Some items that every row has drawn.

    Args:
        ids: (B, K) int64.
        log_probs: (B, K) float64, nats that the model itself gives them.
        before: Where the rows stood before the first of them.
    """

    ids: np.ndarray
    log_probs: np.ndarray
    before: SequenceState


def stretches(
    reader: Any, begun: SequenceState, length: int, settings: Mapping[str, Any], seed: int, watched: bool = True
) -> Iterator[Stretch]:
    """Continue rows by up to `length` items each; who has seen enough asks for no more.

    Args:
        reader: The `Reader` of a network over items.
        begun: Where the rows stand.
        length: Items of a row.
        settings: Of the filters, by name; None is off.
        seed: Of the draws.
        watched: Somebody wants the items as they come, or may have seen enough before the last one.

    Raises:
        ConfigError: A setting is out of range.
        DivergedError: Logits are broken; the message names row and step.
    """
    filters = build_filters(**settings)  # which refuses what cannot be, whoever draws
    if reader.native is None:
        return _stepped(reader, begun, length, filters, seed)
    native: NativeStepper = reader.native
    return native.stretches(begun, length, settings, seed, watched)


def _stepped(reader: Any, begun: SequenceState, length: int, filters: Any, seed: int) -> Iterator[Stretch]:
    """Step by step in torch; the host looks at the items once a stretch."""
    latest = begun

    def step(items: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal latest
        said, after = reader.step(items, state)
        latest = replace(latest, state=after, said=said)
        return said, after

    start: dict[str, Any] = {"sequence": begun.keys, "first": begun.steps, "seen": begun.seen}
    drawn = generate(step, begun.state, begun.said, max_new=length, filters=filters, seed=seed, **start)
    while stretch := list(islice(drawn, 1)):
        before = replace(latest, steps=stretch[0].step)
        stretch += islice(drawn, _ITEMS - 1)
        ids, log_probs = (torch.stack(each, dim=1).cpu().numpy() for each in zip(*map(_answer, stretch), strict=True))
        yield Stretch(ids, log_probs, before)


def _answer(drawn: Drawn) -> tuple[Tensor, Tensor]:
    return drawn.ids, drawn.log_probs


@dataclass(frozen=True, eq=False)
class _Layout:
    """All numbers of a network in one array, packed for one row or for many; see `latens.kernels.cpu_sampling`."""

    weights: np.ndarray
    places: np.ndarray


class NativeStepper:
    """A network over items of a vocabulary on the CPU, in native code.

    Args:
        network: Trained; its weights are copied.
    """

    def __init__(self, network: TokenNetwork) -> None:
        self.network = network
        cell = next(iter(network.layers))
        self.size, self.eps = network.hidden_size, cell.norm.eps
        self.gates = len(cell.weight_state) // self.size

    @property
    def kernel(self) -> Any:
        """The module; not kept, for a module cannot be copied."""
        return optional(*_KERNEL)

    @cached_property
    def _single(self) -> _Layout:
        return _laid_out(self.network, single=True)

    @cached_property
    def _many(self) -> _Layout:
        return _laid_out(self.network, single=False)

    def feed(
        self, sequences: Sequence[np.ndarray], state: Tensor, said: Tensor
    ) -> tuple[Tensor, Tensor]:  # (L, B, S), (B, V) -> the same
        """Where rows stand once each has read its sequence of ids, of any length."""
        state, said = state.clone(), said.clone()
        for row, ids in enumerate(sequences):
            if len(ids):
                hs, cs = self._states(state[:, row : row + 1], 1)
                arrays = (self._single.weights, self._single.places, np.asarray(ids, dtype=np.int64), hs, cs)
                self.kernel.feed((1, self.size, self.gates), *arrays, said[row].numpy(), self.eps)
                state[:, row : row + 1] = self._joined(hs, cs, state[:, row : row + 1])
        return state, said

    def costs(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What each item of each sequence costs in nats, (T,) float64; the first from an empty state."""
        found = [np.empty(len(ids)) for ids in sequences]
        first = -self.network.first.double().log_softmax(dim=0).numpy()

        def keep(rows: Sequence[int], costs: np.ndarray, pooled: np.ndarray) -> None:
            for place, row in enumerate(rows):
                found[row][:] = costs[place, : len(found[row])]
                found[row][0] = first[sequences[row][0]]

        self._read(sequences, keep)
        return found

    def vectors(self, sequences: Sequence[np.ndarray], pooling: str) -> np.ndarray:  # -> (n, H) float32
        """The top layer's output at the last item, or its mean or maximum over all; zeros for an empty sequence."""
        found = np.zeros((len(sequences), self.size), dtype=np.float32)
        lengths = np.array([max(len(ids), 1) for ids in sequences])[:, None]

        def keep(rows: Sequence[int], costs: np.ndarray, pooled: np.ndarray) -> None:
            found[rows] = pooled / lengths[rows] if pooling == "mean" else pooled

        self._read(sequences, keep, pooling)
        return found

    def _read(self, sequences: Sequence[np.ndarray], keep: _Keep, pooling: str | None = None) -> None:
        """Read groups of sequences of about one length, each from an empty state; costs, or with a pooling outputs."""
        by_length = sorted((row for row, ids in enumerate(sequences) if len(ids)), key=lambda row: len(sequences[row]))
        groups = [by_length[first : first + self.kernel.ROWS] for first in range(0, len(by_length), self.kernel.ROWS)]
        n_threads = torch.get_num_threads()  # each of which gets long ones and short
        dealt = [group for first in range(n_threads) for group in groups[first::n_threads]]

        def run(part: tuple[int, int]) -> None:
            for group in dealt[slice(*part)]:
                keep(group, *self._read_group([sequences[row] for row in group], pooling))

        work = sum(map(len, sequences)) * len(self._single.weights)
        self.kernel.in_parts(len(groups), 1, work, run)

    def _read_group(self, group: Sequence[np.ndarray], pooling: str | None) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.array([len(ids) for ids in group])
        items = np.zeros((lengths.max(), len(group)), dtype=np.int64)
        for place, ids in enumerate(group):
            items[: len(ids), place] = ids
        costs = np.empty((len(group), 0 if pooling else len(items)))
        pooled = np.zeros((len(group), self.size if pooling else 0))
        padded, layout = (1, self._single) if len(group) == 1 else (self.kernel.ROWS, self._many)
        arrays = (layout.weights, layout.places, items, lengths, costs, pooled)
        self.kernel.read((padded, self.size, self.gates), *arrays, self.kernel.POOLINGS[pooling or "last"], self.eps)
        return costs, pooled

    def stretches(
        self, begun: SequenceState, length: int, settings: Mapping[str, Any], seed: int, watched: bool
    ) -> Iterator[Stretch]:
        """See `stretches`."""
        values = self.kernel.settings(settings)
        now, end = begun, begun.steps + length
        while now.steps < end:
            count = min(self._count(len(begun), watched), end - now.steps)
            uniform = sequence_uniform(seed, now.keys, range(now.steps, now.steps + count)).numpy()
            stretch, now = self._draw(now, uniform, values)
            yield stretch

    def _count(self, rows: int, watched: bool) -> int:
        """Items of a stretch."""
        bearable = max(1, _PRODUCTS // (max(rows, _FEW) * len(self._single.weights)))
        return min(_ITEMS, bearable) if watched else bearable

    def _draw(self, now: SequenceState, uniform: np.ndarray, settings: np.ndarray) -> tuple[Stretch, SequenceState]:
        ids, log_probs = np.empty(uniform.shape, dtype=np.int64), np.empty(uniform.shape)
        after = replace(now, state=now.state.clone(), said=now.said.clone(), seen=now.seen.clone())
        faults: list[tuple[int, int]] = []

        def run(rows: tuple[int, int]) -> None:
            place = slice(*rows)
            alone = len(uniform) == 1
            padded = 1 if alone else -(-(rows[1] - rows[0]) // self.kernel.ROWS) * self.kernel.ROWS
            layout = self._single if alone else self._many
            hs, cs = self._states(now.state[:, place], padded)
            said, seen = after.said[place].numpy(), after.seen[place].numpy()
            arrays = (hs, cs, said, seen, uniform[place], settings, ids[place], log_probs[place])
            row, step = self.kernel.draw(
                (padded, self.size, self.gates), layout.weights, layout.places, *arrays, self.eps
            )
            after.state[:, place] = self._joined(hs, cs, after.state[:, place])
            if row >= 0:
                faults.append((now.steps + step, rows[0] + row))

        work = uniform.size * len(self._single.weights)
        self.kernel.in_parts(len(uniform), self.kernel.ROWS, work, run)
        if faults:
            step, row = min(faults)
            raise DivergedError(
                f"logits of row {row}, step {step}: NaN, infinite or all -inf; use a model whose weights are finite"
            )
        return Stretch(ids, log_probs, now), replace(after, steps=now.steps + uniform.shape[1])

    def _states(self, state: Tensor, padded: int) -> tuple[np.ndarray, np.ndarray]:
        """Outputs and cell states, (L · R · H,) each, of rows padded with zeros."""
        found = []
        for first in (0, self.size):
            part = state[..., first : first + self.size] if state.shape[2] > first else state[..., :0]
            wide = np.zeros((len(state), padded, self.size), dtype=np.float32)
            wide[:, : state.shape[1], : part.shape[2]] = part.numpy()
            found.append(wide.reshape(-1))
        return found[0], found[1]

    def _joined(self, hs: np.ndarray, cs: np.ndarray, like: Tensor) -> Tensor:
        """The inverse of `_states`."""
        n_layers, rows, width = like.shape
        parts = [torch.from_numpy(x.reshape(n_layers, -1, self.size)[:, :rows]) for x in (hs, cs)]
        return torch.cat(parts, dim=2)[..., :width]


def native_stepper(network: Any, device: torch.device) -> NativeStepper | None:
    """Native code for a network, if there is some for it on the device."""
    if device.type != "cpu" or not isinstance(network, TokenNetwork) or network.first.dtype != torch.float32:
        return None
    cell = next(iter(network.layers))
    if len(network.first) * len(cell.weight_state) > _TABLE:
        return None
    return None if optional(*_KERNEL) is None else NativeStepper(network)


@torch.no_grad()
def _laid_out(network: Any, single: bool) -> _Layout:
    from latens.kernels.tiles import aligned, packed, packed_bias

    def linear(weight: Tensor, bias: Tensor) -> list[np.ndarray]:
        layout = packed(weight.numpy(), single)
        return [layout, packed_bias(bias.numpy(), layout, weight.shape[1])]

    def norm(layer: Any) -> np.ndarray:
        return np.concatenate([layer.weight.numpy(), layer.bias.numpy()])

    inputs = [[network.cells[0].project(network.embedding.weight).numpy().ravel(), np.empty(0, dtype=np.float32)]]
    inputs += [linear(cell.weight_input, cell.bias_input) for cell in network.cells[1:]]
    parts = []
    for cell, entry in zip(network.cells, inputs, strict=True):
        parts += [*entry, *linear(cell.weight_state, cell.bias_state), norm(cell.norm)]
    hidden, _, layer_norm, out = network.head
    parts += [*linear(hidden.weight, hidden.bias), norm(layer_norm), *linear(out.weight, out.bias)]
    edges = np.cumsum([0, *(-(-len(part) // _LINE) * _LINE for part in parts)])
    weights = aligned(edges[-1], np.float32)
    weights[:] = 0.0
    for part, begin in zip(parts, edges, strict=False):
        weights[begin : begin + len(part)] = part
    return _Layout(weights, np.stack([edges[i : i + 6] for i in range(0, len(parts), 5)]))

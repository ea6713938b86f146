"""Going on item by item on a CUDA device, where the host neither waits for an item nor launches its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latens.estimators.states import SequenceState
from latens.estimators.stepping import Stretch
from latens.kernels.optional import optional
from latens.kernels.recordings import Record, record
from latens.models.autoregressive import TokenNetwork
from latens.sampling.generation import refuse_faults
from latens.sampling.replays import Replayed, Step
from latens.seeds import sequence_uniform

__all__ = ["DeviceStepper"]

# Items of a stretch: what somebody who watches waits for, some milliseconds.
_ITEMS = 256


class DeviceStepper:
    """A network over items of a vocabulary: a stretch is one launch where a program has room for the network and knows
    the filters, else a launch an item.

    Args:
        network: Trained, on its device.
        step: Rows go on by an item, (items (B,), state (L, B, S)) -> (logits (B, V), state).
        record: Makes a step cheap to start.
    """

    def __init__(self, network: TokenNetwork, step: Step, record: Record = record) -> None:
        self._network = network
        self._replayed = Replayed(step, _ITEMS, record)

    @property
    def _kernel(self) -> Any:
        return optional("latens.kernels.triton_sampling", "triton")

    @cached_property
    def _sampler(self) -> Any:
        return self._kernel.Sampler(self._network)

    def feed(
        self, sequences: Sequence[np.ndarray], state: Tensor, said: Tensor
    ) -> tuple[Tensor, Tensor]:  # (L, B, S), (B, V) -> the same
        """Where rows stand once each has read its sequence of ids, of any length."""
        lengths = [len(ids) for ids in sequences]
        if not any(lengths):
            return state, said
        items = torch.zeros(len(sequences), max(lengths), dtype=torch.int64)
        for row, ids in enumerate(sequences):
            items[row, : len(ids)] = torch.from_numpy(np.asarray(ids, dtype=np.int64))
        tape = self._replayed.read(state, said, items.to(said.device), torch.tensor(lengths, device=said.device))
        return tape.state.clone(), tape.said.clone()

    def stretches(
        self, begun: SequenceState, length: int, settings: Mapping[str, Any], seed: int, watched: bool
    ) -> Iterator[Stretch]:
        """See `latens.estimators.stepping.stretches`; watched or not, the host has little to do between two."""
        now, end = begun, begun.steps + length
        while now.steps < end:
            steps = range(now.steps, min(now.steps + _ITEMS, end))
            draw = self._at_once if self._kernel and self._kernel.fits(self._network, settings) else self._one_by_one
            ids, log_probs, faults, after = draw(now, sequence_uniform(seed, now.keys, steps), settings)
            refuse_faults(list(faults.unbind()), steps[-1])
            yield Stretch(ids.cpu().numpy(), log_probs.cpu().numpy(), now)
            now = replace(after, seen=now.seen.scatter(1, ids, True), steps=steps.stop)

    def _at_once(
        self, now: SequenceState, uniform: Tensor, settings: Mapping[str, Any]
    ) -> tuple[Tensor, Tensor, Tensor, SequenceState]:  # -> (B, K), (B, K), (K, 2, B)
        drawn = self._sampler.draw(now.state, now.said, now.seen, uniform, settings)
        faults = torch.stack([drawn.broken.T, torch.zeros_like(drawn.broken.T)], dim=1)
        return drawn.ids, drawn.log_probs, faults, replace(now, state=drawn.state, said=drawn.said)

    def _one_by_one(
        self, now: SequenceState, uniform: Tensor, settings: Mapping[str, Any]
    ) -> tuple[Tensor, Tensor, Tensor, SequenceState]:
        tape, count = self._replayed.draw(now.state, now.said, now.seen, uniform, settings), uniform.shape[1]
        after = replace(now, state=tape.state.clone(), said=tape.said.clone())
        ids, log_probs = (x[:count].T.clone() for x in (tape.items, tape.log_probs))
        return ids, log_probs, tape.faults[:count].clone(), after

"""Item after item without the host: a step with its draw works on tensors that stay where they are, and is replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from latens.kernels.recordings import Record, Work, on_device, record
from latens.sampling.draws import pick
from latens.sampling.filters import build_filters
from latens.sampling.generation import next_log_probs, rows_at_fault

__all__ = ["Replayed", "Step", "Tape"]

Step: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

# Kinds of work (numbers of rows, settings of filters) that are kept recorded.
_KEPT = 8


class Tape:
    """Where B rows stand, and what K steps take and give, at addresses that do not change.

    Args:
        state: (L, B, S), written to from now on.
        said: (B, V), likewise.
        steps: K.
    """

    def __init__(self, state: Tensor, said: Tensor, steps: int) -> None:
        rows, device = len(said), said.device
        self.state, self.said = state, said
        self.seen = torch.zeros_like(said, dtype=torch.bool)
        self.place = torch.zeros(1, dtype=torch.int64, device=device)  # of the next step
        self.items = torch.zeros(steps, rows, dtype=torch.int64, device=device)
        self.reads = torch.zeros(steps, rows, dtype=torch.bool, device=device)
        self.uniform = torch.zeros(steps, rows, dtype=torch.float64, device=device)
        self.log_probs = torch.zeros(steps, rows, dtype=torch.float64, device=device)
        self.faults = torch.zeros(steps, 2, rows, dtype=torch.bool, device=device)

    def here(self, given: Tensor) -> Tensor:  # (K, B) -> (B,)
        """What is given for the next step."""
        return given.index_select(0, self.place)[0]

    def note(self, kept: Tensor, found: Tensor) -> None:  # (K, *), (*)
        """Keep what the next step gives."""
        kept.index_copy_(0, self.place, found[None])

    def go_on(self, said: Tensor, state: Tensor) -> None:
        """Stand behind a step; after the last one comes the first."""
        self.said.copy_(said)
        self.state.copy_(state)
        self.place.add_(1).remainder_(len(self.items))

    def rewind(self, state: Tensor, said: Tensor) -> None:
        """Stand where some rows stand, before the first step."""
        self.state.copy_(state)
        self.said.copy_(said)
        self.place.zero_()


def _reading(tape: Tape, step: Step) -> Work:
    """One item more of each row that has one."""

    def work() -> None:
        reads = tape.here(tape.reads)[:, None]
        said, state = step(tape.here(tape.items), tape.state)
        tape.go_on(torch.where(reads, said, tape.said), torch.where(reads, state, tape.state))

    return work


def _drawing(tape: Tape, step: Step, settings: Mapping[str, Any]) -> Work:
    """Draw an item for each row, and read it."""
    filters = build_filters(**settings)

    def work() -> None:
        filtered = filters(tape.said, tape.seen)
        items = pick(filtered, tape.here(tape.uniform))
        tape.note(tape.faults, rows_at_fault(tape.said, filtered))
        tape.note(tape.items, items)
        tape.note(tape.log_probs, next_log_probs(tape.said).gather(1, items[:, None])[:, 0])
        tape.seen.scatter_(1, items[:, None], True)
        tape.go_on(*step(items, tape.state))

    return work


class Replayed:
    """A step callable whose every turn is one launch: recorded the first time, replayed from then on.

    Args:
        step: (items (B,), state (L, B, S)) -> (logits (B, V), state), with the same launches each time.
        steps: K, turns between two looks of the host, at least 1.
        record: Makes work cheap to start; on a CPU ``lambda work: work`` gives the same answers.

    Example:
        >>> def after(items, state):  # each item is followed by the next
        ...     return torch.eye(5)[(items + 1) % 5].log(), state
        >>> replayed = Replayed(after, steps=4, record=lambda work: work)
        >>> said, nothing = torch.eye(5)[[1]].log(), torch.zeros(1, 1, 1)
        >>> replayed.draw(nothing, said, said > 0, torch.full((1, 3), 0.5, dtype=torch.float64), {}).items[:3].T
        tensor([[1, 2, 3]])
    """

    def __init__(self, step: Step, steps: int = 256, record: Record = record) -> None:
        self.steps = steps
        self._step, self._record = step, record
        self._tape = lru_cache(_KEPT)(self._recorded)

    @torch.no_grad()
    def draw(self, state: Tensor, said: Tensor, seen: Tensor, uniform: Tensor, settings: Mapping[str, Any]) -> Tape:
        """Draw K' <= K items a row; the first K' steps of the tape hold them until the next call.

        Args:
            state: (L, B, S), before the first item.
            said: (B, V), the logits of the first item.
            seen: (B, V) bool, for the repetition penalty.
            uniform: (B, K') float64, the numbers that draw.
            settings: Of the filters, by name; None is off.
        """
        with on_device(state):
            tape, replay = self._tape(_shape(state, said), tuple(sorted(settings.items())))
            tape.rewind(state, said)
            tape.seen.copy_(seen)
            tape.uniform[: uniform.shape[1]].copy_(uniform.T)
            for _ in range(uniform.shape[1]):
                replay()
        return tape

    @torch.no_grad()
    def read(self, state: Tensor, said: Tensor, items: Tensor, lengths: Tensor) -> Tape:
        """Read rows of items (B, T), of lengths (B,): the tape stands behind them until the next call."""
        with on_device(state):
            tape, replay = self._tape(_shape(state, said), None)
            tape.rewind(state, said)
            for first in range(0, items.shape[1], self.steps):
                part = items[:, first : first + self.steps].T
                places = torch.arange(first, first + len(part), device=items.device)
                tape.items[: len(part)].copy_(part)
                tape.reads[: len(part)].copy_(places[:, None] < lengths)
                tape.place.zero_()
                for _ in range(len(part)):
                    replay()
        return tape

    def _recorded(self, shape: _Shape, settings: tuple[tuple[str, Any], ...] | None) -> tuple[Tape, Work]:
        state, said = (torch.zeros(size, dtype=dtype, device=device) for size, dtype, device in shape)
        tape = Tape(state, said, self.steps)
        work = _reading(tape, self._step) if settings is None else _drawing(tape, self._step, dict(settings))
        return tape, self._record(work)


_Shape: TypeAlias = tuple[tuple[torch.Size, torch.dtype, torch.device], ...]


def _shape(*given: Tensor) -> _Shape:
    return tuple((x.shape, x.dtype, x.device) for x in given)

"""Sequences item by item, in time proportional to their length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from latens.errors import ConfigError, DivergedError, whole
from latens.sampling.draws import draws, pick
from latens.sampling.filters import Filter, chain

__all__ = ["Drawn", "Stop", "generate", "next_log_probs", "refuse_faults", "rows_at_fault"]

S = TypeVar("S")
Stop: TypeAlias = Callable[[Tensor], Tensor]  # the items drawn (B,) -> which rows end with them (B,) bool

# On a GPU where nothing else makes the host wait, broken logits are looked for once in this many steps.
_PATIENCE = 64


@dataclass(frozen=True, eq=False)
class Drawn:
    """One step of `generate`.

    Args:
        step: The item's place in its sequence.
        ids: (B,) int64, the items; of no meaning where a row had ended before.
        log_probs: (B,) float64, nats that the model itself gives them: log softmax of the unfiltered logits.
        counts: (B,) bool, rows that this item belongs to: those that had not ended before.
        alive: (B,) bool, rows that go on after it.
    """

    step: int
    ids: Tensor
    log_probs: Tensor
    counts: Tensor
    alive: Tensor


def generate(
    step: Callable[[Tensor, S], tuple[Tensor, S]],
    state: S,
    logits: Tensor,
    *,
    max_new: int | None = None,
    filters: Filter | None = None,
    seed: int = 0,
    sequence: Tensor | None = None,
    first: int = 0,
    seen: Tensor | None = None,
    stop: Stop | Iterable[int] | None = None,
) -> Iterator[Drawn]:
    """Continue B sequences, an item a step. What a row draws depends on (seed, its sequence number, the step) alone.

    The host waits for the device only where `stop` makes it. Broken logits are an error at their step there and on the
    CPU; otherwise, within 64 steps and before the end.

    Args:
        step: (items (B,), state) -> (logits (B, V), state): one position further.
        state: What `step` takes; it is only passed on.
        logits: (B, V), of the first new item.
        max_new: Items a row at most; None goes on until all rows have ended.
        filters: What may be drawn; None is the model's own distribution.
        seed: Of the draws.
        sequence: (B,) int64, the rows' sequence numbers; None is 0, 1, 2, ….
        first: Number of the first step, so that a resumed generation goes on with its draws.
        seen: (B, V) bool, the items of the prompts, for the repetition penalty; None is none.
        stop: The ids at which a row ends, or a function from the items drawn to (B,) bool.

    Raises:
        ConfigError: An argument out of range, or a filter that leaves no item.
        DivergedError: The logits of a row are NaN, infinite, or all -inf; the message names row and step.

    Example:
        >>> def after(items, state):  # each item is followed by the next
        ...     return torch.eye(5)[(items + 1) % 5].log(), state
        >>> steps = generate(after, None, torch.eye(5)[[1]].log(), stop=[4])
        >>> [int(drawn.ids) for drawn in steps]
        [1, 2, 3, 4]
    """
    if max_new is not None:
        whole("max_new", max_new, at_least=0)
    first = whole("first", first, at_least=0)
    sequence = torch.arange(len(logits), device=logits.device) if sequence is None else sequence
    _check_rows(logits, sequence=sequence, seen=seen)
    seen = torch.zeros_like(logits, dtype=torch.bool) if seen is None else seen.to(torch.bool, copy=True)
    stop = stop if stop is None or callable(stop) else _stop_at(stop, logits.device)
    return _generate(step, state, logits, draws(seed, sequence, first, max_new), filters or chain(), seen, stop)


def _check_rows(logits: Tensor, **given: Tensor | None) -> None:
    if logits.ndim != 2 or 0 in logits.shape or not logits.is_floating_point():
        raise ConfigError(f"logits of shape {tuple(logits.shape)} ({logits.dtype}); use floating numbers (B, V)")
    for name, tensor in given.items():
        if tensor is not None and len(tensor) != len(logits):
            raise ConfigError(f"{name} has {len(tensor)} rows for {len(logits)} of logits; use one for each")


def _stop_at(ids: Iterable[int], device: torch.device) -> Stop:
    ends = torch.tensor([whole("stop", i, at_least=0) for i in ids], dtype=torch.int64, device=device)

    def stop(items: Tensor) -> Tensor:
        return torch.isin(items, ends)

    return stop


@torch.no_grad()
def _generate(
    step: Callable[[Tensor, S], tuple[Tensor, S]],
    state: S,
    logits: Tensor,
    numbers: Iterable[tuple[int, Tensor]],
    filters: Filter,
    seen: Tensor,
    stop: Stop | None,
) -> Iterator[Drawn]:
    alive = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
    patience = 1 if stop or not logits.is_cuda else _PATIENCE
    faults: list[Tensor] = []
    last: Drawn | None = None
    for number, uniform in numbers:
        if last is not None:
            logits, state = step(last.ids, state)
        filtered = filters(logits, seen)
        faults.append(rows_at_fault(logits, filtered) & alive)
        if len(faults) >= patience:
            refuse_faults(faults, number)
        ids = pick(filtered, uniform)
        seen.scatter_(1, ids[:, None], True)
        goes_on = alive if stop is None else alive & ~stop(ids).to(alive.device)
        last = Drawn(number, ids, _log_probs(logits, ids), alive, goes_on)
        alive = goes_on
        yield last
        if stop is not None and not bool(alive.any()):
            return
    if faults and last is not None:
        refuse_faults(faults, last.step)


def next_log_probs(logits: Tensor) -> Tensor:  # (B, V) -> (B, V) float64
    """The model's own log-probabilities of the next item."""
    return logits.log_softmax(dim=1, dtype=torch.float64)


def _log_probs(logits: Tensor, ids: Tensor) -> Tensor:  # (B, V), (B,) -> (B,)
    return next_log_probs(logits).gather(1, ids[:, None])[:, 0]


def rows_at_fault(logits: Tensor, filtered: Tensor) -> Tensor:  # (B, V) twice -> (2, B) bool
    """Rows whose logits are broken, and rows that the filters leave without an item; the maximum shows both."""
    return ~torch.stack([logits.amax(dim=1), filtered.amax(dim=1)]).isfinite()


def refuse_faults(faults: list[Tensor], last: int) -> None:
    """Raise for the first fault of the steps up to `last`, else empty the list. The host waits for the device.

    Args:
        faults: A tensor (2, B) bool a step: rows whose logits are broken, rows that the filters leave without an item.
        last: Number of the last of these steps.
    """
    found = torch.stack(faults).nonzero()
    if len(found):
        step, kind, row = (int(i) for i in found[0])
        where = f"row {row}, step {last - len(faults) + 1 + step}"
        if kind == 0:
            # Neither data nor a setting is at fault: the numbers come out of the weights.
            raise DivergedError(f"logits of {where}: NaN, infinite or all -inf; use a model whose weights are finite")
        raise ConfigError(f"filters leave no item at {where}; ban fewer items, or bias them less")
    faults.clear()

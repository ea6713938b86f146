"""Where a fit's time goes: the parts that the training loop names, measured when somebody asks for it.

Code says ``with part("forward"):`` around what it does; unless a `Stopwatch` is running, that is nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

__all__ = ["PARTS", "Spent", "Stopwatch", "each", "part"]

# What a step is made of. A whole step that is one recorded graph has no parts; what is left over is the host's.
PARTS = ("data", "forward", "backward", "optimiser", "whole step", "validation")

Item = TypeVar("Item")
# When a part began or ended: the clock of the device.
Mark = Any

_NOTHING = nullcontext()
_END = object()


class Stopwatch:
    """Adds up the seconds of each part, on the clock of the device.

    On a GPU a mark is an event in the stream of work, which nobody waits for before the end of the epoch; the parts are
    then the time between events, in which the device may also have waited for the host.

    Args:
        device: Where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._seconds: dict[str, float] = {}
        self._events: list[tuple[str, Mark, Mark]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within the block every `part` of this thread is counted."""
        before = _RUNNING.set(self)
        try:
            yield
        finally:
            _RUNNING.reset(before)

    def taken(self) -> dict[str, float]:
        """The seconds of each part since the last call; waits for the device, once."""
        if self._on_gpu:
            torch.cuda.synchronize()
        for name, begun, ended in self._events:
            self._add(name, begun.elapsed_time(ended) / 1000)
        seconds, self._seconds, self._events = self._seconds, {}, []
        return seconds

    def mark(self) -> Mark:
        """This moment; None while work is recorded that will be done later, as a part of something else."""
        if not self._on_gpu:
            return time.perf_counter()
        if torch.cuda.is_current_stream_capturing():
            return None
        event: Mark = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def count(self, name: str, begun: Mark) -> None:
        """What was done between a moment and now is this part."""
        if not self._on_gpu:
            self._add(name, time.perf_counter() - begun)
        elif begun is not None:
            self._events.append((name, begun, self.mark()))

    def _add(self, name: str, seconds: float) -> None:
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds


class _Part:
    """The block counts as a part. A class: a step has several, and a generator would cost three times as much."""

    __slots__ = ("_begun", "_name", "_watch")

    def __init__(self, watch: Stopwatch, name: str) -> None:
        self._watch, self._name = watch, name

    def __enter__(self) -> None:
        self._begun = self._watch.mark()

    def __exit__(self, *failure: object) -> None:
        self._watch.count(self._name, self._begun)


_RUNNING: ContextVar[Stopwatch | None] = ContextVar("running", default=None)


def part(name: str) -> AbstractContextManager[None]:
    """Around work that is one of `PARTS`.

    Example:
        >>> watch = Stopwatch(torch.device("cpu"))
        >>> with watch.running(), part("forward"):
        ...     _ = torch.ones(8, 8) @ torch.ones(8, 8)
        >>> list(watch.taken())
        ['forward']
    """
    watch = _RUNNING.get()
    return _NOTHING if watch is None else _Part(watch, name)


def each(name: str, items: Iterable[Item]) -> Iterator[Item]:
    """The items, of which the making of each counts as a part.

    Example:
        >>> list(each("data", range(3)))
        [0, 1, 2]
    """
    iterator = iter(items)
    while True:
        with part(name):
            item: Any = next(iterator, _END)
        if item is _END:
            return
        yield item


@dataclass(frozen=True)
class Spent:
    """Where the time of a fit went; the parts add up to the whole.

    Args:
        before: Seconds before the first epoch: reading, scaling, the first weights.
        epochs: Of each epoch the seconds by part; ``host`` is all that is no other part.
        after: Seconds since the last epoch: the referee, saving.
        rows: Rows that an epoch learns from; of sequences the items.
    """

    before: float
    epochs: tuple[Mapping[str, float], ...]
    after: float
    rows: int

    @property
    def parts(self) -> dict[str, float]:
        """The seconds of each part, in the order of a fit."""
        sums = {name: sum(epoch.get(name, 0.0) for epoch in self.epochs) for name in (*PARTS, "host")}
        during = {name: seconds for name, seconds in sums.items() if seconds or name in ("data", "host")}
        return {"before training": self.before, **during, "after training": self.after}

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum(self.parts.values())

    @property
    def rows_per_second(self) -> float:
        """Rows learned from in a second of training."""
        training = self.seconds - self.before - self.after
        return self.rows * len(self.epochs) / training if training else 0.0

    def to_json(self) -> dict[str, Any]:
        """For a program: the sums, and every epoch."""
        epochs = [
            {"epoch": number, "seconds": sum(epoch.values()), "parts": dict(epoch)}
            | {"rows_per_second": self.rows / max(sum(epoch.values()), 1e-9)}
            for number, epoch in enumerate(self.epochs, 1)
        ]
        sums = {"seconds": self.seconds, "rows_per_second": self.rows_per_second}
        return sums | {"parts": self.parts, "epochs": epochs}

    def __str__(self) -> str:
        """For reading: a line for each part, in total and of an epoch on average."""
        whole, n = self.seconds, len(self.epochs)
        lines = [f"{'where the time went':<20}{'seconds':>10}{'%':>7}{'an epoch':>11}"]
        for name, seconds in self.parts.items():
            mean = "" if name.endswith("training") or not n else f"{seconds / n:.4f}"
            lines.append(f"{name:<20}{seconds:>10.3f}{100 * seconds / max(whole, 1e-9):>7.1f}{mean:>11}")
        rate = f"{n} epoch{'s' * (n != 1)}, {self.rows_per_second:,.0f} rows a second"
        return "\n".join([*lines, f"{'all':<20}{whole:>10.3f}{100:>7.1f}  {rate}"])

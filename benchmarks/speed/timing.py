"""How the speed benchmarks measure: contenders in turn within one process, medians, and goals that are ratios.

The machine's speed changes from minute to minute, a ratio of things that ran in turn changes little: first every
contender runs once unmeasured, then all of them in turn, five times. The seconds of a contender are the median of its
five, a ratio is one of medians.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from latens.callbacks import Callback

NO_DATA = "LATENS_DATA names no folder; set it to the folder that holds mnist/, text/ and adbench/"

# Runs the work once and says what it took: all of the call, or the part of it that counts.
Contender = Callable[[], float]


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Args:
        device: ``"cpu"`` or ``"cuda"``.
        quick: Little data and one turn: to see that it works, not how fast.
        repeats: Measured runs of each contender.
    """

    device: str = "cpu"
    quick: bool = False
    repeats: int = 5

    @property
    def on_gpu(self) -> bool:
        return self.device != "cpu"

    def sized(self, full: int, quick: int) -> int:
        """The size of some work."""
        return quick if self.quick else full

    def bound(self, cpu: float | None, cuda: float | None = None) -> float | None:
        """The target on the device at hand; None where none was set."""
        return cuda if self.on_gpu else cpu


@dataclass(frozen=True)
class Goal:
    """One number and the bound that it is held against.

    Args:
        what: ``"plain / latens"``, or another quantity with its unit.
        value: As measured.
        bound: The target; None for a number that is only reported.
        at_least: Whether the bound is a lower one.
    """

    what: str
    value: float
    bound: float | None
    at_least: bool

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Args:
        work: What was done, in words.
        seconds: The median of each contender.
        goals: What is made of them.
        note: What a reader has to know to believe the figures.
    """

    work: str
    seconds: Mapping[str, float]
    goals: Sequence[Goal]
    note: str = ""


def faster(seconds: Mapping[str, float], than: str, bound: float | None, who: str = "latens") -> Goal:
    """How many times faster somebody is than another contender, and how many it should be at least."""
    return Goal(f"{than} / {who}", seconds[than] / seconds[who], bound, at_least=True)


def within(seconds: Mapping[str, float], of: str, bound: float | None, who: str = "latens") -> Goal:
    """How many times what another contender takes somebody takes, and how many it should be at most."""
    return Goal(f"{who} / {of}", seconds[who] / seconds[of], bound, at_least=False)


# ---- measuring ---------------------------------------------------------------------------------------------------


def race(contenders: Mapping[str, Contender], options: Options) -> dict[str, float]:
    """The median seconds of each contender, all run in turn after one unmeasured turn; quickly, those of one turn."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    turns = 1 if options.quick else 1 + options.repeats
    for _ in range(turns):
        for name, run in contenders.items():
            taken[name].append(run())
    return {name: median(seconds[turns > 1 :]) for name, seconds in taken.items()}


def timed(work: Callable[[], object], device: str = "cpu", at_least: float = 0.0) -> Contender:
    """A contender of which the whole call counts, on a GPU until the last kernel has ended.

    Args:
        work: What is called.
        device: Where it works.
        at_least: Seconds for which it is called again in its turn, each call counting the same: what takes milliseconds
            would else be measured with whatever the contender before it left in the caches.
    """

    def run() -> float:
        wait(device)
        start, calls = time.perf_counter(), 0
        while True:
            work()
            wait(device)
            calls += 1
            taken = time.perf_counter() - start
            if taken >= at_least:
                return taken / calls

    return run


def wait(device: str) -> None:
    """Until the device has done all that it was told."""
    if device != "cpu":
        torch.cuda.synchronize(device)


class Clock(Callback):
    """Watches a fit for the seconds of its last epoch, and for what that epoch began with.

    The work that a fit has once (reading, scaling, the referee, a graph that is captured) lies outside. `begun` is the
    network before the first step: the plain listings learn on from the same weights.
    """

    begun: Any

    def __init__(self, device: str) -> None:
        self.device = device
        self._ends: list[float] = []

    def fit_start(self, state: Any) -> None:
        self.begun = copy.deepcopy(state.model)
        self._now()

    def epoch_end(self, state: Any) -> None:
        self._now()

    def _now(self) -> None:
        wait(self.device)
        self._ends.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        return self._ends[-1] - self._ends[-2]


class Learning:
    """A plain listing that learns one epoch more at each call, and the loss of its first one.

    Args:
        network: To learn.
        data: Of which the loader collates items.
        batch: Items a step.
        order: Of the items, the same in every epoch.
        epoch: The listing: network, optimiser, loader, device -> mean loss.
        device: Where.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        data: Dataset,
        batch: int,
        order: Sequence[int],
        epoch: Callable[..., float],
        device: str,
    ) -> None:
        network = network.to(device)
        work = (network, torch.optim.AdamW(network.parameters()), DataLoader(data, batch, sampler=order), device)
        self.losses: list[float] = []
        self.run = timed(lambda: self.losses.append(epoch(*work)), device)


def same_weights(begun: torch.nn.Module, listing: torch.nn.Module) -> torch.nn.Module:
    """The listing's network with the weights of ours, which has the same layers in the same order."""
    pairs = list(zip(begun.parameters(), listing.parameters(), strict=True))
    with torch.no_grad():
        for ours, theirs in pairs:
            theirs.copy_(ours)
    return listing


def check_same(what: str, ours: float, theirs: float, tolerance: float) -> float:
    """The relative difference; both sides must have done the same arithmetic, or their seconds say nothing.

    Raises:
        SystemExit: They have not.
    """
    difference = abs(ours / theirs - 1)
    if not difference <= tolerance:
        raise SystemExit(f"{what}: {ours:.6g} and {theirs:.6g} differ by more than {tolerance:g}; no comparison")
    return difference


def data_folder() -> Path:
    """The folder of data sets.

    Raises:
        SystemExit: There is none.
    """
    folder = Path(os.environ.get("LATENS_DATA", ""))
    if not os.environ.get("LATENS_DATA") or not folder.is_dir():
        raise SystemExit(NO_DATA)
    return folder

"""The last tenth of tinyshakespeare, predicted after learning from the rest: nats per character, three seeds.

Run as ``python benchmarks/quality/shakespeare.py``; a seed takes about 14 minutes of processor time. The text is
``text/tinyshakespeare.txt`` in the folder that ``LATENS_DATA`` names, with upper and lower case: 65 characters. The
figure is the mean cost of a held-out character, read in windows of 1,024 that begin from nothing. Beside it stands
nanoGPT's small transformer: 1.88 with its recipe for a CPU in 3 minutes, 1.4697 on a GPU.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import latens
from latens.callbacks import Callback, Watched

SEEDS = (0, 1, 2)
EARLY = 180.0  # seconds: what nanoGPT's recipe for a CPU takes
NO_DATA = "LATENS_DATA names no folder; set it to the folder that holds text/tinyshakespeare.txt"
# The first one that was tried; the number of epochs is what half an hour leaves room for.
RECIPE: dict[str, Any] = {
    "hidden_size": 256,
    "embedding_size": 64,
    "dropout": 0.1,
    "lower": False,
    "chunk": 128,
    "batch_size": 64,
    "max_epochs": 12,
    "learning_rate": 4e-3,
    "schedule": "one-cycle",
    "clip_value": None,
    "clip_norm": 1.0,
    "validation_fraction": 0.1,
}


@dataclass(frozen=True)
class Outcome:
    """One fit.

    Args:
        epochs: Nats of a held-out character after each epoch, and seconds of processor time until then.
        nats: The same at the end.
        early: The same after the last epoch that ended within `EARLY` seconds of processor time; NaN if none did.
        seconds: Of the fit, by the clock.
        verdict: The referee's.
    """

    epochs: tuple[tuple[float, float], ...]
    nats: float
    early: float
    seconds: float
    verdict: str


class Clock(Callback):
    """Remembers how long each epoch had taken, in processor time."""

    def __init__(self) -> None:
        self.started = time.process_time()
        self.at: list[float] = []

    def epoch_end(self, state: Watched) -> None:
        self.at.append(time.process_time() - self.started)


def measure(seed: int, **settings: Any) -> Outcome:
    """Fit one seed."""
    folder = os.environ.get("LATENS_DATA") or sys.exit(NO_DATA)
    clock = Clock()
    model = latens.TextAutoregressor(**RECIPE | settings, random_state=seed, verbose=0)
    model.fit(Path(folder, "text", "tinyshakespeare.txt"), callbacks=[clock])
    nats = model.history_["validation_loss"]
    early = [loss for loss, at in zip(nats, clock.at, strict=True) if at <= EARLY]
    epochs, seconds = tuple(zip(nats, clock.at, strict=True)), model.history_["seconds"][-1]
    return Outcome(epochs, nats[-1], early[-1] if early else float("nan"), seconds, model.referee_.verdict)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    asked = parser.parse_args(words)
    found = []
    for seed in asked.seeds:
        found.append(measure(seed))
        for epoch, (nats, seconds) in enumerate(found[-1].epochs, 1):
            sys.stdout.write(f"seed {seed}, epoch {epoch}: {nats:.4f} nats, {seconds:.0f} processor seconds\n")
        sys.stdout.write(f"seed {seed}: {found[-1].verdict}\n")
        sys.stdout.flush()
    for name, field in (("at the end", "nats"), ("within 180 s of processor time", "early")):
        values = [getattr(one, field) for one in found]
        sys.stdout.write(f"nats per character {name}: {median(values):.4f} ({' '.join(f'{v:.4f}' for v in values)})\n")
    sys.stdout.write(f"seconds: {median(one.seconds for one in found):.0f}\n")


if __name__ == "__main__":
    main()

"""The same seed gives the same bits: gone on with at any step, and whatever the labels are.

There are no workers whose number could matter: batches are made in the process that learns from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from trials import Trial

import latens
from latens import persistence
from latens.callbacks import Callback, Checkpoints
from latens.data import open_source

STEPS = 50
_QUICK = {"verbose": 0, "device": "cpu", "random_state": 3}
WORDS = "the cat sat on the mat and the dog sat on the log. " * 32


class StopAfter(Callback):
    """An exception when a step is done."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_end(self, state: Any) -> None:
        if state.step == self.step:
            raise InterruptedError(f"after step {self.step}")


def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(178, 12)).astype(np.float32)


def estimator(kind: str) -> tuple[Any, Any]:
    """One that takes 50 steps, and its data."""
    if kind == "text":
        sizes = {"hidden_size": 12, "embedding_size": 6, "chunk": 16, "batch_size": 4, "dropout": 0.1}
        return latens.TextAutoregressor(max_epochs=3, **sizes, **_QUICK), [WORDS]
    settings = {"hidden": [10], "corruption": "gaussian:0.3", "dropout": 0.2, "schedule": "cosine", "patience": 50}
    return latens.Autoencoder(3, max_epochs=5, batch_size=16, early_stopping=True, **settings, **_QUICK), rows()


def digest(fitted: Any, folder: Path) -> str:
    """Of its file, but for the seconds."""
    fitted.save(folder / "whole.latens")
    file = persistence.read(folder / "whole.latens")
    history = {name: column for name, column in file.header["history"].items() if name != "seconds"}
    sha = hashlib.sha256(repr((history, file.header["config"], file.header["referee"])).encode())
    for name, tensor in sorted(file.tensors.items()):
        sha.update(name.encode() + tensor.numpy().tobytes())
    return sha.hexdigest()


@cache
def whole(kind: str) -> tuple[str, int]:
    """Of a fit that nobody interrupts: what it ends with, and its steps."""
    model, data = estimator(kind)
    model.fit(data)
    with TemporaryDirectory() as folder:
        return digest(model, Path(folder)), int(model.history_["step"][-1])


def resumed_twice(folder: Path, kind: str, step: int) -> None:
    """Stopped after a step, gone on with, stopped after the next but one, gone on with to the end."""
    expected, steps = whole(kind)
    assert steps >= STEPS, f"{steps} steps are too few"
    run = folder / "run"
    for stop in (step, step + 2):
        model, data = estimator(kind)
        try:
            model.fit(data, callbacks=[Checkpoints(run, every_steps=1), StopAfter(stop)], run_folder=run, resume=True)
        except InterruptedError:
            continue
        assert stop > steps, "the fit was not stopped"
    model, data = estimator(kind)
    model.fit(data, callbacks=[Checkpoints(run, every_steps=1)], run_folder=run, resume=True)
    assert model.resumed_from_step_ == min(step + 2, steps)
    assert digest(model, folder) == expected, "other bits than those of the uninterrupted fit"


def labels_permuted(folder: Path, seed: int) -> None:
    """Labels beside the rows, and in a column of a table, in another order: the same model."""
    labels, X = np.arange(178) % 7, rows()
    found = set()
    for y in (labels, np.random.default_rng(seed).permutation(labels)):
        model, _ = estimator("autoencoder")
        found.add(digest(model.fit(X, y), folder))
        table = folder / "table.csv"
        names = ",".join(f"x{i}" for i in range(12))
        lines = [",".join(map(str, row)) + f",{label}" for row, label in zip(X.tolist(), y, strict=True)]
        table.write_text("\n".join([f"{names},kind", *lines]) + "\n")
        model, _ = estimator("autoencoder")
        found.add("table " + digest(model.fit(open_source(table, labels=["kind"])), folder))
    assert len(found) == 2, "labels have an effect"


def trials(full: bool) -> Iterator[Trial]:
    for kind in ("autoencoder", "text"):
        whole(kind)  # children inherit it, and what is compiled
        for step in range(1, STEPS + 1) if full else (1, 10, 49):
            yield Trial(f"gone on with twice, {kind}", resumed_twice, {"kind": kind, "step": step})
    for seed in range(10 if full else 1):
        yield Trial("labels permuted", labels_permuted, {"seed": seed})

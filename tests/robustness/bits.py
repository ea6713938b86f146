"""The same seed gives the same bits: gone on with at any step, from memory or disk, by any threads, with any labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from trials import Trial

import latens
from latens import persistence
from latens.callbacks import Callback, Checkpoints
from latens.data import open_source
from latens.data.ahead import Ahead

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


class Unhurried(Ahead[Any]):
    """Loads nothing before it is wanted."""

    def prepare(self) -> None: ...

    def take(self) -> Any:
        super().prepare()
        return super().take()

    def __iter__(self) -> Iterator[Any]:
        super().prepare()
        while self._coming is not None:
            yield self.take()
            super().prepare()


def stored(folder: Path, form: str) -> Path:
    """The rows in files: an array, a table in two row groups, in three files, or as images of 3 by 4 pixels."""
    X = rows()
    table = pa.table({f"x{i:02}": column for i, column in enumerate(X.T)})
    path = folder / form
    if form == "npy":
        np.save(path, X)
        return folder / "npy.npy"
    if form == "parquet":
        path = path.with_suffix(".parquet")
        parquet.write_table(table, path, row_group_size=100)
        return path
    path.mkdir()
    for number in range(len(X) if form == "images" else 3):
        if form == "images":
            pixels = (255 / (1 + np.exp(-X[number].reshape(3, 4)))).astype(np.uint8)
            Image.fromarray(pixels).save(path / f"{number:03}.png")
        else:
            parquet.write_table(table[number * 70 : number * 70 + 70], path / f"{number}.parquet", row_group_size=30)
    return path


def streamed(folder: Path, form: str, workers: int) -> None:
    """In memory, and read from disk in windows of 40 rows by so many threads; 0 reads when it is asked to."""
    path = stored(folder, form)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latens.data.orders._WINDOW", 40 * (4 * 12 + 32))
        patch.setattr("latens.data.orders._GROUP", 15 * 4 * 12)
        patch.setattr("latens.data.images.os.cpu_count", lambda: workers or 1)
        if not workers:
            patch.setattr("latens.data.streaming.Ahead", Unhurried)
        sources = [open_source(path, stream=stream) for stream in (False, True)]
        assert [source.streamed for source in sources] == [False, True]
        found = [digest(estimator("autoencoder")[0].fit(source), folder) for source in sources]
    assert found[0] == found[1], "other bits from disk than in memory"


def trials(full: bool) -> Iterator[Trial]:
    for kind in ("autoencoder", "text"):
        whole(kind)  # children inherit it, and what is compiled
        for step in range(1, STEPS + 1) if full else (1, 10, 49):
            yield Trial(f"gone on with twice, {kind}", resumed_twice, {"kind": kind, "step": step})
    for seed in range(10 if full else 1):
        yield Trial("labels permuted", labels_permuted, {"seed": seed})
    for form in ("npy", "parquet", "folder", "images"):
        for workers in (0, 1, 2, 4) if full else (2,):
            yield Trial("in memory and on disk", streamed, {"form": form, "workers": workers})

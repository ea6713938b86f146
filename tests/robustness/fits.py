"""Two small fits from the shell, an autoencoder's and a text model's, and what they end with."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
from forks import clean_exit

from latens import persistence
from latens.cli import main

SETTINGS = {
    "autoencoder": (
        *("n_components=3", "hidden=10,7", "corruption=gaussian:0.3", "dropout=0.2", "max_epochs=5", "batch_size=16"),
        *("schedule=one-cycle", "clip_norm=1.0", "early_stopping=true", "patience=50"),
    ),
    "text": ("hidden_size=12", "embedding_size=6", "chunk=16", "batch_size=4", "max_epochs=2", "dropout=0.1"),
}
CHECKPOINT_STEPS = {"autoencoder": "3", "text": "4"}  # the last step is one of them


def prepare(folder: Path, kind: str) -> list[str]:
    """Write the data; the words of the fit after ``latens``."""
    if kind == "text":
        source = folder / "words.txt"
        source.write_text("the cat sat on the mat and the dog sat on the log. " * 30)
    else:
        source = folder / "rows.npy"
        np.save(source, np.random.default_rng(0).normal(size=(150, 12)).astype(np.float32))
    settings = [word for setting in SETTINGS[kind] for word in ("--set", setting)]
    steps = ["--checkpoint-steps", CHECKPOINT_STEPS[kind], "--keep-run", "--resume"]
    return ["fit", str(source), "-o", str(folder / "m.latens"), *settings, *steps, "--quiet", "--device", "cpu"]


@dataclass(frozen=True)
class Ended:
    """How a fit ended: its exit code (negative for a signal), and the seconds since the signal that it got."""

    code: int
    seconds: float
    words: str


def forked_fit(words: list[str], folder: Path, before: Callable[[], object] = lambda: None) -> Ended:
    """A fit in a process of its own.

    Args:
        words: After ``latens``.
        folder: Where to keep what it says on stderr.
        before: Called in that process first.
    """
    log, sent = folder / "stderr", folder / "sent"
    sent.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _fit(words, log, before)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - float(sent.read_text()) if sent.exists() else 0.0
    return Ended(os.waitstatus_to_exitcode(status), seconds, log.read_text())


def _fit(words: list[str], log: Path, before: Callable[[], object]) -> NoReturn:
    code = 70  # of nothing that latens does
    try:
        os.dup2(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 2)
        before()
        code = main(words)
        sys.setprofile(None)
    except BaseException:
        sys.setprofile(None)
        traceback.print_exc()
    clean_exit(code)


class SignalAt:
    """A signal to this very process at the n-th call or return of a function, Python's or C's.

    Args:
        event: The number of the call or return.
        number: Of the signal.
        sent: Where to write the time.
    """

    def __init__(self, event: int, number: int, sent: Path) -> None:
        self.event, self.number, self.sent, self.count = event, number, sent, 0

    def __call__(self) -> None:
        sys.setprofile(self._count)

    def _count(self, frame: object, event: str, argument: object) -> None:
        self.count += 1
        if self.count == self.event and self.number:
            self.sent.write_text(repr(time.monotonic()))
            os.kill(os.getpid(), self.number)


def state_digest(folder: Path) -> str:
    """Of all that a fit ends with: the model file with the history, and the optimiser at the last step; no seconds.

    The last checkpoint may have been written before or after the end of the last epoch: what that changes is left out.
    """
    model = persistence.read(folder / "m.latens")
    last = persistence.read(max((folder / "m.latens.run").glob("step-*.latens")))
    assert last.header["step"] == model.header["history"]["step"][-1], "the last checkpoint is not of the last step"
    history = {name: column for name, column in model.header["history"].items() if name != "seconds"}
    header = {**model.header, "history": history, "digest": None}
    sha = hashlib.sha256(json.dumps([header, last.header["fit"]], sort_keys=True).encode())
    tensors = {
        **model.tensors,
        **{f"last.{name}": t for name, t in last.tensors.items() if not name.startswith("best.")},
    }
    for name, tensor in sorted(tensors.items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    return sha.hexdigest()


@dataclass(frozen=True)
class Whole:
    """A fit that nobody interrupted."""

    digest: str
    events: int


@cache
def whole(kind: str, folder: Path = Path("/tmp")) -> Whole:
    """An uninterrupted fit, made once; children inherit it."""
    place = folder / f"latens-whole-{kind}-{os.getpid()}"
    place.mkdir()
    try:
        words = prepare(place, kind)
        assert main(words) == 0  # in this process, so that children inherit what is imported and compiled
        clear(place)
        counting = SignalAt(0, 0, place / "sent")
        counting()
        code = main(words)
        sys.setprofile(None)
        assert code == 0
        return Whole(state_digest(place), counting.count)
    finally:
        sys.setprofile(None)
        shutil.rmtree(place)


def clear(folder: Path) -> None:
    """As if there had been no fit."""
    (folder / "m.latens").unlink(missing_ok=True)
    shutil.rmtree(folder / "m.latens.run", ignore_errors=True)


KILLED = -signal.SIGKILL

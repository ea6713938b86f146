"""Fits that are killed with SIGKILL at random steps and resumed until they finish.

Run as a process of its own, so that it can fork: ``python kill_and_resume.py FOLDER TRIALS SEED``. It prints one JSON
object: the digest of the uninterrupted run and of every killed one, and how often each was killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np

from latens.callbacks import Callback, Checkpoints
from latens.estimators import Autoencoder

EPOCHS, STEPS = 5, 8  # of the fit below


class KillAt(Callback):
    """SIGKILL to this very process when a step is done, before or after the step's checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_end(self, state) -> None:
        if state.step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


class Digest(Callback):
    """The whole final state, optimiser included, as one digest; seconds are left out."""

    def __init__(self) -> None:
        self.value = ""

    def fit_end(self, state) -> None:
        header, tensors = state.checkpoint()
        history = {name: column for name, column in header["history"].items() if name != "seconds"}
        sha = hashlib.sha256(json.dumps([header["step"], header["epoch"], history]).encode())
        for name in sorted(tensors):
            sha.update(name.encode() + tensors[name].detach().numpy().tobytes())
        self.value = sha.hexdigest()


def fit(folder: Path, kill_at: int | None, first: bool) -> str:
    X = np.random.default_rng(0).normal(size=(150, 12)).astype(np.float32)
    estimator = Autoencoder(
        n_components=3, hidden=[10, 7], corruption="gaussian:0.3", dropout=0.2, max_epochs=EPOCHS, batch_size=16,
        schedule="one-cycle", clip_norm=1.0, early_stopping=True, patience=50, random_state=4, verbose=0,
    )  # fmt: skip
    digest, checkpoints = Digest(), Checkpoints(folder, every_steps=3)
    killer = [] if kill_at is None else [KillAt(kill_at)]
    watching = [*killer, checkpoints, digest] if first else [checkpoints, *killer, digest]
    estimator.fit(X, callbacks=watching, run_folder=folder, resume=True)
    weights = [tensor.numpy().tobytes() for tensor in estimator.network_.network.state_dict().values()]
    return hashlib.sha256(digest.value.encode() + b"".join(weights)).hexdigest()


def forked(folder: Path, kill_at: int | None, first: bool) -> str | None:
    """The digest of a fit in a child process; None if it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, fit(folder, kill_at, first).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    assert answer, f"the fit failed by itself, status {status}"
    return answer


def main(folder: Path, trials: int, seed: int) -> dict[str, object]:
    chance = random.Random(seed)
    fit(folder / "first", None, True)  # so that children inherit what is imported and compiled
    whole = forked(folder / "whole", None, True)
    results = []
    for trial in range(trials):
        kills, answer, done = 0, None, 0
        while answer is None:
            done = chance.randint(done + 1, done + EPOCHS * STEPS)
            answer = forked(folder / str(trial), done if kills < 3 else None, chance.random() < 0.5)
            kills += answer is None
        results.append((kills, answer))
    return {"whole": whole, "killed": [r for r in results if r[0]], "never_killed": sum(not r[0] for r in results)}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))

"""A fit for which there is not enough memory: one line that says so, and no model file, or it succeeds."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fits import forked_fit, whole
from trials import Trial


def short_of_memory(folder: Path, megabytes: int) -> None:
    """Fit 51 MB of rows with so much more memory than the process has already."""
    np.save(folder / "rows.npy", np.random.default_rng(0).normal(size=(200_000, 64)).astype(np.float32))
    settings = ("--set", "n_components=2", "--set", "hidden=8", "--set", "max_epochs=1", "--set", "batch_size=100000")
    words = ["fit", str(folder / "rows.npy"), "-o", str(folder / "m.latens"), *settings, "--quiet", "--device", "cpu"]
    ended = forked_fit(words, folder, lambda: _limit(megabytes << 20))
    if ended.code == 0:
        assert (folder / "m.latens").exists()
        return
    assert ended.code == 1, f"exit code {ended.code}\n{ended.words}"
    assert ended.words.startswith("latens: error: out of memory"), ended.words
    assert ended.words.count("\n") == 1, ended.words
    left = {path.name for path in folder.iterdir()} - {"rows.npy", "stderr"}
    assert not left, f"leftovers: {left}"


def _limit(more: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more,) * 2)


def trials(full: bool) -> Iterator[Trial]:
    whole("autoencoder")  # all is imported and compiled
    for megabytes in range(4, 400, 6) if full else (20, 80, 150):
        yield Trial("fits short of memory", short_of_memory, {"megabytes": megabytes})

"""Answers to four times as many rows take no more memory; what a file map shows of a file is not counted."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import latens

# A process of its own: its data segment may not pass a limit, and what it holds at most is looked at all the while.
MEASURED = """
import json, resource, sys, threading
from latens.cli import main
from latens.data import arrays

arrays._MAPPED = 0
limit = int(sys.argv[1]) << 20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
most, done = [0], threading.Event()


def watch():
    while not done.wait(0.005):
        lines = open("/proc/self/status").read().splitlines()
        most[0] = max(most[0], int(next(line for line in lines if line.startswith("RssAnon")).split()[1]))


thread = threading.Thread(target=watch)
thread.start()
code = main(sys.argv[2:])
done.set()
thread.join()
print(json.dumps({"code": code, "anonymous_mb": most[0] / 1024}))
"""
SMALL, LARGE, WIDTH = 400_000, 1_600_000, 64  # rows: 100 and 400 MB of float32
LIMIT = 1000  # MB


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, and two arrays on disk."""
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(0)
    X = random.normal(size=(4096, WIDTH)).astype(np.float32)
    latens.Autoencoder(n_components=2, hidden=[8], max_epochs=1, verbose=0, device="cpu").fit(X).save(
        folder / "m.latens"
    )
    for name, rows in (("small", SMALL), ("large", LARGE)):
        out = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, (rows, WIDTH))
        for start in range(0, rows, 100_000):
            out[start : start + 100_000] = random.normal(size=(100_000, WIDTH))
        out.flush()
    return folder


def anonymous(folder, name, verb, output):
    words = [
        verb,
        folder / "m.latens",
        folder / f"{name}.npy",
        "-o",
        folder / output,
        "--force",
        "-q",
        "--device",
        "cpu",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, str(LIMIT), *map(str, words)], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["code"] == 0, ended.stderr
    return found["anonymous_mb"]


@pytest.mark.slow
@pytest.mark.timeout(280)
@pytest.mark.parametrize(
    ("verb", "output"),
    [
        ("embed", "codes.parquet"),
        ("embed", "codes"),
        ("embed", "codes.npy"),
        ("embed", "c.csv"),
        ("reconstruct", "r.npy"),
    ],
)
def test_memory_does_not_grow_with_the_rows(folder, verb, output):
    small, large = (anonymous(folder, name, verb, output) for name in ("small", "large"))
    print(f"{verb} {output}: {small:.0f} MB for {SMALL:,} rows, {large:.0f} MB for {LARGE:,}")
    assert large < small + 40  # the array alone has 300 MB more

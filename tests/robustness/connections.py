"""No command but a download calls anybody: each runs where there is no network, and strace sees no address."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from saves import traced
from trials import Trial

from latens.cli import main

REFERENCE = Path(__file__).parents[1] / "reference"
DEEP, TEXT, SERIES = (str(REFERENCE / f"{name}.latens") for name in ("deep", "text", "series"))
FIT = ("--set", "n_components=2", "--set", "max_epochs=1", "--quiet")

# A line for each verb; where two belong together, the one after the other.
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "fit": (("fit", "rows.npy", "-o", "m.latens", *FIT),),
    "fit of text": (("fit", "words.txt", "-o", "m.latens", "--set", "max_epochs=1", "--set", "chunk=8", "--quiet"),),
    "info": (("info", DEEP),),
    "embed": (("embed", DEEP, "rows.npy", "-o", "codes.parquet"),),
    "reconstruct": (("reconstruct", DEEP, "rows.npy", "-o", "again.npy"),),
    "map": (("map", DEEP, "rows.npy", "-o", "map.png"), ("map", DEEP, "rows.npy", "-o", "map.html")),
    "pairs": (("pairs", DEEP, "rows.npy", "-o", "pairs.png"),),
    "outliers": (("outliers", "rows.npy", "-o", "outliers.parquet"),),
    "cluster": (("cluster", DEEP, "rows.npy", "-k", "2", "-o", "clusters.parquet"),),
    "index and search": (
        ("index", DEEP, "rows.npy", "-o", "rows.index"),
        ("search", "rows.index", DEEP, "--row", "5", "-k", "3"),
    ),
    "corrupt": (("corrupt", "rows.npy", "--corruption", "gaussian:0.3", "-o", "noisy.npy"),),
    "sweep": (("sweep", "rows.npy", "--n", "1,2", "--set", "max_epochs=1", "-o", "sweep.png"),),
    "probe": (("probe", DEEP, "table.csv", "--labels", "kind", "--budgets", "5,10", "-o", "probe.csv"),),
    "generate": (("generate", TEXT, "to be", "-n", "20"),),
    "score": (("score", TEXT, "words.txt", "-o", "scores.parquet"),),
    "forecast": (("forecast", SERIES, "series.npy", "--horizon", "5", "-o", "forecast.csv"),),
    "report": (("report", DEEP, "rows.npy", "-o", "report.html"),),
    "export": (("export", DEEP, "-o", "deep.onnx"),),
    "datasets": (("datasets",),),
}
LONG: dict[str, tuple[tuple[str, ...], ...]] = {
    "demo": (("demo", "-o", "demo"),),
    "reproduce": (("reproduce", "S2", "--quick", "-o", "reproduce"),),
}
_CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
_ADDRESS = re.compile(r"AF_INET6?\b")


def prepare(folder: Path) -> None:
    rows = np.sin(np.arange(200.0) * np.arange(1.0, 201.0)).reshape(40, 5).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    np.save(folder / "series.npy", np.sin(np.arange(90.0) / 3)[:, None])
    (folder / "words.txt").write_text("to be or not to be\n" * 20)
    lines = [",".join(map(str, row)) + f",{'ab'[i % 2]}" for i, row in enumerate(rows.tolist())]
    (folder / "table.csv").write_text("\n".join(["a,b,c,d,e,kind", *lines]) + "\n")


def calls_nobody(folder: Path, verb: str) -> None:
    """A verb does its work alone."""
    prepare(folder)
    for words in (COMMANDS | LONG)[verb]:
        log = folder / "calls"
        code = traced(lambda words=words: _alone(list(words)), "-f", "-o", str(log), "-e", _CALLS)
        assert code == 0, f"exit code {code} of latens {' '.join(words)}"
        asked = [line for line in log.read_text().splitlines() if _ADDRESS.search(line)]
        assert not asked, asked


def _alone(words: list[str]) -> int:
    """Run the program where there is no network."""
    libc, namespace = ctypes.CDLL(None, use_errno=True), 0x40000000
    assert libc.unshare(namespace) == 0, os.strerror(ctypes.get_errno())
    return main(words)


def import_calls_nobody(folder: Path) -> None:
    """`import latens`, and each of its names."""
    code = "import latens; [getattr(latens, name) for name in latens.__all__]"
    words = ["strace", "-f", "-o", "calls", "-e", _CALLS, "unshare", "-n", sys.executable, "-c", code]
    subprocess.run(words, cwd=folder, check=True)
    asked = [line for line in (folder / "calls").read_text().splitlines() if _ADDRESS.search(line)]
    assert not asked, asked


def trials(full: bool) -> Iterator[Trial]:
    needs = ("tracing", "network namespaces")
    yield Trial("import without a network", import_calls_nobody, needs=needs)
    for verb in (*COMMANDS, *LONG) if full else ("fit", "embed", "generate"):
        yield Trial("verbs without a network", calls_nobody, {"verb": verb}, seconds=300, needs=needs)

"""``python tests/robustness/memory.py``: data that are larger than the memory there is, learned from and encoded.

Tables of float32 are written as one .npy and as a folder of Parquet files. One epoch of ``latens fit`` and all of
``latens embed`` read them from disk in 2 GB of memory of their own (``ulimit -d 2000000``, in kB). Beside
them stand the same commands with the smallest table in memory and without a limit. The run fails if a command does, if
one takes more than 1 / 0.6 of the time a row takes in memory, or if the resident memory grows with the data.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

COLUMNS, GROUP, FILE = 256, 2**15, 2**18
LIMIT = 2_000_000 * 1024
LEAST_RATIO, MOST_GROWTH = 0.6, 1.15
# Gigabytes that fill two windows: smaller tables are held as a whole, and memory grows with them.
FULL = 0.6
FORMS = ("npy", "parquet")


@dataclass(frozen=True)
class Run:
    """A command that ended: what it read, how, and what it took."""

    verb: str
    form: str
    gigabytes: float
    streamed: bool
    code: int
    seconds: float
    busy: float  # seconds of processors
    peak: int  # bytes resident at most

    @property
    def rows(self) -> float:
        """Rows a second, of the whole command."""
        return rows_of(self.gigabytes) / self.seconds


def rows_of(gigabytes: float) -> int:
    return int(gigabytes * 1e9 / (4 * COLUMNS))


def blocks(rows: int) -> Iterator[np.ndarray]:
    """Eight hidden numbers a row, mixed into all columns, with noise: the same rows for the same number."""
    mixing = np.random.default_rng(0).normal(size=(8, COLUMNS)).astype("f4")
    for start in range(0, rows, GROUP):
        random, n = np.random.default_rng(start), min(GROUP, rows - start)
        hidden, noise = (random.standard_normal((n, width), dtype="f4") for width in (8, COLUMNS))
        yield hidden @ mixing + noise


def write(path: Path, form: str, rows: int) -> Path:
    return {"npy": write_npy, "parquet": write_parquet}[form](path, rows)


def write_npy(path: Path, rows: int) -> Path:
    target = path.with_suffix(".npy")
    with target.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, COLUMNS)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks(rows):
            file.write(block.tobytes())
    return target


def write_parquet(path: Path, rows: int) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.mkdir()
    schema, writer = pa.schema([(f"x{column}", pa.float32()) for column in range(COLUMNS)]), None
    for number, block in enumerate(blocks(rows)):
        if number % (FILE // GROUP) == 0:
            if writer is not None:
                writer.close()
            writer = pq.ParquetWriter(path / f"part-{number}.parquet", schema)
        assert writer is not None
        writer.write_table(pa.table(list(block.T), schema=schema), row_group_size=GROUP)
    if writer is not None:
        writer.close()
    return path


def measured(words: list[str], limit: int | None) -> tuple[int, float, float, int]:
    """Exit code, seconds, seconds of processors and peak resident bytes of a command of latens."""
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.execv(sys.executable, [sys.executable, "-m", "latens", *words])
    _, status, usage = os.wait4(child, 0)
    seconds, busy = time.monotonic() - started, usage.ru_utime + usage.ru_stime
    return os.waitstatus_to_exitcode(status), seconds, busy, usage.ru_maxrss * 1024


def runs(form: str, gigabytes: float, streamed: bool, folder: Path) -> Iterator[Run]:
    """Fit and embed a table of this size."""
    source = write(folder / f"{form}-{gigabytes:g}", form, rows_of(gigabytes))
    model, how = str(folder / "m.latens"), "--stream" if streamed else "--no-stream"
    settings = ["--set", "max_epochs=1", "--set", "batch_size=1024", "--device", "cpu", "--quiet"]
    verbs = {
        "fit": ["fit", str(source), "-o", model, "--force", "--model", "deep", how, *settings],
        "embed": ["embed", model, str(source), "-o", str(folder / "codes.parquet"), "--force", how, "--quiet"],
    }
    for verb, words in verbs.items():
        yield Run(verb, form, gigabytes, streamed, *measured(words, LIMIT if streamed else None))
    shutil.rmtree(source) if source.is_dir() else source.unlink()


def faults(run: Run, held: Run, first: Run) -> list[str]:
    """What is wrong with a run, beside the one in memory and that of the smallest table on disk."""
    found = []
    if run.code:
        found.append(f"exit code {run.code}")
    if run.rows < LEAST_RATIO * held.rows:
        found.append(f"slower than {LEAST_RATIO:g} of in memory")
    if first.gigabytes >= FULL and run.peak > MOST_GROWTH * first.peak:
        found.append("its memory grew with the data")
    return found


def line(run: Run, held: Run) -> str:
    kind = "on disk" if run.streamed else "in memory"
    spent = f"{run.peak / 2**20:>9,.0f} {run.seconds:>8.1f} {run.busy:>8.1f}"
    figures = f"{spent} {run.rows:>10,.0f} {run.rows / held.rows:>6.2f}"
    return f"{run.verb:<6} {run.form:<8} {run.gigabytes:>5g} GB {kind:<10} {figures}"


def report(form: str, sizes: list[float], folder: Path) -> int:
    """Run all of a form, a line for each command; how many are at fault."""
    failed = 0
    held = {run.verb: run for run in runs(form, sizes[0], streamed=False, folder=folder)}
    first: dict[str, Run] = {}
    for run in held.values():
        print(line(run, run), flush=True)
    for size in sizes:
        for run in runs(form, size, streamed=True, folder=folder):
            wrong = faults(run, held[run.verb], first.setdefault(run.verb, run))
            print(line(run, held[run.verb]), *(f"FAILED {fault}" for fault in wrong), flush=True)
            failed += bool(wrong)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/robustness/memory.py", description=__doc__)
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[1.0, 12.0], help="sizes, the smallest first")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--folder", help="where the tables are written; the largest has to fit")
    options = parser.parse_args()
    print(f"{'':<31}     {'peak MiB':>13} {'seconds':>8} {'cpu':>8} {'rows/s':>10} {'ratio':>6}")
    with tempfile.TemporaryDirectory(prefix="latens-memory-", dir=options.folder) as folder:
        failed = sum(report(form, options.gigabytes, Path(folder)) for form in options.forms)
    print(f"all of it: {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

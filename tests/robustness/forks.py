"""Trials in processes of their own, forked from this one, so that each costs milliseconds and not an import."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from trials import Trial


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: its message is empty if it went well."""

    trial: Trial
    message: str
    seconds: float
    skipped: bool = False


@dataclass(frozen=True)
class _Running:
    trial: Trial
    process: int
    folder: Path
    log: Path
    started: float


# One thread, of which a copy is safe; read when torch and pyarrow are imported.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def warm_up() -> None:
    """Import what every trial needs; still one thread, or a fork would copy locks that nobody opens."""
    os.environ.update(ENVIRONMENT)
    import torch

    import latens
    from latens import estimators, persistence

    assert all((torch, latens, estimators, persistence))
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads before the first fork"


def outcomes(trials: Iterator[Trial], jobs: int, folder: Path) -> Iterator[Outcome]:
    """Run trials, so many at a time.

    Args:
        trials: Each is started as soon as there is room.
        jobs: Processes at a time.
        folder: For their scratch folders; removed after each.
    """
    waiting, count = selectors.DefaultSelector(), 0
    for trial in trials:
        if trial.missing is not None:
            yield Outcome(trial, f"{trial.missing} is not to be had here", 0.0, skipped=True)
            continue
        while len(waiting.get_map()) >= jobs:
            yield from _ended(waiting)
        count += 1
        running = _start(trial, folder / str(count))
        waiting.register(os.pidfd_open(running.process), selectors.EVENT_READ, running)
    while waiting.get_map():
        yield from _ended(waiting)


def _start(trial: Trial, folder: Path) -> _Running:
    folder.mkdir(parents=True)
    log = folder.with_suffix(".log")
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        _be_a_trial(trial, folder, log)
    return _Running(trial, process, folder, log, time.monotonic())


def _be_a_trial(trial: Trial, folder: Path, log: Path) -> NoReturn:
    status = 1
    try:
        os.setsid()
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        trial.run(folder, **trial.parameters)
        status = 0
    except BaseException:
        traceback.print_exc()
    clean_exit(status)


def clean_exit(status: int) -> NoReturn:
    """End this copy of the process and nothing that it has copied."""
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _ended(waiting: selectors.BaseSelector) -> Iterator[Outcome]:
    """Those that have ended by now, or are to end because their time is over."""
    for key, _ in waiting.select(timeout=0.2):
        yield _outcome(waiting, key, late=False)
    for key in list(waiting.get_map().values()):
        if time.monotonic() - key.data.started > key.data.trial.seconds:
            yield _outcome(waiting, key, late=True)


def _outcome(waiting: selectors.BaseSelector, key: selectors.SelectorKey, *, late: bool) -> Outcome:
    running: _Running = key.data
    waiting.unregister(key.fileobj)
    os.close(key.fd)
    with suppress(ProcessLookupError):  # what a trial started ends with it
        os.killpg(running.process, signal.SIGKILL)
    _, status = os.waitpid(running.process, 0)
    text = running.log.read_text(errors="replace") if running.log.exists() else ""
    shutil.rmtree(running.folder, ignore_errors=True)
    running.log.unlink(missing_ok=True)
    seconds = time.monotonic() - running.started
    if late:
        return Outcome(running.trial, f"not done after {running.trial.seconds:g} s\n{text}", seconds)
    if os.WIFSIGNALED(status):
        return Outcome(running.trial, f"killed by signal {os.WTERMSIG(status)}\n{text}", seconds)
    return Outcome(running.trial, "" if status == 0 else text or "failed without a word", seconds)


class Memory:
    """How much larger this process becomes than it is now."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        self._before = self._kilobytes("VmRSS")

    def grown(self) -> int:
        """Bytes, at the peak."""
        return (self._kilobytes("VmHWM") - self._before) * 1024

    @staticmethod
    def _kilobytes(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

"""Fits that are killed, or told to stop, at any call of any function; gone on with, they end with the same bits."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

from fits import KILLED, SignalAt, clear, forked_fit, prepare, state_digest, whole
from trials import Trial

KINDS = ("autoencoder", "text")


def killed(folder: Path, kind: str, seed: int, times: int) -> None:
    """A run that `times` kill -9 hit; the file, the optimiser and the history are those of an uninterrupted one."""
    chance, words, hit = random.Random(f"{kind} {seed}"), prepare(folder, kind), 0
    while hit < times:
        at = chance.randint(1, whole(kind).events // times)
        ended = forked_fit(words, folder, SignalAt(at, signal.SIGKILL, folder / "sent"))
        if ended.code == KILLED:
            hit += 1
        else:  # it was done before the kill came: from the beginning
            assert ended.code == 0, ended.words
            clear(folder)
            hit = 0
    _finished_as_if_nothing_was(folder, kind, words)


def told_to_stop(folder: Path, kind: str, seed: int, number: int) -> None:
    """A run that was interrupted politely: exit code and time, a line, no leftovers, and the same end."""
    chance, words = random.Random(f"{kind} {seed} {number}"), prepare(folder, kind)
    at = chance.randint(1, whole(kind).events)
    ended = forked_fit(words, folder, SignalAt(at, number, folder / "sent"))
    if not _was_done(folder, ended.code):
        assert ended.code == 128 + number, f"exit code {ended.code} at event {at}\n{ended.words}"
        assert ended.words.startswith("latens: "), ended.words
        assert ended.words.count("\n") == 1, ended.words
    assert ended.seconds <= 5.0, f"{ended.seconds:.1f} s from the signal to the end, at event {at}"
    assert not list(folder.rglob("*.tmp")), f"leftovers: {list(folder.rglob('*.tmp'))}"
    _finished_as_if_nothing_was(folder, kind, words)


def _was_done(folder: Path, code: int) -> bool:
    """Whether the signal came when all was written: that is no interruption."""
    return code == 0 and (folder / "m.latens").exists()


def _finished_as_if_nothing_was(folder: Path, kind: str, words: list[str]) -> None:
    ended = forked_fit(words, folder)
    assert ended.code == 0, ended.words
    assert state_digest(folder) == whole(kind).digest, "other bits than those of the uninterrupted run"
    assert not list(folder.rglob("*.tmp")), f"leftovers: {list(folder.rglob('*.tmp'))}"


def trials(full: bool) -> Iterator[Trial]:
    for kind in KINDS:
        whole(kind)
        for seed in range(350 if full else 3):
            yield Trial(f"kill -9, {kind}", killed, {"kind": kind, "seed": seed, "times": 1})
        for seed in range(50 if full else 1):
            yield Trial(f"three kill -9, {kind}", killed, {"kind": kind, "seed": seed, "times": 3})
        for seed in range(25 if full else 2):
            for number in (signal.SIGINT, signal.SIGTERM):
                name = f"SIGINT and SIGTERM, {kind}"
                yield Trial(name, told_to_stop, {"kind": kind, "seed": seed, "number": int(number)})

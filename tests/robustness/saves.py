"""One checkpoint is written while a system call fails, the process is killed, or the disk is too small for it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import torch
from forks import clean_exit
from trials import Trial, is_there

from latens.callbacks import Checkpoints
from latens.errors import OutputError
from latens.group import Group
from latens.runs import checkpoints_in, newest

FAULTS = {"SIGKILL": "signal=KILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}
WRITTEN, NOT_WRITTEN = 0, 1
_ENTRY = re.compile(r"^(?:\d+ +)?(\w+)\(")


def state(step: int, numbers: int = 1000) -> Any:
    """As much of a fit as a checkpoint needs."""
    tensors = {"model.w": torch.arange(numbers, dtype=torch.float32) + step, "optimizer.w.step": torch.tensor(step)}
    header = {"kind": "checkpoint", "step": step, "history": {}}
    return SimpleNamespace(step=step, epoch=0, group=Group(), checkpoint=lambda: (header, tensors))


def fill(folder: Path) -> None:
    """Two checkpoints, of the steps 1 and 2."""
    for step in (1, 2):
        Checkpoints(folder).save(state(step))


def save_third(folder: Path) -> int:
    """What is tried; whether it says that it has written."""
    try:
        Checkpoints(folder).save(state(3))
    except OutputError:
        return NOT_WRITTEN
    return WRITTEN


def traced(action: Callable[[], int], *options: str) -> int:
    """Run an action in a copy of this process under strace from its first system call on; its exit code.

    Args:
        action: Gives the exit code.
        options: Of strace.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        clean_exit(action())
    os.close(reader)
    tracer = subprocess.Popen(["strace", "-p", str(child), *options], stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{child}/status")
    while "TracerPid:\t0" in status.read_text() and tracer.poll() is None:
        time.sleep(0.001)
    with suppress(BrokenPipeError):
        os.write(writer, b"!")
    os.close(writer)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    tracer.wait()
    return code


@cache
def calls() -> tuple[tuple[str, int], ...]:
    """Every system call of one save, as its name and its number among those of that name."""
    with TemporaryDirectory() as place:
        folder, log = Path(place) / "run", Path(place) / "log"
        fill(folder)
        assert traced(lambda: save_third(folder), "-o", str(log)) == WRITTEN
        names = [found[1] for line in log.read_text().splitlines() if (found := _ENTRY.match(line))]
    names = names[: names.index("exit_group")]
    return tuple((name, names[: i + 1].count(name)) for i, name in enumerate(names))


def fails(folder: Path, call: str, number: int, fault: str) -> None:
    """One system call of the save fails: the state of step 2 or of step 3 loads, and nothing half is left."""
    run = folder / "run"
    fill(run)
    inject = f"inject={call}:{FAULTS[fault]}:when={number}"
    code = traced(lambda: save_third(run), "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
    assert code in (WRITTEN, NOT_WRITTEN) or fault == "SIGKILL" or code < 0, f"exit code {code}"
    found = newest(run)
    assert found is not None, "no checkpoint loads"
    step = found.header["step"]
    assert step in ((3,) if code == WRITTEN else (2, 3)), f"step {step} loads after exit code {code}"
    assert torch.equal(found.tensors["model.w"], state(step).checkpoint()[1]["model.w"]), "other weights"
    if code in (WRITTEN, NOT_WRITTEN) and call not in ("unlink", "unlinkat"):
        left = [path.name for path in run.iterdir() if not path.name.startswith("step-")]
        assert not left, f"leftovers: {left}"


def too_small(folder: Path, pages: int) -> None:
    """On a disk of so many pages of 4 KiB: written whole, or refused with all as it was."""
    mount_tmpfs(folder, 4096 * pages)
    run = folder / "run"
    first = Checkpoints(run).save(state(1, numbers=10_000))
    before = hashlib.sha256(first.read_bytes()).hexdigest()
    expected, words = 2, "No space left on device; free some space"
    try:
        Checkpoints(run).save(state(2, numbers=40_000))
    except OutputError as error:
        expected, words = 1, str(error)
    assert re.search(r"No space left on device.*; free some space", words), words
    assert hashlib.sha256(first.read_bytes()).hexdigest() == before, "the previous checkpoint is another"
    found = newest(run)
    assert found is not None, "no checkpoint loads"
    assert found.header["step"] == expected, "another step loads"
    assert sorted(run.iterdir()) == checkpoints_in(run), f"leftovers: {sorted(run.iterdir())}"


def mount_tmpfs(folder: Path, size: int) -> None:
    """A disk of this size at the folder, which only this process sees and which goes with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    private_namespace, private, recursive = 0x20000, 1 << 18, 1 << 14
    assert libc.unshare(private_namespace) == 0, os.strerror(ctypes.get_errno())
    assert libc.mount(b"none", b"/", None, private | recursive, None) == 0, os.strerror(ctypes.get_errno())
    options = f"size={size}".encode()
    assert libc.mount(b"none", bytes(folder), b"tmpfs", 0, options) == 0, os.strerror(ctypes.get_errno())
    os.chdir(folder)


def trials(full: bool) -> Iterator[Trial]:
    every = calls() if is_there("tracing") else (("write", 1),)
    for fault in FAULTS:
        for call, number in every if full else every[:: max(1, len(every) // 3)]:
            parameters = {"call": call, "number": number, "fault": fault}
            yield Trial(f"{fault} at a system call of a save", fails, parameters, needs=("tracing",))
    for pages in range(13, 77) if full else (20, 40, 60):
        yield Trial("disks that are too small", too_small, {"pages": pages}, needs=("mounting",))

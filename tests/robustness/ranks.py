"""Ranks that are killed: the others end in time and name it, and the restart ends with the bits of a clean run."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from trials import Trial

from latens import persistence
from latens.runs import checkpoints_in

# Seconds in which all of a run has to be gone once a rank is killed, and once a signal was sent.
DEAD, STOPPED = 15.0, 5.0
MODELS = {
    "deep": ("--set", "n_components=3", "--set", "corruption=gaussian:0.3", "--set", "max_epochs=4"),
    "text": ("--set", "hidden_size=16", "--set", "chunk=16", "--set", "carry_state=true", "--set", "max_epochs=6"),
}


def source(folder: Path, model: str) -> Path:
    """What a model of this kind learns from: always the same."""
    chance = np.random.default_rng(0)
    if model == "text":
        path = folder / "data.txt"
        path.write_text("".join(chance.choice(list("abcdefg \n"), size=10_000)))
    else:
        path = folder / "data.npy"
        np.save(path, chance.normal(size=(801, 10)).astype(np.float32))
    return path


def words(folder: Path, model: str, name: str) -> list[str]:
    """A fit of some seconds that writes a checkpoint every few steps."""
    fit = ["fit", str(source(folder, model)), "-o", str(folder / name), "--model", model, "--device", "cpu", "--quiet"]
    return [*fit, *MODELS[model], "--set", "batch_size=32", "--checkpoint-steps", "7"]


def started(fit: Sequence[str], torchrun: bool = False) -> subprocess.Popen[str]:
    """A fit of two ranks."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = str(asked.getsockname()[1])
    latens = [sys.executable, "-m", "latens", *fit, "--devices", "2"]
    elastic = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", port]
    command = [*elastic, "-m", "latens", *fit] if torchrun else latens
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def digest(path: Path) -> tuple[object, ...]:
    """All that two finished fits have in common, to the bit."""
    file = persistence.read(path)
    history = {name: column for name, column in file.header["history"].items() if name != "seconds"}
    return json.dumps(history), {name: tensor.numpy().tobytes() for name, tensor in file.tensors.items()}


def finished(fit: Sequence[str]) -> None:
    process = started(fit)
    _, error = process.communicate()
    assert process.returncode == 0, error


def ranks_of(process: subprocess.Popen[str]) -> dict[int, int]:
    """The process of each rank under a launcher."""
    found = {}
    for line in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        said = Path(f"/proc/{line}/environ").read_bytes().split(b"\0")
        found |= {int(word.removeprefix(b"RANK=")): int(line) for word in said if word.startswith(b"RANK=")}
    return found


def at_step(process: subprocess.Popen[str], folder: Path, step: int) -> dict[int, int]:
    """Wait for a checkpoint of this step or later; the ranks at that moment."""
    until = time.monotonic() + 60.0
    while not any(int(path.stem[5:]) >= step for path in checkpoints_in(folder)):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until, "no checkpoint came"
        time.sleep(0.01)
    return ranks_of(process)


def ended(process: subprocess.Popen[str], ranks: dict[int, int], seconds: float) -> str:
    """What a run says on stderr that has to end within some seconds, and to leave no rank behind."""
    begun = time.monotonic()
    try:
        _, error = process.communicate(timeout=seconds + 10.0)
    finally:
        process.kill()
    took = time.monotonic() - begun
    assert took < seconds, f"{took:.1f} s: {error}"
    left = [rank for rank, pid in ranks.items() if Path(f"/proc/{pid}").exists()]
    assert not left, f"ranks {left} are still there"
    return error


def killed(folder: Path, seed: int, model: str, torchrun: bool) -> None:
    """SIGKILL to one of two ranks at a random step."""
    chance = random.Random(seed)
    finished(words(folder, model, "clean.latens"))
    fit = words(folder, model, "killed.latens")
    process = started(fit, torchrun)
    ranks = at_step(process, folder / "killed.latens.run", chance.randint(1, 40))
    victim = chance.randrange(2)
    time.sleep(chance.random() * 0.2)
    os.kill(ranks[victim], signal.SIGKILL)
    error = ended(process, ranks, DEAD)
    assert process.returncode == 1, error
    named = re.findall(rf"^latens: error: rank {victim} on host \S+ died .*; go on with --resume$", error, re.M)
    assert len(named) == 1, error
    finished([*fit, "--resume"])
    assert digest(folder / "killed.latens") == digest(folder / "clean.latens")


def stopped(folder: Path, seed: int, number: int) -> None:
    """SIGINT or SIGTERM to the launcher, one rank or all of them: one checkpoint, and the rest as if nothing was."""
    chance = random.Random(seed)
    finished(words(folder, "deep", "clean.latens"))
    fit = words(folder, "deep", "stopped.latens")
    process = started(fit)
    ranks = at_step(process, folder / "stopped.latens.run", chance.randint(1, 40))
    time.sleep(chance.random() * 0.2)
    for pid in chance.choice([[process.pid], [ranks[0]], [ranks[1]], list(ranks.values())]):
        os.kill(pid, number)
    error = ended(process, ranks, STOPPED)
    assert process.returncode == 128 + number, error
    saved = re.findall(r"^latens: interrupted at step \d+: saved (\S+); continue with --resume$", error, re.M)
    assert saved == [str(checkpoints_in(folder / "stopped.latens.run")[-1])], error
    finished([*fit, "--resume"])
    assert digest(folder / "stopped.latens") == digest(folder / "clean.latens")


def trials(full: bool) -> Iterator[Trial]:
    for seed in range(10 if full else 1):
        how = {"seed": seed, "model": ("deep", "text")[seed % 2], "torchrun": seed % 3 == 2}
        yield Trial("kill -9 of one of two ranks", killed, how, seconds=120)
    for seed in range(4 if full else 1):
        number = int((signal.SIGTERM, signal.SIGINT)[seed % 2])
        yield Trial("signals to two ranks", stopped, {"seed": seed, "number": number}, seconds=120)

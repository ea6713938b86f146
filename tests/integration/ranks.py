"""Processes that work together, as torchrun would start them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def environment(**said: object) -> dict[str, str]:
    """Of a child process: one thread, this very source, no words of other launchers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "MASTER_"))}
    paths = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    kept |= {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return kept | {name: str(value) for name, value in said.items()}


def started(words: Sequence[object], count: int = 2, slurm: bool = False) -> list[subprocess.Popen[str]]:
    """``python WORDS`` in each of some ranks, as torchrun or srun says it to them."""
    port, ranks = free_port(), []
    for rank in range(count):
        if slurm:
            said = {"SLURM_PROCID": rank, "SLURM_NTASKS": count, "SLURM_LOCALID": rank, "SLURM_STEP_ID": 0}
        else:
            said = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count}
        said |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        command = [sys.executable, *map(str, words)]
        pipe = subprocess.PIPE
        ranks.append(subprocess.Popen(command, env=environment(**said), stdout=pipe, stderr=pipe, text=True))
    return ranks


def ended(ranks: Sequence[subprocess.Popen[str]], seconds: float = 60.0) -> list[tuple[int, str, str]]:
    """Exit code, standard output and error of each rank; none of them is left behind."""
    try:
        outputs = [process.communicate(timeout=seconds) for process in ranks]
    finally:
        for process in ranks:
            process.kill()
    return [(process.returncode, *output) for process, output in zip(ranks, outputs, strict=True)]

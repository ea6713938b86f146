"""Two hosts, which are network namespaces with a cable between them: they train together, and notice when it is cut."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ranks import DEAD, checkpoints_in, digest, finished, words
from trials import Trial

PORT = "29511"


@contextmanager
def two_hosts() -> Iterator[list[str]]:
    """Their names; the first one has the address 10.77.0.1."""
    hosts = [f"latens{os.getpid()}{end}" for end in "ab"]
    try:
        for host in hosts:
            ip("netns", "add", host)
            ip("-n", host, "link", "set", "lo", "up")
        ip("link", "add", "cable", "netns", hosts[0], "type", "veth", "peer", "cable", "netns", hosts[1])
        for number, host in enumerate(hosts, start=1):
            ip("-n", host, "address", "add", f"10.77.0.{number}/24", "dev", "cable")
            ip("-n", host, "link", "set", "cable", "up")
        yield hosts
    finally:
        for host in hosts:
            with suppress(subprocess.CalledProcessError):
                ip("netns", "delete", host)


def ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True, capture_output=True)


def started(host: str, rank: int, command: Sequence[str]) -> subprocess.Popen[str]:
    """A command on a host, with what a rank has to be told."""
    said = {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    said |= {"MASTER_ADDR": "10.77.0.1", "MASTER_PORT": PORT, "GLOO_SOCKET_IFNAME": "cable", "OMP_NUM_THREADS": "1"}
    inside = ["ip", "netns", "exec", host, sys.executable, *command]
    pipe = subprocess.PIPE
    return subprocess.Popen(inside, env=os.environ | said, text=True, stdout=pipe, stderr=pipe)


def train_together(folder: Path, torchrun: bool) -> None:
    """The model of two hosts is, to the bit, that of two ranks on one."""
    finished(words(folder, "deep", "one.latens"))
    fit = ["-m", "latens", *words(folder, "deep", "two.latens")]
    with two_hosts() as hosts:
        ranks = []
        for rank, host in enumerate(hosts):
            elastic = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
            elastic += ["--node-rank", str(rank), "--master-addr", "10.77.0.1", "--master-port", PORT]
            ranks.append(started(host, rank, [*elastic, *fit] if torchrun else fit))
        outcomes = [(process.communicate(timeout=90), process.returncode) for process in ranks]
    assert [code for _, code in outcomes] == [0, 0], outcomes
    assert digest(folder / "two.latens") == digest(folder / "one.latens")


def cut(folder: Path) -> None:
    """A cable that is cut breaks no connection: both hosts only hear nothing more."""
    fit = ["-m", "latens", *words(folder, "deep", "cut.latens"), "--set", "max_epochs=500"]
    with two_hosts() as hosts:
        ranks = [started(host, rank, fit) for rank, host in enumerate(hosts)]
        try:
            while not checkpoints_in(folder / "cut.latens.run"):
                assert [process.poll() for process in ranks] == [None, None], [p.communicate() for p in ranks]
                time.sleep(0.05)
            ip("-n", hosts[0], "link", "set", "cable", "down")
            begun = time.monotonic()
            outcomes = [(process.communicate(timeout=60), process.returncode) for process in ranks]
            took = time.monotonic() - begun
        finally:
            for process in ranks:
                process.kill()
    assert took < DEAD, f"{took:.1f} s: {outcomes}"
    assert [code for _, code in outcomes] == [1, 1], outcomes
    for other, ((_, error), _) in zip((1, 0), outcomes, strict=True):
        assert f"latens: error: rank {other} on host " in error, outcomes
        assert error.count("\n") == 1, outcomes


def trials(full: bool) -> Iterator[Trial]:
    for torchrun in (False, True) if full else (False,):
        how = {"torchrun": torchrun}
        yield Trial("two hosts train together", train_together, how, seconds=120, needs=("ip", "network namespaces"))
    if full:
        yield Trial("a cable that is cut", cut, {}, seconds=120, needs=("ip", "network namespaces"))

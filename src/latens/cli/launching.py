"""Several processes for one verb: those that ``--devices`` starts and watches, and those that others started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from latens.cli.stopping import deadline
from latens.errors import ConfigError, RankError
from latens.ranks import LAUNCHER, place

__all__ = ["WORDS", "Ended", "is_first", "run_ranks", "speaks", "take_place"]

# The command line, which several processes repeat.
WORDS: ContextVar[Sequence[str]] = ContextVar("WORDS")

# This program, without the current folder among the places that Python imports from.
_COMMAND = ["-P", "-m", "latens"]

# Seconds between two looks at the ranks, and until those are ended that do not end after another one's failure.
_LOOK, _GRACE = 0.02, 10.0


class Ended(SystemExit):
    """The ranks have ended, and said why."""


def take_place(verb: str, devices: int, device: str, together: bool) -> None:
    """Before a verb does anything: find the other ranks, or start them all and end as they do.

    Args:
        verb: Its name.
        devices: Ranks asked for; 1 leaves it to the environment.
        device: As for `latens.devices.resolve_device`.
        together: Whether several processes can do this verb.

    Raises:
        ConfigError: They cannot, or the environment says another number.
        Ended: The ranks that were started have.
    """
    found = place()
    if not together and (devices > 1 or found.count > 1):
        way_out = "use --devices 1" if devices > 1 else "start it by itself, without torchrun or srun"
        raise ConfigError(f"devices={max(devices, found.count)}: latens {verb} is work for one process; {way_out}")
    if found.count > 1:
        if devices not in (1, found.count):
            raise ConfigError(f"devices={devices}: the environment says {found.count} processes; leave --devices out")
        # torch warns of addresses without a name, once a process, in lines that are not ours.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        from latens.devices import join

        join(device)
    elif devices > 1:
        raise Ended(run_ranks(WORDS.get(), devices))


def speaks(line: str, code: int) -> bool:
    """Whether this process says why the program ends: of several the first one that does, which tells the others.

    Args:
        line: What there is to say.
        code: The exit code.
    """
    try:
        found = place()
    except ConfigError:  # the environment is what is wrong
        return True
    if found.count == 1:
        return True
    from latens.devices import joined

    group = joined()
    return found.local_rank == 0 if group is None else group.claim(line, code)


def is_first() -> bool:
    """Whether this is the first of several processes, or the only one."""
    try:
        return place().rank == 0
    except ConfigError:
        return True


def run_ranks(words: Sequence[str], count: int) -> int:
    """Run a command line in several processes of this host; the exit code of the first that fails, or 0.

    Args:
        words: After ``latens``.
        count: Processes.

    Raises:
        RankError: One of them was killed; the others are, too.
    """
    port = _free_port()
    ranks = [_started(words, rank, count, port) for rank in range(count)]
    # The ranks are on time by themselves, or late for the sake of a last checkpoint.
    with _forwarded(ranks) as received, deadline.unhurried():
        try:
            return _watched(ranks, received)
        finally:
            for process in ranks:
                process.kill()
                process.wait()


def _started(words: Sequence[str], rank: int, count: int, port: int) -> subprocess.Popen[bytes]:
    """A process that finds in its environment what torchrun would have said."""
    said = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": count,
        "LOCAL_WORLD_SIZE": count,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        LAUNCHER: os.getpid(),
    }
    # They never leave this host, whose name may lead to an address that it does not have.
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    return subprocess.Popen(
        [sys.executable, *_COMMAND, *words],
        env=loopback | os.environ | {name: str(value) for name, value in said.items()},
        stdin=subprocess.DEVNULL,
        stdout=None if rank == 0 else subprocess.DEVNULL,
        process_group=0,  # Ctrl-C is ours to pass on, once
    )


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def _forwarded(ranks: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Signals go to all ranks; those that came so far."""
    received: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for process in ranks:
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watched(ranks: Sequence[subprocess.Popen[bytes]], received: Sequence[int]) -> int:
    """Wait until all have ended, or one was killed, or long enough after one has failed."""
    failed, until = 0, float("inf")
    while time.monotonic() < until and None in [process.poll() for process in ranks]:
        for rank, process in enumerate(ranks):
            code = process.returncode or 0
            if code < 0 and not received:
                host = socket.gethostname()
                raise RankError(f"rank {rank} on host {host} died (signal {-code}); go on with --resume")
            if code and not failed:
                failed, until = code, time.monotonic() + _GRACE
        time.sleep(_LOOK)
    codes = [process.poll() for process in ranks]
    failed = failed or next((code for code in codes if code), 0)
    return 128 + received[0] if failed < 0 else failed

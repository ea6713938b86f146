"""Which of several processes this one is, and which part of the work is its own.

Whoever starts the processes says so in the environment: ``latens fit --devices``, torchrun, SLURM's ``srun``, or a
Kubernetes operator. A process to which nobody said anything is the only one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from latens.errors import ConfigError, whole

__all__ = ["LAUNCHER", "WHOLE", "Place", "Share", "place"]

# Of a process that `latens fit --devices` started: the number of the process that watches it.
LAUNCHER = "LATENS_LAUNCHER"


@dataclass(frozen=True)
class Share:
    """What one rank answers for: of each batch a run of neighbouring rows, of a list of units every so many.

    Args:
        rank: Of this process, from 0.
        count: Ranks there are.

    Example:
        >>> [Share(rank, 2).of(21) for rank in range(2)]
        [slice(0, 10, None), slice(10, 21, None)]
    """

    rank: int = 0
    count: int = 1

    def of(self, n: int) -> slice:
        """Of `n` rows in their order those that are this rank's; none if there are more ranks than rows."""
        return slice(n * self.rank // self.count, n * (self.rank + 1) // self.count)

    def deals(self, unit: int) -> bool:
        """Whether this rank answers for a unit of work, counted from 0."""
        return unit % self.count == self.rank

    def blocks(self, n: int, size: int) -> Iterator[tuple[int, slice]]:
        """The blocks of `n` rows that this rank answers, each with its number: the ranks' are disjoint and all of them.

        Args:
            n: Rows.
            size: Rows of a block.

        Example:
            >>> list(Share(1, 2).blocks(10, 3))
            [(1, slice(3, 6, None)), (3, slice(9, 10, None))]
        """
        for number, start in enumerate(range(0, n, size)):
            if self.deals(number):
                yield number, slice(start, min(start + size, n))


# Of a process that is alone.
WHOLE = Share()


@dataclass(frozen=True)
class Place:
    """One process among several.

    Args:
        rank: Of this process, from 0.
        count: Processes there are.
        local_rank: Among those of this host, from 0: which of its devices is this one's.
        local_count: Processes of this host.
        address: Of the host of rank 0.
        port: There.
        launcher: The process that started and watches this one, if it is one of latens; 0 if not.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1
    address: str = "127.0.0.1"
    port: int = 0
    launcher: int = 0

    @property
    def share(self) -> Share:
        """Its part of all work."""
        return Share(self.rank, self.count)


def place(environment: Mapping[str, str] | None = None) -> Place:
    """Where this process stands, by the environment.

    torchrun, Kubernetes and ``--devices`` say RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT; SLURM's srun says
    SLURM_PROCID, SLURM_NTASKS and SLURM_LOCALID. A batch script of SLURM that does not use srun is one process.

    Args:
        environment: Of the process; None takes its own.

    Raises:
        ConfigError: A number is none, or out of range.

    Example:
        >>> place({"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}).share
        Share(rank=1, count=2)
        >>> place({}).share
        Share(rank=0, count=1)
    """
    given = os.environ if environment is None else environment
    if "RANK" in given and "MASTER_ADDR" in given and _number(given, "WORLD_SIZE", 1) > 1:
        return _told(given)
    stepped = "SLURM_STEP_ID" in given or "MASTER_ADDR" in given
    alone = given.get("SLURM_JOB_NAME") in ("bash", "interactive")
    if "SLURM_PROCID" in given and stepped and not alone and _number(given, "SLURM_NTASKS", 1) > 1:
        return _of_slurm(given)
    return Place()


def _told(given: Mapping[str, str]) -> Place:
    local_rank = _number(given, "LOCAL_RANK", 0)
    return _checked(
        Place(
            _number(given, "RANK", 0),
            _number(given, "WORLD_SIZE", 1),
            local_rank,
            _number(given, "LOCAL_WORLD_SIZE", local_rank + 1),
            given["MASTER_ADDR"],
            _number(given, "MASTER_PORT", 29500),
            _number(given, LAUNCHER, 0),
        )
    )


def _of_slurm(given: Mapping[str, str]) -> Place:
    local_rank = _number(given, "SLURM_LOCALID", 0)
    tasks = re.match(r"\d+", given.get("SLURM_STEP_TASKS_PER_NODE", given.get("SLURM_NTASKS_PER_NODE", "")))
    # A port of the job's own, which all of its processes know.
    port = 15000 + int(re.sub(r"\D", "", given.get("SLURM_JOB_ID", ""))[-4:] or 0)
    return _checked(
        Place(
            _number(given, "SLURM_PROCID", 0),
            _number(given, "SLURM_NTASKS", 1),
            local_rank,
            int(tasks.group()) if tasks else local_rank + 1,
            given.get("MASTER_ADDR") or _first_host(given),
            _number(given, "MASTER_PORT", port),
        )
    )


def _first_host(given: Mapping[str, str]) -> str:
    """The first name of a list such as ``node[07-12,30],other``."""
    hosts = given.get("SLURM_STEP_NODELIST", given.get("SLURM_JOB_NODELIST", given.get("SLURM_NODELIST", "127.0.0.1")))
    return re.sub(r"\[(\d+)[^]]*\]", r"\1", hosts).split(",")[0]


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, "")
    if text and not text.isdecimal():
        raise ConfigError(f"{name}={text!r} in the environment is no whole number; unset it, or start by torchrun")
    return int(text) if text else default


def _checked(found: Place) -> Place:
    if found.rank >= found.count:
        raise ConfigError(f"RANK={found.rank} in the environment is not below the {found.count} ranks; count from 0")
    whole("MASTER_PORT", found.port, at_least=1)
    return found

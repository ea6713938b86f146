"""Where the arithmetic happens: device, precision, threads and processes, on Lightning Fabric (kept thin).

The number of threads is chosen, not inherited. PyTorch counts the host's cores, also where a container may use two of
its 64, and threads that have no core wait for each other: `resolve_device` brings the number down to `available_cores`,
once. Whoever sets ``OMP_NUM_THREADS`` or ``MKL_NUM_THREADS``, or calls ``torch.set_num_threads`` with fewer or later,
is obeyed. Work whose products are small runs on one thread (`threads_for`).
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from latens.errors import ConfigError, choice, whole
from latens.group import Group
from latens.ranks import Place, place

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = [
    "PRECISIONS",
    "Runtime",
    "amd_with",
    "available_cores",
    "join",
    "joined",
    "launch",
    "resolve_device",
    "threads",
    "threads_for",
]

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")

# What this process has joined: it stays in it until it ends, as torch has one process group in a process.
_JOINED: dict[Place, Group] = {}

# Multiplications of two numbers, in the largest product of a step, below which a second thread brings nothing.
_SMALL = 1 << 22


@dataclass(frozen=True, eq=False)
class Runtime:
    """A started Fabric and the little that training needs of it.

    Args:
        fabric: Started.
        precision: That it computes in.
        group: The processes that compute together; this one alone if left out.
        asked: The precision that was asked for, which not every device computes in.
    """

    fabric: Fabric
    precision: str = "32-true"
    group: Group = field(default_factory=Group)
    asked: str = "32-true"

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    def setup(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
        """The model and optimiser on the device; `model.loss` counts as a forward pass."""
        wrapped, wrapped_optimizer = self.fabric.setup(model, optimizer)
        wrapped.mark_forward_method("loss")
        return wrapped, wrapped_optimizer

    def autocast(self) -> AbstractContextManager[None]:
        """The precision's context for a forward pass."""
        return self.fabric.autocast()

    def backward(self, loss: Tensor) -> None:
        """Gradients of `loss`, scaled where the precision wants it."""
        self.fabric.backward(loss)


def resolve_device(device: str) -> torch.device:
    """The device meant by ``"auto"`` (the GPU if there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.

    Of several processes on a machine each has a GPU of its own.

    Raises:
        ConfigError: The name is unknown, the machine has no such device, or not one for each process.

    Example:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    _choose_threads()
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto" and not (cuda or mps):
        return torch.device("cpu")
    if place().count > 1:
        return _own_device(str(device), place().local_rank)
    if device == "auto":
        return torch.device("cuda" if cuda else "mps")
    kind, _, number = str(device).partition(":")
    choice("device", kind, ("auto", "cpu", "cuda", "mps"))
    there = {"cpu": 1, "cuda": torch.cuda.device_count() if cuda else 0, "mps": int(mps)}[kind]
    if not (number or "0").isdigit() or int(number or 0) >= there:
        raise ConfigError(f'device={device!r}: this machine has {there} of that kind; use device="auto" or "cpu"')
    return torch.device(device)


def _own_device(device: str, local_rank: int) -> torch.device:
    """One of several processes' own."""
    if device == "cpu":
        return torch.device(device)
    there, wanted = torch.cuda.device_count(), max(place().local_count, local_rank + 1)
    if device not in ("auto", "cuda"):
        raise ConfigError(f'device={device!r} is one device, and several processes need one each; use "cuda" or "cpu"')
    if wanted > there:  # seen by each of them, so that the one that speaks says it
        raise ConfigError(f'device={device!r}: {wanted} processes on this host find {there} GPUs; use device="cpu"')
    return torch.device("cuda", local_rank)


def join(device: str = "auto") -> Group:
    """The processes that this one computes together with, found once; alone if nobody started others.

    Args:
        device: As for `resolve_device`.

    Raises:
        ConfigError: The device is not to be had, or the environment says nonsense.

    Example:
        >>> join("cpu").several
        False
    """
    found = place()
    if found.count == 1:
        return Group()
    if found not in _JOINED:
        _JOINED[found] = _together(found, resolve_device(device))
    return _JOINED[found]


def joined() -> Group | None:
    """The processes that were found already; None if nobody looked, or there are none."""
    return next(iter(_JOINED.values()), None)


def _together(found: Place, where: torch.device) -> Group:
    """Fabric opens torch's process group, and we a line of our own for the signs of life."""
    from latens.heartbeat import Heartbeat
    from latens.strategies import started
    from latens.together import Together

    started(found, where.type, "32-true")
    if where.type == "cuda":
        torch.cuda.set_device(where)
    group = Together(found, Heartbeat(found))
    atexit.register(group.leave)
    return group


def launch(device: str = "auto", precision: str = "32-true") -> Runtime:
    """Start the arithmetic on one device; of several processes each on its own.

    Args:
        device: As for `resolve_device`.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``; weights and losses stay float32. A CPU that
            multiplies bfloat16 more slowly than float32 gets float32 for ``"bf16-mixed"``.

    Raises:
        ConfigError: The device or precision is not to be had.

    Example:
        >>> launch("cpu").device
        device(type='cpu')
    """
    choice("precision", precision, PRECISIONS)
    where, asked = resolve_device(device), precision
    if precision == "16-mixed" and where.type != "cuda":
        raise ConfigError(f'precision="16-mixed" needs a CUDA device, not {where.type}; use "bf16-mixed" or "32-true"')
    if precision == "bf16-mixed" and where.type == "cpu" and not _fast_bfloat16():
        precision = "32-true"
    from lightning_fabric import Fabric  # a second of imports that only training needs

    # Fabric announces a precision that was asked for as news.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    group = join(device)
    if group.several:
        from latens.strategies import started

        return Runtime(started(group.place, where.type, precision), precision, group, asked)
    devices: Any = [where.index] if where.index is not None and where.type != "cpu" else 1
    fabric = Fabric(accelerator=where.type, devices=devices, precision=precision)  # type: ignore[arg-type]
    return Runtime(fabric, precision, asked=asked)


def _fast_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 faster than float32: a function of the CPU, so that a resume agrees.

    AMX does. The vector instruction has 4 times float32's speed on AMD's, and 0.6 of it on Intel's.
    """
    return bool(torch.cpu._is_amx_tile_supported()) or amd_with("avx512_bf16")


@cache
def amd_with(flag: str, about: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU is one of AMD's that has an instruction set, where a system says so as Linux does.

    Args:
        flag: As Linux names it: ``"avx512f"``.
        about: What describes the CPU.
    """
    try:
        lines = about.read_text().split("\n\n", 1)[0].splitlines()
    except OSError:
        return False
    facts = {name.strip(): value.split() for name, _, value in (line.partition(":") for line in lines)}
    return facts.get("vendor_id") == ["AuthenticAMD"] and flag in facts.get("flags", ())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """PyTorch's operations on this many threads within the block, and on as many as before after it.

    Args:
        count: Threads, this one included.

    Raises:
        ConfigError: There can be no such number of threads.

    Example:
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(whole("count", count, at_least=1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(network: nn.Module, rows: int) -> AbstractContextManager[None]:
    """One thread around steps whose products are all small, and else as many as there are.

    Args:
        network: Whose weights are multiplied with a batch.
        rows: In a batch; of sequences the items.

    Example:
        >>> with threads_for(nn.Linear(6, 64), rows=32):
        ...     torch.get_num_threads()
        1
    """
    weights = list(network.parameters())
    # A convolution multiplies each of its weights with every pixel of a row.
    dense = all(weight.ndim <= 2 for weight in weights)
    small = dense and rows * max((weight.numel() for weight in weights), default=0) < _SMALL
    return threads(1) if small else nullcontext()


@cache
def _choose_threads() -> None:
    """No more threads than cores, unless a number was asked for; once, so that who sets another one is obeyed."""
    asked = any(os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"))
    mine = max(1, available_cores() // place().local_count)
    if not asked and torch.get_num_threads() > mine:
        torch.set_num_threads(mine)


def available_cores() -> int:
    """The cores that this process may keep busy: those it may run on, within the time its control groups grant.

    A share of a core is none: a thread that is stopped for lack of time holds up all others.

    Example:
        >>> 1 <= available_cores() <= os.cpu_count()
        True
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = _granted(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    return max(1, int(min([allowed, *granted])))


def _granted(membership: Path, root: Path) -> Iterator[float]:
    """The cores' worth of time that each control group around the process grants, where one sets a limit.

    Within a container its own group may be the root of what it sees, whatever the name: every level is looked at.
    """
    lines = membership.read_text().splitlines() if membership.is_file() else []
    for _, controllers, name in (line.split(":", 2) for line in lines):
        hierarchy = root / controllers if controllers else root
        for group in (PurePosixPath(name), *PurePosixPath(name).parents):
            yield from _limit(hierarchy / group.relative_to("/"))


def _limit(group: Path) -> Iterator[float]:
    """Of one group, in the files of version 2 or 1."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        if quota != "max" and int(quota) > 0:
            yield int(quota) / int(period)
    except (OSError, ValueError):  # no such group here, or nothing that we can read: no limit that we know of
        return

"""How Lightning Fabric is one of several processes: its process group, without its wrapper around the network."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy

from latens.ranks import Place

__all__ = ["started"]

# What a rank waits for another that still reads, or judges; a death is noticed long before.
_WAIT = timedelta(hours=2)


class _Environment(ClusterEnvironment):
    """Our own reading of the environment: hosts may differ in their number of ranks, which Fabric's refuse."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return self.place.address

    @property
    def main_port(self) -> int:
        return self.place.port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.place.count

    def set_world_size(self, size: int) -> None: ...

    def global_rank(self) -> int:
        return self.place.rank

    def set_global_rank(self, rank: int) -> None: ...

    def local_rank(self) -> int:
        return self.place.local_rank

    def node_rank(self) -> int:
        return int(self.place.rank != self.place.local_rank)


class _Unwrapped(DDPStrategy):
    """Gradients are summed by the step, which knows what each rank's share weighs; DDP's mean of ranks does not."""

    def setup_module(self, module: torch.nn.Module) -> Any:
        return module


def started(place: Place, kind: str, precision: str) -> Fabric:
    """A started Fabric of this rank.

    Args:
        place: Of the rank.
        kind: Of its device: ``"cpu"`` or ``"cuda"``.
        precision: As Fabric has it.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    # Small things that all agree on stay on the CPU, where nobody waits for a GPU.
    backend = "cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo"
    strategy = _Unwrapped(process_group_backend=backend, timeout=_WAIT)
    devices = max(place.local_count, place.local_rank + 1)
    environment = _Environment(place)
    fabric = Fabric(accelerator=kind, strategy=strategy, devices=devices, precision=precision, plugins=[environment])  # type: ignore[arg-type]
    fabric.launch()
    return fabric

"""Where the arithmetic happens: device, precision and processes, on Lightning Fabric (kept thin)."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from latens.errors import ConfigError, choice

__all__ = ["PRECISIONS", "Runtime", "launch", "resolve_device"]

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True, eq=False)
class Runtime:
    """A started Fabric and the little that training needs of it.

    Args:
        fabric: Started.
        precision: That it computes in.
    """

    fabric: Fabric
    precision: str = "32-true"

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

    Raises:
        ConfigError: The name is unknown or the machine has no such device.

    Example:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    kind, _, number = str(device).partition(":")
    choice("device", kind, ("auto", "cpu", "cuda", "mps"))
    there = {"cpu": 1, "cuda": torch.cuda.device_count() if cuda else 0, "mps": int(mps)}[kind]
    if not (number or "0").isdigit() or int(number or 0) >= there:
        raise ConfigError(f'device={device!r}: this machine has {there} of that kind; use device="auto" or "cpu"')
    return torch.device(device)


def launch(device: str = "auto", precision: str = "32-true") -> Runtime:
    """Start the arithmetic on one device.

    Args:
        device: As for `resolve_device`.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``; weights and losses stay float32. A CPU without
            AMX multiplies bfloat16 more slowly than float32, and so gets float32 for ``"bf16-mixed"``.

    Raises:
        ConfigError: The device or precision is not to be had.

    Example:
        >>> launch("cpu").device
        device(type='cpu')
    """
    choice("precision", precision, PRECISIONS)
    where = resolve_device(device)
    if precision == "16-mixed" and where.type != "cuda":
        raise ConfigError(f'precision="16-mixed" needs a CUDA device, not {where.type}; use "bf16-mixed" or "32-true"')
    if precision == "bf16-mixed" and where.type == "cpu" and not _fast_bfloat16():
        precision = "32-true"
    # Fabric announces a precision that was asked for as news.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    devices: Any = [where.index] if where.index is not None and where.type != "cpu" else 1
    return Runtime(Fabric(accelerator=where.type, devices=devices, precision=precision), precision)  # type: ignore[arg-type]


def _fast_bfloat16() -> bool:
    """Whether the CPU has matrix units for bfloat16; the vector instruction alone has 0.6 of float32's speed."""
    return bool(torch.cpu._is_amx_tile_supported())

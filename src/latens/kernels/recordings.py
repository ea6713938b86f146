"""Launches on a CUDA device, recorded once and made again by one call: the host's part in many small kernels ends."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import torch
from torch import Tensor

__all__ = ["Record", "Work", "on_device", "record"]

Work: TypeAlias = Callable[[], None]
# Work -> the same work, cheaper to start.
Record: TypeAlias = Callable[[Work], Work]


def record(work: Work) -> Work:
    """Work that reads and writes the same tensors each time, as one CUDA graph; it is done a few times by that.

    Work that the device refuses to record (it makes the host wait, or copies from it) is given back as it is, and a
    notice says so.

    Args:
        work: Makes the same launches each time, whatever the numbers are.
    """
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(2):  # compiles what has to be compiled, and makes the libraries' workspaces
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    try:
        # On a stream of this device, and so that other threads may go about their work.
        with torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
            work()
    except RuntimeError as error:
        first = str(error).partition("\n")[0]
        warnings.warn(f"a step cannot be recorded on the GPU and is slower ({first})", RuntimeWarning, stacklevel=2)
        return work

    def replay(keeps: Work = work) -> None:  # the graph reads tensors that nothing but the work may hold
        graph.replay()

    return replay


def on_device(x: Tensor) -> AbstractContextManager[Any]:
    """What is launched inside is launched on the device of a tensor; on a CPU that says nothing."""
    context: AbstractContextManager[Any] = torch.cuda.device_of(x)
    return context

"""A whole optimiser step as one CUDA graph: the host launches once where it launched some hundred kernels.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from latens.profiling import part

__all__ = ["CapturedStep", "CudaGraphs", "Recorder"]

# Steps that are taken before one is recorded: libraries allocate what they need, and the optimiser its state.
_WARM_UP = 3


class Recorder(Protocol):
    """The role: what can record work for the device and do it again."""

    def aside(self, work: Callable[[], Tensor]) -> Tensor:
        """Do the work in the way that recording needs before it."""

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Record the work without doing it: a function that does it, and the tensor that then holds its answer.

        Raises:
            RuntimeError: It cannot be recorded.
        """


class CudaGraphs:
    """The recorder of CUDA devices."""

    def aside(self, work: Callable[[], Tensor]) -> Tensor:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            answer = work()
        torch.cuda.current_stream().wait_stream(stream)
        return answer

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answer = work()
        return graph.replay, answer


class Recordable(Protocol):
    """A step that can be recorded: all that it does with a batch is `update`, at the rate that was set."""

    @property
    def model(self) -> Any: ...
    @property
    def state(self) -> Mapping[Any, dict[str, Tensor]]: ...
    def __call__(self, batch: Any, rate: float) -> Tensor: ...
    def things(self, batch: Any) -> Tensor | float: ...
    def remember(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None: ...
    def set_rate(self, rate: float) -> None: ...
    def update(self, batch: Any) -> Tensor: ...


class CapturedStep:
    """A step that is recorded once and repeated with other numbers in the same memory.

    Batches of other shapes than the first, such as the last of an epoch, are learned from as before, and so are all if
    recording is refused. Where a model draws random numbers, their key is a constant of the recording, which is made
    anew in each epoch.

    Args:
        step: What is recorded.
        recorder: What records it.
    """

    def __init__(self, step: Recordable, recorder: Recorder) -> None:
        self.step, self.recorder = step, recorder
        self._taken = 0
        self._refused = not hasattr(step.model, "draws")
        self._made_for: object = None
        self._batch: Any = None

    @property
    def state(self) -> Mapping[Any, dict[str, Tensor]]:
        return self.step.state

    def things(self, batch: Any) -> Tensor | float:
        return self.step.things(batch)

    def remember(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None:
        self.step.remember(parameter, state)

    def __call__(self, batch: Any, rate: float) -> Tensor:
        self._taken += 1
        self.step.set_rate(rate)
        if self._refused:
            return self.step.update(batch)
        if self._taken <= _WARM_UP:
            return self.recorder.aside(lambda: self.step.update(batch))
        if not self._ready(batch):
            return self.step.update(batch)
        with part("whole step"):
            _copy(batch, self._batch)
            self._replay()
            return self._loss.clone()

    def _ready(self, batch: Any) -> bool:
        """Whether there is a recording for such a batch, made now if need be."""
        shape = tuple(batch.x.shape)
        wanted = (shape, batch.random.epoch if self.step.model.draws else None)
        if wanted != self._made_for and (self._batch is None or self._batch.x.shape == shape):
            self._record(batch, wanted)
        return wanted == self._made_for

    def _record(self, batch: Any, wanted: object) -> None:
        self._batch = _like(batch)
        try:
            self._replay, self._loss = self.recorder.record(lambda: self.step.update(self._batch))
            self._made_for = wanted
        except RuntimeError as error:
            self._refused = True
            words = f"the step cannot be one CUDA graph, and is taken kernel by kernel: {error}"
            warnings.warn(words, RuntimeWarning, stacklevel=2)


def _like(batch: Any) -> Any:
    """The batch in memory of its own; what is the same tensor in it stays so."""
    x = batch.x.clone()
    target = x if batch.target is batch.x else batch.target.clone()
    return replace(batch, x=x, target=target, random=replace(batch.random, index=batch.random.index.clone()))


def _copy(batch: Any, into: Any) -> None:
    into.x.copy_(batch.x)
    if into.target is not into.x:
        into.target.copy_(batch.target)
    into.random.index.copy_(batch.random.index)

"""One optimiser step on a batch: as PyTorch's autograd defines it, and faster ways to the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from latens.devices import Runtime
from latens.graphs import CapturedStep, CudaGraphs
from latens.kernels.optional import optional
from latens.profiling import part

__all__ = ["DenseStep", "EagerStep", "Rules", "Step", "step_for"]


class Rules(Protocol):
    """What a step has to know of how to train."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def clip_value(self) -> float | None: ...
    @property
    def clip_norm(self) -> float | None: ...


class Step(Protocol):
    """The role: the weights after a batch. `state` is what the optimiser remembers of each parameter."""

    @property
    def state(self) -> Mapping[Any, dict[str, Tensor]]: ...

    def __call__(self, batch: Any, rate: float) -> Tensor | float:
        """Learn from a batch at a learning rate; its loss, which stays on the device."""

    def remember(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None:
        """Take over what an optimiser remembered of a parameter."""


def step_for(model: nn.Module, rules: Rules, runtime: Runtime) -> Step:
    """The fastest way to take steps with this model on this device.

    Args:
        model: On the runtime's device; its parameters may be moved in memory.
        rules: How to train.
        runtime: Where, and in which precision.
    """
    if runtime.device.type == "cpu" and runtime.precision == "32-true":
        layers = cast(Any, model).dense_layers() if hasattr(model, "dense_layers") else None
        if layers is not None and optional("latens.kernels.dense", "numba"):
            return DenseStep(model, rules)
    eager = EagerStep(model, rules, runtime)
    if runtime.device.type == "cuda" and runtime.precision != "16-mixed":  # whose scaler asks the device each step
        return CapturedStep(eager, CudaGraphs())
    return eager


class EagerStep:
    """Forward, backward, clip, update, operation by operation: the definition.

    Args:
        model: With `loss(batch)`.
        rules: How to train.
        runtime: Where, and in which precision.
    """

    def __init__(self, model: nn.Module, rules: Rules, runtime: Runtime) -> None:
        self.model, self.rules, self.runtime = model, rules, runtime
        on_gpu = runtime.device.type == "cuda"
        # On a GPU the rate is a tensor, so that a captured step reads it.
        rate: Any = torch.tensor(rules.learning_rate, device=runtime.device) if on_gpu else rules.learning_rate
        fused = runtime.device.type in ("cpu", "cuda")
        adamw = torch.optim.AdamW(
            model.parameters(), rate, weight_decay=rules.weight_decay, fused=fused, capturable=on_gpu
        )
        self.network, self.optimizer = runtime.setup(model, adamw)
        self._rate = rules.learning_rate

    @property
    def state(self) -> Mapping[Any, dict[str, Tensor]]:
        return cast(Mapping[Any, dict[str, Tensor]], self.optimizer.state)

    def remember(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None:
        # In place where it can be: a captured step knows the tensors by their addresses.
        mine = self.optimizer.state[parameter]
        for key, tensor in state.items():
            if key in mine:
                mine[key].copy_(tensor)
            else:
                mine[key] = tensor.to(parameter.device, copy=True)

    def __call__(self, batch: Any, rate: float) -> Tensor:
        self.set_rate(rate)
        return self.update(batch)

    def set_rate(self, rate: float) -> None:
        if rate == self._rate:
            return
        self._rate = rate
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def update(self, batch: Any) -> Tensor:
        """All of a step that is work for the device."""
        with part("forward"), self.runtime.autocast():
            loss: Tensor = self.network.loss(batch)
        with part("backward"):
            self.runtime.backward(loss)
        with part("optimiser"):
            self._clip()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def _clip(self) -> None:
        if self.rules.clip_value is not None:
            nn.utils.clip_grad_value_(self.model.parameters(), self.rules.clip_value)
        if self.rules.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.rules.clip_norm)


class DenseStep:
    """A step of a plain stack of dense layers on the CPU, without a graph; see `latens.kernels.dense`.

    Args:
        model: With `dense_layers()` and `training_input(batch)`.
        rules: How to train.
    """

    def __init__(self, model: nn.Module, rules: Rules) -> None:
        from latens.kernels.adamw import FlatAdamW
        from latens.kernels.dense import DensePass

        self.model = cast(Any, model)
        self.optimizer = FlatAdamW(model.parameters(), rules.weight_decay, rules.clip_value, rules.clip_norm)
        self._pass = DensePass(self.model.dense_layers(), self.model.squashed, self.optimizer)

    @property
    def state(self) -> Mapping[Any, dict[str, Tensor]]:
        # One count of steps for all; whoever writes a file wants one for each.
        return {key: value | {"step": value["step"].clone()} for key, value in self.optimizer.state.items()}

    def remember(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None:
        for key, tensor in state.items():
            self.optimizer.state[parameter][key].copy_(tensor)

    def __call__(self, batch: Any, rate: float) -> float:
        with part("forward"):
            loss = self._pass.loss(self.model.training_input(batch), batch.target.flatten(1))
        self.optimizer.begin(rate)
        with part("backward"):  # each weight is updated as soon as its gradient is there
            self._pass.backward()
        with part("optimiser"):
            self.optimizer.finish()
        return loss

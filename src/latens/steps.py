"""One optimiser step on a batch: as PyTorch's autograd defines it, and faster ways to the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from latens.devices import Runtime
from latens.graphs import CapturedStep, CudaGraphs
from latens.kernels.optional import optional
from latens.norms import share_norms
from latens.profiling import part

__all__ = ["DenseStep", "EagerStep", "Rules", "SharedStep", "Step", "counted", "step_for"]


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

    def things(self, batch: Any) -> Tensor | float:
        """How many things the loss of the batch that was learned from last is the mean over."""

    def remember(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None:
        """Take over what an optimiser remembered of a parameter."""


def counted(model: nn.Module, batch: Any) -> Tensor | float:
    """How many things a batch's loss is the mean over: what the model says, or the batch's length.

    It may be a tensor: to look at it the host would have to wait for the device.
    """
    return cast(Tensor | float, cast(Any, model).counted(batch) if hasattr(model, "counted") else len(batch))


def step_for(model: nn.Module, rules: Rules, runtime: Runtime) -> Step:
    """The fastest way to take steps with this model on this device.

    Args:
        model: On the runtime's device; its parameters may be moved in memory.
        rules: How to train.
        runtime: Where, and in which precision.
    """
    if runtime.group.several:
        return SharedStep(model, rules, runtime)
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

    def things(self, batch: Any) -> Tensor | float:
        return counted(self.model, batch)

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
        self.apply()
        return loss.detach()

    def apply(self) -> None:
        """Clip the gradients and update the weights."""
        with part("optimiser"):
            self._clip()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)

    def _clip(self) -> None:
        if self.rules.clip_value is not None:
            nn.utils.clip_grad_value_(self.model.parameters(), self.rules.clip_value)
        if self.rules.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.rules.clip_norm)


class SharedStep(EagerStep):
    r"""A step of several ranks, each with its share of the batch: the gradient is that of the whole batch.

    .. math:: \nabla \ell = \sum_r \frac{n_r}{n} \nabla \ell_r

    A loss is weighed before its gradient is taken, for a batch normalisation passes gradients between the ranks. A rank
    whose share is empty weighs nothing, and takes the step all the same.

    Args:
        model: With `loss(batch)`; its batch normalisations are let see the whole batch.
        rules: How to train.
        runtime: Where, in which precision, and with whom.
    """

    def __init__(self, model: nn.Module, rules: Rules, runtime: Runtime) -> None:
        share_norms(model, runtime.group)
        super().__init__(model, rules, runtime)
        self._things: Tensor | float = 0.0

    def things(self, batch: Any) -> Tensor | float:
        return self._things

    def update(self, batch: Any) -> Tensor:
        device = self.runtime.device
        mine = torch.as_tensor(counted(self.model, batch), dtype=torch.float64, device=device)
        self._things = self.runtime.group.total(mine.clone())
        weight = mine / self._things.clamp(min=1.0)
        with part("forward"), self.runtime.autocast():
            loss: Tensor = self.network.loss(batch)
        with part("backward"):
            self.runtime.backward(loss * weight)
            # The mean over no rows is no number, and none of the whole batch's either.
            loss = self._summed(torch.where(weight > 0, loss.detach() * weight, 0.0))
        self.apply()
        return loss

    def _summed(self, loss: Tensor) -> Tensor:
        """The loss of the whole batch; the gradients become that of the whole batch, in one message."""
        gradients = [weight.grad for weight in self.model.parameters() if weight.grad is not None]
        total = self.runtime.group.total(torch.cat([*(gradient.flatten() for gradient in gradients), loss[None]]))
        start = 0
        for gradient in gradients:
            gradient.copy_(total[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
        return total[-1].clone()


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

    def things(self, batch: Any) -> Tensor | float:
        return counted(self.model, batch)

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

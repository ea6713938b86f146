"""The one loop that every model goes through."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from latens.callbacks import Callback, notify
from latens.data.batches import Rows, TrainingData, checksum
from latens.devices import Runtime
from latens.errors import (
    ConfigError,
    DivergedError,
    ModelFileError,
    OutOfMemory,
    choice,
    finite,
    is_out_of_memory,
    whole,
)
from latens.group import Group
from latens.history import History
from latens.persistence import ModelFile
from latens.profiling import each, part
from latens.steps import counted, step_for
from latens.tally import Tally

__all__ = ["SCHEDULES", "TrainConfig", "TrainState", "evaluate", "train"]


def _constant(progress: float) -> float:
    return 1.0


def _cosine(progress: float) -> float:
    """Loshchilov & Hutter, 2017, https://arxiv.org/abs/1608.03983, without restarts."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _one_cycle(progress: float) -> float:
    """Smith & Topin, 2018, https://arxiv.org/abs/1708.07120: up from 1/25 for 30 % of the steps, then down to 0."""
    rise = 0.3
    if progress < rise:
        return 1.0 - 0.96 * _cosine(progress / rise)
    return _cosine((progress - rise) / (1.0 - rise))


# A schedule maps the share of steps done, in [0, 1), to a factor of the learning rate: no state to save.
SCHEDULES = {"constant": _constant, "cosine": _cosine, "one-cycle": _one_cycle}

# Steps between two looks at whether the loss is still a number; a look makes the host wait for the device.
_LOOK_EVERY = 50


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Args:
        max_epochs: Passes over the training rows.
        learning_rate: Of AdamW; the highest one if there is a schedule.
        weight_decay: Of AdamW, decoupled (Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101).
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient; None for none.
        clip_norm: Bound on the gradient's norm; None for none.
        keep_best: Give back the weights of the epoch with the least held-out loss instead of the last ones.

    Raises:
        ConfigError: A value out of its range.

    Example:
        >>> TrainConfig(max_epochs=3).learning_rate
        0.001
    """

    max_epochs: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "constant"
    clip_value: float | None = None
    clip_norm: float | None = None
    keep_best: bool = False

    def __post_init__(self) -> None:
        whole("max_epochs", self.max_epochs, at_least=1)
        if finite("learning_rate", self.learning_rate) <= 0:
            raise ConfigError(f"learning_rate={self.learning_rate!r} would not learn; use a positive number")
        finite("weight_decay", self.weight_decay, at_least=0)
        choice("schedule", self.schedule, SCHEDULES)
        for name in ("clip_value", "clip_norm"):
            value = getattr(self, name)
            if value is not None and finite(name, value) <= 0:
                raise ConfigError(f"{name}={value!r} would stop all learning; use a positive number or None")


def train(
    model: nn.Module,
    data: TrainingData[Any],
    config: TrainConfig,
    runtime: Runtime,
    callbacks: Sequence[Callback] = (),
    resume: ModelFile | None = None,
) -> History:
    """Fit `model` to `data`; it ends with the trained weights, in evaluation mode.

    Args:
        model: With `loss(batch)`; moved to the runtime's device.
        data: The training rows and the held-out rows.
        config: How to train.
        runtime: Where, in which precision, and with which other processes.
        callbacks: Who watches, and who may say that it is enough.
        resume: A checkpoint to go on from; the end is then the same, bit for bit, as without the interruption.

    Raises:
        DivergedError: The loss is no longer a number; the last checkpoint is older than that.
        OutOfMemory: A step does not fit into the memory of the host or of the device.
        ModelFileError: The checkpoint belongs to another fit.
        DataError: Of several processes one reads other data.
    """
    data = data.shared(runtime.group.share)
    state = TrainState(model, data, config, runtime)
    runtime.group.check_same(lambda: state.fingerprint)
    if resume is not None:
        state.restore(resume)
    notify(callbacks, "fit_start", state)
    try:
        with runtime.group.in_step():
            while state.epoch < config.max_epochs and not any(callback.enough(state) for callback in callbacks):
                model.train()
                for batch in each("data", data.train.batches(state.epoch, start=state.step_in_epoch)):
                    state.learn(batch)
                    notify(callbacks, "step_end", state)
                with part("validation"):
                    between = partial(notify, callbacks, "validating", state)
                    held_out = evaluate(model, data.validation, runtime.group, between)
                state.end_epoch(held_out)
                notify(callbacks, "epoch_end", state)
        state.finish()
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise state.out_of_memory(error) from error
        raise
    finally:
        notify(callbacks, "fit_end", state)
    return state.history


@torch.no_grad()
def evaluate(
    model: nn.Module, rows: Rows, group: Group | None = None, between: Callable[[], object] = lambda: None
) -> float | None:
    """The mean loss over rows in evaluation mode, each thing that it is the mean over counting once.

    None if there are no rows.

    Args:
        model: With `loss(batch)`.
        rows: All of them, or this rank's share.
        group: The ranks that have the other shares; None if there are none.
        between: Called after each batch.
    """
    if not len(rows):
        return None
    model.eval()
    total: Tensor | float = 0.0
    count: Tensor | float = 0.0
    for batch in rows.in_order():
        things = counted(model, batch)
        total, count = total + cast(Any, model).loss(batch).double() * things, count + things
        between()
    if group is not None and group.several:
        total, count = group.total(torch.tensor([float(total), float(count)], dtype=torch.float64)).tolist()
    return float(total) / max(float(count), 1.0)


class TrainState:
    """Everything that a fit is between two steps; a checkpoint is all of it."""

    def __init__(self, model: nn.Module, data: TrainingData[Any], config: TrainConfig, runtime: Runtime) -> None:
        model.to(runtime.device)
        self.model, self.data, self.config, self.runtime = model, data, config, runtime
        self.take_step = step_for(model, config, runtime)
        self.history = History()
        self.step = self.epoch = self.step_in_epoch = 0
        self.best: dict[str, Tensor] = {}
        self._last: dict[str, Tensor] = {}
        self._tally = Tally()
        self._earlier_seconds, self._started = 0.0, time.monotonic()
        self._start = [checksum(weight) for weight in model.parameters()]

    @property
    def steps_per_epoch(self) -> int:
        return int(self.data.train.steps)

    @property
    def rows_per_epoch(self) -> int:
        return len(self.data.train)

    @property
    def device(self) -> torch.device:
        return self.runtime.device

    @property
    def max_epochs(self) -> int:
        return self.config.max_epochs

    def learning_rate(self, step: int) -> float:
        """Of a step, counted from 0: a function of its number."""
        total = self.config.max_epochs * self.steps_per_epoch
        return self.config.learning_rate * SCHEDULES[self.config.schedule](step / total)

    @property
    def group(self) -> Group:
        """The processes that train together."""
        return self.runtime.group

    @property
    def running_loss(self) -> float:
        """Mean loss of the epoch so far; reading it waits for the device."""
        self._refuse_divergence()
        return self._tally.mean

    def learn(self, batch: Any) -> None:
        """One optimiser step: loss, gradients, clipping, the schedule's rate, the update."""
        loss = self.take_step(batch, self.learning_rate(self.step))
        self.step += 1
        self.step_in_epoch += 1
        self._tally.add(self.step, loss, self.take_step.things(batch))
        if self.runtime.device.type == "cpu" or self._tally.unread >= _LOOK_EVERY:
            self._refuse_divergence()

    def _refuse_divergence(self) -> None:
        """Look at the losses that nobody has looked at yet; a step whose loss is no number ends the fit."""
        bad_step = self._tally.read()
        if bad_step:
            raise DivergedError(
                f"the loss was not finite at step {bad_step} "
                f"(learning_rate={self.learning_rate(bad_step):g}); "
                f"use a smaller learning_rate, clip_norm=1.0, or look for extreme values in the data"
            )

    def end_epoch(self, validation_loss: float | None) -> None:
        """Write the epoch into the history, and remember its weights if they are the best so far."""
        self._refuse_divergence()
        self.epoch, self.step_in_epoch = self.epoch + 1, 0
        row = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self._seconds(),
            "learning_rate": self.learning_rate(self.step - 1),
            "train_loss": self.running_loss,
        }
        self._tally.begin()
        if validation_loss is not None and not math.isfinite(validation_loss):
            raise self._diverged("the held-out loss")
        if validation_loss is not None:
            row["validation_loss"] = validation_loss
            if self.config.keep_best and validation_loss < min(
                self.history.columns.get("validation_loss", ()), default=math.inf
            ):
                self.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.history = self.history.append(row)

    def finish(self) -> None:
        """Leave the model with its final weights, in evaluation mode; those that have diverged are refused."""
        if self.best:
            self._last = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            self.model.load_state_dict(self.best)
        self._refuse_not_finite(self.model.state_dict())
        for parameter in self.model.parameters():
            parameter.data = parameter.data.clone()  # its own memory, should it have been a part of something larger
        self.model.eval()

    def _refuse_not_finite(self, tensors: Mapping[str, Tensor]) -> None:
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise self._diverged("a weight")

    def _diverged(self, what: str) -> DivergedError:
        rate = self.learning_rate(max(self.step - 1, 0))
        return DivergedError(
            f"{what} is not finite after step {self.step} (learning_rate={rate:g}); "
            f"use a smaller learning_rate or clip_norm=1.0"
        )

    def out_of_memory(self, error: BaseException) -> OutOfMemory:
        """The error in words of a fit."""
        rows = -(-self.rows_per_epoch // max(1, self.steps_per_epoch))
        return OutOfMemory(
            f"out of memory on {self.device} after step {self.step}, with about {rows} rows a step "
            f"({str(error).strip().splitlines()[0]:.200}); use a smaller batch_size"
        )

    def _seconds(self) -> float:
        return round(self._earlier_seconds + time.monotonic() - self._started, 3)

    def checkpoint(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """All of the state, as JSON and tensors; a state that has diverged is refused."""
        self._refuse_divergence()
        weights = self._last or self.model.state_dict()  # the last ones, also when the model has been given the best
        tensors = {f"model.{name}": tensor for name, tensor in weights.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= {f"carried.{name}": self.group.joined(tensor, 1) for name, tensor in self._carried().items()}
        for name, parameter in self.model.named_parameters():
            for key, tensor in self.take_step.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{key}"] = tensor
        self._refuse_not_finite(tensors)
        header = {
            "kind": "checkpoint",
            "fit": self.fingerprint,
            "step": self.step,
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "loss_sum": self._tally.total,
            "rows": self._tally.things,
            "seconds": self._seconds(),
            "history": {name: list(column) for name, column in self.history.columns.items()},
        }
        return header, tensors

    def restore(self, file: ModelFile) -> None:
        """Become the state that was saved.

        Raises:
            ModelFileError: It was saved by a fit with other settings or other data, or is no checkpoint.
        """
        try:
            _refuse_another_fit(file.header.get("fit", {}), self.fingerprint)
            self._take_over(file)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            if isinstance(error, ModelFileError) or is_out_of_memory(error):
                raise
            words = " ".join(str(error).split())
            raise ModelFileError(
                f"the checkpoint holds no state of a fit ({words:.300}); start anew with --force"
            ) from error

    def _take_over(self, file: ModelFile) -> None:
        header = file.header
        self.step, self.epoch, self.step_in_epoch = header["step"], header["epoch"], header["step_in_epoch"]
        self.history = History({name: tuple(column) for name, column in header["history"].items()})
        self._tally.begin(header["loss_sum"], header["rows"])
        self._earlier_seconds = header["seconds"]
        self.model.load_state_dict(_under("model.", file.tensors))
        self.best = {name: tensor.to(self.runtime.device) for name, tensor in _under("best.", file.tensors).items()}
        mine = self.data.train.share.of(self.data.train.batch_size)
        for name, tensor in _under("carried.", file.tensors).items():
            self._carried()[name] = tensor[:, mine].to(self.runtime.device)
        for name, parameter in self.model.named_parameters():
            state = _under(f"optimizer.{name}.", file.tensors)
            if state:
                self.take_step.remember(parameter, state)

    def _carried(self) -> dict[str, Tensor]:
        """What the model takes from one batch to the next, if it is one that does."""
        return cast(dict[str, Tensor], getattr(self.model, "carried", {}))

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What two fits must have in common for one to go on from the other's checkpoint."""
        fit = asdict(self.config) | {"model": dict(cast(Any, self.model).config)}
        fit |= self.data.train.identity() | {"held_out_rows": len(self.data.validation)}
        return fit | {"start": self._start, "precision": self.runtime.asked}


def _refuse_another_fit(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    for name, value in ours.items():
        if theirs.get(name) != value:
            was = (
                f"{name}={theirs.get(name)!r}, now {value!r}"
                if name not in ("data", "target", "scaling", "windows", "start")
                else f"other {name}"
            )
            raise ModelFileError(
                f"the checkpoint is of another fit ({was}); repeat its settings, or start anew with --force"
            )


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

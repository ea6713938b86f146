"""Around a fit: who watches it, whether it may start from another's weights, and what it gained."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from latens.analysis import Referee, judge
from latens.callbacks import Callback, Checkpoints, EarlyStopping, Progress
from latens.data.batches import Batch, Rows, SampleData, TrainingData
from latens.data.streaming import StreamedRows
from latens.devices import launch, threads_for
from latens.errors import ConfigError, whole
from latens.estimators.inference import Applied
from latens.estimators.tables import row_means
from latens.models import build
from latens.persistence import check_size
from latens.runs import newest
from latens.training import TrainConfig, train

__all__ = ["Run", "all_or_nothing", "fitted_state", "learn", "network_to_train", "refereed"]

# Bytes of rows that exact PCA may hold of data on disk, where one row has too many numbers for a table of products.
_HELD = 2**28


@dataclass(frozen=True, eq=False)
class Run:
    """Who watches a fit, and where its checkpoints are."""

    callbacks: Sequence[Callback]
    folder: Path | None
    resume: bool

    @classmethod
    def of(cls, callbacks: Sequence[Callback], folder: str | Path | None, resume: bool) -> Run:
        return cls(callbacks, None if folder is None else Path(folder), resume)


def fitted_state(estimator: Any) -> dict[str, Any]:
    """All that a fit has left in an estimator."""
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}


@contextmanager
def all_or_nothing(estimator: Any, before: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Around a fit: half of an old one and half of a new one would answer with nonsense.

    Args:
        estimator: About to be fitted.
        before: What it is to be if the block fails; None for unfitted, which it then is within the block, too.

    Raises:
        ConfigError: A setting that is on or off is neither.
    """
    if before is None:
        _become(estimator, {})
    try:
        _check_switches(estimator)
        yield
    except BaseException:
        _become(estimator, before or {})
        raise


def _check_switches(estimator: Any) -> None:
    """Refuse what only counts as true or false: the text "no" would switch on."""
    for name, parameter in inspect.signature(type(estimator)).parameters.items():
        value = getattr(estimator, name)
        if isinstance(parameter.default, bool) and not isinstance(value, (bool, np.bool_)):
            raise ConfigError(f"{name}={value!r:.50} is neither true nor false; use {name}=True or {name}=False")


def _become(estimator: Any, state: Mapping[str, Any]) -> None:
    for name in fitted_state(estimator):
        delattr(estimator, name)
    vars(estimator).update(state)


def network_to_train(estimator: Any, seed: int, begun: nn.Module | None = None) -> nn.Module:
    """The network that an estimator's settings describe, with new weights or with those of `begun`.

    Raises:
        ConfigError: They describe another network than `begun`.
    """
    network = build(estimator.network_name(), estimator.network_config(estimator.schema_), seed)
    if begun is not None:
        _check_same_network(begun, network)
        network.load_state_dict(begun.state_dict())
    return network


def learn(estimator: Any, network: nn.Module, data: TrainingData[Any], run: Run) -> None:
    """Train the network as the settings say; the history, and the step it went on from, stay in the estimator."""
    check_size("the data's description", estimator.schema_.to_json())
    runtime = launch(estimator.device, estimator.precision)
    checkpoint = newest(run.folder) if run.folder is not None and run.resume else None
    estimator.resumed_from_step_ = None if checkpoint is None else checkpoint.header.get("step")
    watching = _watchers(estimator, run)
    with threads_for(network, len(data.train) // max(1, data.train.steps)):
        estimator.history_ = train(network, data, _train_config(estimator), runtime, watching, resume=checkpoint)


def _train_config(estimator: Any) -> TrainConfig:
    """How an estimator's settings say to train."""
    names = ("max_epochs", "learning_rate", "weight_decay", "schedule", "clip_value", "clip_norm")
    settings = {name: getattr(estimator, name) for name in names} | {"keep_best": estimator.early_stopping}
    if settings["clip_value"] == "auto":
        settings["clip_value"] = estimator.clip_bound()
    # A checkpoint is JSON, which knows Python's numbers only.
    return TrainConfig(**{k: v.item() if isinstance(v, np.generic) else v for k, v in settings.items()})


def _watchers(estimator: Any, run: Run) -> list[Callback]:
    """Everyone who watches the fit: those that its settings mean, and those that were given."""
    watching: list[Callback] = [Progress()] if estimator.verbose else []
    if estimator.early_stopping:
        watching.append(EarlyStopping(whole("patience", estimator.patience, at_least=1)))
    if run.folder is not None and not any(isinstance(callback, Checkpoints) for callback in run.callbacks):
        watching.append(Checkpoints(run.folder))
    return [*watching, *run.callbacks]


def _check_same_network(theirs: Any, ours: Any) -> None:
    """Refuse weights of a network that was built otherwise; its corruption may differ.

    Raises:
        ConfigError: Naming what differs.
    """
    for name, value in ours.config.items():
        there = theirs.config.get(name)
        if name != "corruption" and there != value:
            raise ConfigError(f"{name}={value!r} describes another network than the fitted {there!r}; fit anew")


def refereed(network: Applied, data: SampleData, n_components: int) -> Referee:
    """Exact PCA of the same size beside the network, on the held-out rows, or the training rows if there are none.

    Rows are looked at block by block, wherever they live.
    """
    weights = network.network.data.weights()  # type: ignore[union-attr,operator]
    scale, groups = (None, None) if weights is None else map(np.array, weights)

    errors = _Errors(network)

    def features(rows: Rows, judged: bool = False) -> Iterator[np.ndarray]:
        for batch in rows.in_order():
            x = batch.x.cpu().numpy()
            found = network.features(x)
            if judged:  # in the same pass: data on disk are not read twice
                errors.add(x, batch)
            yield found if scale is None else found * scale.astype(found.dtype)

    learned, most = partial(features, data.train), _most(data.train)
    if len(data.validation):
        referee = judge(learned, partial(features, data.validation, True), math.nan, n_components, groups, most)
    else:
        referee = judge(learned, None, math.nan, n_components, groups, most)
        for batch in data.train.in_order():
            errors.add(batch.x.cpu().numpy(), batch)
    return replace(referee, model_error=errors.mean)


class _Errors:
    """The mean squared error of a network, added up batch by batch."""

    def __init__(self, network: Applied) -> None:
        self.network, self._sum, self._rows = network, 0.0, 0

    def add(self, x: np.ndarray, batch: Batch) -> None:
        target = x if batch.target is batch.x else batch.target.cpu().numpy()
        self._sum += float(row_means(self.network.errors(x, target)).sum())
        self._rows += len(batch)

    @property
    def mean(self) -> float:
        return self._sum / self._rows


def _most(rows: Rows) -> int | None:
    """How many very wide rows exact PCA may hold in memory."""
    return max(2, _HELD // (4 * max(1, math.prod(rows.data.shape)))) if isinstance(rows, StreamedRows) else None

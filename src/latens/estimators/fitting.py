"""Around a fit: who watches it, whether it may start from another's weights, and what it gained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latens.analysis import Referee, judge
from latens.callbacks import Callback, Checkpoints, EarlyStopping, Progress
from latens.data.batches import TrainingData
from latens.errors import ConfigError, whole
from latens.estimators.inference import Applied
from latens.estimators.tables import row_means
from latens.training import TrainConfig

__all__ = ["Run", "check_same_network", "refereed", "train_config", "watchers"]


@dataclass(frozen=True, eq=False)
class Run:
    """Who watches a fit, and where its checkpoints are."""

    callbacks: Sequence[Callback]
    folder: Path | None
    resume: bool

    @classmethod
    def of(cls, callbacks: Sequence[Callback], folder: str | Path | None, resume: bool) -> Run:
        return cls(callbacks, None if folder is None else Path(folder), resume)


def train_config(estimator: Any) -> TrainConfig:
    """How an estimator's settings say to train."""
    names = ("max_epochs", "learning_rate", "weight_decay", "schedule", "clip_value", "clip_norm")
    settings = {name: getattr(estimator, name) for name in names} | {"keep_best": estimator.early_stopping}
    # A checkpoint is JSON, which knows Python's numbers only.
    return TrainConfig(**{k: v.item() if isinstance(v, np.generic) else v for k, v in settings.items()})


def watchers(estimator: Any, run: Run) -> list[Callback]:
    """Everyone who watches the fit: those that its settings mean, and those that were given."""
    watching: list[Callback] = [Progress()] if estimator.verbose else []
    if estimator.early_stopping:
        watching.append(EarlyStopping(whole("patience", estimator.patience, at_least=1)))
    if run.folder is not None and not any(isinstance(callback, Checkpoints) for callback in run.callbacks):
        watching.append(Checkpoints(run.folder))
    return [*watching, *run.callbacks]


def check_same_network(theirs: Any, ours: Any) -> None:
    """Refuse weights of a network that was built otherwise; its corruption may differ.

    Raises:
        ConfigError: Naming what differs.
    """
    for name, value in ours.config.items():
        there = theirs.config.get(name)
        if name != "corruption" and there != value:
            raise ConfigError(f"{name}={value!r} describes another network than the fitted {there!r}; fit anew")


def refereed(network: Applied, data: TrainingData, n_components: int) -> Referee:
    """Exact PCA of the same size beside the network, on the held-out rows, or the training rows if there are none."""
    judged = data.validation if len(data.validation) else data.train
    x, target = data.train.x, data.train.target
    errors = network.errors(x[judged.rows].cpu().numpy(), target[judged.rows].cpu().numpy())
    features = network.features(x.cpu().numpy())
    weights = network.network.data.weights()  # type: ignore[union-attr,operator]
    scale, groups = (None, None) if weights is None else map(np.array, weights)
    compared = features if scale is None else features * scale.astype(features.dtype)
    learned, held_out = (compared[rows.rows.cpu().numpy()] for rows in (data.train, data.validation))
    return judge(learned, held_out, float(row_means(errors).mean()), n_components, groups)

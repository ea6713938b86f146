"""The linear autoencoder: PCA by gradient, or exactly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from latens.analysis import principal_of
from latens.data import Source
from latens.data.batches import SampleData
from latens.data.finite import first_not_finite, place
from latens.data.splits import Rows, everything
from latens.errors import ConfigError, DataError, choice, finite, setting
from latens.estimators.encoding import SampleEncoder
from latens.estimators.fitting import Run
from latens.estimators.inference import Applied
from latens.estimators.reconstruction import Reconstructor
from latens.estimators.sizes import code_size
from latens.history import History
from latens.models import with_weights
from latens.schema import Schema

__all__ = ["LinearAutoencoder"]

SOLVERS = ("gradient", "exact")


class LinearAutoencoder(SampleEncoder, Reconstructor):
    r"""PCA as a bottleneck autoencoder with one shared weight.

    .. math:: \hat{x} = W^\top W (x - \mu) + \mu, \qquad
              \ell = \mathrm{MSE}(\hat{x}, x) + \lambda\, \mathrm{MSE}(W W^\top, I)

    Source: Baldi & Hornik, 1989, https://doi.org/10.1016/0893-6080(89)90014-2.

    Args:
        n_components: Numbers in a code, n ≤ D; ``"auto"`` is min(32, ⌈D/2⌉).
        center: Subtract each column's mean, as PCA does.
        orthogonality: Weight :math:`\lambda` of the penalty.
        solver: ``"gradient"``, or ``"exact"``: an eigendecomposition over every row (nothing is held out).
        scaling: ``"auto"`` only centres and divides everything by one number, which leaves directions as they are; or
            one of the schema's scalings.
        max_epochs: Passes over the training rows.
        batch_size: Rows a step, at least 2.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient, or None.
        clip_norm: Bound on the gradient's norm, or None.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
        validation_fraction: Share of rows held out, in [0, 1).
        early_stopping: Stop when the held-out loss has not improved for `patience` epochs, and keep the best weights.
        patience: Epochs.
        random_state: Seed of the split, the weights and the order.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Raises:
        ConfigError: On `fit`: a setting that cannot work, such as more components than features.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(100, 5))
        >>> LinearAutoencoder(n_components=2, solver="exact").fit(X).transform(X).shape
        (100, 2)
    """

    def __init__(
        self,
        n_components: int | str = "auto",
        center: bool = True,
        orthogonality: float = 0.1,
        solver: str = "gradient",
        scaling: str = "auto",
        max_epochs: int = 10,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        schedule: str = "one-cycle",
        clip_value: float | None = None,
        clip_norm: float | None = None,
        precision: str = "32-true",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 5,
        random_state: Any = 0,
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.n_components = n_components
        self.center = center
        self.orthogonality = orthogonality
        self.solver = solver
        self.scaling = scaling
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.precision = precision
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.patience = patience
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def network_name(self) -> str:
        return "linear"

    def network_config(self, schema: Schema) -> dict[str, Any]:
        size = code_size(self.n_components, schema.n_features)
        penalty = finite("orthogonality", self.orthogonality, at_least=0.0)
        return {"n_features": schema.n_features, "n_components": size, "orthogonality": penalty}

    def _check_cells(self, source: Source) -> None:
        """A shared weight has no place for categories and times, nor for what is missing."""
        for column in source.table.types if source.table else ():
            if not column.numeric:
                raise DataError(
                    f"{source.name}: column {column.name!r} holds {column.kind} cells, and a linear model takes only "
                    f"numbers; use Autoencoder (--model deep), or leave the column out"
                )
        first = first_not_finite(source.values) if source.typed else None  # of an array all cells are there
        if first is not None:
            raise DataError(
                f"{source.name}: {place(first, source.columns)} is missing, and a linear model has no place for that; "
                f"use Autoencoder (--model deep), or fill it"
            )

    def _scaling(self) -> str:
        if self.scaling != "auto":
            return self.scaling
        return "center" if self.center else "magnitude"

    def _rows(self, n: int, seed: int) -> tuple[Rows, Rows]:
        learned, held_out = super()._rows(n, seed)
        exact = choice("solver", self.solver, SOLVERS) == "exact"
        return (everything(n), held_out[:0]) if exact else (learned, held_out)

    def _learn(self, data: SampleData, seed: int, run: Run, begun: Applied | None) -> None:
        if self.solver != "exact":
            super()._learn(data, seed, run, begun)
        elif begun is not None:
            raise ConfigError(
                f'solver="exact" has no weights to start from; fit anew, or use {setting("solver", "gradient")}'
            )
        else:
            self._solve(data)

    def _solve(self, data: SampleData) -> None:
        started = time.monotonic()
        config = self.network_config(self.schema_)

        def rows() -> Iterator[np.ndarray]:
            return (batch.x.flatten(1).cpu().numpy() for batch in data.train.in_order())

        principal = principal_of(rows, config["n_components"], center=self.center)
        weight = torch.from_numpy(principal.components.astype(np.float32))
        self._keep(with_weights("linear", config, {"encoder.weight": weight}))
        self.resumed_from_step_ = None
        error = sum(float(principal.block_errors(block).sum()) for block in rows()) / len(data.train)
        seconds = round(time.monotonic() - started, 3)
        self.history_ = History().append({"epoch": 1, "step": 0, "seconds": seconds, "train_loss": error})

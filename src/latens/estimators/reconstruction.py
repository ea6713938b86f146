"""What every autoencoder estimator shares: fit, transform, reconstruct, score, save."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from latens.analysis import Referee, judge
from latens.callbacks import Callback, Checkpoints, EarlyStopping, Progress, newest
from latens.data import Source, open_source, split
from latens.data.batches import ResidentRows, TrainingData, resident
from latens.data.pairs import paired
from latens.devices import launch, resolve_device
from latens.errors import ConfigError, DataError, whole
from latens.estimators.inference import Applied
from latens.estimators.saving import save
from latens.history import History
from latens.models import build
from latens.schema import Schema
from latens.seeds import resolve_seed
from latens.training import TrainConfig, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reconstructor", "floating", "mean_squares"]


class Reconstructor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The estimators' common part; `network_name` and `network_config` make it one model or another.

    Attributes after `fit`:
        schema_: What was learned about the data.
        network_: The trained network, applied.
        history_: A row an epoch.
        referee_: Exact PCA of the same size on the same rows, beside the model.
        n_components_: Numbers in a code.
        n_features_in_, feature_names_in_: As scikit-learn has them; for images the numbers in a sample.
        resumed_from_step_: The checkpoint's step that the fit went on from, or None.
    """

    n_components: int | str
    scaling: str
    max_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    schedule: str
    clip_value: float | None
    clip_norm: float | None
    precision: str
    validation_fraction: float
    early_stopping: bool
    patience: int
    random_state: Any
    device: str
    verbose: int

    schema_: Schema
    network_: Applied
    history_: History
    referee_: Referee
    n_components_: int
    resumed_from_step_: int | None

    # ---- what a subclass says ----------------------------------------------------------------------------------

    def network_name(self) -> str:
        """The network's key in `MODELS`."""
        raise NotImplementedError

    def network_config(self, schema: Schema) -> dict[str, Any]:
        """The network's arguments for data of this schema."""
        raise NotImplementedError

    def _scaling(self) -> str:
        return self.scaling

    def _any_size(self) -> bool:
        """Whether images may differ in size."""
        return False

    def _applied(self, network: torch.nn.Module) -> Applied:
        return Applied(network, resolve_device(self.device))

    # ---- learning ----------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        target: Any = None,
        callbacks: Sequence[Callback] = (),
        run_folder: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Learn to predict the data from the data.

        Args:
            X: (n, d) array or frame, (n, h, w) or (n, h, w, c) images, a `Source`, or a path.
            y: Ignored; labels never affect training.
            target: What to predict instead of X: clean partners of noisy data, row by row, folders by file name.
            callbacks: Who watches the fit.
            run_folder: Where checkpoints go, and come from with `resume`.
            resume: Go on from the folder's newest valid checkpoint, if there is one.

        Raises:
            DataError: The data cannot be learned from; the message names the row and column.
            ConfigError: A setting that cannot work.
            DivergedError: The loss stopped being a number.
        """
        source = self._open(X, fitting=True)
        clean = None if target is None else self._partners(source, target)
        seed = resolve_seed(self.random_state)
        learned, held_out = self._rows(len(source), seed)
        self.schema_ = self._learn_schema(source, learned)
        if len(source.shape) > 1:
            self.n_features_in_ = self.schema_.n_features
        if clean is not None:
            self.schema_.check(clean)
            self.schema_ = self.schema_.covering(clean, learned)
        data = self._training_data(source, clean, (learned, held_out), seed)
        folder = None if run_folder is None else Path(run_folder)
        self._learn(data, seed, callbacks, folder, resume)
        self._judge(data)
        return self

    def _rows(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Training rows and held-out rows; at least two are learned from."""
        if n < 2:
            raise DataError(f"{n} sample is too few to learn from (1 sample has no spread); give at least 2 rows")
        if self.early_stopping and not self.validation_fraction:
            raise ConfigError("early_stopping=True needs held-out rows; use validation_fraction=0.1")
        learned, held_out = split(n, self.validation_fraction, seed)
        return (learned, held_out) if len(learned) > 1 else (np.arange(n), learned[:0])

    def _learn_schema(self, source: Source, learned: np.ndarray) -> Schema:
        return Schema.learn(source, learned, self._scaling())

    def _training_data(
        self, source: Source, clean: Source | None, rows: tuple[np.ndarray, np.ndarray], seed: int
    ) -> TrainingData:
        device = resolve_device(self.device)
        x = resident(source, self.schema_, device)
        target = x if clean is None else resident(clean, self.schema_, device)
        size = whole("batch_size", self.batch_size, at_least=2)
        return TrainingData(*(ResidentRows(x, target, torch.from_numpy(part).to(device), size, seed) for part in rows))

    def _partners(self, source: Source, target: Any) -> Source:
        clean = open_source(target)
        return paired(source, clean if self._any_size() else clean.one_size())

    def _learn(
        self, data: TrainingData, seed: int, callbacks: Sequence[Callback], folder: Path | None, resume: bool
    ) -> None:
        network = build(self.network_name(), self.network_config(self.schema_), seed)
        runtime = launch(self.device, self.precision)
        checkpoint = newest(folder) if folder is not None and resume else None
        self.resumed_from_step_ = None if checkpoint is None else checkpoint.header["step"]
        watching = self._callbacks(callbacks, folder)
        self.history_ = train(network, data, self._train_config(), runtime, watching, resume=checkpoint)
        self._keep(network)

    def _keep(self, network: torch.nn.Module) -> None:
        self.network_ = self._applied(network)
        self.n_components_ = self.network_.code_size(self.schema_.shape)
        self._n_features_out = self.n_components_

    def _train_config(self) -> TrainConfig:
        return TrainConfig(
            max_epochs=self.max_epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            clip_value=self.clip_value,
            clip_norm=self.clip_norm,
            keep_best=self.early_stopping,
        )

    def _callbacks(self, callbacks: Sequence[Callback], folder: Path | None) -> list[Callback]:
        watching: list[Callback] = [Progress()] if self.verbose else []
        if self.early_stopping:
            watching.append(EarlyStopping(whole("patience", self.patience, at_least=1)))
        if folder is not None and not any(isinstance(callback, Checkpoints) for callback in callbacks):
            watching.append(Checkpoints(folder))
        return [*watching, *callbacks]

    def _judge(self, data: TrainingData) -> None:
        judged = data.validation if len(data.validation) else data.train
        x, rows = data.train.x, judged.rows
        error = _scaled_error(self.network_, x[rows].cpu().numpy(), data.train.target[rows].cpu().numpy())
        flat = x.flatten(1).cpu().numpy()
        learned, held_out = data.train.rows.cpu().numpy(), data.validation.rows.cpu().numpy()
        self.referee_ = judge(flat[learned], flat[held_out], error, self.n_components_)

    # ---- answers -----------------------------------------------------------------------------------------------

    def transform(self, X: Any) -> np.ndarray:
        """The codes, (n, n_components): float64 for float64 input, else float32."""
        return self.network_.encode(self._scaled(X))

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Codes (n, n_components) back in the input's units and shape."""
        check_is_fitted(self)
        codes = open_source(Z).values
        if codes.shape[1:] != (self.n_components_,):
            raise DataError(f"codes of shape {codes.shape[1:]} where this model has {self.n_components_} components")
        return self.schema_.unscale_values(self.network_.decode(floating(codes)))

    def reconstruct(self, X: Any) -> np.ndarray:
        """What the network makes of X, in its units and shape; for a denoiser the cleaned data."""
        return self.schema_.unscale_values(self.network_.reconstruct(self._scaled(X)))

    def residuals(self, X: Any) -> np.ndarray:
        """X minus its reconstruction, in the units and shape of X."""
        source = self._applied_source(X)
        scaled = self.schema_.scale_values(source.values)
        reconstructed = self.schema_.unscale_values(self.network_.reconstruct(scaled))
        return np.asarray(floating(source.values) - reconstructed)

    def reconstruction_error(self, X: Any) -> np.ndarray:
        """Mean squared residual of each sample, (n,) float64.

        In squared units of X for arrays and images; for typed tables, whose columns have units of their own, in those
        of the scaling.
        """
        if self._applied_schema().typed:
            scaled = self._scaled(X)
            residuals = scaled - self.network_.reconstruct(scaled)
        else:
            residuals = self.residuals(X)
        return mean_squares(residuals)

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the reconstruction error, (n,): higher is more normal."""
        return -self.reconstruction_error(X)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`; y is ignored."""
        return float(self.score_samples(X).mean())

    # ---- pictures and files ------------------------------------------------------------------------------------

    def plot_map(self, X: Any, labels: Any = None) -> Figure:
        """Scatter of the codes (their first two principal components if there are more), coloured by `labels`."""
        from latens.plots import plot_map

        source = self._applied_source(X)
        return plot_map(self.transform(source), source.label() if labels is None else np.asarray(labels))

    def plot_pairs(self, X: Any, rows: Sequence[int] | None = None, count: int = 10) -> Figure:
        """Input beside reconstruction for chosen rows, or for `count` rows spread over the data."""
        from latens.plots import plot_pairs

        source = self._applied_source(X)
        chosen = np.linspace(0, len(source) - 1, min(count, len(source))).astype(int) if rows is None else rows
        part = source.take(_existing(chosen, len(source))).one_size("choose rows of one size")
        return plot_pairs(part.values, self.reconstruct(part), columns=self.schema_.columns)

    def save(self, path: str | Path) -> None:
        """Write one safe file with the weights, the schema, the settings, the history and the referee.

        Raises:
            OutputError: The path cannot be written.
        """
        check_is_fitted(self)
        save(self, path)

    # ---- reading -----------------------------------------------------------------------------------------------

    def _open(self, X: Any, *, fitting: bool) -> Source:
        """X as a Source, its names and width remembered or checked as scikit-learn does."""
        if isinstance(X, (str, os.PathLike, Source)):
            return self._sized(self._open_named(X, fitting=fitting))
        source = self._sized(open_source(X))
        if len(source.shape) == 1:
            validate_data(self, X, reset=fitting, skip_check_array=True)
        return source

    def _sized(self, source: Source) -> Source:
        return source if self._any_size() else source.one_size()

    def _open_named(self, X: Any, *, fitting: bool) -> Source:
        if not fitting:
            schema = self.schema_
            return open_source(X, columns=schema.columns, optional_labels=schema.label_names)
        source = open_source(X)
        self.n_features_in_ = source.n_features
        if source.columns is not None:
            self.feature_names_in_ = np.asarray(source.columns, dtype=object)
        return source

    def _applied_schema(self) -> Schema:
        check_is_fitted(self)
        return self.schema_

    def _applied_source(self, X: Any) -> Source:
        check_is_fitted(self)
        source = self._open(X, fitting=False)
        self.schema_.check(source)
        return source

    def _scaled(self, X: Any) -> np.ndarray:
        return self.schema_.scale_values(self._applied_source(X).values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _scaled_error(network: Applied, x: np.ndarray, target: np.ndarray) -> float:
    """Mean squared error in scaled units, over all rows and features."""
    difference = network.reconstruct(x) - target.reshape(len(target), -1)
    return float(np.square(difference, dtype=np.float64).mean())


def mean_squares(residuals: np.ndarray) -> np.ndarray:  # (n, *shape) -> (n,)
    """The mean square of each row, in float64."""
    return np.asarray(np.square(residuals, dtype=np.float64).reshape(len(residuals), -1).mean(axis=1))


def floating(values: np.ndarray) -> np.ndarray:
    """As floats: float64 stays, all else becomes float32."""
    return values.astype(np.float64 if values.dtype == np.float64 else np.float32, copy=False)


def _existing(rows: Any, n: int) -> np.ndarray:
    chosen = np.asarray(rows, dtype=np.int64)
    if len(chosen) and not (chosen.min() >= 0 and chosen.max() < n):
        raise ConfigError(f"rows={list(map(int, chosen))} leave the data's {n} rows; use numbers from 0 to {n - 1}")
    return chosen

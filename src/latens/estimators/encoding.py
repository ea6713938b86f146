"""What every estimator of samples shares: fit, transform, draw, save, read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latens.callbacks import Callback
from latens.data import Source, open_samples
from latens.data.batches import ResidentRows, SampleData, TrainingData, marks_of, resident
from latens.data.pairs import paired
from latens.data.splits import Rows, everything, split_rows
from latens.data.streaming import Streamed, StreamedRows
from latens.devices import resolve_device
from latens.errors import ConfigError, DataError, choice, setting, whole
from latens.estimators.fitting import Run, all_or_nothing, fitted_state, learn, network_to_train, refereed
from latens.estimators.inference import Applied
from latens.estimators.saving import save
from latens.estimators.tables import check_columns, remember_columns, warn_of
from latens.history import History
from latens.schema import SCALINGS, Schema, Summary, summarise
from latens.schema.scaling import needs_moments
from latens.seeds import resolve_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SampleEncoder"]


class SampleEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The common part of estimators that encode samples; `network_name` and `network_config` make it one or another.

    Attributes after `fit`:
        schema_: What was learned about the data.
        network_: The trained network, applied.
        history_: A row an epoch.
        referee_: Something simple on the same rows, beside the model.
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
    new_categories: str = "error"

    schema_: Schema
    network_: Applied
    history_: History
    referee_: Any
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
        with all_or_nothing(self):
            self._fit(self._open(X, fitting=True), target, Run.of(callbacks, run_folder, resume))
        return self

    def continue_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        target: Any = None,
        callbacks: Sequence[Callback] = (),
        run_folder: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Learn on from new data of the same schema, starting at the weights of the last fit.

        Scaling and categories stay those of the first fit, so that codes keep their meaning. Settings of the training
        may be changed before (`set_params`), those of the network may not. If it fails, the fitted model stays.

        Args:
            X: As for `fit`; its columns, kinds and shape are checked.
            y: Ignored.
            target, callbacks, run_folder, resume: As for `fit`.

        Raises:
            DataError: X is not what the model was fitted on.
            ConfigError: The settings describe another network.
        """
        source = self._applied_source(X)
        with all_or_nothing(self, before=fitted_state(self)):
            self._fit(source, target, Run.of(callbacks, run_folder, resume), begun=self.network_)
        return self

    def _fit(
        self, source: Source, target: Any, run: Run, begun: Applied | None = None, only: np.ndarray | None = None
    ) -> None:
        """Learn; weights from the rows `only`, if given, of which the schema knows the others, too."""
        if len(source) < 2:
            raise DataError(
                f"{source.name}: 1 sample is too few to learn from (it has no spread); give at least 2 rows"
            )
        self._check_cells(source)
        clean = None if target is None else self._partners(source, target)
        seed = resolve_seed(self.random_state)
        learned, held_out = self._rows(len(source) if only is None else len(only), seed)
        known = learned if only is None else everything(len(source))
        if only is not None:
            learned, held_out = only[learned[:]], only[held_out[:]]
        summary = None if begun is not None else self._summary(source, known)
        if summary is not None:
            self.schema_ = self._learn_schema(source, summary)
        if len(source.shape) > 1:
            self.n_features_in_ = self.schema_.n_features
        if clean is not None:
            self.schema_.check(clean)
            clean = self.schema_.conform(clean, "other")
            self.schema_ = self.schema_.covering(clean, learned) if begun is None else self.schema_
        data = self._training_data(source, clean, (learned, held_out), seed)
        warn_of(source, self.schema_, learned, summary if only is None else None)
        self._learn(data, seed, run, begun)
        self._judge(data)

    def _rows(self, n: int, seed: int) -> tuple[Rows, Rows]:
        """Training rows and held-out rows; at least two are learned from."""
        learned, held_out = split_rows(n, self.validation_fraction, seed)
        if len(learned) < 2:
            learned, held_out = everything(n), learned[:0]
        if self.early_stopping and not len(held_out):
            raise ConfigError(
                f"early_stopping=True needs held-out rows, and validation_fraction={self.validation_fraction} of {n} "
                f"leaves none; use {setting('validation_fraction', 0.1)} and more rows, or early_stopping=False"
            )
        return learned, held_out

    def _summary(self, source: Source, rows: Rows) -> Summary:
        """What some rows are like, as far as the scaling asks."""
        return summarise(source, rows, needs_moments(source, choice("scaling", self._scaling(), SCALINGS)))

    def _learn_schema(self, source: Source, summary: Summary) -> Schema:
        return Schema.of(source, summary, self._scaling())

    def _training_data(self, source: Source, clean: Source | None, rows: tuple[Rows, Rows], seed: int) -> SampleData:
        device, schema = resolve_device(self.device), self.schema_
        size, target = whole("batch_size", self.batch_size, at_least=2), source if clean is None else clean
        if source.streamed or target.streamed:
            data = Streamed(source, target, schema, device, source.groups)
            return TrainingData(*(StreamedRows(data, part, size, seed) for part in rows))
        x = resident(source, schema, device)
        y = x if clean is None else resident(clean, schema, device)
        numbers = (torch.from_numpy(np.asarray(part[:])).to(device) for part in rows)
        return TrainingData(
            *(
                ResidentRows(x, y, part, size, seed, source.groups, partial(marks_of, source, target, schema))
                for part in numbers
            )
        )

    def _partners(self, source: Source, target: Any) -> Source:
        """The clean samples in the order of the noisy ones, read as those were."""
        kinds = None if source.table is None else source.table.kinds
        clean = open_samples(target, columns=source.columns, types=kinds, optional_labels=tuple(source.labels))
        return paired(source, self._sized(clean))

    def _learn(self, data: SampleData, seed: int, run: Run, begun: Applied | None) -> None:
        network = network_to_train(self, seed, None if begun is None else begun.network)
        if begun is None:
            self._begin(network, data)
        learn(self, network, data, run)
        self._keep(network)

    def _begin(self, network: torch.nn.Module, data: SampleData) -> None:
        """Give the network other weights than random ones to start from."""

    def _keep(self, network: torch.nn.Module) -> None:
        self.network_ = self._applied(network)
        self.n_components_ = self.network_.code_size(self.schema_.shape)
        self._n_features_out = self.n_components_

    def _judge(self, data: SampleData) -> None:
        """Hold the model against something simple: exact PCA of the same size."""
        self.referee_ = refereed(self.network_, data, self.n_components_)

    # ---- answers -----------------------------------------------------------------------------------------------

    def transform(self, X: Any) -> np.ndarray:
        """The codes, (n, n_components): float64 for float64 input, else float32."""
        source = self._applied_source(X)
        return self.network_.encode(source.values, self.schema_.scale_values)

    def plot_map(self, X: Any, labels: Any = None) -> Figure:
        """Scatter of the codes (their first two principal components if there are more), coloured by `labels`."""
        from latens.plots import plot_map

        source = self._applied_source(X)
        return plot_map(self.transform(source), source.label() if labels is None else np.asarray(labels))

    def save(self, path: str | Path) -> None:
        """Write one safe file with the weights, the schema, the settings, the history and the referee.

        Raises:
            OutputError: The path cannot be written.
        """
        check_is_fitted(self)
        save(self, path)

    # ---- reading -----------------------------------------------------------------------------------------------

    def _open(self, X: Any, *, fitting: bool) -> Source:
        """X as a Source, its names and width remembered or checked."""
        if isinstance(X, (str, os.PathLike, Source)):
            return self._sized(self._open_named(X, fitting=fitting))
        source = self._sized(open_samples(X) if fitting else self._read(X))
        if len(source.shape) == 1:
            remember_columns(self, X) if fitting else check_columns(self, X, source)
        return source

    def _sized(self, source: Source) -> Source:
        return source if self._any_size() else source.one_size()

    def _open_named(self, X: Any, *, fitting: bool) -> Source:
        if not fitting:
            return self._read(X)
        source = open_samples(X)
        self.n_features_in_ = source.n_features
        if source.columns is not None:
            self.feature_names_in_ = np.asarray(source.columns, dtype=object)
        return source

    def _read(self, X: Any) -> Source:
        """X read as what the model was fitted on: the same columns of the same kinds."""
        return open_samples(X, **self.schema_.reading(), optional_labels=self.schema_.label_names)

    def _check_cells(self, source: Source) -> None:
        """Refuse a typed table that the network has no place for."""

    def _applied_source(self, X: Any) -> Source:
        check_is_fitted(self)
        source = self._open(X, fitting=False)
        self.schema_.check(source)
        self._check_cells(source)
        return self.schema_.conform(source, self.new_categories)

    def _scaled(self, X: Any) -> np.ndarray:
        source = self._applied_source(X)
        return self.schema_.scale_values(source.in_memory().values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

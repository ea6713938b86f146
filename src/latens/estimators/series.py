"""The estimator over real-valued series: forecasts, rollouts, pixel sequences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from latens.analysis import Forecast, ForecastReferee, judge_forecasts
from latens.analysis.forecasts import Judged
from latens.data import open_source
from latens.data.batches import TrainingData
from latens.data.named_columns import has_columns
from latens.data.sequences import EVALUATION_CHUNK, SequenceRows, patch_windows, split_sequences
from latens.data.series import SeriesSource
from latens.devices import resolve_device
from latens.errors import ConfigError, DataError, finite, whole
from latens.estimators.autoregressor import Autoregressor
from latens.estimators.fitting import Run, learn, network_to_train
from latens.estimators.reading import Reader
from latens.estimators.rollouts import as_items, expected, item_nats, level_share, path_keys, roll
from latens.estimators.states import SequenceState
from latens.schema import SeriesSchema
from latens.seeds import resolve_seed

__all__ = ["SeriesAutoregressor"]

# Share of the variance between eighths of the series from which on relative="auto" is relative.
_WANDERS = 0.3
# Items that the referee judges by, at most, the last ones: they are read one after the other.
_JUDGED = 1 << 14


class SeriesAutoregressor(Autoregressor):
    r"""A recurrent network that predicts the next values of a series, and how sure that is, from all before them.

    .. math:: \ell = -\frac{1}{N} \sum_t \log p(x_t \mid x_1, \dots, x_{t-1})

    There is no embedding: the cells read the values. With a patch of P steps it reads and predicts P steps at a time,
    so that a long horizon is a few of its own steps (Lin et al., 2023, https://arxiv.org/abs/2308.11200).

    Args:
        likelihood: ``"gaussian"``, ``"mixture"`` or ``"mixture:K"`` (of K normal distributions), or ``"mse"``, whose
            paths spread as the residuals did.
        cell: ``"gru"`` or ``"lstm"``.
        n_layers: Cells on top of each other.
        hidden_size: Numbers in a cell's output, and in a series' vector.
        dropout: Share of each layer's inputs lost in training, the same along a window.
        patch: Time steps that are read and predicted at a time; a season of the series is a good choice.
        relative: Whether it sees and predicts changes only, so that no level is new to it. ``"auto"``: where the level
            of the series wanders, which for images it never does.
        scaling: ``"standard"`` (each column to mean 0, deviation 1 on the training part) or ``"none"``.
        impute: ``"linear"`` fills missing steps and cells; None refuses them.
        chunk: Patches of a training window.
        carry_state: Each training window goes on with the state that the one before it left.
        max_epochs: Passes over the training part, each of them over all the ways to cut it into patches.
        batch_size: Windows a step.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient; ``"auto"`` is 2 / chunk; None for none.
        clip_norm: Bound on the gradient's norm, or None.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
        validation_fraction: Share held out, in [0, 1): the end of the series, or the last of many.
        early_stopping: Stop when the held-out loss has not improved for `patience` epochs, and keep the best weights.
        patience: Epochs.
        random_state: Seed of the weights, the order and the dropout.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Attributes after `fit`, beside those of `Autoregressor`:
        referee_: The last value, the value a season before and a linear forecast on the same steps, beside the model.
        relative_: What ``relative="auto"`` came to.

    Raises:
        ConfigError: On `fit`: a setting that cannot work.
        DataError: On `fit`: no series, or one that is irregular or has gaps.

    Example:
        >>> wave = np.sin(np.arange(300) * np.pi / 6)
        >>> model = SeriesAutoregressor(hidden_size=16, n_layers=1, max_epochs=2, verbose=0).fit(wave)
        >>> forecast = model.forecast(wave, horizon=12, n_paths=20)
        >>> forecast.mean.shape, forecast.quantiles.shape
        ((12, 1), (3, 12, 1))
    """

    patch: int
    schema_: SeriesSchema
    referee_: ForecastReferee  # type: ignore[assignment]
    relative_: bool

    def __init__(
        self,
        likelihood: str = "gaussian",
        cell: str = "gru",
        n_layers: int = 2,
        hidden_size: int = 128,
        dropout: float = 0.0,
        patch: int = 1,
        relative: bool | str = "auto",
        scaling: str = "standard",
        impute: str | None = None,
        chunk: int = 64,
        carry_state: bool = False,
        max_epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        schedule: str = "one-cycle",
        clip_value: float | str | None = None,
        clip_norm: float | None = 1.0,
        precision: str = "32-true",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 10,
        random_state: Any = 0,
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.likelihood = likelihood
        self.cell, self.n_layers, self.hidden_size, self.dropout = cell, n_layers, hidden_size, dropout
        self.patch, self.relative = patch, relative
        self.scaling, self.impute = scaling, impute
        self.chunk, self.carry_state = chunk, carry_state
        self.max_epochs, self.batch_size = max_epochs, batch_size
        self.learning_rate, self.weight_decay, self.schedule = learning_rate, weight_decay, schedule
        self.clip_value, self.clip_norm, self.precision = clip_value, clip_norm, precision
        self.validation_fraction = validation_fraction
        self.early_stopping, self.patience = early_stopping, patience
        self.random_state, self.device, self.verbose = random_state, device, verbose

    def network_name(self) -> str:
        return "series"

    def network_config(self, schema: Any) -> dict[str, Any]:
        """The network's arguments for data of this schema."""
        names = ("patch", "hidden_size", "n_layers", "cell", "dropout", "likelihood")
        settings = {name: getattr(self, name) for name in names}
        return {"n_features": schema.n_features, **settings, "relative": self.relative_}

    # ---- data --------------------------------------------------------------------------------------------------

    def _open(self, X: Any) -> SeriesSource:
        if isinstance(X, SeriesSource):
            return X
        how: dict[str, Any] = {"kind": "series"}
        if hasattr(self, "schema_") and has_columns(X):
            how = self.schema_.reading()
            if hasattr(X, "columns") and how["time"] not in X.columns:  # it was, or now is, the index
                how["time"] = None
        source = open_source(X, impute=self.impute, **how)
        assert isinstance(source, SeriesSource)
        return source

    def _scaled(self, source: SeriesSource) -> list[np.ndarray]:
        """Each series, (T, d), in the model's units.

        Raises:
            DataError: They are not like those that the model learned from.
        """
        schema = self.schema_
        if source.values.shape[1] != schema.n_features:
            raise DataError(
                f"{source.name}: has {source.values.shape[1]} columns where the model has {schema.n_features}; "
                f"give {', '.join(schema.names[:12])}"
            )
        if None not in (source.clock.step, schema.step) and source.clock.step != schema.step:
            raise DataError(
                f"{source.name}: one step is {source.clock.step} where the model learned from {schema.step}; "
                "resample it, or fit anew"
            )
        return [schema.scale_values(source[i]) for i in range(len(source))]

    def _sequences(self, X: Any) -> list[np.ndarray]:
        """Every series of X in items, the last of which ends with it."""
        check_is_fitted(self)
        return [as_items(values, self._patch) for values in self._scaled(self._open(X))]

    @property
    def _patch(self) -> int:
        """Of the fitted network, whatever the setting says by now."""
        return int(self.network_.network.patch)

    # ---- learning ----------------------------------------------------------------------------------------------

    def _fit(self, source: Any, target: Any, run: Run, begun: Reader | None = None) -> None:
        if target is not None:
            raise ConfigError("target: an autoregressive model predicts the data itself; leave it out")
        fraction = finite("validation_fraction", self.validation_fraction, at_least=0.0, at_most=0.999)
        cut = split_sequences(source.offsets, fraction)
        if begun is None:
            self._learn(source, cut[0])
        series = self._scaled(source)
        data = self._training_data(np.concatenate(series), cut)
        network: Any = network_to_train(self, data.train.seed, None if begun is None else begun.network)
        if begun is None:
            starts = torch.from_numpy(cut[0][:-1][np.diff(cut[0]) >= self.patch]).to(data.train.items.device)
            network.begin_with(data.train.items[starts])
        learn(self, network, data, run)
        self._keep(network)
        self._judge_series(series, source.offsets, int(cut[0][-1]))

    def _learn(self, source: SeriesSource, learned: np.ndarray) -> None:
        """What is known of the data from its training part."""
        first, end = int(learned[0]), int(learned[-1])
        clock = source.clock
        self.schema_ = SeriesSchema.learn(
            source.values[first:end],
            self.scaling,
            columns=source.columns,
            step=clock.step,
            time=clock.time,
            sequence=clock.sequence,
            image=source.image,
        )
        if self.relative not in ("auto", True, False):
            raise ConfigError(f'relative={self.relative!r} is not known; use True, False or "auto"')
        parts = [source.values[a:b] for a, b in pairwise(learned) if b > a]
        auto = source.image is None and level_share([self.schema_.scale_values(part) for part in parts]) > _WANDERS
        self.relative_ = auto if self.relative == "auto" else bool(self.relative)

    def _training_data(self, values: np.ndarray, cut: tuple[np.ndarray, np.ndarray]) -> TrainingData[SequenceRows]:
        patch, chunk = whole("patch", self.patch, at_least=1), whole("chunk", self.chunk, at_least=1)
        longest = int(np.diff(cut[0]).max())
        if longest < 2 * patch:
            raise DataError(
                f"series: the longest one has {longest} steps to learn from, fewer than two patches of {patch}; "
                "give longer series, or use a smaller patch"
            )
        device, seed = resolve_device(self.device), resolve_seed(self.random_state)
        steps = torch.from_numpy(values.astype(np.float32)).to(device)
        width = steps.shape[1]
        # One item for each step that it may begin at: a view, for they overlap.
        items = steps.as_strided((len(steps) - patch + 1, patch * width), (width, 1))
        size = whole("batch_size", self.batch_size, at_least=1)
        learned = patch_windows(cut[0], chunk, patch, shifted=True)
        held_out = patch_windows(cut[1], EVALUATION_CHUNK, patch, shifted=False)
        if self.early_stopping and not len(held_out):
            raise ConfigError(
                f"early_stopping=True needs a held-out part of {patch} steps; use validation_fraction=0.1"
            )
        train = SequenceRows(items, learned, size, seed, device, carry=bool(self.carry_state))
        return TrainingData(train, SequenceRows(items, held_out, size, seed, device))

    def _keep(self, network: Any) -> None:
        super()._keep(network)
        self.relative_ = network.relative

    def _judge_series(self, series: Sequence[np.ndarray], offsets: np.ndarray, cut: int) -> None:
        """The network's spread, and the referee: both from the held-out part, read with what came before it."""
        learned = (cut - offsets[:-1]).clip(0, np.diff(offsets))
        judged = [self._judged(values, int(steps)) for values, steps in zip(series, learned, strict=True)]
        self.referee_ = judge_forecasts(judged, self._patch, self.schema_.step)
        held_out = [each for each in judged if each.learned < len(each.values)] or judged
        residuals = [
            (each.predicted - each.values[each.origins[:, None] + np.arange(self._patch)])[
                each.origins >= (each.learned if each.learned < len(each.values) else 0)
            ]
            for each in held_out
        ]
        spread = np.sqrt(np.square(np.concatenate(residuals)).mean(axis=0)).reshape(-1)
        if np.isfinite(spread).all():
            self.network_.network.spread.copy_(torch.from_numpy(spread.clip(min=1e-6)))

    def _judged(self, values: np.ndarray, learned: int) -> Judged:
        """A series with the model's predictions of its held-out part, or of all of it where nothing is held out."""
        patch = self._patch
        begin = max(learned - self.chunk * patch, 0) if learned < len(values) else 0
        items = as_items(values[begin:], patch)[-_JUDGED:]
        first = len(values) - len(items) * patch
        origins = first + patch * np.arange(1, len(items))
        predicted = expected(self.network_, items)[1:].reshape(-1, patch, values.shape[1])
        return Judged(values, learned, origins, predicted)

    # ---- answers -----------------------------------------------------------------------------------------------

    def surprisal(self, series: Any) -> Any:
        """What each time step costs in nats, in the user's units: (T,) float64; a list for several series.

        The steps of a patch share its cost evenly. The first T mod P steps are in no whole patch, and NaN.
        """
        source = self._open(series)
        check_is_fitted(self)
        lengths = np.diff(source.offsets)
        nats = self._nats(self._sequences(source))
        found = [
            np.concatenate([np.full(length % self._patch, np.nan), np.repeat(each, self._patch)])
            for each, length in zip(nats, lengths, strict=True)
        ]
        return found[0] if _is_alone(series, source) else found

    def _nats(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Of each item the nats a time step, in the user's units."""
        units = float(np.log(self.schema_.scale).sum())
        return [nats / self._patch + units for nats in item_nats(self.network_, sequences)]

    def score_samples(self, X: Any) -> np.ndarray:
        """The mean log-likelihood of a time step of each series, in nats and the user's units, (n,) float64.

        A series that is shorter than a patch has nothing to be judged by and scores 0.
        """
        return np.array([-nats.mean() if len(nats) else 0.0 for nats in self._nats(self._sequences(X))])

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log-likelihood of a time step of all series together, in nats; y is ignored."""
        return -float(np.concatenate(self._nats(self._sequences(X))).mean())

    def read(self, series: Any) -> SequenceState:
        """Where the model stands once it has read each series: to go on from, to fork, to save."""
        return self._begun(self._sequences(series))

    def _begun(self, sequences: Sequence[np.ndarray]) -> SequenceState:
        state, said = self.network_.states(sequences)
        keys = path_keys(sequences, 1, state.device)
        return SequenceState(state, said, torch.zeros_like(said, dtype=torch.bool), keys, 0)

    def forecast(
        self,
        series: Any,
        horizon: int,
        n_paths: int = 100,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        random_state: Any = 0,
    ) -> Any:
        """What comes after a series: the mean and quantiles of possible futures, each drawn as a whole.

        A path is a function of the seed, the series and its own number: it is the same whatever `n_paths`, and beside
        whatever other series.

        Args:
            series: As for `fit`; several of them give a list.
            horizon: Time steps, as many as are wanted.
            n_paths: Futures to draw; 0 is the mean alone, in which each step's expected values are read as if they had
                come.
            quantiles: In [0, 1].
            random_state: Seed of the draws.

        Raises:
            ConfigError: An argument is out of range.
            DataError: The series is shorter than a patch, or not like those that were learned from.
            DivergedError: A value is no longer finite.
        """
        check_is_fitted(self)
        horizon, n_paths = whole("horizon", horizon, at_least=1), whole("n_paths", n_paths, at_least=0)
        levels = tuple(finite("quantiles", level, at_least=0.0, at_most=1.0) for level in quantiles) if n_paths else ()
        source = self._open(series)
        paths = self._futures(self._read_whole(source), horizon, n_paths, resolve_seed(random_state))
        found = [self._result(source, i, paths[i], levels, n_paths) for i in range(len(source))]
        return found[0] if _is_alone(series, source) else found

    def _read_whole(self, source: SeriesSource) -> list[np.ndarray]:
        sequences = self._sequences(source)
        short = next((i for i, items in enumerate(sequences) if not len(items)), None)
        if short is not None:
            raise DataError(
                f"{source.title(short)}: has {len(source[short])} steps, fewer than the {self._patch} of a patch; give "
                "it a longer past"
            )
        return sequences

    def _futures(
        self, sequences: Sequence[np.ndarray], horizon: int, n_paths: int, seed: int = 0
    ) -> np.ndarray:  # -> (n, max(n_paths, 1), H, d)
        """Of each series its paths, or the one rollout of the mean, in the user's units."""
        begun, device = self._begun(sequences), self.network_.device
        copies, count = max(n_paths, 1), -(-horizon // self._patch)
        rows = torch.arange(len(sequences), device=device).repeat_interleave(copies)
        draws = (seed, path_keys(sequences, n_paths, device)) if n_paths else None
        items = roll(self.network_, begun.state[:, rows], begun.said[rows], count, draws)
        steps = items.reshape(len(sequences), copies, count * self._patch, -1)[:, :, :horizon]
        return self.schema_.unscale(steps)

    def _result(
        self, source: SeriesSource, row: int, paths: np.ndarray, levels: tuple[float, ...], n_paths: int
    ) -> Forecast:
        horizon = paths.shape[1]
        quantiles = np.quantile(paths, levels, axis=0) if levels else np.empty((0, *paths.shape[1:]))
        times = source.times(row, len(source[row]), horizon)
        name = None if source.ids is None else str(source.ids[row])
        columns = self.schema_.names
        return Forecast(paths.mean(axis=0), levels, quantiles, paths[:n_paths], columns, times, name)

    def rollout(self, start: Any, steps: int) -> np.ndarray:
        """The series that the model makes of a beginning, in place of a simulator: the same every time.

        Args:
            start: What has been so far, as for `fit`.
            steps: To go on for.

        Returns:
            (steps, d), or (n, steps, d) of several series, in the user's units.
        """
        check_is_fitted(self)
        source = self._open(start)
        found = self._futures(self._read_whole(source), whole("steps", steps, at_least=1), 0)[:, 0]
        return found[0] if _is_alone(start, source) else found

    def rollout_errors(self, series: Any, context: int, steps: int) -> np.ndarray:  # -> (steps, d)
        """How far a rollout is from the truth after each number of steps: the root of the mean squared error.

        Args:
            series: The truth, cut into as many stretches of context + steps as there are.
            context: Steps that are read of each stretch.
            steps: That are then compared.

        Raises:
            DataError: No series is long enough.
        """
        check_is_fitted(self)
        context, steps = whole("context", context, at_least=1), whole("steps", steps, at_least=1)
        source = self._open(series)
        length = context + steps
        stretches = [
            source[i][first : first + length]
            for i in range(len(source))
            for first in range(0, len(source[i]) - length + 1, length)
        ]
        if not stretches:
            raise DataError(f"{source.name}: no series has {length} steps; give longer ones, or use fewer steps")
        truth = np.stack(stretches)
        found = self.rollout([stretch[:context] for stretch in stretches], steps)
        errors: np.ndarray = np.sqrt(np.square(found - truth[:, context:]).mean(axis=0))
        return errors

    def generate(self, n: int = 1, *, steps: int | None = None, random_state: Any = 0) -> np.ndarray:
        """New series (images, if it learned from images) from nothing.

        Args:
            n: How many; number i is the same whatever n.
            steps: Time steps of each; None is the size of the images.
            random_state: Seed of the draws.

        Returns:
            (n, steps, d); of images (n, h, w), or (n, h, w, d) for several channels, in the user's units.
        """
        check_is_fitted(self)
        n, image = whole("n", n, at_least=1), self.schema_.image
        if steps is None and image is None:
            raise ConfigError("steps=None says no length; use steps=96, or a model of images")
        length = whole("steps", steps, at_least=1) if image is None or steps is not None else image[0] * image[1]
        network, device = self.network_.network, self.network_.device
        draws = resolve_seed(random_state), torch.arange(n, device=device)
        items = roll(self.network_, network.empty(n), network.opening(n), -(-length // self._patch), draws)
        values = self.schema_.unscale(items.reshape(n, -1, self.schema_.n_features)[:, :length])
        if image is None or steps is not None:
            return values
        pixels = values.reshape(n, *image, -1)
        return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _is_alone(given: Any, source: SeriesSource) -> bool:
    """Whether one series was given as such, and not as one of a list."""
    listed = isinstance(given, (list, tuple)) and len(given) > 0 and np.ndim(given[0]) > 0
    return len(source) == 1 and not listed

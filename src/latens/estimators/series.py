"""The estimator over real-valued series: forecasts, rollouts, pixel sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from latens.analysis import Forecast, ForecastReferee, forecast_of, judge_forecasts, quantile_levels
from latens.data.batches import TrainingData
from latens.data.sequences import SequenceRows, patch_windows, split_sequences
from latens.data.series import SeriesSource
from latens.devices import resolve_device
from latens.errors import ConfigError, DataError, finite, setting, whole
from latens.estimators.autoregressor import Autoregressor
from latens.estimators.fitting import Run, learn, network_to_train
from latens.estimators.reading import Reader
from latens.estimators.rollouts import as_items, futures, item_nats, path_keys, roll, stretched, windowed
from latens.estimators.series_data import is_alone, opened, scaled
from latens.estimators.series_judging import judged, level_share, residual_spread
from latens.estimators.states import SequenceState
from latens.schema import SeriesSchema
from latens.seeds import resolve_seed

__all__ = ["SeriesAutoregressor"]

# Share of the variance between eighths of the series from which on relative="auto" is relative.
_WANDERS = 0.3


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
        batch_size: int = 8,
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
        return opened(X, getattr(self, "schema_", None), self.impute)

    def _sequences(self, X: Any) -> list[np.ndarray]:
        """Every series of X in items, the last of which ends with it."""
        check_is_fitted(self)
        return [as_items(values, self._patch) for values in scaled(self._open(X), self.schema_)]

    @property
    def _window(self) -> int:
        """Items of a training window; of images all of one."""
        chunk, image = whole("chunk", self.chunk, at_least=1), self.schema_.image
        return chunk if image is None else max(chunk, -(-image[0] * image[1] // self.patch))

    @property
    def _reach(self) -> int | None:
        """Items of the past that the network knows what to do with; None is any number."""
        return None if self.carry_state else self._window

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
        series = scaled(source, self.schema_)
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
        what: dict[str, Any] = {"columns": source.columns, "image": source.image}
        what |= {"step": clock.step, "time": clock.time, "sequence": clock.sequence}
        self.schema_ = SeriesSchema.learn(source.values[first:end], self.scaling, **what)
        if self.relative not in ("auto", True, False):
            raise ConfigError(f'relative={self.relative!r} is not known; use True, False or "auto"')
        parts = [source.values[begin:stop] for begin, stop in pairwise(learned) if stop > begin]
        auto = source.image is None and level_share([self.schema_.scale_values(part) for part in parts]) > _WANDERS
        self.relative_ = auto if self.relative == "auto" else bool(self.relative)

    def _training_data(self, values: np.ndarray, cut: tuple[np.ndarray, np.ndarray]) -> TrainingData[SequenceRows]:
        patch, chunk = whole("patch", self.patch, at_least=1), self._window
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
        held_out = patch_windows(cut[1], chunk, patch, shifted=False)
        if self.early_stopping and not len(held_out):
            way_out = setting("validation_fraction", 0.1)
            raise ConfigError(f"early_stopping=True needs {patch} steps to be held out; use {way_out}")
        train = SequenceRows(items, learned, size, seed, device, carry=bool(self.carry_state))
        return TrainingData(train, SequenceRows(items, held_out, size, seed, device))

    def _keep(self, network: Any) -> None:
        super()._keep(network)
        self.relative_ = network.relative

    def _judge_series(self, series: Sequence[np.ndarray], offsets: np.ndarray, cut: int) -> None:
        """The network's spread, and the referee: both from the held-out part, read with what came before it."""
        learned = (cut - offsets[:-1]).clip(0, np.diff(offsets)).tolist()
        found = judged(self.network_, series, learned, self._reach)
        self.referee_ = judge_forecasts(found, self._patch, self.schema_.step)
        spread = torch.from_numpy(residual_spread(found, self._patch).clip(min=1e-6))
        self.network_.network.spread.copy_(spread)

    # ---- answers -----------------------------------------------------------------------------------------------

    def surprisal(self, series: Any) -> Any:
        """What each time step costs in nats, in the user's units: (T,) float64; a list for several series.

        The steps of a patch share its cost evenly. The first T mod P steps are in no whole patch, and NaN.
        """
        check_is_fitted(self)
        source = self._open(series)
        lengths = np.diff(source.offsets)
        nats = self._nats(self._sequences(source))
        found = [
            np.concatenate([np.full(length % self._patch, np.nan), np.repeat(each, self._patch)])
            for each, length in zip(nats, lengths, strict=True)
        ]
        return found[0] if is_alone(series, source) else found

    def _nats(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Of each item the nats a time step, in the user's units."""
        units, reader = float(np.log(self.schema_.scale).sum()), self.network_
        found = zip(sequences, windowed(reader, sequences, self._reach), strict=True)
        return [item_nats(reader, items, said) / self._patch + units for items, said in found]

    def score_samples(self, X: Any) -> np.ndarray:
        """The mean log-likelihood of a time step of each series, in nats and the user's units, (n,) float64.

        A series that is shorter than a patch has nothing to be judged by and scores 0.
        """
        return super().score_samples(X)

    def _costs(self, X: Any) -> list[np.ndarray]:
        return self._nats(self._sequences(X))

    def read(self, series: Any) -> SequenceState:
        """Where the model stands once it has read each series, of which the last training window's worth counts."""
        return self._begun(self._sequences(series))

    def _begun(self, sequences: Sequence[np.ndarray]) -> SequenceState:
        sequences = sequences if self._reach is None else [items[-self._reach :] for items in sequences]
        state, said = self.network_.states(sequences)
        seen = torch.zeros_like(said, dtype=torch.bool)
        return SequenceState(state, said, seen, path_keys(sequences, state.device), 0)

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
            quantiles: Levels in [0, 1], each once.
            random_state: Seed of the draws.

        Raises:
            ConfigError: An argument is out of range.
            DataError: The series is shorter than a patch, or not like those that were learned from.
            DivergedError: A value is no longer finite.
        """
        check_is_fitted(self)
        horizon, n_paths = whole("horizon", horizon, at_least=1), whole("n_paths", n_paths, at_least=0)
        levels = quantile_levels(quantiles)
        source = self._open(series)
        paths = self._futures(self._read_whole(source), horizon, n_paths, resolve_seed(random_state))
        found = [self._result(source, i, paths[i], levels if n_paths else ()) for i in range(len(source))]
        found = found if n_paths else [replace(each, paths=each.paths[:0]) for each in found]
        return found[0] if is_alone(series, source) else found

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
        values = futures(self.network_, self._begun(sequences), horizon, n_paths, seed)
        return self.schema_.unscale(values.reshape(*values.shape[:2], -1, self.schema_.n_features)[:, :, :horizon])

    def _result(self, source: SeriesSource, row: int, paths: np.ndarray, levels: tuple[float, ...]) -> Forecast:
        times = source.times(row, len(source[row]), paths.shape[1])
        name = None if source.ids is None else str(source.ids[row])
        return forecast_of(paths, levels, columns=self.schema_.names, times=times, name=name)

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
        return found[0] if is_alone(start, source) else found

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
        stretches = stretched([source[i] for i in range(len(source))], context + steps)
        if not stretches:
            raise DataError(f"{source.name}: no series has {context + steps} steps; give longer ones, or fewer steps")
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

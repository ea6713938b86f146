"""Forecasts as results, the plain forecasts that every model has to beat, and the referee between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from latens.analysis.seasons import season_of
from latens.errors import ConfigError, DataError, finite, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Forecast",
    "ForecastReferee",
    "Judged",
    "LinearForecast",
    "fit_linear",
    "forecast_of",
    "judge_forecasts",
    "last_value",
    "quantile_levels",
    "seasonal_naive",
]

# Errors within this share of each other are called level: less than the spread between seeds.
_LEVEL = 0.01
# Least and most values of a column's own past that the referee's linear forecast looks at.
_FEWEST_LAGS, _MOST_LAGS = 8, 336
# Of the spread of differences: enough to solve for a constant column.
_PENALTY = 1e-6


@dataclass(frozen=True, eq=False)
class Forecast:
    """What comes after a series, in the user's units.

    Args:
        mean: (H, d), the expected values.
        levels: (q,) of the quantiles, in [0, 1]; empty for a forecast of the mean alone.
        quantiles: (q, H, d), of the paths.
        paths: (n, H, d), possible futures, each a whole one.
        columns: The names of the d columns.
        times: (H,) when each step is, a pandas index with the zone and the name of the series' times; None without any.
        name: Of the series.

    Example:
        >>> Forecast(np.ones((2, 1)), (), np.empty((0, 2, 1)), np.empty((0, 2, 1)), ("load",)).to_frame().shape
        (2, 1)
    """

    mean: np.ndarray
    levels: tuple[float, ...]
    quantiles: np.ndarray
    paths: np.ndarray = field(repr=False)
    columns: tuple[str, ...]
    times: Any = None
    name: str | None = None

    def __len__(self) -> int:
        return len(self.mean)

    def to_frame(self) -> pd.DataFrame:
        """A row for each step: of each column the mean, called as the column, and its quantiles, ``load 0.9``."""
        import pandas as pd

        parts: dict[str, np.ndarray] = {}
        for place, column in enumerate(self.columns):
            parts[column] = self.mean[:, place]
            parts |= {f"{column} {_shown(level)}": self.quantiles[i, :, place] for i, level in enumerate(self.levels)}
        if self.times is None:
            return pd.DataFrame(parts, index=pd.RangeIndex(1, len(self) + 1, name="step"))
        return pd.DataFrame(parts, index=self.times.rename(self.times.name or "time"))


def forecast_of(paths: np.ndarray, levels: Sequence[float], **what: Any) -> Forecast:  # (n, H, d)
    """The forecast that some paths make.

    Example:
        >>> forecast_of(np.array([[[1.0]], [[3.0]]]), (0.5,), columns=("load",)).mean.tolist()
        [[2.0]]
    """
    quantiles = np.quantile(paths, levels, axis=0) if len(levels) else np.empty((0, *paths.shape[1:]))
    return Forecast(paths.mean(axis=0), tuple(levels), quantiles, paths, **what)


def quantile_levels(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Levels that have been checked, in the order given.

    Raises:
        ConfigError: It is no list of numbers in [0, 1], or one of them is there twice, which makes two columns one.

    Example:
        >>> quantile_levels([0.9, 0.1])
        (0.9, 0.1)
    """
    if isinstance(quantiles, str) or not np.iterable(quantiles):
        way_out = f"({quantiles},)" if isinstance(quantiles, (int, float)) else "(0.1, 0.5, 0.9)"
        raise ConfigError(f"quantiles={quantiles!r:.50} is no list of numbers; use quantiles={way_out}")
    levels = tuple(finite("quantiles", level, at_least=0.0, at_most=1.0) for level in quantiles)
    names = [_shown(level) for level in levels]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"quantiles: {twice} is there twice; give each level once")
    return levels


def _shown(level: float) -> str:
    """A level as columns are called by it: 0.1 + 0.2 is 0.3."""
    return f"{level:.15g}"


def last_value(past: np.ndarray, horizon: int) -> np.ndarray:  # (*, L, d) -> (*, H, d)
    """The last value again and again.

    Example:
        >>> last_value(np.array([[1.0], [3.0]]), horizon=2).ravel().tolist()
        [3.0, 3.0]
    """
    return np.repeat(past[..., -1:, :], horizon, axis=-2)


def seasonal_naive(past: np.ndarray, horizon: int, season: int) -> np.ndarray:  # (*, L, d) -> (*, H, d)
    """The last season again and again.

    Example:
        >>> seasonal_naive(np.array([[0.0], [1.0], [2.0]]), horizon=3, season=2).ravel().tolist()
        [1.0, 2.0, 1.0]
    """
    season = whole("season", season, at_least=1)
    if season > past.shape[-2]:
        raise ConfigError(f"season={season} exceeds the {past.shape[-2]} steps of the past; use a shorter one")
    return past[..., np.arange(horizon) % season - season, :]


@dataclass(frozen=True, eq=False)
class LinearForecast:
    r"""Every step of the future as a linear function of a column's own past, both less the last value.

    .. math:: \hat{x}_{t+h} = x_t + b_h + \sum_{i=1}^{L} w_{hi} (x_{t-i+1} - x_t)

    Zeng et al., 2023, https://arxiv.org/abs/2205.13504 (NLinear), solved instead of trained.

    Args:
        weights: (L, H).
        bias: (H,).
    """

    weights: np.ndarray
    bias: np.ndarray

    @property
    def lags(self) -> int:
        """Values of the past that it looks at, L."""
        return len(self.weights)

    def predict(self, past: np.ndarray) -> np.ndarray:  # (*, L) -> (*, H)
        """The future of some pasts, of which the last L values count."""
        window = past[..., -self.lags :]
        last = window[..., -1:]
        predicted: np.ndarray = last + self.bias + (window - last) @ self.weights
        return predicted


def fit_linear(
    series: Sequence[np.ndarray], lags: int, horizon: int, penalty: float = _PENALTY, stride: int = 1
) -> LinearForecast:
    """Least squares, with a ridge, over all windows of some series that share one forecast.

    Args:
        series: Each (T,); those shorter than lags + horizon say nothing.
        lags: Values of the past, L.
        horizon: Steps of the future, H.
        penalty: Of the ridge, per window.
        stride: Steps between the windows.

    Raises:
        DataError: No series is long enough for one window.

    Example:
        >>> line = fit_linear([np.arange(50.0)], lags=2, horizon=3)
        >>> line.predict(np.array([7.0, 8.0])).round(3).tolist()
        [9.0, 10.0, 11.0]
    """
    lags, horizon = whole("lags", lags, at_least=1), whole("horizon", horizon, at_least=1)
    finite("penalty", penalty, at_least=0.0)
    inside, across = np.zeros((lags + 1, lags + 1)), np.zeros((lags + 1, horizon))
    count = 0
    for values in series:
        if len(values) < lags + horizon:
            continue
        windows = sliding_window_view(np.asarray(values, dtype=np.float64), lags + horizon)[::stride]
        last = windows[:, lags - 1 : lags]
        past = np.concatenate([windows[:, :lags] - last, np.ones_like(last)], axis=1)
        inside += past.T @ past
        across += past.T @ (windows[:, lags:] - last)
        count += len(windows)
    if not count:
        raise DataError(f"no series has the {lags + horizon} steps of a window; give longer ones, or use fewer lags")
    inside[np.arange(lags), np.arange(lags)] += count * max(penalty, 1e-12)  # not the bias
    solution = np.linalg.solve(inside, across)
    return LinearForecast(solution[:-1], solution[-1])


@dataclass(frozen=True)
class ForecastReferee:
    """A model's error for what comes next beside those of plain forecasts of the same steps.

    All are mean squared errors in the scaled units that the model is trained in.

    Args:
        rows: ``"held-out"``, or ``"training"`` if nothing was held out.
        n_steps: Steps that were predicted.
        patch: Steps that are predicted at a time.
        model_error: The model's.
        last_error: That of the last value.
        linear_error: That of a linear function of each column's own past.
        seasonal_error: That of the value one season before; None if there is no season.
        season: Steps of the season, or None.
    """

    rows: str
    n_steps: int
    patch: int
    model_error: float
    last_error: float
    linear_error: float
    seasonal_error: float | None = None
    season: int | None = None

    @property
    def baselines(self) -> dict[str, float]:
        """The plain forecasts' errors by name."""
        named = {"last value": self.last_error, "linear forecast": self.linear_error}
        return named | ({} if self.seasonal_error is None else {"seasonal naive forecast": self.seasonal_error})

    @property
    def best(self) -> str:
        """The plain forecast with the least error."""
        return min(self.baselines, key=self.baselines.__getitem__)

    @property
    def ratio(self) -> float:
        """The model's error over the best plain forecast's: below one, the network earned its place. NaN for 0 / 0."""
        least = self.baselines[self.best]
        return self.model_error / least if least > 0 else float("inf") if self.model_error > 0 else float("nan")

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        what = "the next value" if self.patch == 1 else f"the next {self.patch} values"
        if not abs(self.ratio - 1) > _LEVEL:
            return f"predicts {what} about as well as the {self.best}: {self._figures}"
        if self.ratio < 1:
            return f"predicts {what} better than the {self.best} by {100 * (1 - self.ratio):.1f} %: {self._figures}"
        gain = 100 * (1 - 1 / self.ratio)
        return f"use the {self.best}: it predicts {what} better by {gain:.1f} %, {self._figures}"

    @property
    def _figures(self) -> str:
        others = ", ".join(f"{name} {error:.4g}" for name, error in self.baselines.items())
        return f"mean squared error {self.model_error:.4g} ({others}) on {self.n_steps:,} {self.rows} steps"


@dataclass(frozen=True, eq=False)
class Judged:
    """One series with what a model said of it.

    Args:
        values: (T, d), scaled.
        learned: Steps at its beginning that the model, and the plain forecasts, learn from.
        origins: (m,) int64, before which step each prediction was made, from what came before.
        predicted: (m, P, d), of the P steps from there on.
    """

    values: np.ndarray
    learned: int
    origins: np.ndarray
    predicted: np.ndarray


def judge_forecasts(series: Sequence[Judged], patch: int, step: str | None = None) -> ForecastReferee:
    """Compare a model with plain forecasts on the held-out steps, or on those it learned from if none are held out.

    Args:
        series: The data, and the predictions of it.
        patch: Steps that are predicted at a time, P.
        step: The regular step of time as a pandas frequency, for the season.

    Raises:
        DataError: No prediction has a past, or a training part is long enough for a linear forecast.

    Example:
        >>> x = np.sin(np.arange(200) * np.pi / 6)[:, None]
        >>> origins = np.arange(160, 200)
        >>> judged = Judged(x, 160, origins, np.zeros((40, 1, 1)))
        >>> judge_forecasts([judged], patch=1).best in ("linear forecast", "seasonal naive forecast")
        True
    """
    learned = [each.values[: each.learned] for each in series if each.learned]
    longest = max(learned, key=len)
    season = season_of(longest, step)
    season = season if 1 < season <= len(longest) // 3 else 1
    lags = min(max(_FEWEST_LAGS, 2 * season, 2 * patch), _MOST_LAGS, max((len(longest) - patch) // 2, 1))
    rows, held_out = "held-out", [_after(each, max(each.learned, lags, season)) for each in series]
    if not sum(len(each.origins) for each in held_out):
        rows, held_out = "training", [_after(each, max(lags, season)) for each in series]
    held_out = [each for each in held_out if len(each.origins)]
    if not held_out:
        raise DataError(f"series: none has a prediction with {lags} steps before it; give longer series")
    lines = [fit_linear([part[:, column] for part in learned], lags, patch) for column in range(longest.shape[1])]
    truth = np.concatenate([_steps(each, patch) for each in held_out])
    past = np.concatenate([_steps(each, -max(lags, season)) for each in held_out])

    def error(predicted: np.ndarray) -> float:
        return float(np.square(predicted - truth).mean())

    linear = np.stack([line.predict(past[..., column]) for column, line in enumerate(lines)], axis=-1)
    return ForecastReferee(
        rows,
        truth.shape[0] * patch,
        patch,
        error(np.concatenate([each.predicted for each in held_out])),
        error(last_value(past, patch)),
        error(linear),
        error(seasonal_naive(past, patch, season)) if season > 1 else None,
        season if season > 1 else None,
    )


def _after(each: Judged, first: int) -> Judged:
    """The predictions that were made at `first` or later."""
    kept = each.origins >= first
    return Judged(each.values, each.learned, each.origins[kept], each.predicted[kept])


def _steps(each: Judged, count: int) -> np.ndarray:  # -> (m, |count|, d)
    """So many steps from each origin on, or before it."""
    places = np.arange(min(count, 0), max(count, 0))
    return each.values[each.origins[:, None] + places]

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from latens.analysis import (
    Forecast,
    ForecastReferee,
    fit_linear,
    judge_forecasts,
    last_value,
    season_of,
    seasonal_naive,
)
from latens.analysis.forecasts import Judged
from latens.errors import ConfigError, DataError

RANDOM = np.random.default_rng(0)


class TestPlainForecasts:
    def test_last_value_of_several_columns(self):
        past = RANDOM.normal(size=(3, 5, 2))
        assert last_value(past, 4).shape == (3, 4, 2)
        assert (last_value(past, 4) == past[:, -1:]).all()

    def test_a_season_goes_on(self):
        x = np.tile([1.0, 5.0, 2.0], 10)[:, None]
        assert (seasonal_naive(x[:-7], 7, season=3) == x[-7:]).all()

    @pytest.mark.parametrize(("season", "message"), [(0, "season=0 is out of range"), (9, "season=9 exceeds the 5")])
    def test_refuses_seasons(self, season, message):
        with pytest.raises(ConfigError, match=message):
            seasonal_naive(np.zeros((5, 1)), 2, season)


class TestLinear:
    def test_equals_least_squares_by_hand(self):
        x = RANDOM.normal(size=200).cumsum()
        line = fit_linear([x], lags=4, horizon=3, penalty=0.0)
        windows = np.lib.stride_tricks.sliding_window_view(x, 7)
        past, last = windows[:, :4], windows[:, 3:4]
        inputs = np.concatenate([past - last, np.ones_like(last)], axis=1)
        weights = np.linalg.lstsq(inputs, windows[:, 4:] - last, rcond=None)[0]
        assert np.allclose(line.predict(past), last + inputs @ weights, atol=1e-6)

    def test_a_level_makes_no_difference(self):
        line = fit_linear([RANDOM.normal(size=100)], lags=4, horizon=2)
        past = RANDOM.normal(size=(3, 4))
        assert np.allclose(line.predict(past + 100.0), line.predict(past) + 100.0)

    def test_many_series_are_one_fit(self):
        t = np.arange(40.0)
        line = fit_linear([np.sin(t / 3), np.ones(3), np.sin(t / 3 + 1)], lags=3, horizon=1)
        assert line.predict(np.sin(np.array([5.0, 6.0, 7.0]) / 3)) == pytest.approx(np.sin(8 / 3), abs=1e-2)

    def test_refuses_what_is_too_short(self):
        with pytest.raises(DataError, match="no series has the 6 steps of a window"):
            fit_linear([np.ones(5)], lags=4, horizon=2)


class TestSeason:
    @pytest.mark.parametrize(
        ("file", "season"), [("ETTh1.csv.gz", 24), ("daily-min-temperatures.csv", 365), ("nab/nyc_taxi.csv.gz", 336)]
    )
    def test_of_real_series(self, data_folder, file, season):
        from latens.data import open_source

        source = open_source(data_folder / "timeseries" / file, kind="series", impute="linear")
        assert season_of(source[0], source.clock.step) == pytest.approx(season, abs=12 if season == 365 else 0)

    @pytest.mark.parametrize("values", [RANDOM.normal(size=500), RANDOM.normal(size=500).cumsum(), np.ones(50)])
    def test_there_is_none(self, values):
        assert season_of(values) == 1

    def test_a_short_one(self):
        assert season_of(np.tile([1.0, 5.0, 2.0], 40)) == 3

    def test_a_month_is_looked_for_in_years(self):
        t = np.arange(144)
        assert season_of(0.1 * t + np.sin(2 * np.pi * t / 12) + 0.3 * np.sin(2 * np.pi * t / 7), "MS") == 12


def judged(error: float, patch: int = 1, learned: int = 300) -> ForecastReferee:
    t = np.arange(400)
    x = np.stack([np.sin(t * np.pi / 6), np.cos(t * np.pi / 6)], axis=1) + 0.3 * RANDOM.normal(size=(400, 2))
    origins = np.arange(patch, 400 - patch + 1, patch)
    truth = x[origins[:, None] + np.arange(patch)]
    return judge_forecasts([Judged(x, learned, origins, truth + error)], patch)


class TestReferee:
    @pytest.mark.parametrize("patch", [1, 5])
    def test_compares_on_the_held_out_steps(self, patch):
        referee = judged(0.01, patch)
        assert (referee.rows, referee.n_steps, referee.season) == ("held-out", 100, 12)
        assert referee.model_error == pytest.approx(1e-4)
        assert referee.best == "linear forecast"
        assert referee.linear_error < referee.seasonal_error < referee.last_error
        what = "value" if patch == 1 else "5 values"
        assert referee.verdict.startswith(f"predicts the next {what} better than the linear forecast by 99.9 %")

    def test_says_what_to_use_instead(self):
        assert judged(2.0).verdict.startswith("use the linear forecast: it predicts the next value better by 9")

    def test_level(self):
        referee = dataclasses.replace(judged(1.0), model_error=1.0, linear_error=1.005, last_error=2, seasonal_error=2)
        assert referee.verdict.startswith("predicts the next value about as well as the linear forecast")

    def test_nothing_held_out(self):
        assert judged(0.1, learned=400).rows == "training"

    def test_nothing_to_compare(self):
        with pytest.raises(DataError, match="none has a prediction with"):
            judge_forecasts([Judged(np.zeros((20, 1)), 20, np.array([1]), np.zeros((1, 1, 1)))], 1)

    def test_zero_errors_are_level(self):
        x = np.zeros((60, 1))
        origins = np.arange(30, 60)
        assert "about as well" in judge_forecasts([Judged(x, 30, origins, np.zeros((30, 1, 1)))], 1).verdict


def test_a_forecast_as_a_frame():
    times = pd.date_range("2020", periods=2, freq="h")
    forecast = Forecast(np.ones((2, 1)), (0.1, 0.9), np.ones((2, 2, 1)), np.ones((5, 2, 1)), ("load",), times)
    frame = forecast.to_frame()
    assert list(frame.columns) == ["load", "load 0.1", "load 0.9"]
    assert frame.index.name == "time"
    assert len(forecast) == 2

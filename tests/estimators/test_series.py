from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

import latens
from latens import persistence
from latens.analysis import Forecast
from latens.callbacks import Callback, Checkpoints
from latens.errors import ConfigError, DataError, ModelFileError
from latens.estimators import SeriesAutoregressor
from latens.estimators.rollouts import as_items, windowed

T = np.arange(240)
WAVE = 10.0 + 3.0 * np.sin(T * np.pi / 6) + 0.1 * np.random.default_rng(0).normal(size=240)
BOTH = np.stack([WAVE, 0.01 * WAVE[::-1]], axis=1)


def model(**settings) -> SeriesAutoregressor:
    small = {"hidden_size": 8, "n_layers": 1, "chunk": 16, "max_epochs": 2, "verbose": 0}
    return SeriesAutoregressor(**small | settings)


@pytest.fixture(scope="module")
def fitted() -> SeriesAutoregressor:
    return model().fit(WAVE)


@pytest.fixture(scope="module")
def patched() -> SeriesAutoregressor:
    return model(likelihood="mse", patch=5, relative=True).fit(BOTH)


class TestFit:
    def test_learns(self):
        learned = model(max_epochs=60, hidden_size=16, batch_size=4).fit(WAVE)
        assert learned.referee_.ratio < 1.6
        assert learned.referee_.model_error < 0.1 * learned.referee_.last_error
        future = 10.0 + 3.0 * np.sin(np.arange(240, 252) * np.pi / 6)
        assert np.abs(learned.rollout(WAVE, 12)[:, 0] - future).mean() < 0.8

    @pytest.mark.parametrize("likelihood", ["mse", "gaussian", "mixture:2"])
    @pytest.mark.parametrize("patch", [1, 3])
    def test_every_likelihood_and_patch(self, likelihood, patch):
        fit = model(likelihood=likelihood, patch=patch, max_epochs=1).fit(BOTH)
        assert np.isfinite(fit.forecast(BOTH, 7, n_paths=2).paths).all()
        assert np.isfinite(fit.score(BOTH))

    def test_same_seed_same_weights(self, fitted):
        again = model().fit(WAVE)
        theirs = fitted.network_.network.state_dict()
        for name, tensor in again.network_.network.state_dict().items():
            assert torch.equal(tensor, theirs[name]), name

    def test_the_held_out_part_teaches_nothing(self, fitted):
        poisoned = WAVE.copy()
        poisoned[-20:] = 1e6
        assert model().fit(poisoned).schema_.offset == fitted.schema_.offset

    def test_a_wandering_level_is_seen_relatively(self, fitted):
        assert not fitted.relative_
        assert model(max_epochs=1).fit(np.arange(100.0)).relative_
        assert not model(max_epochs=1, relative=False).fit(np.arange(100.0)).relative_

    def test_a_level_makes_no_difference_to_a_relative_model(self, patched):
        moved = patched.rollout(BOTH + 5.0, 10) - 5.0
        assert np.allclose(moved, patched.rollout(BOTH, 10), atol=1e-3)

    def test_goes_on_learning(self, fitted):
        more = model().fit(WAVE)
        more.continue_fit(WAVE + 1.0)
        assert more.schema_.offset == fitted.schema_.offset
        assert not np.array_equal(more.rollout(WAVE, 5), fitted.rollout(WAVE, 5))

    def test_carries_states(self):
        assert np.isfinite(model(carry_state=True, batch_size=2).fit(WAVE).score(WAVE))

    def test_spread_is_that_of_the_residuals(self, patched):
        spread = patched.network_.network.spread
        assert spread.shape == (10,)
        assert 0 < float(spread.min()) < 10

    def test_clones(self):
        assert clone(model(patch=7)).patch == 7

    @pytest.mark.parametrize(
        ("settings", "data", "message"),
        [
            ({"relative": "sometimes"}, WAVE, "relative='sometimes' is not known"),
            ({"likelihood": "poisson"}, WAVE, "likelihood='poisson' is not known"),
            ({"patch": 0}, WAVE, "patch=0 is out of range"),
            ({"scaling": "magic"}, WAVE, "scaling='magic' is not known"),
            ({"impute": "magic"}, WAVE, "impute='magic' is not known"),
            ({"early_stopping": True, "validation_fraction": 0.0}, WAVE, "early_stopping=True needs"),
            ({"early_stopping": True, "patch": 50}, WAVE, "early_stopping=True needs 50 steps"),
        ],
    )
    def test_refuses_settings(self, settings, data, message):
        with pytest.raises(ConfigError, match=message):
            model(**settings).fit(data)

    def test_refuses_data(self):
        with pytest.raises(DataError, match="216 steps to learn from, fewer than two patches of 200"):
            model(patch=200).fit(WAVE)
        with pytest.raises(ConfigError, match="predicts the data itself"):
            model().fit(WAVE, target=WAVE)
        with pytest.raises(DataError, match="is nan"):
            model().fit([1.0, np.nan, 2.0])


class TestForecast:
    def test_shapes(self, fitted, patched):
        forecast = fitted.forecast(WAVE, 7, n_paths=4, quantiles=(0.5,))
        assert isinstance(forecast, Forecast)
        assert (forecast.mean.shape, forecast.quantiles.shape, forecast.paths.shape) == ((7, 1), (1, 7, 1), (4, 7, 1))
        several = patched.forecast([BOTH, BOTH[:50]], 12, n_paths=3)
        assert [each.paths.shape for each in several] == [(3, 12, 2)] * 2

    def test_a_path_is_the_same_in_any_company(self, fitted):
        ten = fitted.forecast(WAVE, 6, n_paths=10).paths
        assert np.array_equal(fitted.forecast(WAVE, 6, n_paths=3).paths, ten[:3])
        assert np.array_equal(fitted.forecast([WAVE[:40], WAVE], 6, n_paths=3)[1].paths, ten[:3])
        assert np.array_equal(fitted.forecast(WAVE, 3, n_paths=3).paths, ten[:3, :3])
        assert not np.array_equal(fitted.forecast(WAVE, 6, n_paths=3, random_state=1).paths, ten[:3])
        assert not np.array_equal(ten[0], ten[1])

    def test_the_mean_alone(self, fitted):
        forecast = fitted.forecast(WAVE, 6, n_paths=0)
        assert (len(forecast.paths), forecast.levels) == (0, ())
        assert np.array_equal(forecast.mean, fitted.rollout(WAVE, 6))

    def test_times_and_columns_come_along(self):
        frame = pd.DataFrame({"load": WAVE}, index=pd.date_range("2020", periods=240, freq="h"))
        forecast = model(max_epochs=1).fit(frame).forecast(frame, 3)
        assert forecast.times[0] == pd.Timestamp("2020-01-11")
        assert list(forecast.to_frame().columns) == ["load", "load 0.1", "load 0.5", "load 0.9"]

    def test_times_keep_their_zone(self):
        days = pd.date_range("2020-01-01", periods=240, freq="D", tz="Europe/Berlin")  # over a change of the clocks
        frame = pd.DataFrame({"load": WAVE}, index=days)
        forecast = model(max_epochs=1).fit(frame).forecast(frame, 60, n_paths=0)
        assert forecast.times.equals(pd.date_range(days[-1], periods=61, freq="D")[1:])

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ({"horizon": 0}, "horizon=0 is out of range"),
            ({"horizon": 3, "n_paths": -1}, "n_paths=-1 is out of range"),
            ({"horizon": 3, "quantiles": (1.5,)}, r"quantiles=1.5 is out of range"),
            ({"horizon": 3, "quantiles": 0.5}, r"quantiles=0.5 is no list of numbers; use quantiles=\(0.5,\)"),
            ({"horizon": 3, "quantiles": "0.5", "n_paths": 0}, r"quantiles='0.5' is no list of numbers; use"),
            ({"horizon": 3, "quantiles": (0.3, 0.1 + 0.2)}, r"quantiles: 0.3 is there twice; give each level once"),
        ],
    )
    def test_refuses(self, fitted, how, message):
        with pytest.raises(ConfigError, match=message):
            fitted.forecast(WAVE, **how)

    def test_refuses_other_data(self, patched):
        with pytest.raises(DataError, match="has 1 columns where the model has 2"):
            patched.forecast(WAVE, 3)
        with pytest.raises(DataError, match="has 3 steps, fewer than the 5 of a patch"):
            patched.forecast(BOTH[:3], 3)

    def test_refuses_another_step_of_time(self):
        frame = pd.DataFrame({"load": WAVE}, index=pd.date_range("2020", periods=240, freq="h"))
        daily = frame.set_axis(pd.date_range("2020", periods=240, freq="D"))
        with pytest.raises(DataError, match="one step is D where the model learned from h"):
            model(max_epochs=1).fit(frame).forecast(daily, 3)


class TestAnswers:
    def test_scores_are_in_the_users_units(self):
        one, thousand = (model(max_epochs=1).fit(scale * WAVE).score(scale * WAVE) for scale in (1.0, 1000.0))
        assert thousand == pytest.approx(one - np.log(1000.0), abs=1e-3)

    def test_surprisal_means_the_score(self, fitted, patched):
        assert -fitted.surprisal(WAVE).mean() == pytest.approx(fitted.score_samples(WAVE)[0])
        steps = patched.surprisal(BOTH[:-1])
        assert np.isnan(steps[:4]).all()
        assert -np.nanmean(steps) == pytest.approx(patched.score_samples(BOTH[:-1])[0])

    def test_an_outlier_surprises(self, fitted):
        odd = WAVE.copy()
        odd[100] += 8.0
        assert fitted.surprisal(odd).argmax() in (100, 101)

    @pytest.mark.parametrize("pooling", ["last", "mean", "max"])
    def test_vectors(self, fitted, pooling):
        found = fitted.transform([WAVE, WAVE[:50]], pooling=pooling)
        assert found.shape == (2, 8)
        assert np.array_equal(found[1:], fitted.transform([WAVE[:50]], pooling=pooling))

    def test_windows_say_the_same_as_reading_on_where_nothing_is_cut(self, fitted):
        items = as_items(WAVE[:, None], 1)

        def said(count: int, reach: int | None) -> np.ndarray:
            return next(windowed(fitted.network_, [items[:count]], reach))

        assert np.array_equal(said(17, 16), said(17, None))
        assert said(240, 16).shape == said(240, None).shape
        for reach in (1, 2, 3, 7):
            assert len(said(240, reach)) == len(items)

    def test_many_series_are_read_side_by_side(self, fitted, monkeypatch):
        series = [WAVE[first : first + length] for first, length in ((0, 60), (9, 17), (30, 200), (5, 2), (50, 60))]
        alone = [fitted.surprisal(each) for each in series]
        reads, read = [], fitted.network_.predictions
        monkeypatch.setattr(fitted.network_, "predictions", lambda windows: reads.append(len(windows)) or read(windows))
        for expected, found in zip(alone, fitted.surprisal(series), strict=True):
            assert np.array_equal(expected, found)
        assert len(reads) == 1
        monkeypatch.setattr("latens.estimators.rollouts._AT_ONCE", 70)
        for expected, found in zip(alone, fitted.surprisal(series), strict=True):
            assert np.array_equal(expected, found)
        assert len(reads) == 4

    def test_rollout_errors(self, fitted):
        errors = fitted.rollout_errors([WAVE], context=20, steps=10)
        assert errors.shape == (10, 1)
        with pytest.raises(DataError, match="no series has 500 steps"):
            fitted.rollout_errors(WAVE, context=400, steps=100)

    def test_states_go_into_files(self, fitted, patched, tmp_path):
        state = fitted.read([WAVE, WAVE[:50]])
        fitted.save_state(state, tmp_path / "state")
        assert torch.equal(fitted.load_state(tmp_path / "state").state, state.state)
        with pytest.raises(ModelFileError, match="the state of another model"):
            patched.load_state(tmp_path / "state")

    def test_generates(self, fitted):
        assert fitted.generate(2, steps=5).shape == (2, 5, 1)
        with pytest.raises(ConfigError, match="steps=None says no length"):
            fitted.generate(2)


@pytest.fixture(scope="module")
def painter() -> SeriesAutoregressor:
    digits = latens.open_source("dataset:digits", kind="series").take(np.arange(60))
    return model(max_epochs=1, patch=8).fit(digits)


class TestImages:
    def test_generates_images(self, painter):
        images = painter.generate(3)
        assert images.shape == (3, 8, 8)
        assert np.array_equal(painter.generate(1)[0], images[0])
        assert not painter.relative_

    def test_begins_as_images_do(self, painter):
        corner = painter.generate(50)[:, 0, 0]  # always black
        assert np.abs(corner).max() < 3.0


class TestFile:
    def test_round_trip(self, patched, tmp_path):
        patched.save(tmp_path / "m.latens")
        again = latens.load(tmp_path / "m.latens")
        assert np.array_equal(again.forecast(BOTH, 7).paths, patched.forecast(BOTH, 7).paths)
        assert again.referee_ == patched.referee_
        assert again.relative_
        again.continue_fit(BOTH)

    @pytest.mark.parametrize(
        ("part", "field", "value"),
        [
            ("schema", "columns", ["a"]),
            ("schema", "image", [8]),
            ("schema", "scaling", "magic"),
            ("config", "n_features", 1),
            ("config", "patch", 1 << 40),
            ("config", "n_features", 1 << 40),
            ("referee", "n_steps", "many"),
        ],
    )
    def test_refuses_a_hostile_header(self, patched, tmp_path, part, field, value):
        path = tmp_path / "m.latens"
        patched.save(path)
        file = persistence.read(path)
        header = dict(file.header) | {part: dict(file.header[part]) | {field: value}}
        persistence.write(path, header, dict(file.tensors))
        with pytest.raises(ModelFileError, match=r"m\.latens: its (header|tensors|schema)"):
            latens.load(path)


class Stop(Callback):
    """Ends a fit after its third step."""

    def step_end(self, state) -> None:
        if state.step == 3:
            raise RuntimeError("the power is gone")


def test_an_interrupted_fit_ends_as_an_uninterrupted_one(tmp_path):
    whole = model(patch=3, batch_size=8, max_epochs=3).fit(BOTH)
    half = model(patch=3, batch_size=8, max_epochs=3)
    with pytest.raises(RuntimeError, match="the power is gone"):
        half.fit(BOTH, callbacks=[Checkpoints(tmp_path, every_steps=1), Stop()], run_folder=tmp_path)
    half.fit(BOTH, run_folder=tmp_path, resume=True)
    assert half.resumed_from_step_ == 3
    assert np.array_equal(half.rollout(BOTH, 9), whole.rollout(BOTH, 9))


def test_the_score_of_a_series_shorter_than_a_patch_is_an_error():
    patched = model(patch=24).fit(WAVE)
    assert patched.score_samples(WAVE[:10]).tolist() == [0.0]
    with pytest.raises(DataError, match="score: nothing here has an item"):
        patched.score(WAVE[:10])

"""What users and the traps of the field ask of every estimator."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

import latens
from latens import Autoencoder, GaussianNoise, LinearAutoencoder, devices
from latens.callbacks import Callback
from latens.errors import ConfigError, DataError

ESTIMATORS = {
    "linear": LinearAutoencoder(verbose=0, max_epochs=3),
    "exact": LinearAutoencoder(verbose=0, solver="exact"),
    "deep": Autoencoder(verbose=0, max_epochs=3),
    "wide": Autoencoder(verbose=0, max_epochs=2, hidden="wide", corruption="gaussian:0.5"),
    "tied": Autoencoder(verbose=0, max_epochs=3, hidden=[12, 7], tied=True, dropout=0.2, corruption="masking:0.2"),
}


@pytest.fixture
def X() -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.normal(size=(257, 3)) @ random.normal(size=(3, 8)) + random.normal(size=(257, 8)) * 0.1).astype("f4")


def fitted(name: str, X, **how):
    return copy.deepcopy(ESTIMATORS[name]).set_params(**how).fit(X)


@pytest.mark.parametrize("name", ESTIMATORS)
class TestEveryEstimator:
    def test_is_deterministic(self, name, X):
        assert np.array_equal(fitted(name, X).transform(X), fitted(name, X).transform(X))

    def test_labels_never_affect_training(self, name, X):
        with_labels = copy.deepcopy(ESTIMATORS[name]).fit(X, y=np.arange(len(X)))
        assert np.array_equal(with_labels.transform(X), fitted(name, X).transform(X))

    def test_held_out_rows_never_affect_training(self, name, X):
        if name == "exact":
            return  # it uses every row, and says so
        poisoned = X.copy()
        poisoned[latens.data.split(len(X), 0.1, 0)[1]] = 1e9
        clean, other = fitted(name, X), fitted(name, poisoned)
        assert np.array_equal(clean.transform(X), other.transform(X))
        assert clean.history_["train_loss"] == other.history_["train_loss"]

    def test_inference_changes_nothing_and_draws_nothing(self, name, X):
        estimator = fitted(name, X)
        state = {key: tensor.clone() for key, tensor in estimator.network_.network.state_dict().items()}
        random = torch.get_rng_state(), np.random.get_state()[1].copy()
        first, second = estimator.reconstruct(X), estimator.reconstruct(X)
        assert np.array_equal(first, second)
        assert not estimator.network_.network.training
        for key, tensor in estimator.network_.network.state_dict().items():
            assert torch.equal(tensor, state[key])
        assert torch.equal(torch.get_rng_state(), random[0])
        assert np.array_equal(np.random.get_state()[1], random[1])

    def test_fit_leaves_the_global_random_state_alone(self, name, X):
        random = torch.get_rng_state(), np.random.get_state()[1].copy()
        fitted(name, X)
        assert torch.equal(torch.get_rng_state(), random[0])
        assert np.array_equal(np.random.get_state()[1], random[1])

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_a_row_is_answered_the_same_alone_and_in_any_batch(self, name, X, dtype):
        estimator, X = fitted(name, X), X.astype(dtype)
        whole = estimator.reconstruction_error(X)
        for rows in ([0], [256], [3, 250, 17], range(100, 257)):
            assert np.array_equal(estimator.reconstruction_error(X[list(rows)]), whole[list(rows)])
        assert estimator.transform(X).dtype == dtype

    def test_same_bits_in_a_new_process(self, name, X, tmp_path):
        estimator = fitted(name, X)
        estimator.save(tmp_path / "m.latens")
        np.save(tmp_path / "X.npy", X)
        code = (
            "import latens, numpy, sys; m = latens.load(sys.argv[1] + '/m.latens');"
            "X = numpy.load(sys.argv[1] + '/X.npy', allow_pickle=False);"
            "numpy.savez(sys.argv[1] + '/out.npz', z=m.transform(X), r=m.reconstruct(X), e=m.reconstruction_error(X))"
        )
        subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
        theirs = np.load(tmp_path / "out.npz", allow_pickle=False)
        assert np.array_equal(theirs["z"], estimator.transform(X))
        assert np.array_equal(theirs["r"], estimator.reconstruct(X))
        assert np.array_equal(theirs["e"], estimator.reconstruction_error(X))

    def test_a_loaded_one_is_the_same_estimator(self, name, X, tmp_path):
        estimator = fitted(name, pd.DataFrame(X, columns=list("abcdefgh")))
        estimator.save(tmp_path / "m.latens")
        again = latens.load(tmp_path / "m.latens")
        assert type(again) is type(estimator)
        assert again.history_ == estimator.history_
        assert again.referee_ == estimator.referee_
        assert again.feature_names_in_.tolist() == list("abcdefgh")
        theirs, ours = again.get_params(), estimator.get_params()
        resolve = latens.corruptions.resolve_corruption
        assert resolve(theirs.pop("corruption", None)) == resolve(ours.pop("corruption", None))
        assert theirs == ours

    def test_a_loaded_one_can_be_fitted_again(self, name, X, tmp_path):
        fitted(name, X).save(tmp_path / "m.latens")
        again = latens.load(tmp_path / "m.latens").fit(X)
        assert np.array_equal(again.transform(X), fitted(name, X).transform(X))

    def test_inverse_transform_is_the_second_half_of_reconstruct(self, name, X):
        estimator = fitted(name, X)
        assert np.allclose(estimator.inverse_transform(estimator.transform(X)), estimator.reconstruct(X), atol=1e-5)

    def test_error_residuals_and_score_agree(self, name, X):
        estimator = fitted(name, X)
        residuals = X - estimator.reconstruct(X)
        assert np.allclose(estimator.residuals(X), residuals)
        assert np.allclose(estimator.reconstruction_error(X), (residuals.astype("f8") ** 2).mean(axis=1))
        assert np.array_equal(estimator.score_samples(X), -estimator.reconstruction_error(X))

    def test_colour_images_of_odd_size(self, name, tmp_path):
        images = np.random.default_rng(0).integers(0, 255, size=(12, 33, 47, 3), dtype=np.uint8)
        estimator = fitted(
            name, images, batch_size=4, max_epochs=1, n_components=2, **({"hidden": [8]} if name == "wide" else {})
        )
        assert estimator.transform(images).shape == (12, 2)
        assert estimator.reconstruct(images).shape == images.shape
        assert estimator.residuals(images).shape == images.shape
        assert estimator.inverse_transform(np.zeros((5, 2))).shape == (5, 33, 47, 3)
        estimator.save(tmp_path / "m.latens")
        assert np.array_equal(latens.load(tmp_path / "m.latens").reconstruct(images), estimator.reconstruct(images))

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        shape=st.sampled_from([(1,), (2,), (7,), (5, 3), (1, 1), (4, 3, 1), (3, 4, 2), (3, 5, 4)]), n=st.integers(2, 9)
    )
    def test_any_shape(self, name, shape, n):
        X = np.random.default_rng(n).uniform(-3, 9, size=(n, *shape))
        estimator = fitted(name, X, n_components=1, batch_size=2, max_epochs=1)
        assert estimator.reconstruct(X).shape == X.shape
        assert np.isfinite(estimator.reconstruction_error(X)).all()

    @pytest.mark.parametrize("column", [np.full(257, 5.0), np.arange(257) % 2, np.linspace(1e9, 1e9 + 1, 257)])
    def test_constant_integer_and_far_columns(self, name, X, column):
        data = np.column_stack([X, column])
        assert np.isfinite(fitted(name, data).reconstruction_error(data)).all()

    @pytest.mark.parametrize("rows", [2, 3, 17, 32, 33])
    def test_every_row_is_seen_whatever_their_number(self, name, X, rows):
        """A last batch of one joins the batch before; batch statistics need two."""
        if name != "exact":
            estimator = fitted(name, X[:rows], batch_size=16, validation_fraction=0.0, max_epochs=1)
            assert estimator.history_["step"] == ({2: 1, 3: 1, 17: 1, 32: 2, 33: 2}[rows],)

    def test_one_sample_is_too_few(self, name, X):
        with pytest.raises(DataError, match="1 sample"):
            fitted(name, X[:1])

    def test_other_width(self, name, X):
        with pytest.raises(ValueError, match=r"X has 7 features, but \w+ is expecting 8"):
            fitted(name, X).transform(X[:, :7])


class TestUnits:
    def test_images_come_back_in_their_own_units(self):
        images = np.random.default_rng(0).integers(0, 256, size=(50, 4, 4), dtype=np.uint8)
        ae = LinearAutoencoder(n_components=15, solver="exact", verbose=0).fit(images)
        assert np.abs(ae.reconstruct(images) - images).max() < 80
        assert ae.reconstruction_error(images).mean() > 1  # squared grey levels, not squared fractions

    def test_a_frames_error_is_in_scaled_units(self, X):
        frame = pd.DataFrame(X * [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7], columns=list("abcdefgh"))
        ae = Autoencoder(max_epochs=1, verbose=0, validation_fraction=0.0).fit(frame)
        assert ae.reconstruction_error(frame).mean() == pytest.approx(ae.referee_.model_error, rel=1e-4)
        assert ae.residuals(frame)["h"].std() > 1e3

    def test_output_knows_the_range(self, X):
        unit = (X - X.min()) / (X.max() - X.min())
        assert fitted("deep", unit).network_.network.config["activations"]["output"] == "sigmoid"
        assert fitted("deep", X).network_.network.config["activations"]["output"] == "linear"
        assert fitted("deep", unit, output="linear").network_.network.config["activations"]["output"] == "linear"


class TestLinear:
    @pytest.mark.parametrize("scale", [1, 1e-4, 1e4])
    def test_gradient_reaches_pca_on_unscaled_data(self, X, scale):
        X = X * np.float32(scale) + np.float32(scale)
        how = {"n_components": 3, "verbose": 0, "validation_fraction": 0.0}
        exact = LinearAutoencoder(solver="exact", **how).fit(X)
        gradient = LinearAutoencoder(
            max_epochs=300, batch_size=64, schedule="one-cycle", learning_rate=1e-2, **how
        ).fit(X)
        assert gradient.reconstruction_error(X).mean() < 1.005 * exact.reconstruction_error(X).mean()
        weights = [e.network_.network.encoder.weight.detach().numpy() for e in (gradient, exact)]
        assert np.degrees(subspace_angles(*(w.T for w in weights)).max()) < 4

    def test_exact_uses_every_row(self, X):
        ae = LinearAutoencoder(n_components=3, solver="exact", verbose=0).fit(X)
        assert ae.referee_.rows == "training"
        assert ae.referee_.n_rows == len(X)
        assert ae.referee_.ratio == pytest.approx(1.0, abs=1e-6)

    def test_more_components_than_features(self, X):
        message = r'n_components=9 exceeds the 8 input features; use n_components<=8, or Autoencoder\(hidden="wide"\)'
        with pytest.raises(ConfigError, match=message):
            LinearAutoencoder(n_components=9, verbose=0).fit(X)


class TestAutoencoder:
    def test_widths_follow_the_rule(self, X):
        assert fitted("deep", X).network_.network.config["encoder"] == [8, 8, 8, 8, 4]
        assert fitted("wide", X).network_.network.config["encoder"] == [8, 16, 16, 16, 16]
        wide = np.random.default_rng(0).normal(size=(50, 100))
        assert fitted("deep", wide).network_.network.config["encoder"] == [100, 50, 33, 32, 32]

    def test_asymmetric(self, X):
        ae = fitted("deep", X, hidden=[6, 5], decoder_hidden=[7], n_components=2)
        assert ae.network_.network.config["encoder"] == [8, 6, 5, 2]
        assert ae.network_.network.config["decoder"] == [2, 7, 8]

    def test_too_many_components_for_a_taper(self, X):
        message = r'n_components=64 exceeds the 8 input features; use n_components<=8 or hidden="wide"'
        with pytest.raises(ConfigError, match=message):
            fitted("deep", X, n_components=64)

    def test_learns_what_pca_cannot(self):
        angle = np.random.default_rng(0).uniform(0, 2 * np.pi, size=600)
        ring = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)]).astype("f4")
        ae = Autoencoder(
            n_components=2, hidden=[64, 32], max_epochs=60, schedule="one-cycle", learning_rate=5e-3, verbose=0
        )
        assert ae.fit(ring).referee_.ratio < 0.3
        assert "beats exact PCA" in ae.referee_.verdict

    def test_a_denoiser_cleans(self):
        latent = np.random.default_rng(0).normal(size=(2000, 2))
        clean = np.hstack([latent, -latent, latent[:, ::-1], latent]).astype("f4")
        noisy = clean + np.random.default_rng(1).normal(scale=0.5, size=clean.shape).astype("f4")
        ae = Autoencoder(hidden="wide", corruption=GaussianNoise(0.5), max_epochs=20, verbose=0).fit(clean)
        before, after = ((x - clean) ** 2 for x in (noisy, ae.reconstruct(noisy)))
        assert after.mean() < 0.5 * before.mean()

    def test_learns_from_pairs(self, X):
        how = {"n_components": 3, "max_epochs": 60, "batch_size": 32, "schedule": "one-cycle", "learning_rate": 1e-2}
        ae = Autoencoder(**how, verbose=0).fit(X, target=-X)
        assert ((ae.reconstruct(X) + X) ** 2).mean() < 0.2 * X.var()

    def test_pairs_must_match(self, X):
        with pytest.raises(DataError, match="target has 256 rows for the 257 of X"):
            Autoencoder(verbose=0).fit(X, target=X[1:])

    def test_a_function_as_corruption_is_not_saved_and_load_says_so(self, X, tmp_path):
        ae = fitted("deep", X, corruption=lambda x: x * 0.5)
        ae.save(tmp_path / "m.latens")
        with pytest.warns(UserWarning, match="its corruption was a function of yours, which a file does not keep"):
            again = latens.load(tmp_path / "m.latens")
        assert np.array_equal(again.transform(X), ae.transform(X))
        assert again.corruption is None

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ({"hidden": None}, 'hidden=None gives no widths; use "taper", "wide", or a list'),
            ({"hidden": "tapper"}, "hidden='tapper' is not known; did you mean 'taper'"),
            ({"hidden": [8, 0]}, "hidden=0 is out of range; use a whole number >= 1"),
            ({"n_components": 0}, "n_components=0 is out of range"),
            ({"n_components": "many"}, 'use a whole number >= 1 or "auto"'),
            ({"activation": "rellu"}, "did you mean 'relu'"),
            ({"output": "tanh"}, "output='tanh' is not known"),
            ({"scaling": "minmax"}, "scaling='minmax' is not known"),
            ({"batch_size": 1}, "batch_size=1 is out of range; use a whole number >= 2"),
            ({"max_epochs": 0}, "max_epochs=0 is out of range"),
            ({"max_epochs": 2.5}, "max_epochs=2.5 is out of range"),
            ({"learning_rate": 0}, "learning_rate=0 would not learn"),
            ({"schedule": "cosin"}, "did you mean 'cosine'"),
            ({"clip_norm": -1}, "clip_norm=-1 would stop all learning"),
            ({"precision": "16-mixed", "device": "cpu"}, "needs a CUDA device"),
            ({"device": "gpu"}, "device='gpu' is not known; did you mean 'cpu'"),
            ({"validation_fraction": 1.0}, "validation_fraction=1"),
            ({"early_stopping": True, "validation_fraction": 0.0}, "early_stopping=True needs held-out rows"),
            ({"random_state": "x"}, "random_state='x' is no seed"),
            ({"dropout": 1.0}, "dropout=1.0 is out of range"),
            ({"tied": True, "decoder_hidden": [3]}, "tied=True needs mirrored widths"),
        ],
    )
    def test_settings_that_cannot_work(self, X, how, message):
        with pytest.raises(ConfigError, match=message):
            fitted("deep", X, **how)


class TestEarlyStopping:
    def test_stops_and_gives_back_the_best_weights(self, X):
        ae = Autoencoder(
            hidden=[64],
            early_stopping=True,
            patience=2,
            max_epochs=500,
            learning_rate=0.03,
            batch_norm=False,
            verbose=0,
        ).fit(X)
        losses = ae.history_["validation_loss"]
        assert len(losses) < 500
        assert len(losses) - losses.index(min(losses)) == 3
        assert ae.referee_.model_error == pytest.approx(min(losses), rel=1e-4)


class TestPrecision:
    def test_bf16_trains_float32_weights(self, X):
        ae = fitted("deep", X, precision="bf16-mixed")
        assert {tensor.dtype for tensor in ae.network_.network.parameters()} == {torch.float32}
        losses = [e.history_["train_loss"][-1] for e in (ae, fitted("deep", X))]
        assert losses[0] == pytest.approx(losses[1], rel=0.01)
        assert (losses[0] != losses[1]) == devices._fast_bfloat16()  # where it is slow, float32 is taken


class TestClipping:
    @pytest.mark.parametrize("how", [{"clip_value": 1e-3}, {"clip_norm": 1e-3}])
    def test_bounds_the_gradient(self, X, how):
        class Look(Callback):
            seen = 0.0

            def step_end(self, state) -> None:
                state_of = state.take_step.state.values()
                Look.seen = max(float(s["exp_avg"].abs().max()) for s in state_of)

        ae = copy.deepcopy(ESTIMATORS["deep"]).set_params(max_epochs=1, **how).fit(X, callbacks=[Look()])
        assert Look.seen <= 1e-3
        assert ae.history_["step"]

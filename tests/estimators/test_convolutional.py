"""Images of any size: learned from patches, answered whole, the same alone, in a batch, and after a reload."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import latens
from latens import ConvAutoencoder, persistence
from latens.callbacks import Callback, Checkpoints
from latens.errors import ConfigError, DataError, ModelFileError
from latens.estimators import inference

SIZES = [(20, 30), (33, 47), (18, 25), (20, 30), (41, 22)]
QUICK = {"hidden": [6, 5], "max_epochs": 2, "patch_size": 16, "batch_size": 4, "verbose": 0, "device": "cpu"}


def pages(channels: int | None = None, dtype=np.uint8, sizes=SIZES) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, *([channels] if channels else []))).astype(dtype) for size in sizes]


def conv(**how) -> ConvAutoencoder:
    return ConvAutoencoder(**{**QUICK, **how})


def dense(**how) -> ConvAutoencoder:
    return conv(encoder="dense", encoder_hidden=[12], n_components=3, **how)


@pytest.fixture(scope="module")
def ragged() -> ConvAutoencoder:
    return conv().fit(pages())


@pytest.fixture(scope="module")
def square() -> np.ndarray:
    return np.random.default_rng(1).uniform(size=(30, 9, 7)).astype("f4")


class TestAnySize:
    def test_answers_have_the_shape_and_units_given(self, ragged):
        answer, residuals = ragged.reconstruct(pages()), ragged.residuals(pages())
        assert [image.shape for image in answer] == SIZES
        assert {image.dtype for image in answer} == {np.dtype("f4")}
        assert 50 < np.mean(answer[0]) < 200
        for image, cleaned, residual in zip(pages(), answer, residuals, strict=True):
            assert np.allclose(image - cleaned, residual)
        error = [np.square(residual, dtype="f8").mean() for residual in residuals]
        assert np.array_equal(ragged.reconstruction_error(pages()), error)
        assert np.array_equal(ragged.score_samples(pages()), -ragged.reconstruction_error(pages()))

    def test_takes_sizes_that_it_never_saw(self, ragged):
        for size in [(1, 1), (1, 50), (64, 3), (70, 80)]:
            image = pages(sizes=[size] * 2)[0][None]
            assert ragged.reconstruct(image).shape == (1, *size)
            assert ragged.transform(image).shape == (1, 5)

    @pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
    def test_a_page_is_answered_the_same_alone_and_in_any_batch(self, ragged, dtype):
        images = pages(dtype=dtype)
        whole, codes, errors = ragged.reconstruct(images), ragged.transform(images), ragged.reconstruction_error(images)
        for row, image in enumerate(images):
            assert np.array_equal(ragged.reconstruct(image[None])[0], whole[row])
            assert np.array_equal(ragged.transform(image[None])[0], codes[row])
            assert ragged.reconstruction_error(image[None])[0] == errors[row]
        stack = np.stack([images[3], images[0], images[3]])
        assert np.array_equal(ragged.reconstruct(stack)[1], whole[0])
        assert np.array_equal(ragged.transform(stack)[2], codes[3])
        assert codes.dtype == ("f8" if dtype == "float64" else "f4")

    def test_the_code_is_the_maps_mean(self, ragged):
        image = pages()[1][None]
        scaled = torch.from_numpy(ragged.schema_.scale_values(image))
        with torch.no_grad():
            code = ragged.network_.network.encode(scaled)
        assert code.shape == (1, 5, 33, 47)
        assert np.allclose(ragged.transform(image), code.mean(dim=(2, 3)).numpy(), atol=1e-5)

    def test_codes_cannot_be_undone(self, ragged):
        with pytest.raises(ConfigError, match=r"averaged over the image.*use reconstruct\(X\), or ConvAutoencoder"):
            ragged.inverse_transform(np.zeros((2, 5)))

    def test_large_pages_are_cut_without_a_seam(self, ragged, monkeypatch):
        images = pages(dtype="float64", sizes=[(60, 45), (60, 45)])
        whole, codes = ragged.reconstruct(np.stack(images)), ragged.transform(np.stack(images))
        monkeypatch.setattr(inference, "_TILE", 16)
        assert np.allclose(ragged.reconstruct(np.stack(images)), whole, atol=1e-9)
        assert np.allclose(ragged.transform(np.stack(images)), codes, atol=1e-9)

    def test_memory_does_not_grow_with_the_page(self, ragged):
        seen = []
        network = ragged.network_.network
        hook = network.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].numel()))
        ragged.reconstruct(np.zeros((1, 1500, 1100), "f4"))
        hook.remove()
        assert max(seen) <= (512 + 2 * network.reach) ** 2

    def test_there_is_nothing_to_compare_with(self, ragged):
        assert not ragged.referee_.comparable
        assert "PCA with 5 components for 1 feature would only copy" in ragged.referee_.verdict
        assert (ragged.referee_.rows, ragged.referee_.n_rows) == ("held-out", 1)

    def test_a_code_below_the_colours_is_compared_with_pca_of_the_pixels(self):
        referee = conv(n_components=1).fit(pages(3)).referee_
        assert (referee.comparable, referee.n_features) == (True, 3)

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_any_channels(self, channels):
        ae = conv(max_epochs=1).fit(pages(channels))
        assert [image.shape for image in ae.reconstruct(pages(channels))] == [(*size, channels) for size in SIZES]
        assert ae.n_features_in_ == channels

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(size=st.sampled_from([(1, 1), (1, 9), (33, 47), (2, 3)]), n=st.integers(2, 6))
    def test_arrays_of_any_size(self, size, n):
        X = np.random.default_rng(n).uniform(-3, 9, size=(n, *size))
        ae = conv(max_epochs=1).fit(X)
        assert ae.reconstruct(X).shape == X.shape
        assert np.isfinite(ae.reconstruction_error(X)).all()

    def test_held_out_pages_never_affect_training(self, ragged):
        images = pages()
        images[latens.data.split(5, 0.1, 0)[1][0]][:] = 0
        other = conv().fit(images)
        assert other.history_["train_loss"] == ragged.history_["train_loss"]
        assert np.array_equal(other.transform(pages()), ragged.transform(pages()))

    def test_labels_and_colour_modes(self, ragged):
        with pytest.raises(
            DataError, match=r"samples of shape \(None, None, 3\) .* give it images of any size, 1 channel"
        ):
            ragged.transform(pages(3))

    def test_a_table_has_no_height(self):
        with pytest.raises(DataError, match=r"a table of 4 columns has no height and width; use X\.reshape"):
            conv().fit(np.zeros((5, 4)))

    def test_pairs_can_be_drawn_where_they_have_one_size(self, ragged):
        assert len(ragged.plot_pairs(pages(), rows=[0, 3]).axes) == 4
        with pytest.raises(DataError, match=r"image 0 is 30 x 20, image 1 is 47 x 33 .*choose rows of one size"):
            ragged.plot_pairs(pages(), rows=[0, 1])


class TestFiles:
    @pytest.mark.parametrize("encoder", ["convolutional", "dense"])
    def test_same_bits_in_a_new_process(self, encoder, square, tmp_path):
        estimator = (conv() if encoder == "convolutional" else dense()).fit(square)
        estimator.save(tmp_path / "m.latens")
        np.save(tmp_path / "X.npy", square)
        code = (
            "import latens, numpy, sys; m = latens.load(sys.argv[1] + '/m.latens');"
            "X = numpy.load(sys.argv[1] + '/X.npy', allow_pickle=False);"
            "numpy.savez(sys.argv[1] + '/out.npz', z=m.transform(X), r=m.reconstruct(X), e=m.reconstruction_error(X))"
        )
        subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
        theirs = np.load(tmp_path / "out.npz", allow_pickle=False)
        assert np.array_equal(theirs["z"], estimator.transform(square))
        assert np.array_equal(theirs["r"], estimator.reconstruct(square))
        assert np.array_equal(theirs["e"], estimator.reconstruction_error(square))

    def test_a_loaded_one_is_the_same_estimator(self, ragged, tmp_path):
        ragged.save(tmp_path / "m.latens")
        again = latens.load(tmp_path / "m.latens", device="cpu")
        assert (again.referee_, again.history_) == (ragged.referee_, ragged.history_)
        assert again.schema_.shape == (None, None)
        assert again.get_params() == ragged.get_params()
        for mine, theirs in zip(ragged.reconstruct(pages()), again.reconstruct(pages()), strict=True):
            assert np.array_equal(mine, theirs)
        assert np.array_equal(again.fit(pages()).transform(pages()), ragged.transform(pages()))

    def test_free_sizes_for_a_model_of_one_size_are_refused(self, square, tmp_path):
        latens.Autoencoder(hidden=[5], max_epochs=1, verbose=0).fit(square).save(tmp_path / "m.latens")
        file = persistence.read(tmp_path / "m.latens")
        header = {key: value for key, value in file.header.items() if key != "digest"}
        header["schema"] |= {"shape": [None, None]}
        persistence.write(tmp_path / "other.latens", header, file.tensors)
        with pytest.raises(ModelFileError, match="its header does not describe a model"):
            latens.load(tmp_path / "other.latens")


class Stop(Callback):
    def step_end(self, state) -> None:
        if state.step == 7:
            raise RuntimeError("stopped")


class TestResume:
    @pytest.mark.parametrize("encoder", ["convolutional", "dense"])
    def test_bit_for_bit(self, encoder, tmp_path, square):
        data = pages() if encoder == "convolutional" else square
        how = {"corruption": "gaussian:0.2", "dropout": 0.1, "max_epochs": 3}
        make = conv if encoder == "convolutional" else dense
        with pytest.raises(RuntimeError, match="stopped"):
            make(**how).fit(data, callbacks=[Checkpoints(tmp_path, every_steps=2), Stop()], run_folder=tmp_path)
        resumed = make(**how).fit(data, run_folder=tmp_path, resume=True)
        whole = make(**how).fit(data)
        assert resumed.resumed_from_step_ == 6
        assert resumed.history_["train_loss"] == whole.history_["train_loss"]
        for key, tensor in whole.network_.network.state_dict().items():
            assert torch.equal(tensor, resumed.network_.network.state_dict()[key])

    @pytest.mark.parametrize(
        ("how", "message"), [({"patch_size": 15}, r"patch=\[16, 16\], now \[15, 15\]"), ({"kernel_size": 5}, "model=")]
    )
    def test_refuses_a_checkpoint_of_other_settings(self, how, message, tmp_path):
        with pytest.raises(RuntimeError, match="stopped"):
            conv(patches_per_image=8).fit(
                pages(), callbacks=[Checkpoints(tmp_path, every_steps=2), Stop()], run_folder=tmp_path
            )
        with pytest.raises(ModelFileError, match=message):
            conv(patches_per_image=8, **how).fit(pages(), run_folder=tmp_path, resume=True)


class TestDenseEncoder:
    def test_codes_lead_back(self, square):
        ae = dense().fit(square)
        codes = ae.transform(square)
        assert codes.shape == (30, 3)
        assert np.allclose(ae.inverse_transform(codes), ae.reconstruct(square), atol=1e-5)
        assert ae.referee_.comparable
        assert ae.referee_.n_components == 3

    def test_needs_one_size(self, square):
        with pytest.raises(
            DataError, match=r'image 0 is 30 x 20, image 1 is 47 x 33 .*encoder="dense" needs one size.*"convolutional"'
        ):
            dense().fit(pages())
        with pytest.raises(DataError, match=r"samples of shape \(5, 7\) where the model was fitted on \(9, 7\)"):
            dense().fit(square).transform(np.zeros((1, 5, 7)))

    def test_widths(self, square):
        config = conv(encoder="dense", encoder_hidden="wide", hidden="auto").fit(square).network_.network.config
        assert config["encoder"] == [63, 126, 126, 126, 126]
        assert config["decoder"] == [32, 32, 16]

    def test_a_row_is_answered_the_same_alone_and_in_any_batch(self, square):
        ae = dense().fit(square)
        for X in (square, square.astype("f8")):
            whole = ae.reconstruct(X)
            for rows in ([0], [29], [3, 20, 17]):
                assert np.array_equal(ae.reconstruct(X[rows]), whole[rows])


class TestPairs:
    def test_learns_from_pairs_of_different_sizes(self):
        clean = [(np.indices(size).sum(axis=0) // 4 % 2 * 255).astype(np.uint8) for size in SIZES]
        noisy = [np.clip(image * 0.5 + 60, 0, 255).astype(np.uint8) for image in clean]
        ae = conv(max_epochs=30, validation_fraction=0.0).fit(noisy, target=clean)
        before, after = (
            np.mean([np.square(x.astype(float) - y).mean() for x, y in zip(images, clean, strict=True)])
            for images in (noisy, ae.reconstruct(noisy))
        )
        assert after < 0.2 * before

    def test_corruption_and_pairs_go_together(self):
        how = {"max_epochs": 1, "validation_fraction": 0.0}
        plain, noisy = (conv(corruption=c, **how).fit(pages(), target=pages()) for c in (None, "gaussian:0.5"))
        assert plain.history_["train_loss"] != noisy.history_["train_loss"]

    def test_other_sizes(self):
        with pytest.raises(DataError, match="image 0 is 30 x 20 and its partner image 0 is 22 x 41"):
            conv().fit(pages(), target=pages()[::-1])


class TestScikitLearn:
    def test_clone_and_params(self):
        estimator = conv(dilation=[1, 2])
        assert clone(estimator).get_params() == estimator.get_params()

    def test_grid_search(self, square):
        search = GridSearchCV(conv(max_epochs=1), {"n_components": [1, 2]}, cv=2).fit(square)
        assert search.best_params_["n_components"] in (1, 2)

    def test_grid_search_over_pages(self):
        search = GridSearchCV(conv(max_epochs=1), {"kernel_size": [1, 3]}, cv=2).fit(pages())
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    def test_pipeline(self, square):
        pipeline = make_pipeline(FunctionTransformer(lambda x: x[:, ::-1]), conv(max_epochs=1)).fit(square)
        assert pipeline.transform(square).shape == (30, 5)
        assert next(iter(conv().fit(square).get_feature_names_out())) == "convautoencoder0"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"hidden": "taper"}, "hidden='taper' is not known"),
        ({"hidden": []}, r"hidden=\[\] leaves no convolutional block"),
        ({"hidden": 3}, 'hidden=3 gives no widths; use "auto" or a list'),
        ({"encoder": "conv"}, "encoder='conv' is not known; use one of convolutional, dense"),
        ({"decoder": "dense"}, "decoder='dense' is not known"),
        ({"kernel_size": 4}, "kernel_size=4 has no middle pixel"),
        ({"dilation": [1]}, r"dilation=\[1\] has 1 numbers for 2 blocks"),
        ({"dilation": 0}, "dilation=0 is out of range"),
        ({"patch_size": 0}, "patch_size=0 is out of range"),
        ({"patch_size": "whole"}, "patch_size='whole' is out of range"),
        ({"patches_per_image": 0}, "patches_per_image=0 is out of range"),
        ({"scaling": "standard"}, "scaling='standard' is not known"),
        ({"batch_size": 1}, "batch_size=1 is out of range"),
    ],
)
def test_settings_that_cannot_work(how, message):
    with pytest.raises(ConfigError, match=message):
        conv(**how).fit(pages())

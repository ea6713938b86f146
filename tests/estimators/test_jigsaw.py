"""The encoder that learned from the order of tiles: honest about chance, and as usable as any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

import latens
from latens import JigsawEncoder, persistence
from latens.errors import ConfigError, DataError, ModelFileError

QUICK = {"max_epochs": 2, "batch_size": 16, "verbose": 0, "device": "cpu"}


def jigsaw(**how) -> JigsawEncoder:
    return JigsawEncoder(**QUICK | {"hidden": [4]} | how)


def quarters(n: int = 400) -> np.ndarray:
    """Images with a level of its own in each quarter, and noise."""
    random = np.random.default_rng(0)
    levels = np.kron([[0.1, 0.4], [0.6, 0.9]], np.ones((4, 4)))
    return (levels + random.normal(0, 0.02, size=(n, 8, 8))).astype("f4")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(50, 9, 11, 3)).astype("f4")


@pytest.fixture(scope="module")
def fitted(images) -> JigsawEncoder:
    return jigsaw().fit(images)


class TestLearning:
    def test_places_tiles_that_have_a_place(self):
        encoder = jigsaw(max_epochs=15, gap=1).fit(quarters())
        assert encoder.referee_.rows == "held-out"
        assert encoder.referee_.positions > 0.95
        assert encoder.referee_.chance_positions == pytest.approx(0.25)
        assert encoder.score(quarters(50)) > 0.95
        assert encoder.score_samples(quarters(50)).mean() > np.log(0.5)

    def test_cannot_place_noise(self, images):
        found = jigsaw(max_epochs=3).fit(images).order_accuracy(np.random.default_rng(1).uniform(size=(300, 9, 11, 3)))
        assert found.positions == pytest.approx(0.25, abs=0.06)
        assert found.verdict.startswith("puts ")

    def test_labels_and_other_rows_have_no_say(self, images, fitted):
        with_labels = jigsaw().fit(images, y=np.arange(50))
        assert np.array_equal(with_labels.transform(images), fitted.transform(images))

    def test_learns_on(self, images, fitted):
        again = clone(fitted).fit(images).continue_fit(images[:30])
        assert not np.array_equal(again.transform(images), fitted.transform(images))

    def test_without_held_out_rows(self, images):
        assert jigsaw(validation_fraction=0.0).fit(images).referee_.rows == "training"


class TestAnswers:
    def test_a_code_for_each_image(self, images, fitted):
        assert fitted.n_components_ == 64
        codes = fitted.transform(images)
        assert codes.shape == (50, 64)
        assert np.array_equal(fitted.transform(images), codes)
        for row in (0, 7):
            assert np.array_equal(fitted.transform(images[row : row + 1])[0], codes[row])
            assert fitted.score_samples(images[row : row + 1])[0] == fitted.score_samples(images)[row]
        assert list(fitted.get_feature_names_out())[:2] == ["jigsawencoder0", "jigsawencoder1"]

    def test_a_map_and_clusters_and_a_probe(self, images, fitted):
        assert fitted.plot_map(images) is not None
        assert latens.cluster(fitted, images, k=3, n_fits=1).codes.sizes.sum() == 50
        curve = latens.probe(fitted, images, np.arange(50) % 2, budgets=[10], n_draws=2)
        assert 0 <= curve.of("codes", "linear", 10).mean <= 1

    @pytest.mark.parametrize("method", ["reconstruct", "inverse_transform", "residuals", "reconstruction_error"])
    def test_does_not_pretend_to_reconstruct(self, fitted, method):
        assert not hasattr(fitted, method)

    def test_who_needs_reconstructions_says_so(self, images, fitted):
        with pytest.raises(ConfigError, match="JigsawEncoder reconstructs nothing, so no size of"):
            latens.sweep(jigsaw(), images, [4])
        for given in (jigsaw(), FrozenEstimator(fitted)):
            with pytest.raises(ConfigError, match="estimator=JigsawEncoder reconstructs nothing; use Autoencoder"):
                latens.OutlierDetector(given, verbose=0).fit(images)


class TestSettings:
    @pytest.mark.parametrize(
        ("how", "config"),
        [
            ({}, {"gap": 1, "n_components": 64, "hidden": [16, 32]}),
            ({"grid": 3}, {"gap": 1, "n_components": 144}),
            ({"gap": 0, "n_components": 8, "hidden": [2]}, {"gap": 0, "n_components": 8, "hidden": [2]}),
        ],
    )
    def test_auto(self, images, how, config):
        network = JigsawEncoder(**QUICK | how).fit(images).network_.network
        assert config.items() <= network.config.items()

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ({"n_components": 6}, "n_components=6 cannot be shared by 4 tiles; use a multiple, such as 4 or 8"),
            ({"n_components": "many"}, "n_components='many' is not known"),
            ({"grid": 1}, "grid=1 is out of range"),
            ({"grid": 10}, r"grid=10 with gap=0 leaves nothing of the tiles of images of 9 x 11; .*--set grid=2"),
            ({"gap": 9}, "gap=9 leaves nothing"),
            ({"gap": "wide"}, "gap='wide' is not known"),
            ({"hidden": "deep"}, "hidden='deep' is not known"),
            ({"hidden": 3}, r'hidden=3 gives no widths; use "auto" or a list'),
        ],
    )
    def test_that_cannot_work(self, images, how, message):
        with pytest.raises(ConfigError, match=message):
            jigsaw(**how).fit(images)

    def test_data_that_cannot_be_cut(self, images):
        with pytest.raises(DataError, match=r"a table of 4 columns has no tiles; use X.reshape"):
            jigsaw().fit(np.zeros((10, 4)))
        with pytest.raises(DataError, match="images of different sizes"):
            jigsaw().fit([np.zeros((8, 8)), np.zeros((8, 9))])
        with pytest.raises(ConfigError, match="target: a jigsaw predicts the order of the tiles of X; leave it out"):
            jigsaw().fit(images, target=images)
        with pytest.raises(DataError, match="1 sample is too few"):
            jigsaw().fit(images[:1])


class TestFile:
    def test_answers_the_same_in_a_new_process(self, images, fitted, tmp_path: Path):
        fitted.save(tmp_path / "m.latens")
        np.save(tmp_path / "x.npy", images)
        code = (
            f"import latens, numpy as np; j = latens.load({str(tmp_path / 'm.latens')!r}); x = np.load("
            f"{str(tmp_path / 'x.npy')!r}); np.save({str(tmp_path / 'z.npy')!r}, j.transform(x)); print(j.score(x))"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert float(done.stdout) == fitted.score(images)
        assert np.array_equal(np.load(tmp_path / "z.npy"), fitted.transform(images))
        again = latens.load(tmp_path / "m.latens")
        assert again.referee_ == fitted.referee_

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda header: header["schema"].update(shape=[90_000, 90_000, 3]), "a network for images of shape"),
            (lambda header: header.update(model="deep"), "model='deep' is none of JigsawEncoder"),
            (lambda header: header.update(estimator="Autoencoder"), "model='jigsaw' is none of Autoencoder"),
            (lambda header: header["config"].update(grid=500), "leaves nothing of the tiles"),
            (lambda header: header["config"].update(hidden=[5]), "its tensors are not those of its model"),
            (lambda header: header["referee"].update(positions="all"), "referee's positions='all'"),
            (lambda header: header.update(detector={}), "a detector around JigsawEncoder"),
        ],
    )
    def test_that_somebody_altered(self, fitted, tmp_path: Path, change, message):
        path = tmp_path / "m.latens"
        fitted.save(path)
        file = persistence.read(path)
        header = {key: value for key, value in json.loads(json.dumps(file.header)).items() if key != "digest"}
        change(header)
        persistence.write(path, header, file.tensors)
        with pytest.raises(ModelFileError, match=message):
            latens.load(path)

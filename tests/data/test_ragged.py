from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from latens import Autoencoder, LinearAutoencoder
from latens.data import open_source
from latens.errors import DataError
from latens.schema import Schema


def images(*shapes, dtype=np.uint8) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, shape).astype(dtype) for shape in shapes]


class TestAList:
    def test_is_a_source(self):
        source = open_source(images((3, 4), (5, 6), (2, 9)), labels=["a", "b", "c"])
        assert (len(source), source.kind, source.ragged, source.shape) == (3, "images", True, (None, None))
        assert (source.dtype, source.n_features) == (np.uint8, 30)
        part = source.take(np.array([2, 0]))
        assert [image.shape for image in part.values] == [(2, 9), (3, 4)]
        assert part.label().tolist() == ["c", "a"]

    def test_of_one_size_is_an_array(self):
        source = open_source(images((3, 4), (3, 4)))
        assert (source.ragged, source.shape) == (False, (3, 4))

    def test_gets_one_dtype(self):
        mixed = [images((3, 4))[0], images((5, 6), dtype=np.float32)[0]]
        assert {image.dtype for image in open_source(mixed).values} == {np.dtype(np.float32)}

    def test_an_array_of_images_is_one_too(self):
        again = open_source(open_source(images((3, 4), (5, 6))).values)
        assert again.shape == (None, None)

    @pytest.mark.parametrize(
        ("shapes", "message"),
        [
            ([(3, 4), (5, 6, 3)], r"image 1 has shape \(5, 6, 3\) where image 0 has \(3, 4\); give all of them"),
            ([(3, 4, 9), (5, 6, 9)], "1 to 4 channels last"),
            ([(3, 4), (0, 6)], r"image 1: 0 feature\(s\)"),
        ],
    )
    def test_of_unlike_images_is_refused(self, shapes, message):
        with pytest.raises(DataError, match=message):
            open_source(images(*shapes))

    def test_nan_is_named(self):
        bad = images((3, 4), (5, 6), dtype=np.float32)
        bad[1][2, 3] = np.nan
        with pytest.raises(DataError, match=r"image 1: row 0, pixel \(2, 3\) .* is NaN"):
            open_source(bad)


class TestAFolder:
    def test_is_a_source(self, tmp_path):
        for name, image in zip(("a.png", "sub/b.png"), images((3, 4), (5, 6)), strict=True):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / name)
        source = open_source(tmp_path)
        assert (source.shape, source.ids.tolist()) == ((None, None), ["a.png", "sub/b.png"])
        assert np.array_equal(source.values[1], images((3, 4), (5, 6))[1])
        assert source.label().tolist() == ["", "sub"]


class TestOneSize:
    @pytest.mark.parametrize("estimator", [Autoencoder(verbose=0), LinearAutoencoder(verbose=0)])
    def test_who_needs_one_names_two(self, estimator):
        with pytest.raises(
            DataError, match=r"different sizes: image 0 is 4 x 3, image 1 is 6 x 5 .* resize or crop them to one size"
        ):
            estimator.fit(images((3, 4), (5, 6)))

    def test_a_part_of_one_size_is_stacked(self):
        part = open_source(images((3, 4), (5, 6), (3, 4))).take(np.array([0, 2])).one_size()
        assert part.values.shape == (2, 3, 4)


class TestSchema:
    def test_learns_the_range_of_the_given_images_alone(self):
        source = open_source([np.array([[5, 9]], np.uint8), np.array([[1], [2]], np.uint8), np.array([[0, 255]] * 9)])
        schema = Schema.learn(source, np.array([0, 1]))
        assert (float(schema.scaling.offset), float(schema.scaling.scale)) == (1, 8)

    def test_round_trips_and_describes(self):
        source = open_source(images((3, 4, 3), (5, 6, 3)))
        schema = Schema.learn(source, np.arange(2))
        again = Schema.from_json(schema.to_json(), **schema.arrays())
        assert again.shape == (None, None, 3)
        assert again.describe() == "images of any size, 3 channels"
        again.check(open_source(images((7, 7, 3), (7, 7, 3))))
        with pytest.raises(DataError, match=r"samples of shape \(7, 7\) where the model was fitted on"):
            again.check(open_source(images((7, 7), (7, 7))))

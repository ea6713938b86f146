"""Images as sequences of blocks, and back to the last pixel."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from latens import EventAutoregressor
from latens.data import blocks_to_images, images_to_blocks, open_source
from latens.errors import ConfigError, DataError

SIDES = st.integers(1, 4)
PICTURES = arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=9), elements=st.integers(0, 1))


class TestRoundTrip:
    @given(PICTURES, st.tuples(SIDES, SIDES))
    def test_black_and_white_comes_back_whatever_the_sizes(self, images, block):
        sequences = images_to_blocks(images, block)
        n, height, width = images.shape
        assert {len(sequence) for sequence in sequences} == {-(-height // block[0]) * -(-width // block[1])}
        assert len(sequences) == n
        assert all(0 <= item < 2 ** (block[0] * block[1]) for sequence in sequences for item in sequence)
        back = blocks_to_images(sequences, (height, width), block)
        assert (back.shape, back.dtype) == (images.shape, np.uint8)
        np.testing.assert_array_equal(back, images)

    @given(arrays(np.float64, (2, 5, 7), elements=st.floats(-3, 3)), st.floats(-3, 3))
    def test_grey_comes_back_as_the_threshold_cuts_it(self, images, threshold):
        back = blocks_to_images(images_to_blocks(images, (3, 2), threshold=threshold), (5, 7), (3, 2))
        np.testing.assert_array_equal(back, images > threshold)

    @given(st.lists(st.lists(st.integers(0, 255), min_size=6, max_size=6), min_size=1, max_size=4))
    def test_sequences_come_back(self, sequences):
        assert images_to_blocks(blocks_to_images(sequences, (8, 6), (4, 2)), (4, 2)) == sequences


class TestReading:
    def test_blocks_and_their_pixels_are_read_line_by_line(self):
        image = np.zeros((1, 4, 4))
        image[0, 0, 0] = image[0, 1, 3] = image[0, 3, 0] = 1
        assert images_to_blocks(image, (2, 2)) == [[8, 1, 2, 0]]
        assert images_to_blocks(image, (1, 4)) == [[8, 1, 0, 8]]

    def test_an_uneven_image_goes_on_with_background(self):
        assert images_to_blocks(np.ones((1, 3, 3)), (2, 2)) == [[15, 10, 12, 8]]

    def test_the_middle_of_the_range_is_that_of_the_schema(self):
        assert images_to_blocks(np.array([[[0, 127, 128, 255]]], dtype=np.uint8), (1, 4)) == [[3]]
        assert images_to_blocks(np.array([[[-2.0, 0.0, 1.1, 4.0]]]), (1, 4)) == [[3]]
        assert images_to_blocks(np.array([[[0.0, 0.2, 0.3, 0.6]]]), (1, 4)) == [[1]]  # the range is [0, 1]

    def test_a_threshold_is_in_the_images_units(self):
        image = np.array([[[0, 100, 200, 255]]], dtype=np.uint8)
        assert images_to_blocks(image, (1, 4), threshold=50) == [[7]]
        assert images_to_blocks(image, (1, 4), threshold=200) == [[1]]

    def test_a_channel_of_one_and_anything_that_holds_images(self):
        images = np.random.default_rng(0).random((3, 4, 4))
        expected = images_to_blocks(images)
        assert images_to_blocks(images[..., None]) == expected
        assert images_to_blocks(list(images)) == expected
        assert images_to_blocks(open_source(images)) == expected

    @pytest.mark.parametrize(
        ("images", "message"),
        [
            (np.zeros((5, 4, 4, 3)), r"array: images of 3 channels .*; give one of them, X\[\.\.\., 0\]"),
            (np.zeros((5, 16)), r"a 2-D array of shape \(5, 16\) is no images; use X\.reshape\(5, height, width\)"),
            ([np.zeros((4, 4)), np.zeros((5, 4))], "images of different sizes: .*; resize or crop them to one size$"),
            (np.full((1, 2, 2), np.nan), "NaN"),
        ],
    )
    def test_refuses_other_images(self, images, message):
        with pytest.raises(DataError, match=message):
            images_to_blocks(images)

    @pytest.mark.parametrize(
        ("block", "message"),
        [
            ((4, 5), r"block=\(4, 5\) holds 20 pixels, so 2\^20 items; use at most 16 pixels"),
            ((0, 2), "block=0 is out of range; use a whole number >= 1"),
            (4, r"block=4 is no height and width; use two whole numbers, such as \(4, 2\)"),
            ((4, 2, 1), r"block=\(4, 2, 1\) is no height and width"),
        ],
    )
    def test_refuses_other_blocks(self, block, message):
        with pytest.raises(ConfigError, match=message):
            images_to_blocks(np.zeros((1, 4, 4)), block)
        with pytest.raises(ConfigError, match=message):
            blocks_to_images([[0]], (4, 4), block)

    def test_refuses_a_threshold_that_is_no_number(self):
        with pytest.raises(ConfigError, match="threshold=nan is out of range; use a finite number"):
            images_to_blocks(np.zeros((1, 4, 4)), threshold=float("nan"))


class TestDrawing:
    @pytest.mark.parametrize(
        ("sequence", "message"),
        [
            ([1, 2, 3], r"sequence 1 \(counted from 0\) has 3 blocks and the image 2; give its shape and block"),
            ([1], r'sequence 1 .*: block 1 of 2 is missing; use incomplete="background", or draw again'),
            ([None, 1], "sequence 1 .*: block 0 of 2 is missing"),
            ([1, 256], "sequence 1 .*: 256 at position 1 is no whole number from 0 to 255; replace it"),
            ([-1, 1], "-1 at position 0 is no whole number"),
            (["1", 1], "'1' at position 0 is no whole number"),
            ([True, 1], "True at position 0 is no whole number"),
            (7, "sequence 1 .* is 7, no list of blocks; give a list of sequences"),
        ],
    )
    def test_refuses_what_is_no_image(self, sequence, message):
        with pytest.raises(DataError, match=message):
            blocks_to_images([[0, 0], sequence], (4, 4))

    def test_refuses_a_shape_that_is_none(self):
        with pytest.raises(ConfigError, match=r"shape=\(4, 4, 1\) is no height and width"):
            blocks_to_images([[0, 0]], (4, 4, 1))
        with pytest.raises(ConfigError, match="incomplete='backgroud' is not known; did you mean 'background'"):
            blocks_to_images([[0, 0]], (4, 4), incomplete="backgroud")

    def test_what_is_missing_can_be_background(self):
        images = blocks_to_images([[15], [15, None], []], (2, 4), (2, 2), incomplete="background")
        assert images.sum(axis=(1, 2)).tolist() == [4, 4, 0]

    def test_nothing_is_no_images(self):
        assert blocks_to_images([], (4, 4)).shape == (0, 4, 4)

    def test_arrays_of_numbers_are_sequences(self):
        assert blocks_to_images(np.array([[255, 0]], dtype=np.uint16), (4, 4)).sum() == 8


def test_a_model_of_events_draws_what_it_read():
    images = np.zeros((64, 4, 4))
    images[::2, :2], images[1::2, :, 1] = 1, 1  # a bar lying, a bar standing
    settings = {"hidden_size": 16, "chunk": 5, "batch_size": 16, "max_epochs": 40, "learning_rate": 2e-2, "verbose": 0}
    model = EventAutoregressor(**settings).fit(images_to_blocks(images, (2, 2)))
    drawn = blocks_to_images(model.generate(n=20, max_new_items=4, temperature=0.5), (4, 4), (2, 2))
    assert {image.tobytes() for image in drawn} == {image.astype(np.uint8).tobytes() for image in images}


def test_the_example_of_the_manual_runs(tmp_path, monkeypatch):
    manual = (Path(__file__).parents[2] / "docs" / "text.md").read_text()
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", manual, flags=re.DOTALL) if "images_to" in block)
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("max_epochs=60", "max_epochs=5"), "text.md", "exec"), {})
    assert (tmp_path / "drawn.png").exists()

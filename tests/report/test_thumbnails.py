"""Sheets of pictures: every cell where it is said to be, and never too large for a page."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from latens.report.thumbnails import sprite_sheet


def opened(sheet: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(sheet["source"].split(",")[1]))))


def cell(sheet: dict, i: int) -> np.ndarray:
    x, y = i % sheet["across"] * sheet["width"], i // sheet["across"] * sheet["height"]
    return opened(sheet)[y : y + sheet["height"], x : x + sheet["width"]]


@pytest.mark.parametrize("shape", [(10, 5, 7), (10, 5, 7, 3), (1, 1, 1), (3, 4, 4, 1), (3, 4, 4, 4), (3, 4, 4, 2)])
def test_every_picture_is_in_its_cell(shape):
    pictures = np.random.default_rng(0).random(shape)
    sheet = sprite_sheet(pictures)
    assert (sheet["height"], sheet["width"]) == shape[1:3]
    for i, picture in enumerate(pictures):
        wanted = picture if picture.ndim == 2 or picture.shape[2] == 3 else None
        wanted = picture.mean(axis=2) if wanted is None and picture.shape[2] < 3 else wanted
        wanted = picture[..., :3] if wanted is None else wanted
        assert np.array_equal(cell(sheet, i), np.rint(255 * wanted))


def test_pictures_of_different_sizes_are_in_the_middle():
    pictures = [np.ones((2, 6)), np.ones((4, 2))]
    sheet = sprite_sheet(pictures)
    assert (sheet["height"], sheet["width"]) == (4, 6)
    assert cell(sheet, 0).astype(bool).tolist() == [[False] * 6, [True] * 6, [True] * 6, [False] * 6]


def test_large_pictures_are_made_small():
    sheet = sprite_sheet(np.random.default_rng(0).random((3, 200, 100)))
    assert (sheet["height"], sheet["width"]) == (48, 24)


def test_noise_becomes_jpeg_of_a_size_that_fits():
    sheet = sprite_sheet(np.random.default_rng(0).integers(0, 256, size=(6000, 28, 28, 3), dtype=np.uint8))
    assert sheet["source"].startswith("data:image/jpeg")
    assert len(sheet["source"]) < 6_100_000


def test_more_rows_than_fit_have_none():
    assert sprite_sheet(np.broadcast_to(np.zeros((1, 9, 9), dtype=np.uint8), (400_000, 9, 9))) is None

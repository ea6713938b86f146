"""Folders of images that are decoded as they are wanted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from latens import Autoencoder
from latens.data import open_source
from latens.errors import DataError


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for row in range(60):
        path = tmp_path / "photos" / ("cats" if row % 2 else "dogs") / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, size=(5, 4), dtype=np.uint8)).save(path)
    return tmp_path / "photos"


def test_pixels_labels_and_weights_are_those_in_memory(folder):
    held, streamed = (open_source(folder, stream=stream) for stream in (False, True))
    assert streamed.streamed
    np.testing.assert_array_equal(held.values, streamed.values[:])
    assert held.ids.tolist() == streamed.ids.tolist()
    assert held.label().tolist() == streamed.label().tolist()
    fits = [Autoencoder(2, max_epochs=1, verbose=0).fit(source) for source in (held, streamed)]
    states = (fit.network_.network.state_dict().values() for fit in fits)
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_pairs_by_name(folder):
    sources = [open_source(folder, stream=stream) for stream in (False, True)]
    fits = [Autoencoder(2, max_epochs=1, verbose=0).fit(x, target=x) for x in sources]
    states = (fit.network_.network.state_dict().values() for fit in fits)
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_a_file_that_is_gone(folder):
    source = open_source(folder, stream=True)
    (folder / "cats" / "3.png").unlink()
    with pytest.raises(DataError, match=r"cats/3.png: cannot be read as an image"):
        source.in_memory()


def test_different_sizes_stay_in_memory(folder, monkeypatch):
    Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(folder / "x.png")
    with pytest.raises(DataError, match=r"photos: images of different sizes stay in memory; leave --stream"):
        open_source(folder, stream=True)
    monkeypatch.setattr("latens.data.stored._LARGE", 100)
    assert open_source(folder).ragged

"""Applying a network in chunks of one size."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import latens
from latens.analysis import judge


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.cumsum(random.normal(size=(2500, 6)), axis=0)  # no two parts of it are alike


@pytest.fixture(scope="module")
def ae(x) -> latens.Autoencoder:
    return latens.Autoencoder(n_components=2, hidden=[8], max_epochs=1, scaling="none", verbose=0).fit(x)


def test_more_rows_than_a_chunk_holds_keep_their_own_features(ae, x):
    assert ae.network_.chunk_rows((6,)) < len(x)
    assert np.array_equal(ae.network_.features(x), x)


def test_the_referee_is_judged_on_the_very_rows(ae, x):
    learned, held_out = ae._rows(len(x), 0)
    expected = judge(x[learned].astype(np.float32), x[held_out].astype(np.float32), ae.referee_.model_error, 2)
    assert ae.referee_.pca_error == pytest.approx(expected.pca_error, rel=1e-4)


def test_memory_does_not_grow_with_the_rows() -> None:
    """Embedding and scoring of bytes hold a block of them in floating point, not all."""
    pixels = np.random.default_rng(0).integers(0, 256, (40_000, 16, 16), dtype=np.uint8)
    model = latens.Autoencoder(hidden=[8], n_components=2, max_epochs=1, verbose=0, validation_fraction=0.0)
    model.fit(pixels[:200])
    for answer in (model.transform, model.reconstruction_error):
        answer(pixels[:10])
        peaks = []
        for rows in (10_000, 40_000):
            tracemalloc.start()
            answer(pixels[:rows])
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] - peaks[0] < 30_000 * 16 * 8  # bytes: sixteen numbers a row at most, of 256


def test_parts_give_the_answers_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).random((300, 6), dtype=np.float32)
    model = latens.Autoencoder(hidden=[8], n_components=2, max_epochs=1, verbose=0).fit(x)
    whole = model.reconstruction_error(x)
    monkeypatch.setattr("latens.estimators.reconstruction._BLOCK", 64)
    assert np.array_equal(model.reconstruction_error(x), whole)

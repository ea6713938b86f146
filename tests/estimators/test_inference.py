"""Applying a network in chunks of one size."""

from __future__ import annotations

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

from __future__ import annotations

import sys

import numpy as np
import pytest

from latens.analysis import find_clusters
from latens.analysis.manifold import unfolded
from latens.errors import DataError, MissingExtra

ROWS = np.random.default_rng(0).normal(size=(90, 5)) + np.repeat([[0.0], [6.0], [12.0]], 30, axis=0)


def test_keeps_neighbours_together_and_depends_on_the_seed_alone():
    layout = unfolded(ROWS, seed=0)
    assert layout.shape == (90, 10)
    assert np.array_equal(layout, unfolded(ROWS, seed=0))
    found = find_clusters(layout, "gmm", 3, truth=np.repeat([0, 1, 2], 30))
    assert found.agreement is not None
    assert found.agreement.accuracy > 0.9


def test_too_few_rows():
    with pytest.raises(
        DataError, match="12 rows are too few to be laid out by neighbours; use at least 31, or the codes"
    ):
        unfolded(ROWS[:12], seed=0)


def test_what_is_not_installed_is_named_with_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtra, match=r'umap-learn is not installed; use: pip install "latens\[umap\]"'):
        unfolded(ROWS, seed=0)

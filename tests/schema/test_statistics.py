"""One pass says what the rows are like."""

from __future__ import annotations

import numpy as np
import pytest

from latens.data import Source
from latens.schema import summarise
from latens.schema.columns import Column, Table


@pytest.fixture
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(10_000, 5)) * [1, 10, 1e-3, 1, 1] + [0, 5, 10, -3, 0]


def test_moments_are_those_of_two_passes(X):
    rows = np.arange(0, 10_000, 2)
    found = summarise(Source(X), rows)
    np.testing.assert_allclose(found.mean, X[rows].mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.deviation, X[rows].std(axis=0), rtol=1e-9)
    assert found.extent == (X[rows].min(), X[rows].max())


def test_missing_cells_count_nowhere(X):
    X[np.random.default_rng(1).random(X.shape) < 0.3] = np.nan
    X[:5000, 3] = np.nan  # a block in which nothing is there
    X[:, 4] = np.nan
    found = summarise(Source(X), np.arange(len(X)))
    np.testing.assert_allclose(found.mean[:4], np.nanmean(X[:, :4], axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.deviation[:4], np.nanstd(X[:, :4], axis=0), rtol=1e-9)
    assert (found.mean[4], found.deviation[4]) == (0.0, 0.0)


def test_a_column_far_from_zero_keeps_its_spread():
    X = 1e9 + np.random.default_rng(0).normal(size=(20_000, 1))
    assert summarise(Source(X), np.arange(len(X))).deviation[0] == pytest.approx(X.std(), rel=1e-6)


def test_a_constant_column_has_none():
    found = summarise(Source(np.full((9000, 2), 0.1)), np.arange(9000))
    assert found.deviation.tolist() == [0, 0]
    assert found.mean.tolist() == [0.1, 0.1]


def test_columns_are_counted_in_the_same_pass():
    codes = np.array([0.0, 1.0, 1.0, np.nan, -1.0] * 2000)
    days = np.arange(10_000) * 86_400.0
    table = Table((Column("c", "category", levels=("a", "b")), Column("t", "datetime")))
    found = summarise(Source(np.stack([codes, days], axis=1), table=table), np.arange(10_000)).table
    assert found.has_missing
    assert found.types[0].gini == pytest.approx(4 / 9)
    assert found.types[1].periods == (31_556_952.0, 604_800.0)  # always at midnight


def test_without_moments_only_the_extremes_are_known(X):
    found = summarise(Source(X), np.arange(len(X)), moments=False)
    assert found.extent == (X.min(), X.max())
    assert not found.mean.any()

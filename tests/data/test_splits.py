"""Which rows are held out, of few rows and of very many."""

from __future__ import annotations

import numpy as np
import pytest

from latens.data import splits
from latens.data.splits import Chosen, before, everything, split, split_rows
from latens.seeds import split_order


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(splits, "_BLOCK", 100)


def test_up_to_a_block_it_is_one_permutation(small_blocks):
    train, held_out = split(100, 0.2, seed=5)
    order = split_order(100, 5)
    assert held_out.tolist() == sorted(order[:20])
    assert train.tolist() == sorted(order[20:])


@pytest.mark.parametrize("n", [101, 250, 1000])
@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.9])
def test_beyond_that_each_block_is_split(small_blocks, n, fraction):
    train, held_out = split(n, fraction, seed=5)
    assert sorted([*train, *held_out]) == list(range(n))
    for start in range(0, n, 100):
        rows = min(100, n - start)
        expected = min(rows - 1, max(1, round(rows * fraction))) if fraction else 0
        assert ((held_out >= start) & (held_out < start + 100)).sum() == expected


def test_blocks_differ(small_blocks):
    _, held_out = split(300, 0.1, seed=5)
    assert len({tuple(held_out[(held_out // 100) == block] % 100) for block in range(3)}) == 3


def test_places_of_very_many_rows_are_those_of_a_list(small_blocks):
    for chosen, rows in zip(split_rows(777, 0.3, 2), split(777, 0.3, 2), strict=True):
        assert isinstance(chosen, Chosen)
        assert len(chosen) == len(rows)
        for places in (slice(0, 10), slice(95, 210), slice(0, 0), slice(None), slice(len(rows) - 1, None)):
            assert chosen[places].tolist() == rows[places].tolist()
        limits = np.array([0, 1, 99, 100, 101, 500, 776, 777])
        assert before(chosen, limits).tolist() == np.searchsorted(rows, limits).tolist()


def test_everything(small_blocks):
    for n in (7, 100, 101, 250):
        rows = everything(n)
        assert isinstance(rows, Chosen) == (n > 100)
        assert rows[:].tolist() == list(range(n))

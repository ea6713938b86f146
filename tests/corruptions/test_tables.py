"""Swap noise: values of the same column, from training rows, and never from those held out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import latens
from latens.corruptions import Swap
from latens.data.batches import ResidentRows
from latens.data.sources import split
from latens.errors import ConfigError
from latens.seeds import Pool, keyed

N = 300
TABLE = torch.arange(N)[:, None] * 1.0 + torch.tensor([0.0, 1000.0, 2000.0])  # every value says its row and column
KEY = keyed(0, 0, torch.arange(N), Pool(TABLE, torch.arange(N)))


def test_values_stay_in_their_columns():
    swapped = Swap(0.5)(TABLE, KEY)
    assert torch.equal(swapped // 1000, TABLE // 1000)
    assert set(swapped.flatten().tolist()) <= set(TABLE.flatten().tolist())


@pytest.mark.parametrize("probability", [0.0, 0.15, 1.0])
def test_that_share_of_cells_and_always_from_another_row(probability):
    changed = Swap(probability)(TABLE, KEY) != TABLE
    assert float(changed.float().mean()) == pytest.approx(probability, abs=0.04)


def test_cells_of_a_row_come_from_different_rows():
    donors = Swap(1.0)(TABLE, KEY) % 1000
    assert float((donors[:, 0] == donors[:, 1]).float().mean()) < 0.03


def test_all_other_rows_are_equally_likely():
    wide = torch.arange(5.0)[:, None].expand(-1, 6000)
    swapped = Swap(1.0)(wide, keyed(0, 0, torch.arange(5), Pool(wide, torch.arange(5)))).long()
    for row in range(5):
        counts = torch.bincount(swapped[row], minlength=5).tolist()
        assert counts.pop(row) == 0
        assert all(abs(count - 1500) < 5 * 34 for count in counts)


def test_only_from_the_rows_of_the_pool():
    training = torch.tensor([3, 50, 51, 200])
    swapped = Swap(1.0)(TABLE, keyed(0, 0, torch.arange(N), Pool(TABLE, training)))
    assert set((swapped % 1000).flatten().tolist()) == {3.0, 50.0, 51.0, 200.0}


def test_a_row_without_others_stays_and_no_pool_is_an_error():
    one = keyed(0, 0, torch.tensor([0]), Pool(TABLE[:1], torch.tensor([0])))
    assert torch.equal(Swap(1.0)(TABLE[:1], one), TABLE[:1])
    with pytest.raises(ConfigError, match=r"pool=None: there are no other rows"):
        Swap(1.0)(TABLE, keyed(0, 0, torch.arange(N)))
    with pytest.raises(ConfigError, match=r"of shape \(2,\) for \(3,\); use at least 2 rows of one shape"):
        Swap(1.0)(TABLE, keyed(0, 0, torch.arange(N), Pool(TABLE[:, :2], torch.arange(N))))


def test_batches_give_the_training_rows_without_a_copy_and_evaluation_none():
    rows = ResidentRows(TABLE, TABLE, torch.arange(0, N, 2), batch_size=64, seed=0)
    for batch in rows.batches(epoch=0):
        assert batch.random.pool is not None
        assert batch.random.pool.values is TABLE
        assert not (Swap(1.0)(batch.x, batch.random) % 2).any()
    assert all(batch.random.pool is None for batch in rows.in_order())


def test_a_fit_never_sees_a_held_out_value(monkeypatch):
    table = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    seen: list[torch.Tensor] = []
    plain = Swap.__call__

    def watched(self, x, random):
        seen.append(plain(self, x, random))
        return seen[-1]

    monkeypatch.setattr(Swap, "__call__", watched)
    settings = {"n_components": 2, "max_epochs": 3, "batch_size": 16, "scaling": "none", "verbose": 0}
    latens.Autoencoder(**settings, corruption="swap:0.5", validation_fraction=0.3).fit(table)
    held_out = set(table[split(80, 0.3, 0)[1]].flatten().tolist())
    values = set(torch.cat(seen).flatten().tolist())
    assert values <= set(table.flatten().tolist())
    assert not values & held_out

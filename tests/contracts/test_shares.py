"""Whatever visits rows can be shared by ranks: together they have each batch, row by row and draw by draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from latens.data import open_source
from latens.data.batches import ResidentRows
from latens.data.patches import random_patches, resident_pixels
from latens.data.sequences import SequenceRows, plain_windows
from latens.data.splits import split_rows
from latens.data.streaming import Streamed, StreamedRows
from latens.ranks import Share
from latens.schema import Schema

CPU = torch.device("cpu")
N = 61


@pytest.fixture(params=["resident", "streamed", "patches", "sequences", "carried"])
def rows(request, tmp_path):
    """Rows in batches of eight of which the last one is short."""
    values = np.random.default_rng(0).normal(size=(N, 5, 4)).astype(np.float32)
    if request.param == "resident":
        x = torch.from_numpy(values)
        return ResidentRows(x, x, torch.arange(N), 8, 3)
    if request.param == "streamed":
        np.save(tmp_path / "x.npy", values.reshape(N, 20))
        source = open_source(tmp_path / "x.npy", stream=True)
        learned, _ = split_rows(N, 0.0, seed=3)
        data = Streamed(source, source, Schema.learn(source, learned), CPU, source.groups)
        return StreamedRows(data, learned, 8, 3)
    if request.param == "patches":
        source = open_source(values)
        x, layout = resident_pixels(source, Schema.learn(source, np.arange(N)), CPU)
        return random_patches((x, x, layout), np.arange(N), 3, 1, 8, 3)
    items = torch.from_numpy(np.random.default_rng(1).integers(0, 9, 400))
    return SequenceRows(items, plain_windows(np.array([0, 90, 91, 400]), 9), 8, 3, CPU, request.param == "carried")


def drawn(batch) -> list[tuple[int, list[float]]]:
    """Of each row of a batch its number and what is drawn for it."""
    draws = batch.random.stream("corruption").normal((len(batch.random.index), 6))
    return list(zip(batch.random.index.tolist(), draws.tolist(), strict=True))


@pytest.mark.parametrize("count", [2, 3, 10])
class TestShares:
    def test_are_each_batch(self, rows, count):
        shares = [list(replace(rows, share=Share(rank, count)).batches(epoch=2)) for rank in range(count)]
        whole = list(rows.batches(epoch=2))
        assert {len(share) for share in shares} == {rows.steps} == {len(whole)}
        for batch, *parts in zip(whole, *shares, strict=True):
            assert [row for part in parts for row in drawn(part)] == drawn(batch)
            assert sum(len(part) for part in parts) == len(batch)

    def test_are_all_held_out_rows_once(self, rows, count):
        shares = [list(replace(rows, share=Share(rank, count)).in_order()) for rank in range(count)]
        judged = sorted(row for share in shares for batch in share for row in batch.random.index.tolist())
        assert judged == sorted(row for batch in rows.in_order() for row in batch.random.index.tolist())

    def test_do_not_change_what_data_it_is(self, rows, count):
        assert replace(rows, share=Share(1, count)).identity() == rows.identity()
        assert len(replace(rows, share=Share(1, count))) == len(rows)

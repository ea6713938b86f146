"""Windows: every item scored once, none of them over a border; batches that are a function of (seed, epoch)."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latens.data.sequences import SequenceRows, Windows, aligned_windows, patch_windows, plain_windows, split_sequences
from latens.errors import DataError

CPU = torch.device("cpu")


def rows_of(ids: np.ndarray, windows: Windows, batch_size: int = 3, carry: bool = False) -> SequenceRows:
    return SequenceRows(torch.from_numpy(ids), windows, batch_size, seed=5, device=CPU, carry=carry)


def scored(rows: SequenceRows, epoch: int = 0) -> Counter[int]:
    found: Counter[int] = Counter()
    for batch in rows.batches(epoch):
        values = batch.items[batch.scored].tolist()
        assert len(batch) == len(values)
        found.update(values)
    return found


@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, 12, 19, 20, 21, 22, 250])
def test_every_item_is_scored_once_whatever_the_length(length: int) -> None:
    ids = np.arange(length)
    rows = rows_of(ids, plain_windows(np.array([0, length]), chunk=10))
    assert scored(rows) == Counter(range(length))
    assert len(rows) == length
    in_order = torch.cat([batch.items[batch.scored] for batch in rows.in_order()])
    assert sorted(in_order.tolist()) == list(range(length))


def test_full_windows_are_those_of_the_definition() -> None:
    """Item i is x = text[i·c : i·c + c], y = text[i·c + 1 : i·c + c + 1]."""
    ids, chunk = np.arange(100, 135), 8
    rows = rows_of(ids, plain_windows(np.array([0, 35]), chunk), batch_size=1)
    windows = {int(batch.items[0, 0]): batch for batch in rows.batches(0)}
    for i in range((len(ids) - 1) // chunk):
        batch = windows[int(ids[i * chunk])]
        assert batch.items[0, :-1].tolist() == ids[i * chunk : i * chunk + chunk].tolist()
        assert batch.items[0, 1:].tolist() == ids[i * chunk + 1 : i * chunk + chunk + 1].tolist()
        assert batch.scored[0].tolist() == [i == 0] + [True] * chunk


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    chunk=st.integers(1, 12),
    newlines=st.sets(st.integers(0, 200)),
)
def test_no_window_reads_over_a_border_and_nothing_is_lost(lengths: list[int], chunk: int, newlines: set[int]) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    starts = np.array(sorted(place for place in newlines if 0 < place < offsets[-1]), dtype=np.int64)
    for windows in (plain_windows(offsets, chunk), aligned_windows(offsets, chunk, starts)):
        hits = Counter(i for a, b in zip(windows.first, windows.stop, strict=True) for i in range(a, b))
        assert hits == Counter(range(offsets[-1]))
        assert (windows.stop - windows.start <= chunk + 1).all()
        document = np.searchsorted(offsets, windows.start, side="right")
        assert (document == np.searchsorted(offsets, windows.stop - 1, side="right")).all()
        assert windows.opening.sum() == sum(length > 0 for length in lengths)


def test_aligned_windows_start_after_newlines_only() -> None:
    text = "ab\ncdef\ng\nhijkl\nmn\n"
    places = np.array([i + 1 for i, c in enumerate(text) if c == "\n"])
    windows = aligned_windows(np.array([0, len(text)]), chunk=7, line_starts=places)
    assert all(start == 0 or text[start - 1] == "\n" for start in windows.start)


def test_a_line_that_is_longer_than_a_window_goes_on() -> None:
    windows = aligned_windows(np.array([0, 30]), chunk=4, line_starts=np.array([2]))
    assert windows.stop.tolist()[-1] == 30
    assert windows.start.tolist()[:3] == [0, 2, 6]


def test_short_sequences_of_about_one_length_share_a_batch() -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 4000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = rows_of(np.arange(offsets[-1]), plain_windows(offsets, 250), batch_size=16)
    batches = list(rows.batches(0))
    padding = 1 - sum(map(len, batches)) / sum(batch.items.numel() for batch in batches)
    assert padding < 0.15
    assert scored(rows, epoch=1) == Counter(range(offsets[-1]))


def test_the_order_is_a_function_of_seed_and_epoch_and_starts_anywhere() -> None:
    rows = rows_of(np.arange(100), plain_windows(np.array([0, 100]), 7), batch_size=4)
    first, again, other = (list(rows.batches(epoch)) for epoch in (0, 0, 1))
    assert all(torch.equal(a.items, b.items) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].items, other[0].items)
    assert torch.equal(next(rows.batches(0, start=2)).items, first[2].items)


def test_carried_rows_follow_one_another() -> None:
    rows = rows_of(np.arange(100), plain_windows(np.array([0, 50, 100]), 5), batch_size=4, carry=True)
    batches = list(rows.batches(0))
    assert batches[0].fresh is not None
    assert batches[0].fresh.all()
    for before, after in pairwise(batches):
        assert after.fresh is not None
        kept = len(after.items)
        follows = before.items[:kept, -1] == after.items[:, 0]
        assert torch.equal(follows | after.fresh, torch.ones(kept, dtype=torch.bool))
    assert scored(rows) == Counter(range(100))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_ids_of_every_dtype_and_from_a_mapped_file(dtype: type, tmp_path: Path) -> None:
    ids = np.arange(0, 250, dtype=dtype) if dtype == np.uint8 else np.arange(40_000, 40_250).astype(dtype)
    ids.tofile(tmp_path / "ids")
    mapped = np.memmap(tmp_path / "ids", dtype=dtype, mode="c")
    assert scored(rows_of(mapped, plain_windows(np.array([0, 250]), 10))) == Counter(ids.tolist())


def test_the_split_is_one_cut() -> None:
    learned, held_out = split_sequences(np.array([0, 1000]), 0.1)
    assert (learned.tolist(), held_out.tolist()) == ([0, 900], [900, 1000])


def test_the_split_prefers_a_border_nearby() -> None:
    learned, held_out = split_sequences(np.array([0, 300, 890, 1000]), 0.1)
    assert (learned.tolist(), held_out.tolist()) == ([0, 300, 890], [890, 1000])


def test_without_a_held_out_part_all_is_learned_from() -> None:
    learned, held_out = split_sequences(np.array([0, 40, 100]), 0.0)
    assert learned.tolist() == [0, 40, 100]
    assert len(plain_windows(held_out, 10)) == 0


def test_too_few_items() -> None:
    with pytest.raises(DataError, match=r"2 items are too few .* give it more"):
        split_sequences(np.array([0, 2]), 0.5)


@pytest.mark.parametrize("chunk", [1, 2, 5])
@pytest.mark.parametrize("lengths", [[9], [3, 0, 20, 4], [2]])
def test_a_patch_of_one_is_plain(chunk, lengths):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ours, plain = patch_windows(offsets, chunk, 1, shifted=True), plain_windows(offsets, chunk)
    for name in ("start", "first", "stop"):
        assert getattr(ours, name).tolist() == getattr(plain, name).tolist()


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_every_patch_of_every_series_is_scored_once(chunk):
    offsets, patch = np.array([0, 11, 13, 13, 29]), 4
    windows = patch_windows(offsets, chunk, patch, shifted=True)
    scored = [
        place
        for first, stop in zip(windows.first, windows.stop, strict=True)
        for place in range(first, stop, windows.stride)
    ]
    whole = [*range(11 - patch + 1), *range(13, 29 - patch + 1)]
    assert sorted(scored) == whole
    assert windows.scored.sum() == len(whole)
    assert windows.lengths.max() <= chunk


def test_not_shifted_it_begins_with_the_series():
    windows = patch_windows(np.array([5, 16]), 10, 4, shifted=False)
    assert (windows.start.tolist(), windows.stop.tolist()) == ([5], [13])

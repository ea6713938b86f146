"""Windows over patches; those over single items are tested with the networks that read them."""

from __future__ import annotations

import numpy as np
import pytest

from latens.data.sequences import patch_windows, plain_windows


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

"""The order of an epoch: every row once, in windows, from the groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latens.data.orders import EpochOrder, group_bounds, window_rows
from latens.seeds import order


def bounds_of(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)])


@given(
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=12).filter(sum),
    window=st.integers(2, 50),
    epoch=st.integers(0, 3),
)
def test_visits_every_row_once(lengths, window, epoch):
    found = EpochOrder(3, epoch, bounds_of(lengths), window)
    n = sum(lengths)
    assert sorted(found.all().tolist()) == list(range(n))
    assert [len(found.places(number)) for number in range(len(found))] == [
        min(window, n - start) for start in range(0, n, window)
    ]
    for number in range(len(found)):
        read = [place for span in found.spans(number) for place in range(*span)]
        assert sorted(read) == sorted(found.places(number).tolist())


def test_within_a_window_it_is_one_permutation_whatever_the_groups():
    for bounds in ([0, 10], [0, 3, 3, 10]):
        assert EpochOrder(3, 1, np.array(bounds), 10).all().tolist() == order(3, 1, 10).tolist()


def test_epochs_read_groups_in_another_order():
    orders = [EpochOrder(3, epoch, bounds_of([10] * 10), 30) for epoch in range(2)]
    assert orders[0].spans(0) != orders[1].spans(0)
    assert EpochOrder(3, 0, bounds_of([10] * 10), 30).all().tolist() == orders[0].all().tolist()


def test_a_group_is_read_on_where_a_window_has_cut_it():
    found = EpochOrder(0, 0, bounds_of([100, 100]), 80)
    ends = [found.spans(number)[-1][1] for number in range(len(found) - 1)]
    starts = [found.spans(number)[0][0] for number in range(1, len(found))]
    cut = [(end, start) for end, start in zip(ends, starts, strict=True) if end not in (100, 200)]
    assert cut
    assert all(end == start for end, start in cut)


def test_sizes_go_by_the_shape_of_a_row_alone():
    assert window_rows((28, 28)) == window_rows((784,)) == 2**28 // (4 * 784 + 32)
    assert np.diff(group_bounds(10**6, (784,)))[0] == 2**22 // (4 * 784)


@pytest.mark.parametrize("n", [0, 1, 5000])
def test_groups_end_with_the_rows(n):
    assert group_bounds(n, (1024,))[-1] == n

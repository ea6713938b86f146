"""Values on disk answer as an array does."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from latens.data.ahead import Ahead
from latens.data.stored import Stored, like_array, values_checksum
from latens.data.values import Source
from latens.errors import DataError

N = 1000


@pytest.fixture
def reads() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def held() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, 3)).astype("f4")


@pytest.fixture
def stored(held, reads, monkeypatch) -> Stored:
    monkeypatch.setattr("latens.data.stored._STEP", 64 * 12)

    def read(start: int, stop: int) -> np.ndarray:
        reads.append((start, stop))
        return held[start:stop].copy()

    return Stored(held.shape, held.dtype, read, "x")


ROWS = {
    "several": [5, 7, 900],
    "twice": [5, 5, 900],
    "backwards": [900, 7, 5],
    "negative": [-1, 0],
    "mask": np.arange(N) % 3 == 0,
    "none": np.zeros(0, dtype=int),
    "slice": slice(10, 200),
    "with steps": slice(900, 10, -7),
    "all": slice(None),
    "one": 17,
    "the last": -1,
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_those_of_an_array(stored, held, name):
    np.testing.assert_array_equal(stored[ROWS[name]], held[ROWS[name]])


def test_is_as_large_as_the_array(stored, held):
    assert (len(stored), stored.shape, stored.ndim, stored.dtype) == (N, held.shape, 2, held.dtype)
    np.testing.assert_array_equal(np.asarray(stored), held)
    np.testing.assert_array_equal(np.stack(list(stored)), held)


def test_no_read_is_longer_than_a_step(stored, reads):
    stored[:]
    stored[np.arange(0, N, 5)]
    assert max(stop - start for start, stop in reads) <= 2 * stored.step


def test_far_rows_are_not_read_with_what_lies_between(stored, reads):
    stored[[3, 980]]
    assert sum(stop - start for start, stop in reads) <= 10


def test_checksum_is_that_of_the_array_and_free_after_a_pass(stored, held, reads):
    stored[np.flatnonzero(np.arange(N) % 10 != 9)[:-1]]  # a pass over training rows, without the last ones
    reads.clear()
    assert values_checksum(like_array(stored)) == values_checksum(held)
    assert sum(stop - start for start, stop in reads) < 15
    assert values_checksum(held) != values_checksum(held[::-1])


def test_mapped_sees_every_block_with_its_first_row(stored, held):
    doubled = stored.mapped(lambda block, start: block * 2 + np.arange(start, start + len(block))[:, None])
    np.testing.assert_allclose(doubled[:], held * 2 + np.arange(N)[:, None], rtol=1e-6)
    assert stored.mapped(lambda block, start: block[:, :1], width=1)[5:7].shape == (2, 1)


def test_rows_that_are_gone(held):
    shorter = Stored(held.shape, held.dtype, lambda start, stop: held[start : stop - 1], "x")
    with pytest.raises(DataError, match="x: rows 0 to 3 are not there any more"):
        shorter[0:3]


def test_a_source_in_memory(stored, held, monkeypatch):
    source = Source(like_array(stored), labels={"y": np.arange(N)})
    assert source.streamed
    assert source.take(np.array([4, 2])).values.tolist() == held[[4, 2]].tolist()
    assert not source.in_memory().streamed
    np.testing.assert_array_equal(source.in_memory().values, held)
    monkeypatch.setattr("latens.data.values.physical_memory", lambda: 100)
    with pytest.raises(DataError, match=r"array: needs .* where this machine has 100 bytes"):
        source.in_memory()


class TestAhead:
    def test_loads_at_most_one_ahead(self):
        loaded = []
        with Ahead(lambda number, check: loaded.append(number) or number, range(5)) as ahead:
            assert ahead.take() == 0
            ahead.prepare()
            ahead.prepare()
            assert ahead.take() == 1
            assert loaded == [0, 1]

    def test_an_error_is_raised_where_its_thing_is_taken(self):
        def load(number, check):
            if number == 1:
                raise DataError("x: row 7 is NaN")
            return number

        with Ahead(load, range(3)) as ahead:
            assert ahead.take() == 0
            with pytest.raises(DataError, match="x: row 7 is NaN"):
                ahead.take()

    def test_leaving_stops_what_is_being_loaded(self):
        begun = threading.Event()

        def load(number, check):
            begun.set()
            while True:
                check()

        with Ahead(load, range(3)) as ahead:
            ahead.prepare()
            assert begun.wait(5)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("latens-ahead")]

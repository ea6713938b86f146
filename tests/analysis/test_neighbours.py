"""Exact neighbours are those of float64, whatever the numbers and however they are asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.analysis import NearestRows, Neighbours, nearest, neighbours, recall
from latens.errors import ConfigError, DataError


def by_hand(rows, queries, k, distance="euclidean"):
    rows, queries = rows.astype(np.float64), queries.astype(np.float64)
    if distance == "cosine":
        rows, queries = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, queries))
    found = []
    for query in queries:
        squares = np.square(rows - query).sum(axis=1)
        found.append(np.lexsort([np.arange(len(rows)), squares])[:k])
    return np.array(found)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    ("scale", "offset"),
    [(1, 0), (1e-18, 0), (1e20, 0), (1, 1e6), (1, 1e9)],
    ids=["plain", "tiny", "huge", "far", "off"],
)
def test_are_those_of_float64(distance, scale, offset):
    random = np.random.default_rng(0)
    rows = random.normal(size=(2000, 12)) * scale + offset
    queries = rows[:20] + 0.1 * scale * random.normal(size=(20, 12))
    found = nearest(rows, queries, 10, distance=distance)
    # By cosine, rows that are far off lie in one direction: float64 itself tells them apart by its last digits only.
    if distance == "cosine" and offset:
        assert recall(found, Neighbours(found.indices, np.sort(found.distances))) == 1.0
    else:
        assert (found.indices == by_hand(rows, queries, 10, distance)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(2, 60), st.integers(0, 2**31))
def test_ties_go_to_the_smaller_number(width, n, seed):
    random = np.random.default_rng(seed)
    rows = random.integers(0, 2, size=(n, width)).astype(np.float32)
    k = int(random.integers(1, n + 1))
    found = nearest(rows, rows, k)
    assert (found.indices == by_hand(rows, rows, k)).all()


def test_do_not_depend_on_batch_or_chunk(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(500, 7)).astype(np.float32)
    whole = nearest(rows, rows[:90], 5)
    alone = [nearest(rows, rows[i : i + 1], 5) for i in range(90)]
    assert (whole.distances == np.concatenate([each.distances for each in alone])).all()
    monkeypatch.setattr(neighbours, "_ROWS", 64)
    monkeypatch.setattr(neighbours, "_QUERIES", 7)
    again = nearest(rows, rows[:90], 5)
    assert (again.indices == whole.indices).all()
    assert (again.distances == whole.distances).all()


def test_a_row_can_be_left_out():
    rows = np.zeros((5, 2))
    found = NearestRows(rows).nearest(rows, 2, leave_out=np.arange(5))
    assert found.indices.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_a_query_at_infinity_of_float32_is_answered():
    rows = np.arange(12.0).reshape(6, 2)
    assert nearest(rows, np.array([[1e60, 1e60]]), 2).indices.shape == (1, 2)


def test_as_a_frame():
    frame = nearest(np.eye(3), np.eye(3)[:2], 2).to_frame()
    assert frame.columns.tolist() == ["query", "rank", "index", "distance"]
    assert frame["rank"].tolist() == [1, 2, 1, 2]


def test_recall_counts_rows_at_one_distance_alike():
    exact = Neighbours(np.array([[0, 1]]), np.array([[0.0, 1.0]]))
    assert recall(Neighbours(np.array([[0, 7]]), np.array([[0.0, 1.0]])), exact) == 1.0
    assert recall(Neighbours(np.array([[0, 7]]), np.array([[0.0, 2.0]])), exact) == 0.5


@pytest.mark.parametrize(
    ("rows", "queries", "k", "distance", "error", "words"),
    [
        (np.eye(3), np.eye(3), 4, "euclidean", ConfigError, "k=4 exceeds the 3 rows there are to find; use k<=3"),
        (np.eye(3), np.eye(3), 0, "euclidean", ConfigError, "k=0 is out of range"),
        (np.eye(3), np.eye(3), 1, "euclidian", ConfigError, "did you mean 'euclidean'"),
        (np.eye(3), np.eye(2), 1, "euclidean", DataError, "queries of 2 numbers where the rows have 3"),
        (np.eye(3) * np.nan, np.eye(3), 1, "euclidean", DataError, "rows: row 0 holds NaN or infinity; drop it"),
        (np.zeros((2, 3)), np.eye(3), 1, "cosine", DataError, "row 0 is all zeros, which has no direction"),
        (np.zeros(3), np.eye(3), 1, "euclidean", DataError, r"give numbers of shape \(n, d\)"),
    ],
)
def test_refuses_nonsense(rows, queries, k, distance, error, words):
    with pytest.raises(error, match=words):
        nearest(rows, queries, k, distance=distance)

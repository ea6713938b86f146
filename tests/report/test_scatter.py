"""The data of a scatter: what is packed, cut and coloured."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime

import numpy as np
import pytest

from latens.report import Scatter, scatter_data
from latens.report.scatter import clipped

POINTS = np.arange(8.0).reshape(4, 2)


def unpacked(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(b64decode(packed["data"]), dtype=f"<{packed['type']}")


def column(values: np.ndarray) -> dict:
    points = np.zeros((len(values), 2))
    return scatter_data(Scatter(points, ("x", "y"), {"it": values}))["columns"][0]


def shown(values: np.ndarray) -> list[str]:
    found = column(values)
    return [found["texts"][code] for code in unpacked(found["codes"])]


def test_points_are_packed():
    data = scatter_data(Scatter(POINTS, ("x", "y")))
    assert unpacked(data["x"]).tolist() == [0, 2, 4, 6]
    assert unpacked(data["y"]).tolist() == [1, 3, 5, 7]
    assert data["ids"] is None


def test_numbers_are_a_scale_and_few_whole_ones_classes():
    assert unpacked(column(np.array([0.5, np.nan, 2]))["values"]).tolist() == pytest.approx(
        [0.5, np.nan, 2], nan_ok=True
    )
    assert [each["name"] for each in column(np.array([3, 1, 3]))["classes"]] == ["1", "3"]


def test_large_whole_numbers_are_kept():
    values = 2**40 + np.arange(30)
    assert unpacked(column(values)["values"]).tolist() == values.tolist()


def test_what_is_missing_says_so():
    assert shown(np.array(["a", None, float("nan")], dtype=object)) == ["a", "missing", "missing"]


def test_times_are_text():
    assert shown(np.array([datetime(2026, 1, 31), None], dtype="datetime64[ns]"))[0].startswith("2026-01-31")


def test_many_classes_share_a_colour():
    found = column(np.array([f"name {i % 50}" for i in range(500)]))
    assert len(found["texts"]) == 50
    assert found["classes"][-1]["name"] == "31 other classes"
    assert len(found["class_of"]) == 50


def test_texts_that_all_differ_have_no_colours():
    assert "classes" not in column(np.array([f"a text {i}" for i in range(100)]))


def test_long_and_broken_texts():
    assert clipped("long " * 2000, longest=10) == "long long…"
    assert clipped("\ud800") == "?"
    assert clipped("a\n b\tc") == "a b c"
    assert clipped(" " * 1000 + "b", longest=10) == "…"


def test_ends_of_classes_are_cut_once():
    values = np.array(["x" * 200 + "a", "x" * 200 + "b", "c"])
    assert len(column(values)["texts"]) == 2

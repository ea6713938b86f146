"""Labels become classes or a quantity."""

from __future__ import annotations

import numpy as np

from latens.plots.colours import Classes, Quantity, read_labels


def classes(labels: list[object]) -> Classes:
    read = read_labels(np.array(labels, dtype=object))
    assert isinstance(read, Classes)
    return read


def test_classes_stand_in_the_order_a_person_would_give_them() -> None:
    assert classes(["10", "2", "b", "-3", "0.5"]).names == ("-3", "0.5", "2", "10", "b")
    assert classes(["class 10", "class 2"]).names == ("class 2", "class 10")


def test_each_row_points_at_its_class() -> None:
    read = classes(["b", "a", "b"])
    assert [read.names[code] for code in read.codes] == ["b", "a", "b"]


def test_missing_labels_are_a_class_that_says_so() -> None:
    assert classes(["a", None, float("nan")]).names == ("a", "missing")


def test_whole_floats_read_as_whole_numbers() -> None:
    assert read_labels(np.array([1.0, 2.0])).names == ("1", "2")  # type: ignore[union-attr]


def test_up_to_twenty_classes_have_colours_of_their_own() -> None:
    for n in (1, 2, 10, 11, 20):
        read = classes([f"c{i}" for i in range(n)])
        assert len(set(read.colours)) == len(read.names) == n


def test_beyond_twenty_the_rarest_names_share_a_colour() -> None:
    read = classes([f"c{i}" for i in range(30) for _ in range(30 - i)])
    assert len(read.names) == len(read.colours) == 20
    assert read.names[-1] == "11 other classes"
    assert read.names[:2] == ("c0", "c1")


def test_many_numbers_are_a_quantity_and_what_is_missing_stays_missing() -> None:
    read = read_labels(np.append(np.arange(50.0), np.nan))
    assert isinstance(read, Quantity)
    assert np.isnan(read.values).sum() == 1

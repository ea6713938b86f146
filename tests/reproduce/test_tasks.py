"""S11 at a size that takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latens.reproduce import ROWS, run
from latens.reproduce.bench import Bench
from latens.reproduce.hiding import SHARE, hide

Everything = tuple[Path, list[dict[str, Any]]]


def lines(everything: Everything) -> list[dict[str, Any]]:
    return [each for each in everything[1] if each["row"] == "S11"]


def test_both_tasks_stand_beside_what_needs_no_network(everything: Everything) -> None:
    asked, plain, four, nine = lines(everything)
    assert "the loss counts that alone" in asked["what"]
    assert all("mean of the training images: 0." in each["verdict"] for each in (asked, plain))
    assert all("chance: 0.7" in each["verdict"] and "images in order" in each["verdict"] for each in (four, nine))
    assert all("linear probe on 16 labels: 0." in each["verdict"] for each in lines(everything))
    assert all(0.0 <= each["error"] <= 1.0 for each in (four, nine))


def test_the_tables_and_the_picture(everything: Everything) -> None:
    bench = Bench(everything[0], (0,), True, lambda line: None)
    hidden, tiles = ROWS["S11"].tables(bench)
    assert [row[0] for row in hidden.rows] == ["mean of the training images", "pixels", "inpainting", "plain"]
    assert [row[0] for row in tiles.rows] == ["2 x 2", "3 x 3"]
    assert all(len(row) == len(table.header) for table in (hidden, tiles) for row in table.rows)
    assert bench.picture_path("S11 inpainting", "filled").exists()


def test_what_was_measured_is_not_measured_again(everything: Everything) -> None:
    told: list[str] = []
    again = run(["S11"], quick=True, seeds=(0,), folder=everything[0], report=told.append)
    assert (again, told) == (lines(everything), [])


def test_what_is_hidden_is_judged_and_nothing_else() -> None:
    images = np.random.default_rng(0).uniform(size=(5, 10, 10)).astype("f4")
    hidden = hide(images)
    assert np.array_equal(hidden.where, hide(images).where)
    assert hidden.where.mean() == pytest.approx(SHARE)
    assert np.array_equal(hidden.given[~hidden.where], images[~hidden.where])
    assert not hidden.given[hidden.where].any()
    assert hidden.error(np.where(hidden.where, images, 7.0)) == 0.0
    assert hidden.error(images + 0.5) == pytest.approx(0.25, rel=1e-5)
    assert np.array_equal(hidden.filled(images * 2)[hidden.where], 2 * images[hidden.where])

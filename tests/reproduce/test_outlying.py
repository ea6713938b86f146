"""What a model does not expect, and digits that it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latens.reproduce import ROWS
from latens.reproduce.bench import Bench
from latens.reproduce.recipes import EXPERIMENTS, UNKNOWN
from latens.reproduce.strangers import auroc_of_unknown

Everything = tuple[Path, list[dict[str, Any]]]


def bench(everything: Everything) -> Bench:
    return Bench(everything[0], (0,), True, print)


def of(everything: Everything, row: str) -> list[dict[str, Any]]:
    return [line for line in everything[1] if line["row"] == row]


def test_what_exceeds_nearly_all_training_errors_is_flagged_and_drawn(everything: Everything) -> None:
    (line,) = of(everything, "S18")
    assert "of 200 train images (0.2 expected) and " in line["verdict"]
    assert "of 60 test images (0.06 expected), below" in line["verdict"]
    assert all(bench(everything).picture_path("S18", part).exists() for part in ("train", "test"))


def test_neither_model_ever_sees_the_digits(everything: Everything) -> None:
    assert UNKNOWN == (5, 9)
    for name in ("S19", "S19 recipe"):
        data = bench(everything).data(name)
        assert not np.isin(data.train_labels, UNKNOWN).any()
        assert np.isin(data.test_labels, UNKNOWN).any()
        assert EXPERIMENTS[name].without == UNKNOWN
    settings = bench(everything).circumstances("S19")["settings"]
    assert settings == bench(everything).circumstances("S4")["settings"]


def test_both_are_judged_by_digit_and_by_evidence(everything: Everything) -> None:
    plain, recipe = of(everything, "S19")
    assert plain["verdict"].startswith("AUROC of 5 and 9 against the rest by its error 0.")
    assert "by the angle between codes 0." in recipe["verdict"]
    errors, found = ROWS["S19"].tables(bench(everything))
    assert errors.header[6] == "5 (never seen)"
    assert [len(row) for row in errors.rows] == [11, 11]
    assert len(found.rows) == 9
    assert all(0.0 <= float(cell) <= 1.0 for row in found.rows for cell in row[2:5])


def test_each_unknown_digit_is_held_against_the_known_ones_alone(everything: Everything) -> None:
    data = bench(everything).data("S19")
    found = auroc_of_unknown(np.where(data.test_labels == 5, 1.0, 0.0), data)
    assert (found["5"], found["9"]) == (1.0, 0.5)
    assert found["all"] == pytest.approx(0.5 + 0.5 * np.mean(data.test_labels[np.isin(data.test_labels, UNKNOWN)] == 5))

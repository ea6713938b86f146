"""S20 and S22 at a size that takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from latens.reproduce import ROWS, run
from latens.reproduce.bench import Bench
from latens.reproduce.digits import load_digits
from latens.reproduce.worth import WAYS, curve_of, plain_features, probes_of

Everything = tuple[Path, list[dict[str, Any]]]


def bench(everything: Everything) -> Bench:
    return Bench(everything[0], (0,), True, lambda line: None)


def line(everything: Everything, row: str) -> dict[str, Any]:
    (found,) = (each for each in everything[1] if each["row"] == row)
    return found


class TestClusters:
    def test_codes_stand_beside_pixels(self, everything: Everything) -> None:
        found = line(everything, "S20")
        assert "k-means: homogeneity 0." in found["verdict"]
        assert found["verdict"].count("of pixels 0.") == 3
        (table,) = ROWS["S20"].tables(bench(everything))
        assert len(table.rows) == 2 * len(WAYS)
        assert all(len(row) == len(table.header) for row in table.rows)
        assert bench(everything).picture_path("S20", "clusters").exists()


class TestProbes:
    def test_codes_stand_beside_pixels_and_pca(self, everything: Everything) -> None:
        assert "linear probe on 100 labels, mean of 3 draws: 0." in line(everything, "S22")["verdict"]
        (table,) = ROWS["S22"].tables(bench(everything))
        assert [row[:2] for row in table.rows[:2]] == [("raw", "linear"), ("raw", "kNN")]
        assert table.header[2:] == ("10 labels", "50 labels", "100 labels")
        assert bench(everything).picture_path("S22", "labels").exists()

    def test_results_come_back_from_json_as_they_went(self, tiny: Any) -> None:
        digits = load_digits(quick=True)
        features = plain_features(digits, 64)
        assert list(features) == ["raw"]  # PCA of all the pixels would only copy
        found = probes_of({"raw": (features["raw"][0][:, :3], features["raw"][1][:, :3])}, digits)
        assert curve_of(found).of("raw", "kNN", 10).mean == np.mean(found["probes"][3]["accuracies"])


def test_what_was_measured_is_not_measured_again(everything: Everything) -> None:
    told: list[str] = []
    again = run(["S20", "S22"], quick=True, seeds=(0,), folder=everything[0], report=told.append)
    assert (again, told) == ([line(everything, "S20"), line(everything, "S22")], [])

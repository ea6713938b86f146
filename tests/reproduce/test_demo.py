"""The demonstration leaves what it says, and says what is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from latens.data import open_source
from latens.errors import OutputError
from latens.estimators import load
from latens.reproduce.demo import DEMOS, run_demo

FULL = DEMOS["digits"]  # before the fixture shortens it
FILES = {
    *("linear.latens", "deep.latens", "denoising.latens", "codes.parquet"),
    *("map.png", "pairs.png", "denoised.png", "history.csv"),
}


Demonstrated = tuple[Path, list[dict[str, Any]], list[str]]


def test_the_folder_holds_what_is_promised(demonstrated: Demonstrated) -> None:
    folder, rows, told = demonstrated
    assert {path.name for path in folder.iterdir()} == FILES
    assert [(row["model"], row["input"]) for row in rows] == [
        ("linear", "clean"),
        ("deep", "clean"),
        ("denoising", "clean"),
        ("denoising", "noisy"),
    ]
    assert "1,500 images to learn from, 297 held out" in told[0]


def test_a_second_run_replaces_the_first(demonstrated: Demonstrated) -> None:
    folder, rows, _ = demonstrated
    codes = (folder / "codes.parquet").read_bytes()
    (folder / "codes.parquet").write_text("older")
    assert [row["error"] for row in run_demo(folder)] == [row["error"] for row in rows]
    assert (folder / "codes.parquet").read_bytes() == codes
    assert {path.name for path in folder.iterdir()} == FILES


def test_the_table_tells_the_truth_about_saved_models(demonstrated: Demonstrated) -> None:
    folder, rows, _ = demonstrated
    test = open_source("dataset:digits/test")
    for row in rows[:2]:
        model = load(folder / f"{row['model']}.latens")
        assert row["error"] == pytest.approx(model.reconstruction_error(test).mean() / 16**2, rel=1e-4)
        assert row["gain_percent"] == pytest.approx(100 * (1 - row["error"] / row["exact_pca"]), abs=0.06)
    codes = pq.read_table(folder / "codes.parquet")
    np.testing.assert_array_equal(codes["label"], test.labels["label"])
    assert codes.num_columns == 3


def test_a_short_fit_admits_that_pca_is_better(demonstrated: Demonstrated) -> None:
    _, deep, *_ = demonstrated[1]
    assert deep["error"] > deep["exact_pca"]
    assert deep["gain_percent"] < 0


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot be made .* choose another folder"):
        run_demo(tmp_path / "file" / "demo")


@pytest.mark.slow
def test_the_demonstration_gains_over_pca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEMOS, "digits", FULL)
    linear, deep, clean, noisy = run_demo(tmp_path)
    assert abs(linear["gain_percent"]) < 2
    assert deep["gain_percent"] > 25
    assert noisy["gain_percent"] > 30
    assert clean["error"] < noisy["error"]

"""Every row runs, results survive an interruption, and nothing is measured twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from latens.errors import ConfigError, DataError, Interrupted, OutputError
from latens.estimators import load
from latens.reproduce import ROWS, run
from latens.reproduce.bench import Bench
from latens.reproduce.recipes import EXPERIMENTS
from latens.reproduce.rows import Line


def quick(folder: Path, *rows: str, seeds: tuple[int, ...] = (0,)) -> tuple[list[dict[str, object]], list[str]]:
    told: list[str] = []
    return run(rows, quick=True, seeds=seeds, folder=folder, report=told.append), told


def fits(told: list[str]) -> int:
    return sum("test error" in line for line in told)


def test_every_row_has_its_line_and_the_page_says_that_it_is_quick(
    everything: tuple[Path, list[dict[str, Any]]],
) -> None:
    folder, results = everything
    rows = [row for row in ROWS if row.startswith("S")]
    assert list(dict.fromkeys(result["row"] for result in results)) == rows
    page = (folder / "index.html").read_text()
    assert "Quick form" in page
    assert all(f'<td class="words">{row}</td>' in page for row in rows)


def test_a_row_says_that_quick_is_not_comparable_and_how_far_pca_gets(
    everything: tuple[Path, list[dict[str, Any]]],
) -> None:
    plain, centred = everything[1][:2]
    assert plain["published"] == 0.05784
    assert plain["exact_pca"] == centred["exact_pca"] == pytest.approx(0.05, abs=0.02)
    assert plain["verdict"] == "quick: 200 digits images, 2 epochs; not comparable with the published figure"


def test_the_median_stands_beside_every_seed(tmp_path: Path) -> None:
    (result,), _ = quick(tmp_path, "S3", seeds=(0, 1, 2))
    assert len(set(result["seeds"])) == 3  # type: ignore[arg-type]
    assert result["error"] == sorted(result["seeds"])[1]  # type: ignore[call-overload]


def test_a_second_run_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    first, told = quick(tmp_path, "S3", seeds=(0,))
    assert fits(told) == 1
    again, told = quick(tmp_path, "S3", seeds=(0,))
    assert (again, fits(told)) == (first, 0)
    _, told = quick(tmp_path, "S3", seeds=(0, 1))
    assert fits(told) == 1


def test_other_settings_are_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(tmp_path, "S3")
    monkeypatch.setitem(EXPERIMENTS["S3"].settings, "learning_rate", 0.01)
    _, told = quick(tmp_path, "S3")
    assert fits(told) == 1


def test_an_interrupted_run_keeps_the_seeds_that_were_done(tmp_path: Path) -> None:
    def stop(line: str) -> None:
        if "seed 1" in line:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted, match="stopped"):
        run(["S3"], quick=True, seeds=(0, 1), folder=tmp_path, report=stop)
    assert "S3, seed 0, quick" in json.loads((tmp_path / "results.json").read_text())["results"]
    assert fits(quick(tmp_path, "S3", seeds=(0, 1))[1]) == 1


def test_the_page_keeps_the_rows_of_earlier_runs(tmp_path: Path) -> None:
    quick(tmp_path, "S3")
    quick(tmp_path, "S6")
    page = (tmp_path / "index.html").read_text()
    assert 0 < page.index('"words">S3</td>') < page.index('"words">S6</td>')


def test_embedding_map_and_pairs_use_one_model(tmp_path: Path) -> None:
    results, told = quick(tmp_path, "S15", "S16", "S17")
    assert fits(told) == 1
    codes = pq.read_table(tmp_path / "codes.parquet")
    assert (codes.num_rows, codes.column_names[-1], codes.num_columns) == (60, "label", 3)
    assert load(tmp_path / "models" / "S4-quick-seed0-model.latens").n_components_ == 2
    assert str(results[2]["verdict"]).startswith("10 pairs")


def test_a_lost_model_is_fitted_again(tmp_path: Path) -> None:
    quick(tmp_path, "S4")
    for file in [*(tmp_path / "models").iterdir(), *(tmp_path / "pictures").iterdir()]:
        file.unlink()
    _, told = quick(tmp_path, "S16")
    assert fits(told) == 1
    assert (tmp_path / "pictures" / "S4-quick-seed0-map.png").exists()


def test_the_corruption_is_gaussian_in_training_and_absent_in_evaluation(tmp_path: Path) -> None:
    (result,), _ = quick(tmp_path, "S6")
    assert "in evaluation the input is identical to the data" in str(result["verdict"])
    assert re.search(r"deviation 0\.(50|49)\d\d over 3,840 pixels", str(result["verdict"]))


def test_a_promise_is_kept_or_missed_by_the_median() -> None:
    assert Line("S4", "", errors=(0.03, 0.9, 0.038), experiment="S4").verdict == "<= 0.0385 met"
    assert Line("S4", "", errors=(0.03, 0.9, 0.039), experiment="S4").verdict == "<= 0.0385 missed"
    assert Line("S6", "").verdict == ""


def test_quick_and_full_are_kept_apart(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (0,), True, print)
    assert bench.key("S4", 0) != Bench(tmp_path, (0,), False, print).key("S4", 0)
    assert bench.model_path("S4") != Bench(tmp_path, (0,), False, print).model_path("S4")


def test_the_published_protocol() -> None:
    for name in ("S2", "S2 centred", "S3", "S4", "S5", "S7", "S8", "S13", "S14"):
        settings = EXPERIMENTS[name].settings
        assert (settings["max_epochs"], settings["batch_size"], settings["validation_fraction"]) == (10, 128, 0.0)
        assert settings.get("output", "linear") == "linear"


def test_convolutional_denoisers_stand_beside_the_dense_one(everything: tuple[Path, list[dict[str, Any]]]) -> None:
    lines = {result["row"]: result for result in everything[1]}
    assert all(" parameters)" in lines[row]["what"] for row in ("S7", "S13", "S14"))
    assert all(lines[row]["seconds"] is not None and lines[row]["exact_pca"] is None for row in ("S7", "S13", "S14"))
    assert EXPERIMENTS["S14"].settings["encoder_hidden"] == EXPERIMENTS["S7"].settings["hidden"]
    assert "parameters" in (everything[0] / "index.html").read_text()


def test_what_cannot_be_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"row='S44' is not known; did you mean 'S4'\?"):
        quick(tmp_path, "s44")
    with pytest.raises(ConfigError, match="leaves nothing to run; give at least one"):
        quick(tmp_path, "S3", seeds=())
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(DataError, match=r"results.json: is not a file of results .* move it away"):
        quick(tmp_path, "S3")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot be made .* choose another folder"):
        quick(tmp_path / "file", "S3")

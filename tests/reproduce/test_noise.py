"""The corruptions on real digits, and the models that are to stand them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latens.corruptions import CORRUPTIONS, resolve_corruption
from latens.estimators import load
from latens.reproduce import ROWS, run
from latens.reproduce.bench import Bench
from latens.reproduce.noise import FAMILY, LEVELS, PAPER
from latens.reproduce.recipes import EXPERIMENTS

Everything = tuple[Path, list[dict[str, Any]]]


def of(everything: Everything, row: str) -> list[dict[str, Any]]:
    return [line for line in everything[1] if line["row"] == row]


def bench(everything: Everything) -> Bench:
    return Bench(everything[0], (0,), True, print)


def test_the_family_is_all_there_is() -> None:
    assert {type(resolve_corruption(name)) for name in (*FAMILY, *PAPER)} == set(CORRUPTIONS.values())


def test_every_corruption_says_how_much_it_changes(everything: Everything) -> None:
    (line,) = of(everything, "S9")
    assert line["verdict"].startswith("15 corruptions, below; mean squared change of a pixel: gaussian:0.5 0.2")
    assert "your function 0." in line["verdict"]
    for subject in ("family", "paper"):
        assert bench(everything).picture_path("S9", subject).exists()


def test_the_dropout_denoiser_drops_inputs_and_units_in_both_halves(everything: Everything) -> None:
    network = load(bench(everything).model_path("S8")).network_.network
    assert network.task.corruption == resolve_corruption("dropout:0.2")
    for half in (network.encoder, network.decoder):
        rates = [layer.probability for layer in half.modules() if type(layer).__name__ == "Dropout"]
        assert rates == [0.5, 0.5, 0.5]
    assert (EXPERIMENTS["S8"].published[1], EXPERIMENTS["S8"].target) == (0.0181, 0.0188)


def test_three_models_on_three_inputs(everything: Everything) -> None:
    lines = of(everything, "S10")
    assert [line["what"] for line in lines[:3]] == [
        "S5 plain: clean images",
        "S5 plain: Gaussian noise of 0.5",
        "S5 plain: dropout of 0.5",
    ]
    assert len(lines) == 9
    assert all(line["seeds"] == [line["error"]] and "one seed, 0" in line["verdict"] for line in lines)
    clean = {line["what"].partition(" ")[0]: line["error"] for line in lines if line["what"].endswith("clean images")}
    (plain,) = of(everything, "S5")
    assert clean["S5"] == pytest.approx(plain["error"], rel=1e-6)


def test_errors_by_level_are_against_the_clean_images(everything: Everything) -> None:
    tables = ROWS["S10"].tables(bench(everything))
    assert [len(table.rows) for table in tables] == [4, 4]
    for table, levels in zip(tables, LEVELS.values(), strict=True):
        assert table.header == ("model", *(f"{level:g}" for level in levels))
        assert all(len(row) == len(table.header) for row in table.rows)
    noise = dict(zip(tables[0].header[1:], map(float, tables[0].rows[0][1:]), strict=True))
    assert tables[0].rows[0][0] == "no model"
    assert noise["0"] == 0
    assert [noise["0.5"], noise["1"]] == pytest.approx([0.25, 1.0], rel=0.05)
    assert "mean squared error by level of dropout" in (everything[0] / "index.html").read_text()


def test_what_was_measured_is_not_measured_again(everything: Everything) -> None:
    told: list[str] = []
    again = run(["S10"], quick=True, seeds=(0,), folder=everything[0], report=told.append)
    assert (again, told) == (of(everything, "S10"), [])


def test_tying_takes_the_same_number_of_steps_and_fewer_parameters(everything: Everything) -> None:
    (table,) = ROWS["S12"].tables(bench(everything))
    assert [row[:2] for row in table.rows] == [
        (kind, f"{n}") for n in (16, 27, 109, 200) for kind in ("tied", "untied")
    ]
    parameters = {row[0]: int(row[3].replace(",", "")) for row in table.rows}
    assert parameters["tied"] < 0.6 * parameters["untied"]
    histories = [load(bench(everything).model_path(f"S12 tied {n}")).history_ for n in (1024, 60_000)]
    assert [history["step"][-1] for history in histories] == [4, 4]
    assert len({line["exact_pca"] for line in of(everything, "S12")}) == 4


def test_the_full_form_repeats_few_images_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from latens.reproduce.digits import Digits

    images = np.zeros((60_000, 1, 1), dtype=np.float32)
    full = Bench(tmp_path, (0,), False, print)
    monkeypatch.setitem(
        full.__dict__, "digits", Digits("mnist", images, np.zeros(len(images), int), images[:10], np.arange(10))
    )
    given = [full.circumstances(f"S12 untied {n}") for n in (1024, 8192, 32768, 60_000)]
    assert [each["settings"]["max_epochs"] for each in given] == [586, 73, 18, 10]
    assert [each["data"]["train_rows"] for each in given] == [1024, 8192, 32768, 60_000]
    assert full.circumstances("S5")["settings"] == EXPERIMENTS["S5"].settings


def test_results_are_kept_as_numbers(everything: Everything) -> None:
    kept = json.loads((everything[0] / "results.json").read_text())["results"]["S10 gaussian, seed 0, quick"]
    assert set(kept["result"]["value"]) == {"no model", "S5 plain", "S7 Gaussian", "S8 dropout"}

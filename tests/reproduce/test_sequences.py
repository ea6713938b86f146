"""Text read, cut, learned, continued and clustered; pixels, blocks and a simulator gone on with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latens import TextAutoregressor
from latens.errors import DataError
from latens.reproduce import ROWS, run
from latens.reproduce.bench import Bench
from latens.reproduce.characters import _cuts
from latens.reproduce.generation import carried, refed
from latens.reproduce.hours import load_hours
from latens.reproduce.recipes import EXPERIMENTS, MEASURES
from latens.reproduce.rows import Line
from latens.reproduce.simulators import FlowSize, lorenz, rollout_errors
from latens.reproduce.texts import load_text, load_titles

Everything = tuple[Path, list[dict[str, Any]]]


def of(everything: Everything, row: str) -> list[dict[str, Any]]:
    return [line for line in everything[1] if line["row"] == row]


def bench(everything: Everything) -> Bench:
    return Bench(everything[0], (0,), True, print)


class TestMaterial:
    def test_without_data_the_package_reads_its_own_words(self) -> None:
        text, titles = load_text(quick=True), load_titles(quick=True)
        assert (text.name, len(text.content)) == ("docstrings of latens", 1000)
        assert len(titles.titles) == len(titles.topics) == 60
        assert set(titles.topics) == {"analysis", "data", "plots", "sampling"}
        assert not re.search(r"https?://", "".join(titles.titles))

    def test_the_full_form_wants_the_published_data(self) -> None:
        with pytest.raises(DataError, match="put it into the folder text of the folder that LATENS_DATA names"):
            load_text(quick=False)
        with pytest.raises(DataError, match="put it into the folder text of the folder that LATENS_DATA names"):
            load_titles(quick=False)
        with pytest.raises(DataError, match=r"ETTh1.csv.gz is not here; put it into timeseries of the folder"):
            load_hours(quick=False)

    def test_a_simulator_is_on_its_attractor_and_loses_what_is_nudged(self) -> None:
        flow = lorenz(FlowSize(train=4, test=4, context=10, steps=400))
        assert np.abs(flow.train).max(axis=(0, 1)) == pytest.approx([18, 24, 44], rel=0.2)
        errors = rollout_errors(flow.nudged, flow)
        assert errors[0] == pytest.approx(1e-3, rel=1)
        assert errors[-1] > 20 * errors[0]
        assert rollout_errors(flow.test[:, flow.context :], flow).max() == 0


class TestRecipes:
    def test_the_published_settings_are_those_of_the_estimator(self) -> None:
        settings = EXPERIMENTS["S25"].settings
        defaults = TextAutoregressor().get_params()
        changed = {name: value for name, value in settings.items() if defaults[name] != value}
        assert changed == {"align": "plain", "validation_fraction": 0.0}  # "auto" is plain
        assert EXPERIMENTS["S25"].published == (878.9, 391.0, 149.0)

    def test_lstm_newline_and_recipe_differ_in_what_they_say(self) -> None:
        plain = EXPERIMENTS["S25"].settings
        assert EXPERIMENTS["S25 LSTM"].settings == plain | {"cell": "lstm"}
        assert EXPERIMENTS["S24 newline"].settings == plain | {"align": "newline"}
        changed = {name for name, value in EXPERIMENTS["R25"].settings.items() if plain[name] != value}
        assert changed == {"batch_size", "learning_rate", "schedule"}

    def test_promises_are_in_the_published_unit(self) -> None:
        assert Line("S25", "", errors=(400.0, 412.0, 409.9), experiment="S25").verdict == "<= 410 met"
        assert Line("S25", "", errors=(400.0, 412.0, 410.1), experiment="S25").verdict == "<= 410 missed"
        assert Line("R25", "", errors=(391.5,), experiment="R25").verdict == "<= 391 missed"
        assert MEASURES["text"].text(391.04) == "391.0"


class TestRows:
    def test_the_corpus(self, everything: Everything) -> None:
        (line,) = of(everything, "S23")
        assert "1,000 characters, " in line["verdict"]
        assert "by first appearance: l a t e n s space" in line["verdict"]
        assert line["verdict"].endswith("encoding and decoding gives the text again")

    def test_the_chunks_score_every_character_once(self, everything: Everything) -> None:
        plain, newline, *fits = of(everything, "S24")
        assert plain["verdict"] == (
            "4 windows: 3 chunks of 250 and a masked rest of 249; each of 1,000 characters is scored once"
        )
        assert "each of 1,000 characters is scored once" in newline["verdict"]
        assert [fit["measure"] for fit in fits] == ["nats summed over 250 characters"] * 2

    def test_the_cuts_are_those_of_the_estimator(self) -> None:
        text = load_text(quick=True)
        for align, windows in _cuts(text.content).items():
            model = TextAutoregressor(align=align)
            model.schema_ = model._learn_schema(text.source())
            corpus = model._corpus(text.source(), ended=True)
            there = model._windows(corpus.ids, corpus.offsets)
            np.testing.assert_array_equal(there.start, windows.start)
            np.testing.assert_array_equal(there.first, windows.first)

    def test_the_loss_is_published_as_a_sum(self, everything: Everything) -> None:
        gru, lstm = of(everything, "S25")
        assert 700 < gru["error"] < 1100
        assert (gru["published"], lstm["published"]) == (391.0, None)
        assert gru["verdict"].startswith("quick: 1,000 characters of docstrings of latens, 2 epochs; not comparable")
        (loss,) = of(everything, "S26")
        found = re.search(r"([\d.]+) nats summed over 250 steps are a mean of ([\d.]+)", loss["verdict"])
        assert found
        total, mean = map(float, found.groups())
        assert total == pytest.approx(250 * mean, rel=1e-3)

    def test_samples_stand_as_they_were_written(self, everything: Everything) -> None:
        samples, seconds = ROWS["S27"].tables(bench(everything))
        assert samples.written
        assert [row[0] for row in samples.rows] == [
            *("temperature 1", "temperature 0.75", "temperature 0.05", "greedy", "top-p 0.9")
        ]
        assert all(len(row[-1]) == 20 for row in samples.rows)
        page = (everything[0] / "index.html").read_text()
        assert page.count("<pre>") == 5
        assert [len(row) for row in seconds.rows] == [len(seconds.header)] * 2

    def test_reading_again_writes_the_same(self, everything: Everything) -> None:
        model = bench(everything).writer("S25")
        assert "".join(carried(model, "The ", 30, 4)) == "".join(refed(model, "The ", 30, 4))

    def test_titles_are_clustered_without_their_topics(self, everything: Everything) -> None:
        (line,) = of(everything, "S28")
        assert re.search(
            r"NMI 0\.\d+, accuracy 0\.\d+; of the same titles on TF-IDF: NMI 0\.\d+, .*; on LSA: NMI", line["verdict"]
        )
        assert "are the better ones" in line["verdict"]
        (table,) = ROWS["S28"].tables(bench(everything))
        assert len(table.rows) == 8
        assert sum(row[0].endswith(", chosen") for row in table.rows) == 2
        assert all(len(row) == len(table.header) for row in table.rows)

    def test_values_are_gone_on_with(self, everything: Everything) -> None:
        pixels, blocks, simulator, forecasts = of(everything, "S29")
        assert "24 images from nothing" in pixels["verdict"]
        assert re.search(r"\d+\.\d\d nats per black and white test image \(every seed: \d+\.\d\d\)", blocks["verdict"])
        assert re.search(r"of 64 pixels \d+ to \d+, median [\d.]+, are not as in the most similar", blocks["verdict"])
        assert "Lyapunov times (every seed: " in simulator["verdict"]
        assert re.search(
            r"12 forecasts of a made-up daily cycle: .* last value \d\.\d+, the day before", forecasts["verdict"]
        )
        assert forecasts["verdict"].endswith("benchmarks/quality/etth1.py")
        for subject in ("digits", "blocks", "nearest", "rollout"):
            assert bench(everything).picture_path("S29", subject).exists()

    def test_what_was_measured_is_not_measured_again(self, everything: Everything) -> None:
        told: list[str] = []
        rows = ["S24", "S25", "S26", "S27", "S28", "S29"]
        again = run(rows, quick=True, seeds=(0,), folder=everything[0], report=told.append)
        assert (again, told) == ([line for row in rows for line in of(everything, row)], [])


def test_a_page_of_text_alone_needs_no_images(tmp_path: Path) -> None:
    run(["S23"], quick=True, seeds=(0,), folder=tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "test images" not in page
    assert "Models that predict what comes next" in page


def test_fits_of_text_carry_their_circumstances(everything: Everything) -> None:
    kept = json.loads((everything[0] / "results.json").read_text())["results"]["S25, seed 0, quick"]["circumstances"]
    assert kept["data"] == {"name": "docstrings of latens", "characters": 1000}
    assert kept["settings"] == EXPERIMENTS["S25"].settings | {"max_epochs": 2}

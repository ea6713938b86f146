"""Outliers of more rows than fit into memory: block by block it is what it would be at once."""

from __future__ import annotations

import numpy as np
import pandas
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

import latens
from latens.cli import answers, judged, verdicts
from latens.data import arrays

ROWS = 200


@pytest.fixture
def shop(tmp_path):
    """Wages of two trades, and a detector of them; then some are wrong, two more than others."""
    random = np.random.default_rng(0)
    job = random.choice(["clerk", "cook"], 500)
    pay = np.where(job == "clerk", 50.0, 30.0) + random.normal(size=500)
    frame = pandas.DataFrame({"pay": pay, "job": job, "age": random.integers(20, 60, 500), "town": "here"})
    estimator = latens.Autoencoder(n_components=2, max_epochs=2, verbose=0, device="cpu")
    detector = latens.OutlierDetector(estimator, 0.02, verbose=0, device="cpu").fit(frame.drop(columns="town"))
    detector.save(tmp_path / "d.latens")
    frame.loc[100:129, "pay"] = 120.0
    frame.loc[[7, 450], "pay"] = 500.0, -300.0
    frame.to_parquet(tmp_path / "shop.parquet")
    return tmp_path


@pytest.fixture
def outliers(run, shop):
    def call(*words):
        return run("outliers", shop / "d.latens", shop / "shop.parquet", "--labels", "town", "--device", "cpu", *words)

    return call


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(answers, "_BLOCK_NUMBERS", 3 * 80)


def in_parts(facts, outcome):
    """What differs between a file and a folder, taken off."""
    mine = {"output", "parts", "resumed_from_row"}
    return [{name: value for name, value in each.items() if name not in mine} for each in (facts, outcome)]


class TestBlocks:
    @pytest.mark.parametrize("words", [(), ("--rate", "0.1"), ("--fdr", "0.3")])
    def test_parts_are_the_whole(self, outliers, shop, monkeypatch, words):
        whole = outliers("-o", shop / "o.parquet", "--json", *words)
        assert whole.code == 0, whole.err
        monkeypatch.setattr(answers, "_BLOCK_NUMBERS", 3 * 80)
        outcome = outliers("-o", shop / "parts", "--part-rows", ROWS, "--json", *words)
        assert outcome.code == 0, outcome.err
        first, second = in_parts(whole.json, outcome.json)
        assert first == second
        assert (outcome.json["rows"], outcome.json["parts"]) == (500, 3)
        table = pyarrow.parquet.read_table(shop / "o.parquet")
        assert pyarrow.dataset.dataset(shop / "parts").to_table().equals(table)
        assert table["flagged"].to_pylist()[7]
        assert {row["row"] for row in outcome.json["outliers"][:2]} == {7, 450}

    def test_is_what_the_detector_says(self, outliers, shop, small_blocks):
        assert outliers("-o", shop / "o.parquet", "--fdr", "0.3").code == 0
        table = pyarrow.parquet.read_table(shop / "o.parquet").to_pandas()
        frame = pandas.read_parquet(shop / "shop.parquet").drop(columns="town")
        found = latens.load(shop / "d.latens").detect(frame, 0.3)
        for name in ("scores", "p_values", "flagged"):
            assert np.array_equal(table[name.removesuffix("s")], getattr(found, name))

    def test_the_strangest_are_kept_and_no_more(self, shop, monkeypatch):
        detector = latens.load(shop / "d.latens")
        frame = pandas.read_parquet(shop / "shop.parquet").drop(columns="town")
        data = judged.judged(detector.estimator_, detector.estimator_._open(frame, fitting=False))
        monkeypatch.setattr(answers, "_BLOCK_NUMBERS", 3 * 80)
        shared = answers.Shared(quiet=True)
        judgement = verdicts.Verdicts.of(detector, data, None, 5, shared)
        top = judgement.asking(False).counted(shared).counted["top"]
        found = detector.detect(frame)
        assert [row for _, row, _ in top] == found.ranked[:5].tolist()
        assert judgement.promise.verdict_of(500, int(found.flagged.sum())) == found.verdict

    def test_nothing_flagged_has_the_same_columns(self, outliers, shop):
        assert outliers("-o", shop / "few.parquet", "--fdr", "1e-9").code == 0
        assert outliers("-o", shop / "many.parquet", "--rate", "0.5").code == 0
        few, many = (pyarrow.parquet.read_table(shop / name) for name in ("few.parquet", "many.parquet"))
        assert few.schema == many.schema
        assert not any(few["flagged"].to_pylist())

    @pytest.mark.parametrize("block", [1, 4, 7])
    def test_goes_on(self, outliers, shop, monkeypatch, small_blocks, block):
        words = ("--part-rows", ROWS, "--json")
        whole = outliers("-o", shop / "whole", *words)
        asked, found = [], verdicts.Verdicts._found

        def trapped(self, content):
            asked.append(content)
            if len(asked) == block:
                raise KeyboardInterrupt
            return found(self, content)

        with monkeypatch.context() as patch:
            patch.setattr(verdicts.Verdicts, "_found", trapped)
            assert outliers("-o", shop / "out", *words).code == 130
        outcome = outliers("-o", shop / "out", "--resume", *words)
        assert outcome.code == 0, outcome.err
        first, second = in_parts(whole.json, outcome.json)
        assert first == second
        assert outcome.json["resumed_from_row"] == {1: None, 4: 200, 7: 400}[block]
        assert {path.name: path.read_bytes() for path in (shop / "out").iterdir()} == {
            path.name: path.read_bytes() for path in (shop / "whole").iterdir()
        }

    def test_another_threshold_is_refused(self, outliers, shop):
        assert outliers("-o", shop / "out").code == 0
        outcome = outliers("-o", shop / "out", "--rate", "0.1", "--resume")
        assert outcome.code == 1
        assert "its parts are of threshold" in outcome.err


class TestOnDisk:
    @pytest.fixture
    def mapped(self, tmp_path, monkeypatch):
        """An array that stays on disk, of which a detector can learn a part only."""
        monkeypatch.setattr(arrays, "_MAPPED", 0)
        monkeypatch.setattr(judged, "_LEARNED", 300)
        X = np.random.default_rng(0).normal(size=(1000, 4))
        X[[5, 990]] = 30.0
        np.save(tmp_path / "x.npy", X)
        return tmp_path / "x.npy"

    def test_learns_from_some_rows_and_judges_all(self, run, mapped, small_blocks, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.estimators.outliers._PASSES", (2, 2))
        words = ("outliers", mapped, "--rate", "0.05", "--device", "cpu", "--json", "-o")
        outcome = run(*words, tmp_path / "out", "--part-rows", 400)
        assert outcome.code == 0, outcome.err
        assert (outcome.json["rows"], outcome.json["parts"]) == (1000, 3)
        assert {card["row"] for card in outcome.json["outliers"][:2]} == {5, 990}
        assert "rows of x.npy, 300 of them, drawn by chance, that were held out" in outcome.json["calibration"]
        X = np.load(mapped)
        for card in outcome.json["outliers"]:
            for near in card["nearest"]:
                assert near["row"] < 1000
        near = outcome.json["outliers"][5]
        distances = [np.linalg.norm(X[near["row"]] - X[each["row"]]) for each in near["nearest"]]
        assert max(distances) < np.median(np.linalg.norm(X - X[near["row"]], axis=1))
        before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        assert run(*words, tmp_path / "out", "--resume").json["resumed_from_row"] == 1000
        assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before

"""``latens cluster`` and ``latens probe``."""

from __future__ import annotations

import pandas as pd
import pytest


class TestCluster:
    def test_prints_both_and_writes_rows_and_a_picture(self, run, digits, tmp_path):
        rows, picture = tmp_path / "clusters.parquet", tmp_path / "clusters.png"
        outcome = run("cluster", digits, "dataset:digits/test", "-k", 10, "-o", rows, "--plot", picture)
        assert outcome.code == 0, outcome.err
        header, codes, raw, *rest = outcome.out.splitlines()
        assert header.split() == ["clusters", "noise", "homogeneity", "nmi", "ari", "accuracy", "stability"]
        assert (codes.split()[0], raw.split()[:3]) == ("codes", ["raw", "input", "(pixels)"])
        assert any(line.startswith("clusters of the codes are ") for line in rest)
        frame = pd.read_parquet(rows)
        assert list(frame.columns) == ["cluster", "distance", "label"]
        assert frame.cluster.nunique() == 10
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_as_json_and_nothing_else(self, run, fit, flowers):
        outcome = run("cluster", fit(flowers, "--labels", "species"), flowers, "-k", 3, "--json")
        assert outcome.code == 0, outcome.err
        result = outcome.json
        assert set(result["codes"]) == {
            *("clusters", "noise", "homogeneity", "nmi", "ari", "accuracy", "stability"),
        }
        assert sum(result["sizes"]) == result["rows"] == 60
        assert result["representatives"][0].startswith("f")
        assert (result["method"], result["on"], result["output"]) == ("kmeans", "codes", None)

    def test_on_the_input_the_rows_are_the_inputs(self, run, digits):
        result = run("cluster", digits, "dataset:digits/test", "--on", "input", "--method", "hdbscan", "--json").json
        assert len(result["sizes"]) == result["raw input (pixels)"]["clusters"]
        assert result["deterministic"] is True

    @pytest.mark.parametrize(
        ("name", "words"), [("play.txt", ()), ("log.csv", ()), ("news.csv", ("--labels", "topic"))]
    )
    def test_of_sequences(self, run, texts, name, words):
        model = texts / name.replace(".csv", ".latens").replace(".txt", ".latens")
        outcome = run("cluster", model, texts / name, "-k", 2, *words)
        if name == "play.txt":
            assert outcome.code == 1
            assert "1 row cannot be clustered" in outcome.err
        else:
            assert outcome.code == 0, outcome.err
            assert "TF-IDF" in outcome.out

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("-k", "9999"), "k=9999 exceeds the "),
            (("--method", "dbscan"), "method='dbscan' is not known; did you mean 'hdbscan'?"),
            (("--on", "mop"), "--on='mop' is not known; did you mean 'map'?"),
            (("-o", "x.npy"), "x.npy: .npy says no format that this verb writes; use .parquet or .csv"),
            (("--plot", "x.csv"), "x.csv: .csv says no format that this verb writes; use .png, .svg or .pdf"),
            (("--pooling", "mean"), "pooling='mean' goes with models of text, events and series; leave it out"),
        ],
    )
    def test_refuses_in_one_line(self, run, digits, words, message):
        outcome = run("cluster", digits, "dataset:digits/test", *words)
        assert outcome.code == 1
        assert message in outcome.err
        assert len(outcome.err.splitlines()) == 1

    def test_never_writes_over_a_file(self, run, digits, tmp_path):
        output = tmp_path / "clusters.csv"
        output.write_text("mine")
        assert "--force replaces it" in run("cluster", digits, "dataset:digits/test", "-o", output).err
        assert output.read_text() == "mine"


class TestProbe:
    def test_judges_by_the_part_for_testing(self, run, digits, tmp_path):
        table, picture = tmp_path / "probe.csv", tmp_path / "probe.png"
        words = ("--budgets", "10,30,9999", "--draws", 2, "-o", table, "--plot", picture)
        outcome = run("probe", digits, "dataset:digits", *words)
        assert outcome.code == 0, outcome.err
        assert outcome.out.splitlines()[0].split() == ["features", "probe", "10", "labels", "30", "labels"]
        assert "left out: 9999 labels" in outcome.out
        assert "accuracy on 297 rows" in outcome.out
        assert len(pd.read_csv(table)) == 3 * 2 * 2
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_as_json(self, run, fit, flowers):
        model = fit(flowers, "--labels", "species")
        outcome = run("probe", model, flowers, "--budgets", "10", "--draws", 2, "--json")
        assert outcome.code == 0, outcome.err
        assert {each["features"] for each in outcome.json["probes"]} == {"raw", "PCA", "codes"}
        assert (outcome.json["train_rows"], outcome.json["test_rows"], outcome.json["classes"]) == (48, 12, 2)

    def test_other_rows_judge(self, run, fit, flowers):
        model = fit(flowers, "--labels", "species")
        outcome = run("probe", model, flowers, "--test", flowers, "--budgets", "10", "--draws", 1, "--json")
        assert (outcome.json["train_rows"], outcome.json["test_rows"]) == (60, 60)

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (("--budgets", "ten"), 2, "'ten' is no list of whole numbers"),
            (("--budgets", "5000"), 1, "5000 labels exceed the 1500 training rows; use fewer"),
            (("--draws", "0"), 2, "--draws"),
            (("-o", "x.npy"), 1, "x.npy: .npy says no format that this verb writes; use .parquet or .csv"),
        ],
    )
    def test_refuses(self, run, digits, words, code, message):
        outcome = run("probe", digits, "dataset:digits", *words)
        assert outcome.code == code
        assert message in outcome.err

    def test_needs_labels(self, run, fit, flowers):
        model = fit(flowers, "--types", "species=ignore")
        outcome = run("probe", model, flowers, "--types", "species=ignore", "--budgets", "10")
        assert outcome.code == 1
        assert "flowers.csv: has no labels to probe for; name a column with --labels" in outcome.err

from __future__ import annotations

import sys
import types

import pytest


class TestReproduce:
    def test_writes_the_page_and_the_table(self, run, tmp_path, monkeypatch):
        monkeypatch.delenv("LATENS_DATA", raising=False)
        outcome = run("reproduce", "S6", "--quick", "-o", tmp_path / "out")
        assert outcome.code == 0, outcome.err
        assert outcome.out.splitlines()[0].startswith("row  what")
        assert (tmp_path / "out" / "index.html").is_file()

    @pytest.mark.parametrize(
        ("words", "seeds"),
        [
            ((), [0, 1, 2]),
            (("--quick",), [0]),
            (("--seeds", "2", "--seed", "5"), [5, 6]),
            (("--quick", "--seeds", "2"), [0, 1]),
        ],
    )
    def test_seeds(self, run, tmp_path, monkeypatch, words, seeds):
        seen = []
        monkeypatch.setattr(
            "latens.reproduce.run", lambda rows, **given: seen.append([rows, list(given["seeds"])]) or []
        )
        outcome = run("reproduce", "S2", "S4", *words, "-o", tmp_path, "--json")
        assert outcome.json == {"output": str(tmp_path / "index.html"), "rows": []}
        assert seen == [[["S2", "S4"], seeds]]

    def test_an_unknown_row(self, run, tmp_path):
        outcome = run("reproduce", "S99", "-o", tmp_path / "out")
        assert (outcome.code, outcome.out) == (1, "")
        assert "row='S99' is not known" in outcome.err
        assert not (tmp_path / "out").exists()


class TestDemo:
    @pytest.fixture(autouse=True)
    def stand_in(self, monkeypatch):
        """The demonstration itself is tested where it lives."""

        def run_demo(folder, seed, **more):
            return [
                {"model": "deep", "n_components": 2, "error": 0.125, "pca_error": None, "rows": [seed, str(folder)]}
            ]

        module = types.ModuleType("latens.reproduce.demo")
        module.run_demo = run_demo  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "latens.reproduce.demo", module)

    def test_prints_one_table(self, run, tmp_path):
        lines = run("demo", "-o", tmp_path, "--seed", "3").out.splitlines()
        assert lines[0].split() == ["model", "n", "components", "error", "pca", "error", "rows"]
        assert lines[1].split() == ["deep", "2", "0.125", "3,", str(tmp_path)]

    def test_json(self, run, tmp_path):
        models = run("demo", "-o", tmp_path, "--json").json["models"]
        assert [model["model"] for model in models] == ["deep"]

from __future__ import annotations

import re
import sys
import types

import pytest

from latens.cli.experiments import DEMO_FILES, REPRODUCE_FILES


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

    @pytest.mark.parametrize("name", REPRODUCE_FILES)
    def test_what_another_left_needs_force(self, run, tmp_path, monkeypatch, name):
        ran = []
        monkeypatch.setattr("latens.reproduce.run", lambda rows, **given: ran.append(rows) or [])
        (tmp_path / name).write_text("precious")
        outcome = run("reproduce", "S2", "-o", tmp_path)
        assert (outcome.code, outcome.out, ran) == (1, "", [])
        assert f"{name}: exists, and no earlier run left it; choose another folder, or --force" in outcome.err
        assert run("reproduce", "S2", "-o", tmp_path, "--force").code == 0
        (tmp_path / "results.json").touch()
        assert run("reproduce", "S2", "-o", tmp_path).code == 0


def test_the_demonstration_writes_these_files():
    from latens.reproduce.demo import run_demo

    assert set(re.findall(r"``([a-z]+\.[a-z]+)``", run_demo.__doc__ or "")) == set(DEMO_FILES)


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

    @pytest.mark.parametrize("name", DEMO_FILES)
    def test_what_another_left_needs_force(self, run, tmp_path, name):
        (tmp_path / name).write_text("precious")
        outcome = run("demo", "-o", tmp_path)
        assert (outcome.code, outcome.out) == (1, "")
        assert f"{name}: exists, and no earlier run left it; choose another folder, or --force" in outcome.err
        assert run("demo", "-o", tmp_path, "--force").code == 0

    def test_what_an_earlier_one_left_is_replaced(self, run, digits, tmp_path):
        digits.rename(tmp_path / "linear.latens")  # the first file: also of one that was interrupted
        (tmp_path / "map.png").write_text("older")
        assert run("demo", "-o", tmp_path).code == 0

    def test_other_files_are_no_hindrance(self, run, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        assert run("demo", "-o", tmp_path).code == 0

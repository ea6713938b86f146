from __future__ import annotations

import pytest


class TestSweep:
    def test_prints_a_table_and_draws(self, run, tmp_path):
        picture = tmp_path / "sweep.png"
        outcome = run("sweep", "dataset:digits", "--n", "4,2", "--set", "max_epochs=1", "-o", picture)
        assert outcome.code == 0, outcome.err
        header, *rows = outcome.out.splitlines()
        assert header.split() == ["n", "error", "exact", "pca", "dead", "collapsed", "seconds"]
        assert [row.split()[0] for row in rows[:2]] == ["2", "4"]
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_as_json(self, run, flowers):
        words = ("sweep", flowers, "--labels", "species", "--n", "1,2", "--set", "max_epochs=1", "--json")
        result = run(*words).json
        assert [size["n"] for size in result["sizes"]] == [1, 2]
        assert result["best"] in (1, 2)
        assert result["output"] is None

    def test_tries_what_the_columns_allow(self, run, flowers):
        found = run("sweep", flowers, "--set", "max_epochs=1", "--json").json
        assert [row["n"] for row in found["sizes"]] == [2, 4]

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (("--n", "2,x"), 2, "'2,x' is no list of whole numbers"),
            (("--n", "99"), 1, "n_components=99 exceeds the 64 input features"),
            (("-o", "x.npy"), 1, "x.npy: .npy says no format that this verb writes; use .png, .svg or .pdf"),
        ],
    )
    def test_refuses(self, run, words, code, message):
        outcome = run("sweep", "dataset:digits", "--set", "max_epochs=1", *words)
        assert outcome.code == code
        assert message in outcome.err


class TestLearningOn:
    def test_from_a_model(self, run, flowers, fit, tmp_path):
        first = fit(flowers, "--labels", "species")
        outcome = run("fit", flowers, "--from", first, "-o", tmp_path / "on.latens", "--set", "max_epochs=2", "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.json["epochs"] == 2
        facts = run("info", tmp_path / "on.latens", "--json").json
        assert facts["schema"]["columns"] == ["a", "b", "c", "d"]
        assert facts["schema"]["label_names"] == ["species"]

    def test_refuses_what_is_not_like_its_data(self, run, flowers, fit, tmp_path):
        first = fit(flowers, "--labels", "species")
        output = tmp_path / "on.latens"
        assert "--model" in run("fit", flowers, "--from", first, "--model", "wide", "-o", output).err
        other = tmp_path / "other.csv"
        other.write_text("a,b,c\n1,2,3\n4,5,6\n")
        outcome = run("fit", other, "--from", first, "-o", output)
        assert (outcome.code, output.exists()) == (1, False)
        assert "other.csv: column 'd' is missing" in outcome.err


class TestTables:
    TEXT = "zip,n,kind,note\n" + "".join(f"0{i % 4},{i}.5,{'ab'[i % 2]},n/a\n" for i in range(40))

    @pytest.fixture
    def table(self, tmp_path):
        path = tmp_path / "x.csv"
        path.write_text(self.TEXT)
        return path

    def test_types_and_missing(self, run, table, tmp_path):
        model = tmp_path / "m.latens"
        words = ("--types", "zip=category,note=ignore", "--set", "n_components=2", "--set", "max_epochs=1")
        assert run("fit", table, "-o", model, *words).code == 0
        assert "zip (category), n, kind (category)" in run("info", model).out
        assert run("reconstruct", model, table, "-o", tmp_path / "r.csv").code == 0
        assert (tmp_path / "r.csv").read_text().splitlines()[0] == '"zip","n","kind"'
        assert '"0' in (tmp_path / "r.csv").read_text().splitlines()[1]
        refused = run("reconstruct", model, table, "-o", tmp_path / "r.npy")
        assert (refused.code, (tmp_path / "r.npy").exists()) == (1, False)
        assert "fits into no .npy file; use -o out.parquet" in refused.err

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (("--types", "zip"), 2, "'zip' is not NAME=KIND"),
            (("--types", "zip=text"), 1, "types['zip']='text' is not known"),
            (("--types", "zap=category"), 1, "types names column 'zap', which is not there; did you mean 'zip'?"),
        ],
    )
    def test_refuses(self, run, table, tmp_path, words, code, message):
        outcome = run("fit", table, "-o", tmp_path / "m.latens", *words)
        assert (outcome.code, (tmp_path / "m.latens").exists()) == (code, False)
        assert message in outcome.err

    def test_a_word_for_missing(self, run, tmp_path):
        path = tmp_path / "y.csv"
        path.write_text("a,b\n" + "1,2\n" * 20 + "n/a,3\n")
        assert "--missing n/a" in run("fit", path, "-o", tmp_path / "m.latens").err
        words = ("--missing", "n/a", "--types", "a=number", "--set", "n_components=1", "--set", "max_epochs=1")
        assert run("fit", path, "-o", tmp_path / "m.latens", *words).code == 0

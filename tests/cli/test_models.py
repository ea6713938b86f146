from __future__ import annotations

import latens


class TestInfo:
    def test_json_is_whole(self, run, digits):
        facts = run("info", digits, "--json").json
        assert facts["model"] == "deep"
        assert facts["n_components"] == 2
        assert facts["schema"]["shape"] == [8, 8]
        assert facts["settings"]["batch_size"] == 256
        assert len(facts["history"]) == 1
        assert facts["referee"]["verdict"] == latens.load(digits).referee_.verdict
        assert facts["bytes"] == digits.stat().st_size

    def test_words_say_the_same(self, run, digits):
        out = run("info", digits).out
        assert "images of 8 x 8" in out
        assert "2 components" in out
        assert latens.load(digits).referee_.verdict in out

    def test_quiet_still_answers(self, run, digits):
        assert run("info", digits, "--quiet").out == run("info", digits).out

    def test_a_code_as_wide_as_the_data_has_no_ratio(self, run, fit, flowers):
        model = fit(flowers, "--labels", "species", "--model", "wide", "--set", "n_components=8")
        assert run("info", model, "--json").json["referee"]["ratio"] is None


class TestDatasets:
    def test_json_has_every_data_set(self, run):
        from latens.data import DATASETS

        assert [row["name"] for row in run("datasets", "--json").json] == list(DATASETS)

    def test_says_where_each_comes_from(self, run, monkeypatch, tmp_path):
        monkeypatch.delenv("LATENS_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        out = run("datasets").out
        assert "dataset:digits" in out
        assert "[built in]" in out
        assert "[downloaded when first used]" in out

    def test_says_that_the_data_folder_has_it(self, run, data_folder):
        found = {row["name"]: row["found"] for row in run("datasets", "--json").json}
        assert found["mnist"] == "in LATENS_DATA"

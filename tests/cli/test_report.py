from __future__ import annotations

import pytest

QUIET = ("--device", "cpu")


class TestReport:
    def test_writes_one_page_and_says_what_it_found(self, run, digits, tmp_path):
        output = tmp_path / "report.html"
        outcome = run("report", digits, "dataset:digits/test", "-o", output, *QUIET)
        assert outcome.code == 0, outcome.err
        assert "wrote a report on 297 rows to " in outcome.out
        html = output.read_text(encoding="utf-8")
        assert "Report on dataset:digits/test" in html
        assert f"latens report {digits} dataset:digits/test -o {output}" in html

    def test_as_json_and_nothing_else(self, run, fit, flowers, tmp_path):
        output = tmp_path / "report.html"
        said = run("report", fit(flowers, "--labels", "species"), flowers, "-o", output, "--seed", 3, "--json").json
        assert (said["rows"], said["of"], said["failed"]) == (60, 60, {})
        assert said["bytes"] == output.stat().st_size
        assert list(said["sections"])[:3] == ["data", "training", "referee"]
        html = output.read_text(encoding="utf-8")
        assert "--seed 3" in html
        assert "--labels species --set" in html

    @pytest.mark.parametrize(
        ("name", "section"), [("play.txt", "surprise"), ("news.csv", "clusters"), ("log.csv", "samples")]
    )
    def test_of_sequences(self, run, texts, tmp_path, name, section):
        model = (texts / name).with_suffix(".latens")
        said = run("report", model, texts / name, "-o", tmp_path / "report.html", "--json").json
        assert said["failed"] == {}
        assert section in said["sections"]

    def test_another_suffix_is_refused(self, run, digits, tmp_path):
        outcome = run("report", digits, "dataset:digits", "-o", tmp_path / "report.pdf")
        assert outcome.code == 1
        assert ".pdf says no format that this verb writes; use .html" in outcome.err

    def test_other_data_is_refused_and_nothing_written(self, run, digits, flowers, tmp_path):
        output = tmp_path / "report.html"
        outcome = run("report", digits, flowers, "-o", output)
        assert outcome.code == 1
        assert "where the model was fitted on" in outcome.err
        assert not output.exists()

    def test_an_existing_page_stays(self, run, digits, tmp_path):
        output = tmp_path / "report.html"
        output.write_text("mine")
        assert "exists; --force replaces it" in run("report", digits, "dataset:digits", "-o", output).err
        assert output.read_text() == "mine"

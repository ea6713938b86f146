from __future__ import annotations

import numpy as np
import pandas
import pyarrow.csv
import pyarrow.parquet
import pytest

import latens


class TestScore:
    def test_lines_of_a_file(self, run, texts, play, tmp_path):
        (tmp_path / "two.txt").write_text("to be\n\nor not 9!\n")
        result = run("score", play, tmp_path / "two.txt", "--json").json
        model = latens.load(play)
        assert [row["line"] for row in result["rows"]] == [1, 3]
        assert [row["items"] for row in result["rows"]] == [5, 9]
        nats = [row["nats_per_item"] for row in result["rows"]]
        np.testing.assert_allclose(nats, -model.score_samples(["to be", "or not 9!"]))
        costs, second = model.surprisal("or not 9!"), result["rows"][1]
        assert (second["position"], second["nats"]) == (costs.argmax(), costs.max())
        assert second["most_surprising"] == "or not 9!"[costs.argmax()]
        assert result["nats_per_item"] == pytest.approx((5 * nats[0] + 9 * nats[1]) / 14)

    def test_a_table_on_standard_output(self, run, texts, play, tmp_path):
        (tmp_path / "two.txt").write_text("to be\nor not\n")
        lines = run("score", play, tmp_path / "two.txt").out.splitlines()
        assert lines[0].split() == ["line", "items", "nats", "per", "item", "most", "surprising", "position", "nats"]
        assert len(lines) == 5
        assert lines[-1].endswith("over 11 items")

    def test_rows_of_a_column(self, run, texts, news, tmp_path):
        outcome = run("score", news, texts / "news.csv", "-o", tmp_path / "s.csv", "--labels", "topic")
        assert outcome.out.startswith(f"wrote 40 scores to {tmp_path / 's.csv'}; ")
        table = pyarrow.csv.read_csv(tmp_path / "s.csv").to_pandas()
        given = pandas.read_csv(texts / "news.csv")
        assert table["topic"].tolist() == given["topic"].tolist()
        expected = -latens.load(news).score_samples(given["title"].tolist())
        np.testing.assert_allclose(table["nats_per_item"], expected)

    def test_an_empty_row_stays(self, run, news, tmp_path):
        (tmp_path / "e.csv").write_text("title,n\nteam,1\n,2\n")
        rows = run("score", news, tmp_path / "e.csv", "--json").json["rows"]
        assert rows[1] == {
            "line": 2,
            "items": 0,
            "nats_per_item": None,
            "most_surprising": None,
            "position": None,
            "nats": None,
        }

    def test_sequences(self, run, texts, log, tmp_path):
        assert run("score", log, texts / "log.csv", "-o", tmp_path / "s.parquet", "--labels", "plan").code == 0
        table = pyarrow.parquet.read_table(tmp_path / "s.parquet").to_pandas()
        assert table["line"].tolist()[:2] == ["u0", "u1"]
        assert table["plan"].tolist()[:2] == [0, 1]
        assert set(table["most_surprising"]) <= {"login", "search", "buy now", "leave"}

    def test_a_model_of_bytes_reads_any_file(self, run, tmp_path):
        letter = "Très cher,\r\n\r\nà bientôt\n".encode("latin-1")
        (tmp_path / "letter.txt").write_bytes(letter * 20)
        settings = ("tokens=bytes", "max_epochs=1", "hidden_size=8", "validation_fraction=0")
        words = [word for setting in settings for word in ("--set", setting)]
        assert run("fit", tmp_path / "letter.txt", "-o", tmp_path / "m.latens", *words).code == 0
        (tmp_path / "one.txt").write_bytes(letter)
        outcome = run("score", tmp_path / "m.latens", tmp_path / "one.txt", "--json")
        assert outcome.code == 0, outcome.err
        assert [(row["line"], row["items"]) for row in outcome.json["rows"]] == [(1, 11), (3, 9)]
        costs = latens.load(tmp_path / "m.latens").surprisal(letter.split(b"\n")[2])
        assert outcome.json["rows"][1]["nats_per_item"] == pytest.approx(costs.mean())

    def test_files_of_a_folder(self, run, play, tmp_path):
        for name in ("a", "b"):
            (tmp_path / "texts" / name).mkdir(parents=True)
            (tmp_path / "texts" / name / "x.txt").write_text("to be\nor not\n")
        result = run("score", play, tmp_path / "texts", "--json").json
        assert [row["line"] for row in result["rows"]] == ["a/x.txt:1", "a/x.txt:2", "b/x.txt:1", "b/x.txt:2"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("to\nzebra\n", "x.txt: line 2: character 'z' at position 0 was not in the text"),
            ("\n \n", "x.txt: holds nothing but blank lines"),
            ("", "x.txt: is empty"),
        ],
    )
    def test_bad_input_is_one_line(self, run, play, tmp_path, text, message):
        (tmp_path / "x.txt").write_text(text)
        outcome = run("score", play, tmp_path / "x.txt", "-o", tmp_path / "s.csv")
        assert (outcome.code, outcome.out) == (1, "")
        assert message in outcome.err
        assert not (tmp_path / "s.csv").exists()

    def test_another_suffix_is_refused(self, run, texts, play, tmp_path):
        assert "use .parquet or .csv" in run("score", play, texts / "play.txt", "-o", tmp_path / "s.npy").err

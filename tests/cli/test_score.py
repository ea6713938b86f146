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


class TestInParts:
    @pytest.fixture(autouse=True)
    def small_blocks(self, monkeypatch):
        monkeypatch.setattr("latens.cli.answers._BLOCK_ITEMS", 4)

    @pytest.fixture
    def poems(self, tmp_path):
        lines = [f"to be {i % 10}\n" * (i % 3) + "\n" for i in range(30)]
        (tmp_path / "poems.txt").write_text("".join(lines))
        return tmp_path / "poems.txt"

    def test_a_folder_is_the_file(self, run, play, poems, tmp_path):
        facts = run("score", play, poems, "-o", tmp_path / "s.parquet", "--json").json
        outcome = run("score", play, poems, "-o", tmp_path / "parts", "--part-rows", 7, "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.json["nats_per_item"] == pytest.approx(facts["nats_per_item"], rel=1e-14)
        assert outcome.json["items"] == facts["items"]
        assert (facts["rows"], facts["lines"], outcome.json["parts"]) == (30, 30, 5)
        whole = pyarrow.parquet.read_table(tmp_path / "s.parquet")
        parts = [pyarrow.parquet.read_table(tmp_path / "parts" / f"part-0000{i}.parquet") for i in range(5)]
        assert [len(part) for part in parts] == [7, 7, 7, 7, 2]
        assert pyarrow.concat_tables(parts).equals(whole)
        assert whole["line"].to_pylist()[:3] == [2, 4, 5]

    @pytest.mark.parametrize("block", [1, 3, 5, 9])
    def test_goes_on(self, run, texts, log, tmp_path, monkeypatch, block):
        from latens.estimators.events import EventAutoregressor as Estimator

        verb = ("score", log, texts / "log.csv", "--labels", "plan", "--part-rows", 8)
        assert run(*verb, "-o", tmp_path / "whole").code == 0
        asked, surprisal = [], Estimator.surprisal

        def trapped(self, rows):
            asked.append(rows)
            if len(asked) == block:
                raise KeyboardInterrupt
            return surprisal(self, rows)

        with monkeypatch.context() as patch:
            patch.setattr(Estimator, "surprisal", trapped)
            assert run(*verb, "-o", tmp_path / "out").code == (130 if block < 9 else 0)
        outcome = run(*verb, "-o", tmp_path / "out", "--resume", "--json")
        done = {1: None, 3: 8, 5: 16, 9: 30}[block]
        assert (outcome.json["resumed_from_row"], outcome.json["lines"]) == (done, 30)
        assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
            path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()
        }

    def test_lines_do_not_depend_on_blocks_of_the_file(self, run, play, poems, tmp_path, monkeypatch):
        run("score", play, poems, "-o", tmp_path / "one.parquet")
        monkeypatch.setattr("latens.data.text.BLOCK", 5)
        run("score", play, poems, "-o", tmp_path / "many.parquet")
        assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()

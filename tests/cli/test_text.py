"""What the verbs that all models share do with text and events."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas
import pyarrow.csv
import pyarrow.parquet
import pytest

import latens
from latens import persistence

SMALL = ("--set", "hidden_size=16", "--set", "max_epochs=2", "--set", "chunk=32", "--device", "cpu")


def tensors_of(path: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in persistence.read(path).tensors.items()}


class TestFit:
    def test_a_text_file_means_the_text_model(self, run, texts, tmp_path):
        outcome = run("fit", texts / "play.txt", "-o", tmp_path / "m.latens", *SMALL)
        assert (outcome.code, outcome.err) == (0, "")
        assert "text model, 28 items in its vocabulary" in outcome.out
        assert "nats per item" in outcome.out
        assert "5-gram" in outcome.out
        assert f"next: latens generate {tmp_path / 'm.latens'} -n 500" in outcome.out

    def test_json(self, run, texts, tmp_path):
        words = ("--column", "title", "--json", *SMALL)
        result = run("fit", texts / "news.csv", "-o", tmp_path / "m.latens", *words).json
        assert (result["model"], result["vocabulary_size"], result["epochs"]) == ("text", 23, 2)
        assert result["referee"]["model_bits"] == pytest.approx(result["referee"]["model_nats"] / np.log(2))

    @pytest.mark.parametrize("words", [("--kind", "events"), ("--model", "events"), ()])
    def test_named_columns_mean_events(self, run, texts, tmp_path, words):
        named = ("--sequence", "user", "--item", "item")
        outcome = run("fit", texts / "log.csv", "-o", tmp_path / "m.latens", *named, *words, *SMALL)
        assert outcome.code == 0
        assert "next: latens generate" in outcome.out
        assert latens.load(tmp_path / "m.latens").schema_.columns == ("user", None, "item")

    def test_standard_input_is_text_if_its_kind_says_so(self, run, texts, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((texts / "play.txt").read_bytes())))
        assert run("fit", "-", "--kind", "text", "-o", tmp_path / "m.latens", *SMALL).code == 0

    def test_from_learns_on(self, run, texts, news, tmp_path):
        outcome = run("fit", texts / "news.csv", "--from", news, "-o", tmp_path / "m.latens", "-q", "--device", "cpu")
        assert outcome.code == 0
        assert tensors_of(tmp_path / "m.latens") != tensors_of(news)

    def test_interrupted_and_resumed_ends_with_the_same_tensors(self, run, texts, play, tmp_path, monkeypatch):
        from latens.callbacks import Checkpoints

        def save_and_die(self: Checkpoints, state: object) -> Path:
            if not killed:
                killed.append(state)
                os.kill(os.getpid(), signal.SIGINT)
            return save(self, state)

        save, killed = Checkpoints.save, []
        words = ("fit", texts / "play.txt", "-o", tmp_path / "m.latens", *SMALL, "--checkpoint-steps", 1)
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoints, "save", save_and_die)
            stopped = run(*words)
        assert (stopped.code, stopped.out) == (130, "")
        assert "continue with --resume" in stopped.err
        assert run(*words, "--resume", "--json").json["resumed_from_step"] == 1
        assert tensors_of(tmp_path / "m.latens") == tensors_of(play)

    def test_a_text_shorter_than_a_window_is_one_window(self, run, tmp_path):
        (tmp_path / "a.txt").write_text("abc")
        assert run("fit", tmp_path / "a.txt", "-o", tmp_path / "m.latens", "-q", "--device", "cpu").code == 0

    @pytest.mark.parametrize(
        ("name", "words", "message"),
        [
            ("empty.txt", (), "empty.txt: is empty; give it some text"),
            ("one.txt", (), "1 item is too few with validation_fraction=0.1; give it more"),
            ("play.txt", ("--model", "deep"), "play.txt: holds text; give it a table or images"),
            ("play.txt", ("--target", "dataset:digits"), "a model of text predicts SOURCE; leave it out"),
            ("news.csv", ("--model", "text"), "name it with column=NAME (--column NAME)"),
            ("news.csv", ("--column", "titel"), "did you mean 'title'?"),
            ("news.csv", ("--model", "text", "--kind", "table"), "not what --model text learns from"),
            ("log.csv", ("--kind", "events", "--item", "item"), "needs sequence=NAME"),
        ],
    )
    def test_what_cannot_work_is_one_line(self, run, texts, tmp_path, name, words, message):
        (texts / "empty.txt").touch()
        (texts / "one.txt").write_text("a")
        outcome = run("fit", texts / name, "-o", tmp_path / "m.latens", *words)
        assert (outcome.code, outcome.out) == (1, "")
        assert message in outcome.err
        assert outcome.err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []


class TestInfo:
    def test_text(self, run, news):
        out = run("info", news).out
        assert "text, short entries, a newline after each: 23 characters, lower-cased" in out
        assert "column    title" in out
        assert "scaling" not in out

    def test_events(self, run, log):
        out = run("info", log).out
        assert "sequences of events, 4 items and the end of a sequence" in out
        assert "sequence user, order at, item item" in out

    def test_json_has_the_vocabulary(self, run, play):
        facts = run("info", play, "--json").json
        assert facts["schema"]["characters"].startswith("emila: to")
        assert facts["referee"]["verdict"] == latens.load(play).referee_.verdict


class TestEmbed:
    @pytest.mark.parametrize("pooling", ["last", "mean", "max"])
    def test_writes_what_python_gives_with_the_labels(self, run, texts, news, tmp_path, pooling):
        output = tmp_path / "codes.parquet"
        outcome = run("embed", news, texts / "news.csv", "-o", output, "--labels", "topic", "--pooling", pooling)
        assert outcome.code == 0
        table, given = pyarrow.parquet.read_table(output).to_pandas(), pandas.read_csv(texts / "news.csv")
        assert table.pop("topic").tolist() == given["topic"].tolist()
        expected = latens.load(news).transform(given["title"].tolist(), pooling)
        np.testing.assert_array_equal(table.to_numpy(), expected)

    def test_events_have_ids_and_labels(self, run, texts, log, tmp_path):
        assert run("embed", log, texts / "log.csv", "-o", tmp_path / "c.csv", "--labels", "plan").code == 0
        table = pyarrow.csv.read_csv(tmp_path / "c.csv").to_pandas()
        assert table["id"].tolist()[:2] == ["u0", "u1"]
        assert table["plan"].tolist()[:2] == [0, 1]

    def test_a_file_is_one_document(self, run, texts, play, tmp_path):
        assert run("embed", play, texts / "play.txt", "-o", tmp_path / "c.npy").code == 0
        assert np.load(tmp_path / "c.npy").shape == (1, 16)

    def test_pooling_is_for_sequences(self, run, digits, tmp_path):
        outcome = run("embed", digits, "dataset:digits", "-o", tmp_path / "c.npy", "--pooling", "mean")
        assert "--pooling='mean' goes with models of text and events; leave it out" in outcome.err

    def test_map(self, run, texts, news, tmp_path):
        outcome = run("map", news, texts / "news.csv", "-o", tmp_path / "m.png", "--labels", "topic", "--json")
        assert outcome.json["labels"] == "topic"

    @pytest.mark.parametrize("verb", ["reconstruct", "pairs"])
    def test_other_verbs_say_what_there_is(self, run, texts, news, tmp_path, verb):
        outcome = run(verb, news, texts / "news.csv", "-o", tmp_path / "x.png" if verb == "pairs" else tmp_path / "x")
        assert (outcome.code, outcome.out) == (1, "")
        assert f"{verb} is not for a model of 'text'; use it with embed, map, generate, score" in outcome.err

    def test_another_kind_is_refused(self, run, news, tmp_path):
        outcome = run("embed", news, "dataset:digits", "-o", tmp_path / "c.npy", "--kind", "images")
        assert "the model learned from text; leave --kind out" in outcome.err

    def test_sweep_has_no_sizes_for_text(self, run, texts):
        assert "has no code whose size" in run("sweep", texts / "play.txt", "--model", "text").err

from __future__ import annotations

import csv
import io
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

import latens
from latens import persistence
from latens.cli import main

SMALL = ("--set", "hidden_size=16", "--set", "max_epochs=2", "--set", "chunk=32", "--device", "cpu")
PLAY = "".join(f"EMILIA: to be, number {i % 17}.\nIAGO: or not {i % 13}!\n\n" for i in range(40))
NEWS = [
    (f"stocks rise {i % 7}" if i % 2 else f"team wins {i % 9}", "business" if i % 2 else "sport") for i in range(40)
]


def written(path: Path, rows: list[tuple[object, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A play, news, a log, and a model of each."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "play.txt").write_text(PLAY)
    written(folder / "news.csv", [("title", "topic"), *NEWS])
    paths = [["login", "search", "buy now"], ["login", "search", "search", "leave"]]
    rows = [(f"u{user}", at, item, user % 2) for user in range(30) for at, item in enumerate(paths[user % 2])]
    written(folder / "log.csv", [("user", "at", "item", "plan"), *rows])
    how = {"play.txt": (), "news.csv": ("--column", "title")}
    how["log.csv"] = ("--sequence", "user", "--order", "at", "--item", "item")
    for name, words in how.items():
        output = folder / f"{Path(name).stem}.latens"
        assert main(["fit", str(folder / name), "-o", str(output), "-q", *words, *SMALL]) == 0
    return folder


@pytest.fixture
def play(folder) -> Path:
    return folder / "play.latens"


@pytest.fixture
def news(folder) -> Path:
    return folder / "news.latens"


@pytest.fixture
def log(folder) -> Path:
    return folder / "log.latens"


def tensors_of(path: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in persistence.read(path).tensors.items()}


class TestFit:
    def test_a_text_file_means_the_text_model(self, run, folder, tmp_path):
        outcome = run("fit", folder / "play.txt", "-o", tmp_path / "m.latens", *SMALL)
        assert (outcome.code, outcome.err) == (0, "")
        assert "text model, 28 items in its vocabulary" in outcome.out
        assert "nats per item" in outcome.out
        assert "5-gram" in outcome.out
        assert f"next: latens generate {tmp_path / 'm.latens'} -n 500" in outcome.out

    def test_json(self, run, folder, tmp_path):
        words = ("--column", "title", "--json", *SMALL)
        result = run("fit", folder / "news.csv", "-o", tmp_path / "m.latens", *words).json
        assert (result["model"], result["vocabulary_size"], result["epochs"]) == ("text", 23, 2)
        assert result["referee"]["model_bits"] == pytest.approx(result["referee"]["model_nats"] / np.log(2))

    @pytest.mark.parametrize("words", [("--kind", "events"), ("--model", "events"), ()])
    def test_named_columns_mean_events(self, run, folder, tmp_path, words):
        named = ("--sequence", "user", "--item", "item")
        outcome = run("fit", folder / "log.csv", "-o", tmp_path / "m.latens", *named, *words, *SMALL)
        assert outcome.code == 0
        assert "next: latens generate" in outcome.out
        assert latens.load(tmp_path / "m.latens").schema_.columns == ("user", None, "item")

    def test_standard_input_is_text_if_its_kind_says_so(self, run, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PLAY.encode())))
        assert run("fit", "-", "--kind", "text", "-o", tmp_path / "m.latens", *SMALL).code == 0

    def test_from_learns_on(self, run, folder, news, tmp_path):
        outcome = run("fit", folder / "news.csv", "--from", news, "-o", tmp_path / "m.latens", "-q", "--device", "cpu")
        assert outcome.code == 0
        assert tensors_of(tmp_path / "m.latens") != tensors_of(news)

    def test_interrupted_and_resumed_ends_with_the_same_tensors(self, run, folder, play, tmp_path, monkeypatch):
        from latens.callbacks import Checkpoints

        def save_and_die(self: Checkpoints, state: object) -> Path:
            if not killed:
                killed.append(state)
                os.kill(os.getpid(), signal.SIGINT)
            return save(self, state)

        save, killed = Checkpoints.save, []
        words = ("fit", folder / "play.txt", "-o", tmp_path / "m.latens", *SMALL, "--checkpoint-steps", 1)
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
    def test_what_cannot_work_is_one_line(self, run, folder, tmp_path, name, words, message):
        (folder / "empty.txt").touch()
        (folder / "one.txt").write_text("a")
        outcome = run("fit", folder / name, "-o", tmp_path / "m.latens", *words)
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
    def test_writes_what_python_gives_with_the_labels(self, run, folder, news, tmp_path, pooling):
        output = tmp_path / "codes.parquet"
        outcome = run("embed", news, folder / "news.csv", "-o", output, "--labels", "topic", "--pooling", pooling)
        assert outcome.code == 0
        table = pyarrow.parquet.read_table(output).to_pandas()
        assert table.pop("topic").tolist() == [topic for _, topic in NEWS]
        expected = latens.load(news).transform([title for title, _ in NEWS], pooling)
        np.testing.assert_array_equal(table.to_numpy(), expected)

    def test_events_have_ids_and_labels(self, run, folder, log, tmp_path):
        assert run("embed", log, folder / "log.csv", "-o", tmp_path / "c.csv", "--labels", "plan").code == 0
        table = pyarrow.csv.read_csv(tmp_path / "c.csv").to_pandas()
        assert table["id"].tolist()[:2] == ["u0", "u1"]
        assert table["plan"].tolist()[:2] == [0, 1]

    def test_a_file_is_one_document(self, run, folder, play, tmp_path):
        assert run("embed", play, folder / "play.txt", "-o", tmp_path / "c.npy").code == 0
        assert np.load(tmp_path / "c.npy").shape == (1, 16)

    def test_pooling_is_for_sequences(self, run, digits, tmp_path):
        outcome = run("embed", digits, "dataset:digits", "-o", tmp_path / "c.npy", "--pooling", "mean")
        assert "--pooling='mean' goes with models of text and events; leave it out" in outcome.err

    def test_map(self, run, folder, news, tmp_path):
        outcome = run("map", news, folder / "news.csv", "-o", tmp_path / "m.png", "--labels", "topic", "--json")
        assert outcome.json["labels"] == "topic"

    @pytest.mark.parametrize("verb", ["reconstruct", "pairs"])
    def test_other_verbs_say_what_there_is(self, run, folder, news, tmp_path, verb):
        outcome = run(verb, news, folder / "news.csv", "-o", tmp_path / "x.png" if verb == "pairs" else tmp_path / "x")
        assert (outcome.code, outcome.out) == (1, "")
        assert f"{verb} is not for a model of 'text'; use it with embed, map, generate, score" in outcome.err

    def test_another_kind_is_refused(self, run, news, tmp_path):
        outcome = run("embed", news, "dataset:digits", "-o", tmp_path / "c.npy", "--kind", "images")
        assert "the model learned from text; leave --kind out" in outcome.err

    def test_sweep_has_no_sizes_for_text(self, run, folder):
        assert "has no code whose size" in run("sweep", folder / "play.txt", "--model", "text").err


class TestGenerate:
    def test_is_what_python_gives(self, run, play):
        how = {"temperature": 1.0, "top_p": 0.9, "repetition_penalty": 1.2, "random_state": 3}
        expected = latens.load(play).generate("EMILIA:", max_new_tokens=40, **how)
        words = ("-n", 40, "--temperature", 1, "--top-p", 0.9, "--repetition-penalty", 1.2, "--seed", 3)
        assert run("generate", play, "EMILIA:", *words).out == f"{expected}\n"

    def test_in_another_process_too(self, run, play):
        command = [sys.executable, "-m", "latens", "generate", str(play), "to", "-n", "20"]
        ended = subprocess.run(command, capture_output=True, check=True)
        assert ended.stdout.decode() == run("generate", play, "to", "-n", 20).out

    def test_json(self, run, play):
        result = run("generate", play, "to", "-n", 7, "--top-k", 3, "--seed", 2, "--json").json
        expected = latens.load(play).generate("to", max_new_tokens=7, top_k=3, random_state=2, details=True)
        (found,) = result["continuations"]
        assert found["text"] == expected.text
        assert found["log_probabilities"] == expected.log_probs.tolist()
        assert result["seed"] == 2
        assert (result["settings"]["top_k"], result["settings"]["temperature"]) == (3, 0.75)

    def test_several_stand_under_headings(self, run, play):
        expected = latens.load(play).generate("to", max_new_tokens=5, n=2)
        assert run("generate", play, "to", "-n", 5, "--count", 2).out == (
            f"--- 1 of 2 ---\n{expected[0]}\n--- 2 of 2 ---\n{expected[1]}\n"
        )

    def test_short_entries_are_a_line_each(self, run, news):
        assert run("generate", news, "--count", 3).out == "\n".join(latens.load(news).generate(n=3)) + "\n"

    def test_stops_before_a_string(self, run, play):
        whole = run("generate", play, "-n", 40).out
        assert run("generate", play, "-n", 40, "--stop", whole[10:12], "--stop", "zzz").out == f"{whole[:10]}\n"

    def test_the_prompt_from_standard_input(self, run, play, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"to be")))
        assert run("generate", play, "-", "-n", 9).out == run("generate", play, "to be", "-n", 9).out

    def test_beams(self, run, play):
        found = latens.load(play).beam_search("to", max_new_tokens=4, beams=3, length_penalty=0.5)
        words = ("-n", 4, "--beams", 3, "--length-penalty", 0.5)
        assert run("generate", play, "to", *words).out == f"{found[0][0]}\n"
        result = run("generate", play, "to", *words, "--count", 2, "--json").json
        assert [(each["text"], each["score"]) for each in result["continuations"]] == found[:2]

    def test_goes_on_from_a_state(self, run, play, tmp_path):
        whole = run("generate", play, "to", "-n", 20).out
        first = run("generate", play, "to", "-n", 8, "--save-state", tmp_path / "s").out
        then = run("generate", play, "-n", 12, "--state", tmp_path / "s").out
        assert first.removesuffix("\n") + then == whole
        assert run("generate", play, "be", "-n", 3, "--state", tmp_path / "s").code == 0

    def test_says_what_was_copied(self, run, folder, play):
        outcome = run("generate", play, "-n", 30, "--check-copies", folder / "play.txt")
        assert outcome.err.startswith("latens: the longest run copied from ")
        assert outcome.err.count("\n") == 1

    def test_events(self, run, log):
        model = latens.load(log)
        assert run("generate", log, "login search").out == ", ".join(model.generate(["login", "search"])) + "\n"
        expected = [", ".join(items) for items in model.generate(["buy now", "login"], max_new_items=3, n=2)]
        assert run("generate", log, "buy now, login", "-n", 3, "--count", 2).out == "\n".join(expected) + "\n"
        (found,) = run("generate", log, "login", "--json").json["continuations"]
        written = model.generate(["login"], details=True)
        assert (found["items"], found["log_probabilities"]) == (written.items, written.log_probs.tolist())

    def test_items_that_are_whole_numbers(self, run, tmp_path):
        rows = [(row // 4, row % 4) for row in range(80)]
        source = written(tmp_path / "n.csv", [("s", "i"), *rows])
        run("fit", source, "-o", tmp_path / "n.latens", "--sequence", "s", "--item", "i", *SMALL)
        expected = latens.load(tmp_path / "n.latens").generate([0, 1])
        assert run("generate", tmp_path / "n.latens", "0 1").out == " ".join(map(str, expected)) + "\n"

    @pytest.mark.parametrize("words", [(), ("--save-state", "s")])
    def test_head_is_a_good_end(self, play, tmp_path, words):
        line = shlex.join([sys.executable, "-m", "latens", "generate", str(play), "to", "-n", "3000", *words])
        command = ["bash", "-c", f"set -o pipefail; {line} | head -c 100"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (ended.returncode, ended.stderr, len(ended.stdout)) == (0, "", 100)
        assert [path.name for path in tmp_path.iterdir()] == [*words[1:]]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("Ω",), "prompt: character 'Ω' at position 0 was not in the text"),
            (("--temperature", "-1"), "temperature=-1.0 is out of range"),
            (("--temperature", "nan"), "temperature=nan is out of range"),
            (("--temperature", "inf"), "temperature=inf is out of range"),
            (("--top-p", "1.5"), "top_p=1.5 is out of range"),
            (("--top-k", "-1"), "top_k=-1 is out of range"),
            (("--stop", ""), "stop='' never ends a text"),
            (("--beams", "0"), "--beams=0 is out of range"),
            (("--beams", "2", "--count", "3"), "--beams=2 is out of range"),
            (("--count", "0"), "--count=0 is out of range"),
            (("-n", "0"), "--max-new=0 is out of range"),
            (("--state", "nowhere"), "nowhere: no such file"),
            (("--check-copies", "nowhere"), "'nowhere': is no file"),
        ],
    )
    def test_bad_input_is_one_line(self, run, play, words, message):
        outcome = run("generate", play, *words)
        assert outcome.code == 1
        assert message in outcome.err
        assert outcome.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--beams", "2", "--temperature", "1"), "goes with drawing"),
            (("--length-penalty", "1"), "goes with --beams"),
            (("--save-state", "s", "--count", "2"), "keeps one continuation"),
            (("-n", "many"), "--max-new"),
        ],
    )
    def test_what_does_not_go_together_is_usage(self, run, play, words, message):
        outcome = run("generate", play, *words)
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.err

    def test_a_prompt_that_is_no_text(self, run, play, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\xff")))
        assert run("generate", play, "-").err == ("latens: error: stdin: byte 1 is not UTF-8; convert it with iconv\n")

    @pytest.mark.parametrize("words", [("--stop", "x"), ("--beams", "2"), ("--repetition-penalty", "2")])
    def test_events_lack_some_options(self, run, log, words):
        outcome = run("generate", log, "login", *words)
        assert outcome.err == (
            f"latens: error: {words[0]} is for models of 'text', and this is one of 'events'; leave it out\n"
        )

    def test_an_item_that_is_not_known(self, run, log):
        assert "item 'logon' at position 0 was not in the sequences" in run("generate", log, "logon").err

    def test_the_state_of_another_model(self, run, play, news, tmp_path):
        run("generate", play, "to", "-n", 3, "--save-state", tmp_path / "s")
        assert "the state of another model" in run("generate", news, "--state", tmp_path / "s").err
        assert "exists; --force" in run("generate", play, "-n", 3, "--save-state", tmp_path / "s").err

    @pytest.mark.parametrize("verb", ["generate", "score"])
    def test_an_autoencoder_does_not(self, run, digits, verb):
        outcome = run(verb, digits, "dataset:digits")
        assert f"{verb} is not for a model of 'deep'; use it with embed, map, reconstruct, pairs" in outcome.err

    def test_a_file_that_is_no_model(self, run, folder):
        assert "not a model file" in run("generate", folder / "play.txt").err


class TestScore:
    def test_lines_of_a_file(self, run, folder, play, tmp_path):
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

    def test_a_table_on_standard_output(self, run, folder, play, tmp_path):
        (tmp_path / "two.txt").write_text("to be\nor not\n")
        lines = run("score", play, tmp_path / "two.txt").out.splitlines()
        assert lines[0].split() == ["line", "items", "nats", "per", "item", "most", "surprising", "position", "nats"]
        assert len(lines) == 5
        assert lines[-1].endswith("over 11 items")

    def test_rows_of_a_column(self, run, folder, news, tmp_path):
        outcome = run("score", news, folder / "news.csv", "-o", tmp_path / "s.csv", "--labels", "topic")
        assert outcome.out.startswith(f"wrote 40 scores to {tmp_path / 's.csv'}; ")
        table = pyarrow.csv.read_csv(tmp_path / "s.csv").to_pandas()
        assert table["topic"].tolist() == [topic for _, topic in NEWS]
        expected = -latens.load(news).score_samples([title for title, _ in NEWS])
        np.testing.assert_allclose(table["nats_per_item"], expected)

    def test_an_empty_row_stays(self, run, news, tmp_path):
        source = written(tmp_path / "e.csv", [("title", "n"), ("team", 1), ("", 2)])
        rows = run("score", news, source, "--json").json["rows"]
        assert rows[1] == {
            "line": 2,
            "items": 0,
            "nats_per_item": None,
            "most_surprising": None,
            "position": None,
            "nats": None,
        }

    def test_sequences(self, run, folder, log, tmp_path):
        assert run("score", log, folder / "log.csv", "-o", tmp_path / "s.parquet", "--labels", "plan").code == 0
        table = pyarrow.parquet.read_table(tmp_path / "s.parquet").to_pandas()
        assert table["line"].tolist()[:2] == ["u0", "u1"]
        assert table["plan"].tolist()[:2] == [0, 1]
        assert set(table["most_surprising"]) <= {"login", "search", "buy now", "leave"}

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

    def test_another_suffix_is_refused(self, run, folder, play, tmp_path):
        assert "use .parquet or .csv" in run("score", play, folder / "play.txt", "-o", tmp_path / "s.npy").err

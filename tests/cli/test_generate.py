from __future__ import annotations

import io
import shlex
import subprocess
import sys

import pytest

import latens


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

    def test_imports_no_more_than_it_needs(self, play):
        """What scikit-learn imports by itself, such as pandas, cannot be helped."""
        words = ["generate", str(play), "to", "-n", "5"]
        code = f"import sys; from latens.cli import main; main({words}); print(*sys.modules)"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        needless = {"lightning_fabric", "torch._dynamo", "sympy", "matplotlib", "PIL", "sklearn.cluster", "pooch"}
        assert not needless & set(ended.stdout.split())

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

    def test_says_what_was_copied(self, run, texts, play):
        outcome = run("generate", play, "-n", 30, "--check-copies", texts / "play.txt")
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
        (tmp_path / "n.csv").write_text("s,i\n" + "".join(f"{row // 4},{row % 4}\n" for row in range(80)))
        named = ("--sequence", "s", "--item", "i", "--set", "hidden_size=16", "--set", "max_epochs=2")
        assert run("fit", tmp_path / "n.csv", "-o", tmp_path / "n.latens", *named, "--device", "cpu").code == 0
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

    @pytest.mark.parametrize("words", [("--state", "x"), ("--beams", "2"), ("--save-state", "x")])
    def test_events_lack_some_options(self, run, log, words):
        outcome = run("generate", log, "login", *words)
        assert outcome.err == (
            f"latens: error: {words[0]} is for models of 'text', and this is one of 'events'; leave it out\n"
        )

    def test_events_stop_at_an_item(self, run, log):
        words = ("-n", 20, "--seed", 1, "--count", 9, "--repetition-penalty", 1.5)
        free, found = (run("generate", log, "login", *words, *stop).out for stop in ((), ("--stop", "search")))
        assert "search" in free
        assert "search" not in found
        assert "stop='logon' is not known; use one of" in run("generate", log, "login", "--stop", "logon").err

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

    def test_a_file_that_is_no_model(self, run, texts):
        assert "not a model file" in run("generate", texts / "play.txt").err

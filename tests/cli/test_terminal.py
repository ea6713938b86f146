"""What is printed of other people's words cannot steer a terminal."""

from __future__ import annotations

import io
import json
import shutil
import sys

import pytest

from latens import persistence
from latens.cli.generate import _writing
from latens.cli.terminal import as_json, shown, visible

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"


def harmless(text):
    return not any(c in text for c in "\x1b\x07\x9b\u202e\x7f\r")


@pytest.fixture
def hostile_model(digits, tmp_path):
    """A model whose header says what a terminal would obey."""
    file = persistence.read(digits)
    header = {key: value for key, value in file.header.items() if key not in ("format", "digest")}
    header["schema"] = {**header["schema"], "label_names": [HOSTILE]}
    persistence.write(tmp_path / "hostile.latens", header, file.tensors)
    return tmp_path / "hostile.latens"


class TestVisible:
    @pytest.mark.parametrize("character", [*map(chr, range(32)), "\x7f", "\x80", "\x9f", "\u2028", "\u202e", "\u2069"])
    def test_controls_are_escaped_but_for_newline_and_tab(self, character):
        assert (visible(character) == character) == (character in "\n\t")

    @pytest.mark.parametrize("text", ["Zoë, 北京, \u00a0", "👩\u200d🔬", "نمی\u200cخواهم"])
    def test_words_of_any_language_stay(self, text):
        assert visible(text) == text

    def test_half_a_character_can_be_printed(self):
        assert visible("a\udcff").encode() == b"a\\udcff"

    def test_a_short_line(self):
        assert shown(HOSTILE, 20) == visible(HOSTILE)[:19] + "…"

    def test_json_means_the_same(self):
        value = {"name": HOSTILE + "\n\t", "n": [1, None, "é"]}
        text = as_json(value)
        assert harmless(text)
        assert json.loads(text) == value


class TestEverythingPrinted:
    def test_a_file_name_in_an_error(self, run):
        outcome = run("info", f"{HOSTILE}.latens")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
        assert harmless(outcome.err)

    def test_a_file_name_in_a_usage_error(self, run):
        outcome = run("info", "a", HOSTILE)
        assert outcome.code == 2
        assert harmless(outcome.err)

    def test_a_model_header(self, run, hostile_model):
        outcome = run("info", hostile_model)
        assert outcome.code == 0, outcome.err
        assert "\\x1b]0;owned\\x07" in outcome.out
        assert harmless(outcome.out)
        as_data = run("info", hostile_model, "--json")
        assert harmless(as_data.out)
        assert as_data.json["schema"]["label_names"] == [HOSTILE]

    def test_the_name_of_an_output(self, run, digits, tmp_path):
        outcome = run("embed", digits, "dataset:digits/test", "-o", tmp_path / f"{HOSTILE.replace('/', '')}.npy")
        assert outcome.code == 0, outcome.err
        assert harmless(outcome.out)

    def test_columns_in_a_warning_and_an_error(self, run, digits, tmp_path):
        (tmp_path / "t.csv").write_text(f"a,{HOSTILE}\n1,2\n3,4\n")
        outcome = run("embed", digits, tmp_path / "t.csv", "-o", tmp_path / "c.npy")
        assert outcome.code == 1
        assert harmless(outcome.err)

    def test_lines_of_a_text(self, run, play, tmp_path):
        shutil.copy(play, tmp_path / "p.latens")
        (tmp_path / "x.txt").write_text(f"to be {HOSTILE}\n")
        outcome = run("score", tmp_path / "p.latens", tmp_path / "x.txt")
        assert outcome.code == 1
        assert harmless(outcome.err)


class TestGenerated:
    @pytest.fixture
    def stdout(self, monkeypatch):
        def replaced(terminal):
            stream = io.StringIO()
            stream.isatty = lambda: terminal
            monkeypatch.setattr(sys, "stdout", stream)
            return stream

        return replaced

    def test_a_terminal_shows_escapes(self, stdout):
        stream = stdout(True)
        _writing(whole=False)(f"to be\n\t{HOSTILE}")
        assert stream.getvalue() == f"to be\n\t{visible(HOSTILE)}"

    def test_a_pipe_gets_the_text(self, stdout):
        stream = stdout(False)
        _writing(whole=False)(HOSTILE)
        assert stream.getvalue() == HOSTILE

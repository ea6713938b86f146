from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import typer

import latens
from latens.cli import app, main, verbs
from latens.cli.verbs import Reading, Shared

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
HEAVY = {"torch", "pandas", "sklearn", "scipy", "matplotlib", "pyarrow", "numpy", "PIL", "rich"}


def options_of(command: object) -> set[str]:
    return {max(p.opts, key=len) for p in command.params if p.opts[0].startswith("-")}  # type: ignore[attr-defined]


class TestHelp:
    def test_imports_nothing_heavy(self):
        code = "import sys; from latens.cli import main; main(['--help']); print(*sys.modules)"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not HEAVY & set(ended.stdout.split())

    def test_is_quick(self):
        # What is promised is 0.4 s; four times as much of the processor's own time is let pass on a busy machine.
        before = os.times().children_user
        subprocess.run([sys.executable, "-m", "latens", "--help"], capture_output=True, check=True)
        assert os.times().children_user - before < 1.6

    def test_lists_the_verbs_in_the_order_of_use(self, run):
        assert list(COMMANDS) == [
            "fit",
            "info",
            "embed",
            "reconstruct",
            "map",
            "pairs",
            "outliers",
            "cluster",
            "index",
            "search",
            "probe",
            "corrupt",
            "sweep",
            "generate",
            "score",
            "forecast",
            "report",
            "serve",
            "export",
            "datasets",
            "reproduce",
            "demo",
        ]
        out = run("--help").out
        assert all(f"\n  {name} " in out for name in COMMANDS)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_of_a_verb_ends_with_an_example_that_parses(self, run, name):
        outcome = run(name, "--help")
        assert outcome.code == 0
        example = outcome.out.strip().splitlines()[-1].removeprefix("  Example:  ")
        program, verb, *words = shlex.split(example)
        assert (program, verb) == ("latens", name)
        COMMANDS[name].make_context(verb, words)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_verb_has_the_shared_options(self, name):
        assert {"--json", "--quiet", "--seed", "--device", "--devices", "--debug"} <= options_of(COMMANDS[name])

    def test_without_a_verb_help_is_shown(self, run):
        outcome = run()
        assert "Usage: latens" in outcome.out + outcome.err

    def test_version(self, run):
        assert run("--version").out == f"latens {latens.__version__}\n"


class TestDocs:
    def test_every_verb_has_its_row_and_its_options(self):
        rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", DOCS.read_text(), re.MULTILINE))
        assert list(rows) == list(COMMANDS)
        common = {"--json", "--quiet", "--seed", "--device", "--devices", "--debug", "--help"}
        for name, row in rows.items():
            assert set(re.findall(r"--[a-z-]+", row)) == options_of(COMMANDS[name]) - common, name

    @pytest.mark.parametrize("option", ["--json", "--quiet", "--seed", "--device", "--devices", "--debug"])
    def test_every_shared_option_is_explained(self, option):
        assert f"| `{option}" in DOCS.read_text()


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["fitt"], "Did you mean 'fit'?"),
            (["fit", "x", "--outptu", "y"], "--output"),
            (["fit"], "SOURCE"),
            (["fit", "x"], "--output"),
            (["info", "m", "--seed", "-1"], "--seed"),
            (["fit", "dataset:digits", "-o", "m.latens", "--set", "n_components"], "name=value"),
        ],
    )
    def test_usage_is_2(self, run, words, hint, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        outcome = run(*words)
        assert (outcome.code, outcome.out) == (2, "")
        assert hint in outcome.err
        assert list(tmp_path.iterdir()) == []

    def test_an_unexpected_error_is_one_line(self, run, monkeypatch):
        monkeypatch.setattr("latens.cli.datasets._row", lambda dataset: 1 / 0)
        outcome = run("datasets")
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith(
            "latens: error: internal error, ZeroDivisionError: division by zero; run again with"
        )
        assert outcome.err.count("\n") == 1

    def test_debug_shows_the_traceback(self, run):
        outcome = run("info", "nowhere.latens", "--debug")
        assert outcome.code == 1
        assert "Traceback" in outcome.err
        assert outcome.err.splitlines()[-1].startswith("latens: error: nowhere.latens: no such file")

    def test_ctrl_c_is_130(self, run, monkeypatch):
        def interrupt(dataset: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("latens.cli.datasets._row", interrupt)
        assert run("datasets").code == 130

    def test_a_closed_pipe_is_quiet(self):
        command = f"{shlex.quote(sys.executable)} -m latens datasets --json | true"
        ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert ended.stderr == ""

    def test_a_reader_that_has_enough_is_a_good_end(self):
        command = f"set -o pipefail; {shlex.quote(sys.executable)} -m latens datasets --json | true"
        ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    @pytest.mark.parametrize("buffering", ["", "1"])
    @pytest.mark.parametrize("words", ["datasets", "datasets --json", "--help", "--version"])
    def test_a_full_disk_under_the_answer_is_one_line(self, words, buffering):
        command = f"{shlex.quote(sys.executable)} -m latens {words} > /dev/full"
        shell = os.environ | {"PYTHONUNBUFFERED": buffering}
        ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=shell)
        assert ended.returncode == 1
        message = "standard output: cannot be written (No space left on device); send it to another place"
        assert ended.stderr == f"latens: error: {message}\n"

    def test_a_warning_is_one_line(self, run, monkeypatch):
        def warn(dataset: object) -> dict[str, str]:
            warnings.warn("look\nhere", UserWarning, stacklevel=1)
            return {"source": "", "description": "", "found": ""}

        monkeypatch.setattr("latens.cli.datasets._row", warn)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            assert set(run("datasets").err.splitlines()) == {"latens: warning: look here"}

    @pytest.mark.parametrize("name", ["datasets", "info", "demo"])
    def test_several_devices_are_for_fit(self, run, name):
        outcome = run(name, *(["m.latens"] if name == "info" else []), "--devices", "2")
        assert outcome.code == 1
        assert outcome.err == f"latens: error: devices=2: latens {name} is work for one process; use --devices 1\n"


class TestShared:
    def test_json_is_strict(self, capsys):
        Shared(json=True).answer({"ratio": float("nan"), "rows": (1, 2)}, "words")
        assert json.loads(capsys.readouterr().out) == {"ratio": None, "rows": [1, 2]}

    def test_label_names_by_commas_and_repeats(self):
        assert Reading(labels=["a,b", "c"]).label_names == ["a", "b", "c"]
        assert Reading().label_names is None

    def test_a_bar_only_on_a_terminal(self):
        items = range(3)
        assert Shared().track(items, "counting") is items

    def test_a_bar_on_a_terminal(self, monkeypatch):
        monkeypatch.setattr(verbs.sys.stderr, "isatty", lambda: True, raising=False)
        assert list(Shared().track(range(3), "counting")) == [0, 1, 2]


def test_python_dash_m_is_the_command():
    ended = subprocess.run([sys.executable, "-m", "latens", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"latens {latens.__version__}\n"


def test_threads_of_libraries_do_not_abort_the_end():
    """Each comes back to Python from C++ all the time, as those do that read ahead or watch a connection."""
    code = """
import sys, threading
from torch.distributed import TCPStore
from latens.__main__ import run
store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
def ask():
    while True:
        store.check(["nothing"])
for _ in range(4):
    threading.Thread(target=ask, daemon=True).start()
sys.argv = ["latens", "--version"]
run()
"""
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == f"latens {latens.__version__}\n"


def test_main_takes_the_words_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["latens", "--version"])
    assert main() == 0
    assert "latens" in capsys.readouterr().out

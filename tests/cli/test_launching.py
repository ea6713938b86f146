"""``--devices``, torchrun and SLURM: several processes are one program, with one output, error and exit code."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latens import persistence
from latens.cli import launching, main
from latens.errors import ConfigError, RankError
from latens.ranks import LAUNCHER

FIT = ("--device", "cpu", "--set", "n_components=2", "--set", "batch_size=64", "--set", "activation=tanh")


def _ranks():
    """The module beside the integration tests, which are no package."""
    path = Path(__file__).parents[1] / "integration" / "ranks.py"
    spec = importlib.util.spec_from_file_location("ranks", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rows(tmp_path) -> Path:
    path = tmp_path / "rows.npy"
    np.save(path, np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32))
    return path


@pytest.fixture
def poisoned(tmp_path) -> Path:
    x = np.zeros((300, 6), dtype=np.float32)
    x[7, 1] = np.nan
    np.save(tmp_path / "poisoned.npy", x)
    return tmp_path / "poisoned.npy"


@pytest.fixture
def program(monkeypatch):
    """Run a program of Python in each of some ranks, in place of latens."""

    def run(text: str, count: int = 2) -> int:
        monkeypatch.setattr(launching, "_COMMAND", ["-c", text])
        return launching.run_ranks([], count)

    return run


def losses(path: Path) -> list[float]:
    return persistence.read_header(path)["history"]["train_loss"]


COUNTS = {"one": [], "two": ["--devices", "2"]}


def _answered(words: list[str], folder: Path, capfd) -> dict[str, Any]:
    """What a verb that writes parts says, but for the name of their folder."""
    assert main([*words, "-o", f"{folder}/", "--part-rows", "70"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert said.pop("output") == f"{folder}/"
    return said


def same_folders(one: Path, two: Path) -> bool:
    held = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (one, two)]
    return len(held[0]) > 2 and held[0] == held[1]


class TestDevices:
    def test_two_processes_write_one_model_and_one_answer(self, rows, tmp_path, capfd):
        together, alone = tmp_path / "together.latens", tmp_path / "alone.latens"
        assert main(["fit", str(rows), "-o", str(alone), *FIT, "--quiet"]) == 0
        capfd.readouterr()
        assert main(["fit", str(rows), "-o", str(together), *FIT, "--devices", "2", "--json"]) == 0
        caught = capfd.readouterr()
        assert json.loads(caught.out)["epochs"] == 10
        assert caught.err == ""
        assert losses(together) == pytest.approx(losses(alone), rel=1e-4)
        assert not Path(f"{together}.run").exists()

    def test_an_error_of_all_is_said_once(self, poisoned, tmp_path, capfd):
        assert main(["fit", str(poisoned), "-o", str(tmp_path / "m.latens"), *FIT, "--devices", "2"]) == 1
        caught = capfd.readouterr()
        assert caught.err.startswith("latens: error: poisoned.npy: row 7, column 1 (counted from 0) is NaN")
        assert caught.err.count("\n") == 1
        assert caught.out == ""

    def test_codes_are_the_parts_of_one_process_byte_for_byte(self, rows, tmp_path, capfd):
        model, one, two = tmp_path / "m.latens", tmp_path / "one", tmp_path / "two"
        assert main(["fit", str(rows), "-o", str(model), *FIT, "--quiet"]) == 0
        embed = ["embed", str(model), str(rows), "--device", "cpu", "--json"]
        assert main([*embed, "-o", f"{one}/", "--part-rows", "70"]) == 0
        assert main([*embed, "-o", f"{two}/", "--part-rows", "70", "--devices", "2"]) == 0
        assert sorted(path.name for path in one.glob("*.parquet")) == [f"part-0000{i}.parquet" for i in range(5)]
        assert same_folders(one, two)
        capfd.readouterr()
        assert main([*embed, "-o", f"{tmp_path / 'codes.parquet'}", "--devices", "2"]) == 1
        assert "codes.parquet: one file is work for one process; give several a folder" in capfd.readouterr().err

    @pytest.mark.parametrize("rule", [["--rate", "0.05"], ["--fdr", "0.2"]], ids=["rate", "discoveries"])
    def test_outliers_are_those_of_one_process(self, rows, tmp_path, capfd, rule):
        detector = tmp_path / "d.latens"
        assert main(["outliers", str(rows), "--save", str(detector), "--device", "cpu", "--quiet"]) == 0
        capfd.readouterr()
        judge = ["outliers", str(detector), str(rows), *rule, "--device", "cpu", "--json"]
        said = {name: _answered([*judge, *words], tmp_path / name, capfd) for name, words in COUNTS.items()}
        assert said["one"] == said["two"]
        assert same_folders(tmp_path / "one", tmp_path / "two")
        assert main([*judge, "--devices", "2"]) == 0  # what is only printed
        printed = json.loads(capfd.readouterr().out)
        assert printed["outliers"] == said["one"]["outliers"]
        assert printed["flagged"] == said["one"]["flagged"]

    def test_the_default_detector_is_work_for_one_process(self, rows, capfd):
        assert main(["outliers", str(rows), "--device", "cpu", "--devices", "2"]) == 1
        line = "the default detector is work for one process; give several a MODEL, as --save writes it"
        assert capfd.readouterr().err == f"latens: error: {line}\n"

    def test_scores_are_those_of_one_process(self, tmp_path, capfd):
        text, model = tmp_path / "t.txt", tmp_path / "m.latens"
        text.write_text("the cat sat on the mat\na dog\n\n" * 120)
        fit = ["fit", str(text), "-o", str(model), "--set", "hidden_size=8", "--set", "max_epochs=1"]
        assert main([*fit, "--device", "cpu", "--quiet"]) == 0
        capfd.readouterr()
        score = ["score", str(model), str(text), "--device", "cpu", "--json"]
        said = {name: _answered([*score, *words], tmp_path / name, capfd) for name, words in COUNTS.items()}
        assert said["one"] == said["two"]
        assert said["one"]["lines"] == 240
        assert same_folders(tmp_path / "one", tmp_path / "two")
        assert main([*score, "--devices", "2"]) == 1
        line = "what is printed is work for one process; give several a folder, as in -o scores/"
        assert capfd.readouterr().err == f"latens: error: {line}\n"

    def test_standard_input_is_refused(self, tmp_path, capfd):
        assert main(["fit", "-", "-o", str(tmp_path / "m.latens"), *FIT, "--devices", "2"]) == 1
        line = "SOURCE=-: standard input can be read by one process only; give the path of a file"
        assert capfd.readouterr().err == f"latens: error: {line}\n"


class TestOthers:
    @pytest.mark.parametrize("slurm", [False, True], ids=["torchrun", "slurm"])
    def test_who_start_the_ranks(self, rows, tmp_path, slurm):
        ranks, output = _ranks(), tmp_path / "m.latens"
        outcomes = ranks.ended(ranks.started(["-m", "latens", "fit", rows, "-o", output, *FIT, "--json"], slurm=slurm))
        assert [code for code, _, _ in outcomes] == [0, 0], outcomes
        assert json.loads(outcomes[0][1])["output"] == str(output)
        assert outcomes[1][1:] == ("", "")
        assert output.is_file()

    def test_one_rank_that_fails_ends_all_with_its_line_and_code(self, rows, poisoned, tmp_path):
        ranks = _ranks()
        sources = "import os, sys; from latens.cli import main; "
        script = sources + "sys.argv[2] = sys.argv[2 + int(os.environ['RANK'])]; del sys.argv[3]; sys.exit(main())"
        words = ["-c", script, "fit", rows, poisoned, "-o", tmp_path / "m.latens", *FIT]
        outcomes = ranks.ended(ranks.started(words))
        assert [code for code, _, _ in outcomes] == [1, 1]
        said = "".join(error for _, _, error in outcomes)
        assert said.startswith("latens: error: poisoned.npy: row 7")
        assert said.count("\n") == 1

    def test_another_number_is_refused(self, monkeypatch):
        for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError, match="devices=3: the environment says 2 processes; leave --devices out"):
            launching.take_place("fit", 3, "cpu", together=True)
        with pytest.raises(ConfigError, match="devices=2: latens map is work for one process; start it by itself"):
            launching.take_place("map", 1, "cpu", together=False)


class TestWatching:
    def test_all_hear_where_they_stand(self, program, tmp_path):
        code = f'import os; open("{tmp_path}/" + os.environ["RANK"], "w").write(os.environ["{LAUNCHER}"])'
        assert program(code, 3) == 0
        assert [(tmp_path / str(rank)).read_text() for rank in range(3)] == [str(os.getpid())] * 3

    def test_the_code_of_the_first_that_fails_is_the_codes_of_all(self, program):
        assert (
            program('import os, sys, time; rank = int(os.environ["RANK"]); time.sleep(rank); sys.exit(3 + rank)') == 3
        )

    def test_who_does_not_end_after_another_failed_is_ended(self, program, monkeypatch):
        monkeypatch.setattr(launching, "_GRACE", 0.2)
        begun = time.monotonic()
        assert program('import os, sys, time; os.environ["RANK"] == "1" and sys.exit(4); time.sleep(60)') == 4
        assert time.monotonic() - begun < 10

    def test_a_killed_rank_is_named_and_takes_the_others_along(self, program, tmp_path):
        code = f"""
import os, time
open("{tmp_path}/" + os.environ["RANK"], "w").write(str(os.getpid()))
time.sleep(0.3)
os.environ["RANK"] == "1" and os.kill(os.getpid(), 9)
time.sleep(60)"""
        with pytest.raises(RankError, match=r"^rank 1 on host \S+ died \(signal 9\); go on with --resume$"):
            program(code)
        for rank in "01":
            assert not Path("/proc", (tmp_path / rank).read_text()).exists()

    def test_a_signal_goes_to_all_and_handlers_stay(self, program):
        before = signal.getsignal(signal.SIGTERM)
        code = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
time.sleep(0.5)
os.environ["RANK"] == "0" and os.kill(os.getppid(), signal.SIGTERM)
time.sleep(60)"""
        assert program(code) == 143
        assert signal.getsignal(signal.SIGTERM) is before

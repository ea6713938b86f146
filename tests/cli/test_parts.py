"""Folders of parts: what was stopped goes on, and the end is that of a run which never was."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pandas
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest

import latens
from latens.cli import answers
from latens.cli.parts import State
from latens.estimators.encoding import SampleEncoder
from latens.estimators.reconstruction import Reconstructor

ROWS, BLOCK = 100, 40


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(answers, "_BLOCK_NUMBERS", 64 * BLOCK)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "codes"


@pytest.fixture
def embed(run, digits, folder):
    def call(*words, to=folder):
        return run("embed", digits, "dataset:digits/test", "-o", to, "--part-rows", ROWS, *words)

    return call


@pytest.fixture
def stop_at(monkeypatch):
    """Let the n-th block of a verb end in an error."""

    def set_trap(block, ending, where=SampleEncoder, method="transform"):
        calls, original = [], getattr(where, method)

        def trapped(self, X, *how):
            calls.append(X)
            if len(calls) == block:
                raise ending
            return original(self, X, *how)

        monkeypatch.setattr(where, method, trapped)
        return lambda: monkeypatch.setattr(where, method, original)

    return set_trap


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def parts(folder):
    return sorted(path.name for path in folder.glob("part-*"))


class TestWhole:
    def test_a_folder_is_one_table(self, embed, digits, folder):
        outcome = embed("--json")
        assert outcome.code == 0, outcome.err
        facts = {"rows": 297, "parts": 3, "resumed_from_row": None, "n_components": 2}
        assert outcome.json == {"output": str(folder), **facts}
        assert sorted(contents(folder)) == ["_latens.json", *(f"part-0000{i}.parquet" for i in range(3))]
        table = pyarrow.dataset.dataset(folder).to_table()
        codes = np.column_stack([table["autoencoder0"], table["autoencoder1"]])
        assert np.array_equal(codes, latens.load(digits).transform("dataset:digits/test"))
        groups = pyarrow.parquet.read_metadata(folder / "part-00000.parquet")
        assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [40, 40, 20]

    def test_one_file_has_the_same_rows(self, run, digits, embed, folder, tmp_path):
        embed()
        for name in ("c.parquet", "c.csv", "c.npy"):
            assert run("embed", digits, "dataset:digits/test", "-o", tmp_path / name).code == 0
        whole = pyarrow.parquet.read_table(tmp_path / "c.parquet")
        assert pyarrow.dataset.dataset(folder).to_table().equals(whole)
        assert pyarrow.csv.read_csv(tmp_path / "c.csv").column("label").to_pylist() == whole["label"].to_pylist()
        expected = latens.load(digits).transform("dataset:digits/test")
        np.save(tmp_path / "expected.npy", expected)
        assert (tmp_path / "c.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()

    @pytest.mark.parametrize("name", ["codes.parquet/", "codes.v2/", "codes"])
    def test_what_names_a_folder(self, run, digits, tmp_path, name):
        outcome = run("embed", digits, "dataset:digits/test", "-o", f"{tmp_path}/{name}")
        assert outcome.code == 0, outcome.err
        assert parts(tmp_path / name) == ["part-00000.parquet"]

    def test_parts_are_files_like_others(self, run, digits, embed, folder, tmp_path):
        embed()
        outcome = run("fit", folder / "part-00000.parquet", "-o", tmp_path / "m.latens", "--set", "max_epochs=1")
        assert outcome.code == 0, outcome.err

    def test_labels_keep_their_type_from_part_to_part(self, run, fit, tmp_path):
        who = np.array([None] * 100 + [1] * 100 + ["x"] * 50, dtype=object)
        numbers = np.random.default_rng(0).normal(size=(250, 3))
        data = pandas.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1], "c": numbers[:, 2], "who": who.astype(str)})
        data["count"] = [None] * 150 + [3] * 100
        data.to_parquet(tmp_path / "data.parquet")
        model = fit(tmp_path / "data.parquet", "--labels", "who,count")
        outcome = run("embed", model, tmp_path / "data.parquet", "-o", tmp_path / "out", "--part-rows", ROWS)
        assert outcome.code == 0, outcome.err
        table = pyarrow.dataset.dataset(tmp_path / "out").to_table()
        assert table["who"].to_pylist() == list(map(str, who))
        assert table["count"].to_pylist() == [None] * 150 + [3.0] * 100

    def test_a_folder_that_stays_on_disk(self, run, fit, tmp_path):
        numbers = np.random.default_rng(0).normal(size=(300, 3))
        data = pandas.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1], "who": [None, "x", "y"] * 100})
        (tmp_path / "data").mkdir()
        for part in range(3):
            data[part * 100 : part * 100 + 100].to_parquet(tmp_path / "data" / f"part-{part}.parquet")
        model = fit(tmp_path / "data", "--labels", "who")
        for way in ("--stream", "--no-stream"):
            words = ("-o", tmp_path / way, "--part-rows", ROWS, way)
            assert run("embed", model, tmp_path / "data", *words).code == 0
        streamed, resident = (pyarrow.dataset.dataset(tmp_path / way).to_table() for way in ("--stream", "--no-stream"))
        assert streamed["who"].to_pylist() == [None, "x", "y"] * 100
        assert streamed.equals(resident)

    def test_texts_and_blank_ones(self, run, news, tmp_path, monkeypatch):
        monkeypatch.setattr(answers, "_BLOCK_ITEMS", 2)
        titles = ["team", "", "", "", "stocks rise"]
        (tmp_path / "t.csv").write_text("title,n\n" + "".join(f"{title},1\n" for title in titles))
        assert run("embed", news, tmp_path / "t.csv", "-o", tmp_path / "out", "--part-rows", 2).code == 0
        assert parts(tmp_path / "out") == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
        table = pyarrow.dataset.dataset(tmp_path / "out").to_table().to_pandas()
        expected = latens.load(news).transform(titles)
        assert np.array_equal(table.iloc[:, : expected.shape[1]].to_numpy(np.float32), expected)


class TestResumed:
    @pytest.mark.parametrize("block", range(1, 10))
    @pytest.mark.parametrize("errors", [False, True])
    def test_ends_as_if_never_stopped(self, run, digits, tmp_path, stop_at, block, errors):
        where, method = (Reconstructor, "reconstruction_error") if errors else (SampleEncoder, "transform")
        verb = ("reconstruct", digits, "dataset:digits/test", "--part-rows", ROWS, "--errors") if errors else (
            "embed", digits, "dataset:digits/test", "--part-rows", ROWS
        )  # fmt: skip
        assert run(*verb, "-o", tmp_path / "whole").code == 0
        remove = stop_at(block, KeyboardInterrupt(), where, method)
        stopped = run(*verb, "-o", tmp_path / "out")
        assert (stopped.code, stopped.out, stopped.err.count("\n")) == (130, "", 1)
        remove()
        there = parts(tmp_path / "out")
        assert there == [f"part-0000{i}.parquet" for i in range((block - 1) // 3)]
        if there:
            assert f"holds {100 * len(there)} rows in {len(there)} whole part" in stopped.err
            assert "go on with --resume" in stopped.err
        else:
            assert "interrupted: nothing was written" in stopped.err
            assert not (tmp_path / "out").exists()
        outcome = run(*verb, "-o", tmp_path / "out", "--resume", "--json")
        assert outcome.json["resumed_from_row"] == (100 * len(there) or None)
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")
        if errors:
            table = pyarrow.dataset.dataset(tmp_path / "out").to_table()
            mean = table["reconstruction_error"].to_numpy().mean()
            assert outcome.json["mean_reconstruction_error"] == pytest.approx(mean, rel=1e-12)

    def test_finished_is_finished(self, embed, folder, stop_at):
        embed()
        before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        stop_at(1, AssertionError("nothing is asked of the model"))
        outcome = embed("--resume", "--json")
        assert (outcome.code, outcome.json["rows"], outcome.json["resumed_from_row"]) == (0, 297, 297)
        assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before

    def test_sigterm_is_143(self, embed, stop_at):
        stop_at(4, SystemExit(143))
        outcome = embed()
        assert outcome.code == 143
        assert "holds 100 rows in 1 whole part; go on with --resume" in outcome.err

    def test_an_error_keeps_the_parts(self, embed, folder, stop_at):
        stop_at(4, ValueError("no more"))
        assert embed().code == 1
        assert parts(folder) == ["part-00000.parquet"]

    def test_a_part_without_its_state_is_written_again(self, embed, folder, tmp_path, stop_at):
        embed(to=tmp_path / "whole")
        embed()
        state = State.load(folder)
        remove = stop_at(4, KeyboardInterrupt())
        embed("--force")
        remove()
        assert State.load(folder) != state
        (folder / "part-00001.parquet").write_bytes((tmp_path / "whole" / "part-00001.parquet").read_bytes())
        (folder / ".part-00001.parquet.17.tmp").write_bytes(b"half")
        assert embed("--resume").code == 0
        assert contents(folder) == contents(tmp_path / "whole")

    def test_another_model_is_refused(self, run, fit, embed, folder):
        embed()
        other = fit("dataset:digits", "--set", "random_state=1", name="other.latens")
        outcome = run("embed", other, "dataset:digits/test", "-o", folder, "--resume")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert "its parts are of model" in outcome.err
        assert "--force starts anew" in outcome.err

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("dataset:digits/train",), "its parts are of rows 297, and this is 1500"),
            (("dataset:digits/test", "--part-rows", "50"), "its parts have 100 rows; leave --part-rows out"),
        ],
    )
    def test_other_data_and_sizes_are_refused(self, run, digits, embed, folder, words, message):
        embed()
        outcome = run("embed", digits, *words, "-o", folder, "--resume")
        assert outcome.code == 1
        assert message in outcome.err

    @pytest.mark.parametrize("row", [0, 99])
    def test_a_changed_row_is_noticed(self, run, digits, folder, tmp_path, stop_at, row):
        X = np.random.default_rng(0).uniform(0, 16, (250, 8, 8))
        np.save(tmp_path / "x.npy", X)
        verb = ("embed", digits, tmp_path / "x.npy", "-o", folder, "--part-rows", ROWS)
        remove = stop_at(4, KeyboardInterrupt())
        assert run(*verb).code == 130
        remove()
        X[row, 0, 0] += 1
        np.save(tmp_path / "x.npy", X)
        outcome = run(*verb, "--resume")
        assert outcome.code == 1
        assert "the first 100 rows are not those that its parts are of" in outcome.err

    def test_a_damaged_part_is_noticed(self, embed, folder):
        embed()
        (folder / "part-00001.parquet").write_bytes(b"PAR1")
        outcome = embed("--resume")
        assert outcome.code == 1
        assert "part-00001.parquet: is missing or damaged, where it was whole; --force starts anew" in outcome.err

    @pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 99}', '{"format": 1, "x": 2}', "[" * 9999])
    def test_a_damaged_state_is_one_line(self, embed, folder, text):
        embed()
        (folder / "_latens.json").write_text(text)
        outcome = embed("--resume")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert "is damaged, or from another version of latens" in outcome.err


class TestRefused:
    def test_parts_that_are_there(self, embed):
        embed()
        outcome = embed()
        assert outcome.code == 1
        assert "holds parts already; --resume goes on after them, --force starts anew" in outcome.err

    def test_force_starts_anew(self, embed, folder, run, digits):
        embed()
        assert run("embed", digits, "dataset:digits/test", "-o", folder, "--force").code == 0
        assert parts(folder) == ["part-00000.parquet"]

    @pytest.mark.parametrize("name", ["mine.parquet", "part-00000.parquet"])
    def test_what_somebody_else_left(self, embed, folder, name):
        folder.mkdir()
        (folder / name).write_bytes(b"mine")
        for words in ((), ("--force",), ("--resume",)):
            outcome = embed(*words)
            assert outcome.code == 1
            assert f"holds other files ({name}); choose an empty folder, or a new one" in outcome.err
        assert contents(folder) == {name: b"mine"}

    @pytest.mark.parametrize("option", ["--resume", "--part-rows=9"])
    def test_options_of_a_folder_for_a_file(self, run, digits, tmp_path, option):
        outcome = run("embed", digits, "dataset:digits/test", "-o", tmp_path / "c.parquet", option)
        assert outcome.code == 1
        assert "is for a folder of parts; use -o c/" in outcome.err

    def test_resume_of_pictures(self, run, digits, tmp_path):
        outcome = run("reconstruct", digits, "dataset:digits/test", "-o", tmp_path / "out", "--resume")
        assert outcome.code == 1
        assert "images go into PNG files; give --part-rows" in outcome.err

    def test_a_second_run(self, embed, folder):
        folder.mkdir()
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            outcome = embed()
        finally:
            os.close(lock)
        assert outcome.code == 1
        assert "another run is writing there; wait for it or choose another folder" in outcome.err
        assert embed().code == 0


class TestInterruptedFile:
    @pytest.mark.parametrize("name", ["c.parquet", "c.csv", "c.npy"])
    def test_leaves_nothing(self, run, digits, tmp_path, stop_at, name):
        before = sorted(tmp_path.iterdir())
        stop_at(3, KeyboardInterrupt())
        outcome = run("embed", digits, "dataset:digits/test", "-o", tmp_path / name)
        assert (outcome.code, outcome.err.count("\n")) == (130, 1)
        assert "nothing was written; -o NAME/ writes parts, which --resume goes on from" in outcome.err
        assert sorted(tmp_path.iterdir()) == before


SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs tests in the background ignores it
from latens.cli import answers, main
from latens.estimators.encoding import SampleEncoder
answers._BLOCK_NUMBERS = 64 * 40
transform = SampleEncoder.transform
def slow(self, X):
    time.sleep(0.4)
    return transform(self, X)
SampleEncoder.transform = slow
sys.exit(main(sys.argv[1:]))
"""


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_a_real_one(self, embed, digits, folder, tmp_path, number):
        embed(to=tmp_path / "whole")
        words = ["embed", str(digits), "dataset:digits/test", "-o", str(folder), "--part-rows", str(ROWS)]
        program = subprocess.Popen([sys.executable, "-c", SLOW, *words], stderr=subprocess.PIPE, text=True)
        while not (folder / "part-00000.parquet").exists():
            assert program.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        program.send_signal(number)
        _, said = program.communicate(timeout=20)
        assert program.returncode == {signal.SIGKILL: -9}.get(number, 128 + number)
        assert ("go on with --resume" in said) == (number != signal.SIGKILL)
        assert embed("--resume").code == 0
        assert contents(folder) == contents(tmp_path / "whole")


@pytest.fixture
def no_more_than():
    """Let no file grow beyond a size, as a full disk does: it is written up to there, and then that fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestFullDisk:
    @pytest.mark.parametrize("name", ["c.parquet", "c.csv", "c.npy", "c/"])
    @pytest.mark.parametrize("size", [0, 1, 200, 900, 1500])
    def test_one_line_and_nothing_left(self, run, digits, tmp_path, no_more_than, name, size):
        before = sorted(tmp_path.iterdir())
        no_more_than(size)
        outcome = run("embed", digits, "dataset:digits/test", "-o", f"{tmp_path}/{name}")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
        assert "cannot be written" in outcome.err
        assert "File too large" in outcome.err
        assert sorted(tmp_path.iterdir()) == before

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
    def test_the_disk_fails_at_last(self, run, digits, tmp_path, monkeypatch, number):
        def full(path):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("latens.persistence._sync", full)
        before = sorted(tmp_path.iterdir())
        for name in ("c.parquet", "c.csv", "c.npy", "c/"):
            outcome = run("embed", digits, "dataset:digits/test", "-o", f"{tmp_path}/{name}")
            assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
            assert os.strerror(number) in outcome.err
        assert sorted(tmp_path.iterdir()) == before

    def test_parts_that_were_whole_stay(self, embed, folder, no_more_than, stop_at, tmp_path):
        embed(to=tmp_path / "whole")
        remove = stop_at(4, KeyboardInterrupt())
        embed()
        remove()
        no_more_than(900)
        outcome = embed("--resume")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert parts(folder) == ["part-00000.parquet"]
        no_more_than(resource.RLIM_INFINITY)
        assert embed("--resume").code == 0
        assert contents(folder) == contents(tmp_path / "whole")

"""What cannot work gets one line that names what, where and the way out, exit code 1, and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

QUICK = ("--set", "max_epochs=1", "--set", "batch_size=256", "--device", "cpu")


def array(values: object, name: str = "data.npy") -> dict[str, object]:
    return {name: np.asarray(values)}


def with_value(value: float) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(20, 3))
    x[7, 2] = value
    return x


def grey(height: int, width: int) -> Image.Image:
    return Image.new("L", (width, height), 100)


GOOD = np.random.default_rng(0).normal(size=(40, 5))
TABLE = "a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(20))

SOURCES: dict[str, tuple[dict[str, object], str, str]] = {
    "NaN": (array(with_value(np.nan)), "data.npy", r"row 7, column 2 .* is NaN"),
    "infinity": (array(with_value(np.inf)), "data.npy", r"row 7, column 2 .* is inf"),
    "no rows": (array(np.zeros((0, 3))), "data.npy", r"0 sample\(s\)"),
    "one sample": (array(np.zeros((1, 3))), "data.npy", r"1 sample"),
    "one dimension": (array(np.arange(5.0)), "data.npy", r"expected a 2-D array"),
    "complex numbers": (array(np.ones((3, 2), dtype=complex)), "data.npy", r"Complex data not supported"),
    "an empty file": ({"data.csv": b""}, "data.csv", r"data\.csv: is empty"),
    "only a header": ({"data.csv": b"a,b\n"}, "data.csv", r"0 sample"),
    "strings in a numeric column": (
        {"data.csv": (TABLE + "x,3\n").encode()},
        "data.csv",
        r"column 'a', data row 21: 'x' is not a number; correct it, declare it missing with --missing x",
    ),
    "a row too long": ({"data.csv": (TABLE + "1,2,3\n").encode()}, "data.csv", r"data row 21 has 3 columns"),
    "a truncated file": ({"data.npy": b"\x93NUMPY\x01\x00v\x00{'descr'"}, "data.npy", r"data\.npy"),
    "a truncated gzip": ({"data.csv.gz": gzip.compress(TABLE.encode() * 50)[:-20]}, "data.csv.gz", r"data\.csv\.gz"),
    "truncated Parquet": ({"data.parquet": b"PAR1 and no more"}, "data.parquet", r"damaged or truncated Parquet"),
    "truncated idx": ({"images": struct.pack(">IIII", 2051, 9, 8, 8) + b"few"}, "images", r"images"),
    "a truncated image": (
        {"folder/a.png": b"\x89PNG\r\n\x1a\n and no more"},
        "folder",
        r"a\.png: cannot be read as an image",
    ),
    "ragged images": ({"folder/a.png": grey(4, 4), "folder/b.png": grey(4, 5)}, "folder", r"b\.png is 5 x 4"),
    "mixed colour modes": (
        {"folder/a.png": grey(4, 4), "folder/b.png": Image.new("RGB", (4, 4))},
        "folder",
        r"mixed colour modes: a\.png is greyscale, b\.png is RGB",
    ),
    "an empty folder": ({"folder/notes.txt": b"none"}, "folder", r"no images in this folder"),
    "pickles in an npz": ({"data.npz": np.array([{"a": 1}, None], dtype=object)}, "data.npz", r"data\.npz"),
    "no such file": ({"data.csv": TABLE.encode()}, "date.csv", r"no such file or folder; did you mean 'data\.csv'\?"),
    "no such data set": ({}, "dataset:minst", r"no data set 'minst'; did you mean 'mnist'\?"),
    "a file of no known format": ({"data.docx": b"PKhello"}, "data.docx", r"not a format that latens reads"),
}

SETTINGS = {
    "too many components for a taper": (
        ["n_components=64"],
        r"n_components=64 exceeds the 5 input features; .*wide",
    ),
    "no such setting": (["n_componets=2"], r"setting='n_componets' is not known; did you mean 'n_components'\?"),
    "no such corruption": (["corruption=gausian:0.5"], r"corruption='gausian' is not known; did you mean 'gaussian'\?"),
    "a corruption's level": (["corruption=gaussian:lots"], r"'lots' is not a number"),
    "a negative level": (["corruption=gaussian:-1"], r"std=-1\.0 is out of range"),
    "no such shape": (["hidden=wyde"], r"hidden='wyde' is not known; did you mean 'wide'\?"),
    "no such activation": (["activation=rellu"], r"activation='rellu' is not known; did you mean 'relu'\?"),
    "a width of text": (['hidden=[10,"x"]'], r"hidden="),
    "epochs of text": (["max_epochs=many"], r"max_epochs='many'"),
    "no epochs": (["max_epochs=0"], r"max_epochs=0"),
    "a batch of one": (["batch_size=1"], r"batch_size=1"),
    "half a component": (["n_components=1.5"], r"n_components=1\.5"),
    "no components": (["n_components=0"], r"n_components=0"),
    "a rate of NaN": (["learning_rate=NaN"], r"learning_rate=nan"),
    "dropout of text": (["dropout=some"], r"dropout='some'"),
    "all held out": (["validation_fraction=1"], r"validation_fraction=1"),
    "no such schedule": (["schedule=cosin"], r"did you mean 'cosine'\?"),
    "no such scaling": (["scaling=standart"], r"did you mean 'standard'\?"),
    "no such device": (["device=gpu"], r"device='gpu'"),
    "no such precision": (["precision=64"], r"precision="),
    "a seed of text": (["random_state=x"], r"random_state='x'"),
}


def place(folder: Path, files: dict[str, object]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Image.Image):
            content.save(path)
        elif isinstance(content, np.ndarray) and path.suffix == ".npz":
            np.savez(path, data=content)
        elif isinstance(content, np.ndarray):
            np.save(path, content)
        else:
            path.write_bytes(content)  # type: ignore[arg-type]


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def refused(run, tmp_path, monkeypatch):
    """Run a line that must fail in one line and leave the folder as it was."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> str:
        before = everything(tmp_path)
        outcome = run(*words)
        assert (outcome.code, outcome.out) == (1, ""), outcome
        assert outcome.err.startswith("latens: error: ")
        assert "internal error" not in outcome.err
        assert outcome.err.count("\n") == 1
        assert everything(tmp_path) == before
        return str(outcome.err)

    return call


@pytest.mark.parametrize("case", SOURCES)
def test_a_source_that_cannot_be_learned_from(refused, tmp_path, case):
    files, source, message = SOURCES[case]
    place(tmp_path, files)
    assert_in(message, refused("fit", source, "-o", "m.latens", *QUICK))


@pytest.mark.parametrize("case", SETTINGS)
def test_a_setting_that_cannot_work(refused, tmp_path, case):
    words, message = SETTINGS[case]
    np.save(tmp_path / "data.npy", GOOD)
    settings = [part for word in words for part in ("--set", word)]
    assert_in(message, refused("fit", "data.npy", "-o", "m.latens", "--set", "verbose=0", *settings))


class TestFit:
    def test_no_such_model(self, refused):
        line = refused("fit", "dataset:digits", "-o", "m.latens", "--model", "depe")
        assert_in(r"--model='depe' is not known; did you mean 'deep'\?", line)

    def test_no_such_kind(self, refused):
        assert_in(r"kind='imges' .*'images'", refused("fit", "dataset:digits", "-o", "m.latens", "--kind", "imges"))

    def test_no_such_label(self, refused, flowers):
        line = refused("fit", flowers, "-o", "m.latens", "--labels", "specie")
        assert_in(r"label column 'specie' is not there; did you mean 'species'\?", line)

    def test_no_such_device(self, refused):
        assert_in(r"device='cuda:99'", refused("fit", "dataset:digits", "-o", "m.latens", "--device", "cuda:99"))

    @pytest.mark.parametrize("output", ["no/such/folder/m.latens", "taken", "file.txt/m.latens"])
    def test_an_output_that_cannot_be_written(self, refused, tmp_path, output):
        (tmp_path / "taken").mkdir()
        (tmp_path / "file.txt").write_text("")
        line = refused("fit", "nothing is read before this.csv", "-o", output)
        assert_in(r"cannot be written \(there is no folder|is a folder; give the name of a file", line)

    def test_an_output_that_is_the_source(self, refused, tmp_path):
        np.save(tmp_path / "data.npy", GOOD)
        assert_in(r"is what this reads; choose another output", refused("fit", "data.npy", "-o", "data.npy", "--force"))

    @pytest.mark.parametrize("words", [(), ("--force",), ("--resume",)])
    @pytest.mark.parametrize("name", ["m" * 240 + ".latens", "m" * 300 + ".latens"])
    def test_a_name_that_no_folder_takes(self, refused, name, words):
        line = refused("fit", "nothing is read before this.csv", "-o", name, *words)
        assert_in(r"cannot be written \(File name too long\); choose another path", line)

    @pytest.mark.parametrize("words", [(), ("--force",)])
    @pytest.mark.parametrize("kind", ["pipe", "link", "dangling"])
    def test_an_output_that_is_no_file(self, refused, tmp_path, kind, words):
        (tmp_path / "precious").write_text("precious")
        if kind == "pipe":
            os.mkfifo(tmp_path / "out")
        else:
            (tmp_path / "out").symlink_to(tmp_path / ("precious" if kind == "link" else "nowhere"))
        line = refused("fit", "nothing is read before this.csv", "-o", "out", *words)
        assert_in(r"out: is (no regular file, which is never replaced|a link; give the path that it points to)", line)
        assert (tmp_path / "precious").read_text() == "precious"

    @pytest.mark.filterwarnings("ignore:overflow")
    def test_a_loss_that_is_no_number(self, refused, tmp_path):
        np.save(tmp_path / "data.npy", GOOD * 1e3)
        words = ("--set", "learning_rate=1e30", "--set", "batch_norm=false", "--set", "scaling=none")
        line = refused("fit", "data.npy", "-o", "m.latens", *words)
        assert_in(r"step \d+ \(learning_rate=1e\+30\); use a smaller learning_rate", line)


class TestModelFile:
    @pytest.fixture(params=["info", "embed", "reconstruct", "map", "pairs"])
    def line(self, request):
        extra = () if request.param == "info" else ("dataset:digits", "-o", "out.png")
        if request.param in ("embed", "reconstruct"):
            extra = ("dataset:digits", "-o", "out.parquet")
        return lambda model: (request.param, model, *extra)

    def test_missing(self, refused, line):
        assert_in(r"gone\.latens: no such file", refused(*line("gone.latens")))

    def test_truncated(self, refused, line, digits):
        digits.write_bytes(digits.read_bytes()[:-100])
        assert_in(r"digits\.latens: damaged or truncated", refused(*line(digits)))

    def test_altered(self, refused, line, digits):
        content = bytearray(digits.read_bytes())
        content[-10] ^= 1
        digits.write_bytes(content)
        assert_in(r"do not match its digest", refused(*line(digits)))

    @pytest.mark.parametrize("content", [b"", b"hello, world", pickle.dumps({"a": 1}), b"PK\x03\x04" + bytes(100)])
    def test_foreign(self, refused, line, tmp_path, content):
        (tmp_path / "foreign.latens").write_bytes(content)
        assert_in(r"foreign\.latens: not a model file", refused(*line("foreign.latens")))

    def test_from_a_newer_version(self, refused, line, digits):
        content = digits.read_bytes()
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + length])
        header["__metadata__"]["latens"] = json.dumps(json.loads(header["__metadata__"]["latens"]) | {"format": 99})
        text = json.dumps(header).encode()
        digits.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
        assert_in(r"format 99 is newer than this latens reads .*; upgrade latens", refused(*line(digits)))

    def test_a_checkpoint_is_no_model(self, run, refused, tmp_path):
        run("fit", "dataset:digits", "-o", "m.latens", "--keep-run", "--checkpoint-steps", "2", *QUICK)
        checkpoint = next((tmp_path / "m.latens.run").iterdir())
        assert_in(r"a 'checkpoint', not a model", refused("info", checkpoint))


class TestApplied:
    def test_another_shape(self, refused, digits, tmp_path):
        np.save(tmp_path / "data.npy", np.zeros((3, 9, 9)))
        line = refused("embed", digits, "data.npy", "-o", "codes.parquet")
        assert_in(r"data\.npy: samples of shape \(9, 9\) where the model was fitted on \(8, 8\)", line)

    def test_a_column_that_is_not_there(self, refused, fit, flowers, tmp_path):
        model = fit(flowers, "--labels", "species")
        (tmp_path / "less.csv").write_text("a,b,c,species\n1,2,3,x\n")
        assert_in(r"column 'd' is missing", refused("embed", model, "less.csv", "-o", "codes.parquet"))

    def test_a_column_too_many(self, refused, fit, flowers, tmp_path):
        model = fit(flowers, "--labels", "species")
        (tmp_path / "more.csv").write_text("a,b,c,d,e\n1,2,3,4,5\n")
        line = refused("embed", model, "more.csv", "-o", "codes.parquet")
        assert_in(r"column 'e' was not there when the model was fitted; .*--labels e", line)

    def test_a_bad_cell_beside_a_known_label(self, refused, fit, flowers, tmp_path):
        model = fit(flowers, "--labels", "species")
        (tmp_path / "bad.csv").write_text("a,b,c,d,species\n1,2,3,oops,setosa\n")
        line = refused("embed", model, "bad.csv", "-o", "codes.parquet")
        assert_in(r"column 'd', data row 1: 'oops' is not a number", line)

    @pytest.mark.parametrize("verb", ["embed", "reconstruct", "map", "pairs"])
    def test_an_output_that_exists(self, refused, run, digits, tmp_path, verb):
        output = tmp_path / ("out.png" if verb in ("map", "pairs") else "out.csv")
        output.write_text("precious")
        assert_in(r"exists; --force replaces it", refused(verb, digits, "dataset:digits/test", "-o", output))
        assert output.read_text() == "precious"
        assert run(verb, digits, "dataset:digits/test", "-o", output, "--force").code == 0
        assert output.read_bytes() != b"precious"

    @pytest.mark.parametrize("output", ["r" * 300, "r" * 252, "r" * 300 + ".npy"])
    def test_a_name_that_no_folder_takes(self, refused, digits, output):
        line = refused("reconstruct", digits, "nothing is read before this.csv", "-o", output)
        assert_in(r"cannot be written \(File name too long\); choose another path", line)

    def test_no_such_device(self, refused, digits):
        line = refused("embed", digits, "dataset:digits", "-o", "codes.csv", "--device", "cuda:99")
        assert_in(r"device='cuda:99': this machine has", line)


def assert_in(pattern: str, line: str) -> None:
    assert re.search(pattern, line), line

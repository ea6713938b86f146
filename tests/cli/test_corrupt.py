from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.csv
import pyarrow.parquet
import pytest
from PIL import Image

from latens.data import open_source

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


class TestWriting:
    def test_npy_keeps_shape_and_units(self, run, tmp_path):
        output = tmp_path / "noisy.npy"
        outcome = run("corrupt", "dataset:digits/test", "--corruption", "gaussian:0.25", "-o", output, "--json")
        assert outcome.json["corruption"] == {"name": "gaussian", "std": 0.25, "mean": 0.0}
        assert outcome.json["mean_squared_change"] == pytest.approx(0.0625, rel=0.05)
        noisy = np.load(output, allow_pickle=False)
        clean = open_source("dataset:digits/test").values
        assert noisy.shape == clean.shape
        assert float((noisy - clean).std()) == pytest.approx(4, rel=0.05)

    def test_the_seed_decides(self, run, tmp_path):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            output = tmp_path / f"{name}.npy"
            words = ("corrupt", "dataset:digits/test", "--corruption", "block", "-o", output, "--seed", seed)
            assert run(*words).code == 0
        a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)

    def test_a_folder_gets_a_partner_of_the_same_names(self, run, photos, tmp_path):
        outcome = run("corrupt", photos, "--corruption", "stains:0.5:3", "-o", tmp_path / "noisy", "--json")
        assert outcome.json["corruption"] == {"name": "stains", "strength": 0.5, "number": 3, "folds": 1}
        clean, noisy = open_source(photos), open_source(tmp_path / "noisy")
        assert clean.ids.tolist() == noisy.ids.tolist()
        assert noisy.values.dtype == np.uint8
        assert (noisy.values <= clean.values).all()
        assert (noisy.values < clean.values).any()
        with Image.open(tmp_path / "noisy" / "cats" / "1.png") as image:
            assert (image.size, image.mode) == ((5, 7), "RGB")

    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_a_table_keeps_its_columns_labels_and_untouched_values(self, run, flowers, tmp_path, suffix):
        output = tmp_path / f"noisy.{suffix}"
        words = ("--labels", "species", "--corruption", "swap:0.2", "-o", output)
        assert run("corrupt", flowers, *words).code == 0
        read = {"csv": pyarrow.csv.read_csv, "parquet": pyarrow.parquet.read_table}[suffix]
        noisy, clean = read(output), pyarrow.csv.read_csv(flowers)
        assert noisy.column_names == ["id", "a", "b", "c", "d", "species"]
        assert noisy["species"].to_pylist() == clean["species"].to_pylist()
        changed = 0
        for name in "abcd":
            theirs, ours = clean[name].to_pylist(), noisy[name].to_pylist()
            assert set(np.round(ours, 4)) <= set(theirs)
            changed += sum(a != b for a, b in zip(theirs, ours, strict=True))
        assert 0.1 < changed / 240 < 0.3

    def test_says_what_it_did(self, run, tmp_path):
        outcome = run("corrupt", "dataset:digits/test", "--corruption", "blur:1", "-o", tmp_path / "x.npy")
        assert outcome.out.startswith(f"wrote 297 rows under blur:1 to {tmp_path / 'x.npy'}; mean squared change 0.0")


class TestPreview:
    @pytest.mark.parametrize("suffix", MAGIC)
    def test_writes_the_format_of_the_suffix(self, run, tmp_path, suffix):
        output = tmp_path / f"preview.{suffix}"
        words = ("--corruption", "gaussian:0.3", "--corruption", "rotation:30", "--preview", "--rows", "0,5")
        outcome = run("corrupt", "dataset:digits", *words, "-o", output, "--json")
        assert outcome.json == {
            "output": str(output),
            "corruptions": ["gaussian:0.3", "rotation:30"],
            "rows": [0, 5],
        }
        assert output.read_bytes().startswith(MAGIC[suffix])

    def test_of_a_table(self, run, flowers, tmp_path):
        words = ("--labels", "species", "--corruption", "swap", "--preview", "--count", "4")
        outcome = run("corrupt", flowers, *words, "-o", tmp_path / "preview.png")
        assert outcome.out == f"wrote 4 rows under 1 corruption to {tmp_path / 'preview.png'}\n"


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (("-o", "x.npy", "--corruption", "gausian:1"), 1, "did you mean 'gaussian'"),
            (("-o", "x.npy", "--corruption", "gaussian:-1"), 1, "std=-1.0 is out of range"),
            (("-o", "x.npy", "--corruption", "blur", "--corruption", "swap"), 2, "--preview draws several"),
            (("-o", "x.npy", "--corruption", "blur", "--rows", "1"), 2, "all rows are written"),
            (("-o", "x.npy"), 2, "--corruption"),
            (("-o", "x.png", "--corruption", "blur"), 1, "use .parquet, .csv or .npy"),
            (("-o", "x.npy", "--corruption", "blur", "--preview"), 1, "use .png, .svg or .pdf"),
            (("-o", "x.png", "--corruption", "blur", "--preview", "--rows", "9999"), 1, "use numbers from 0 to 1796"),
            (("-o", "x.png", "--corruption", "blur", "--preview", "--rows", "one"), 2, "is no list of row numbers"),
        ],
    )
    def test_are_one_line(self, run, tmp_path, monkeypatch, words, code, message):
        monkeypatch.chdir(tmp_path)
        outcome = run("corrupt", "dataset:digits", *words)
        assert (outcome.code, outcome.out) == (code, "")
        assert message in outcome.err
        assert code == 2 or outcome.err.count("\n") == 1
        assert not list(tmp_path.iterdir())

    def test_a_table_is_no_image(self, run, flowers, tmp_path):
        words = ("--labels", "species", "--corruption", "blur:1", "-o", tmp_path / "noisy.csv")
        outcome = run("corrupt", flowers, *words)
        assert outcome.code == 1
        assert "'blur' needs images of shape (n, h, w) or (n, h, w, c), not (60, 4)" in outcome.err
        assert outcome.err.count("\n") == 1

    def test_an_output_that_exists_needs_force(self, run, tmp_path):
        output = tmp_path / "x.npy"
        output.write_text("mine")
        words = ("corrupt", "dataset:digits/test", "--corruption", "masking:0.5", "-o", output)
        assert "exists; --force replaces it" in run(*words).err
        assert output.read_text() == "mine"
        assert run(*words, "--force").code == 0

    def test_never_over_its_own_input(self, run, photos):
        outcome = run("corrupt", photos, "--corruption", "blur:1", "-o", photos, "--force")
        assert "is what this reads; choose another folder" in outcome.err


class TestImagesOfDifferentSizes:
    @pytest.fixture
    def pages(self, tmp_path):
        for name, size in (("a", (8, 6)), ("b", (5, 7)), ("c", (8, 6))):
            path = tmp_path / "pages" / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full(size, 200, dtype=np.uint8)).save(path)
        return tmp_path / "pages"

    def test_keep_their_sizes(self, run, pages, tmp_path):
        outcome = run("corrupt", pages, "--corruption", "gaussian:0.2", "-o", tmp_path / "noisy")
        assert outcome.code == 0, outcome.err
        noisy = open_source(tmp_path / "noisy")
        assert [image.shape for image in noisy.values] == [(8, 6), (5, 7), (8, 6)]
        assert "write them into a folder" in run("corrupt", pages, "--corruption", "blur", "-o", tmp_path / "x.npy").err

    def test_are_drawn_where_they_are_alike(self, run, pages, tmp_path):
        words = ("corrupt", pages, "--corruption", "blur:1", "--preview", "-o", tmp_path / "p.png", "--json")
        assert run(*words).json["rows"] == [0, 2]


def test_a_table_loses_cells_of_any_kind(run, tmp_path):
    (tmp_path / "x.csv").write_text("a,kind,day\n" + "1.5,u,2020-01-01\n2.5,v,2021-01-01\n" * 20)
    outcome = run("corrupt", tmp_path / "x.csv", "--corruption", "masking:0.5", "-o", tmp_path / "y.parquet")
    assert outcome.code == 0, outcome.err
    frame = pd.read_parquet(tmp_path / "y.parquet")
    assert frame.isna().mean().between(0.2, 0.8).all()
    assert set(frame["kind"].dropna()) == {"u", "v"}
    again = run("corrupt", tmp_path / "x.csv", "--corruption", "gaussian:0.5", "-o", tmp_path / "z.parquet")
    assert again.code == 0, again.err
    noisy = pd.read_parquet(tmp_path / "z.parquet")
    assert not noisy["a"].isin([1.5, 2.5]).any()
    assert noisy["kind"].tolist() == ["u", "v"] * 20

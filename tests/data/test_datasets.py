from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
from dataclasses import replace

import numpy as np
import pooch
import pytest
from sklearn.datasets import load_digits

from latens.data import DATASETS, TextSource, learn_text, open_source
from latens.data.datasets import DataFile, held
from latens.errors import DataError


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 9], dtype=np.uint8)
CONTENT = {"images.gz": idx(IMAGES), "labels.gz": idx(LABELS)}


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A data set whose files are in no LATENS_DATA yet."""
    files = tuple(
        DataFile(name, hashlib.sha256(gzip.compress(content, mtime=0)).hexdigest(), hashlib.sha256(content).hexdigest())
        for name, content in CONTENT.items()
    )
    row = replace(
        DATASETS["mnist"], name="tiny", splits={"train": files}, rows={"train": 2}, addresses=("http://a/", "http://b/")
    )
    monkeypatch.setitem(DATASETS, "tiny", row)
    monkeypatch.setenv("LATENS_DATA", str(tmp_path))
    return tmp_path / "tiny"


def place(folder, **how):
    folder.mkdir(exist_ok=True)
    for name, content in CONTENT.items():
        (folder / name).write_bytes(gzip.compress(content, **how))


IMAGE_SETS = [name for name, row in DATASETS.items() if row.kind == "images"]
TEXT_SETS = [name for name, row in DATASETS.items() if row.kind == "text"]


@pytest.mark.parametrize("name", DATASETS)
class TestEveryDataset:
    def test_its_row_is_complete(self, name):
        row = DATASETS[name]
        assert row.name == name
        assert row.description
        assert row.licence
        assert set(row.splits) <= set(row.rows)
        assert row.default in ("", *row.rows)

    def test_its_files_have_sha256(self, name):
        for file in (file for split in DATASETS[name].splits.values() for file in split):
            assert len(bytes.fromhex(file.sha256)) == len(bytes.fromhex(file.content)) == 32

    def test_an_unknown_split(self, name):
        parts = " or ".join(filter(None, DATASETS[name].rows)) or f"dataset:{name}"
        with pytest.raises(DataError, match=rf"dataset:{name}/dev: {name} has no split 'dev'; use {parts}$"):
            open_source(f"dataset:{name}/dev")


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_image_sets_have_parts_and_two_addresses(name):
    row = DATASETS[name]
    assert set(row.rows) == {"train", "test"}
    assert len(row.addresses) == 2 * bool(row.splits)


class TestText:
    @pytest.mark.parametrize("name", [name for name in TEXT_SETS if held(name)])
    def test_the_real_files(self, name):
        source = open_source(f"dataset:{name}", kind="text")
        assert isinstance(source, TextSource)
        assert len(source) == DATASETS[name].rows[DATASETS[name].default]
        assert source.name.startswith(f"dataset:{name}")

    def test_their_vocabularies(self, data_folder):
        source = open_source("dataset:tinyshakespeare")
        assert len(source[0]) == 1_115_394
        assert (learn_text(source, lower=False).n_items, learn_text(source).n_items) == (65, 39)
        assert learn_text(open_source("dataset:shakespear-karpathy-100k")).n_items == 36

    def test_labels_are_carried(self, data_folder):
        source = open_source("dataset:ag-news")
        assert np.bincount(source.label()).tolist() == [0, 1900, 1900, 1900, 1900]
        assert (list(source.labels), source.lines) == (["label", "title"], True)
        assert list(open_source("dataset:ag-news/test", labels="title").labels) == ["title"]

    def test_is_fetched_under_its_own_name(self, monkeypatch, tmp_path):
        asked = []

        def retrieve(url, fname, **_):
            asked.append((url, fname))
            (tmp_path / fname).write_text("To be")
            return str(tmp_path / fname)

        monkeypatch.setattr(pooch, "retrieve", retrieve)
        monkeypatch.delenv("LATENS_DATA", raising=False)
        assert open_source("dataset:tinyshakespeare")[0] == "To be"
        root = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
        assert asked == [(f"{root}input.txt", "tinyshakespeare.txt")]

    def test_what_only_the_data_folder_can_have(self, monkeypatch):
        monkeypatch.delenv("LATENS_DATA", raising=False)
        with pytest.raises(DataError, match=r"100k.txt is not to be had from here; put it into the folder text of the"):
            open_source("dataset:shakespear-karpathy-100k")

    def test_is_no_table(self, data_folder):
        with pytest.raises(DataError, match=r"dataset:tinyshakespeare: holds text; leave kind='table' out"):
            open_source("dataset:tinyshakespeare", kind="table")
        with pytest.raises(DataError, match=r"dataset:digits: holds images of shape \(8, 8\); leave kind='text' out"):
            open_source("dataset:digits", kind="text")


class TestDigits:
    def test_is_what_scikit_learn_has(self):
        source = open_source("dataset:digits")
        digits = load_digits()
        assert (source.name, source.kind, source.values.dtype) == ("dataset:digits", "images", np.uint8)
        np.testing.assert_array_equal(source.values, digits.images)
        np.testing.assert_array_equal(source.label(), digits.target)

    def test_splits_are_all_of_it_in_order(self):
        train, test = (open_source(f"dataset:digits/{split}") for split in ("train", "test"))
        assert (len(train), len(test), train.name) == (1500, 297, "dataset:digits/train")
        everything = open_source("dataset:digits").values
        np.testing.assert_array_equal(np.concatenate([train.values, test.values]), everything)

    def test_is_held(self):
        assert held("digits")


@pytest.mark.parametrize("name", [name for name in ("mnist", "fashion-mnist") if held(name)])
def test_the_real_files(name):
    source = open_source(f"dataset:{name}/test")
    assert (source.values.shape, source.values.dtype) == ((10_000, 28, 28), np.uint8)
    assert np.bincount(source.label()).shape == (10,)


class TestLookUp:
    @pytest.mark.parametrize("how", [{"mtime": 0}, {"mtime": 5, "compresslevel": 1}])
    def test_in_the_data_folder_however_packed(self, tiny, how):
        place(tiny, **how)
        assert held("tiny")
        source = open_source("dataset:tiny")
        assert source.name == "dataset:tiny/train"
        np.testing.assert_array_equal(source.values, IMAGES)
        np.testing.assert_array_equal(source.label(), LABELS)

    def test_other_content_is_refused(self, tiny):
        place(tiny, mtime=0)
        (tiny / "images.gz").write_bytes(gzip.compress(idx(IMAGES + 1), mtime=0))
        with pytest.raises(DataError, match=r"images.gz: sha256 \w{64} where \w{64} is expected; it is damaged"):
            open_source("dataset:tiny")

    def test_a_download_from_the_second_address(self, tiny, monkeypatch, tmp_path):
        packed = tmp_path / "served"
        place(packed, mtime=0)
        asked = []

        def retrieve(url, known_hash, fname, **_):
            asked.append(url)
            assert known_hash.startswith("sha256:")
            if url.startswith("http://a/"):
                raise ConnectionError("no route")
            return str(packed / fname)

        monkeypatch.setattr(pooch, "retrieve", retrieve)
        assert not held("tiny")
        np.testing.assert_array_equal(open_source("dataset:tiny").values, IMAGES)
        assert asked == ["http://a/images.gz", "http://b/images.gz", "http://a/labels.gz", "http://b/labels.gz"]

    def test_no_network(self, tiny, monkeypatch):
        def retrieve(*_, **__):
            raise ConnectionError("no route")

        monkeypatch.setattr(pooch, "retrieve", retrieve)
        monkeypatch.delenv("LATENS_DATA")
        with pytest.raises(
            DataError,
            match=r"dataset:tiny: images.gz cannot be downloaded \(ConnectionError from http://a/; .*LATENS_DATA names",
        ):
            open_source("dataset:tiny")

    def test_the_folder_may_go(self, tiny):
        place(tiny, mtime=0)
        shutil.rmtree(tiny)
        assert not held("tiny")


def test_an_unknown_name():
    with pytest.raises(DataError, match=r"no data set 'mnits'; did you mean 'mnist'\? See: latens datasets"):
        open_source("dataset:mnits")

"""An index holds every row once, answers as float64 does, and belongs to one model."""

from __future__ import annotations

import multiprocessing
import os
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import latens
from latens.analysis import nearest
from latens.errors import ConfigError, DataError, MissingExtra, OutputError
from latens.index import Index
from latens.index.folders import one_writer

ABOUT = (
    '{"kind": "index", "format": 1, "about": {"maker": {"name": "m", "digest": "d", "kind": "table", '
    '"n_components": %s}, "distance": "euclidean", "pooling": null, "exact_below": 5, "seed": 0, "recall": null}}'
)
HOSTILE = [
    "plain",
    'it\'s "quoted" `back`',
    "<script>alert(1)</script>",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "x" * 10_000,
    "1; DROP TABLE rows --",
    "two\nlines\x1b[31m",
    "",
]


@pytest.fixture(scope="module")
def X():
    random = np.random.default_rng(0)
    return (random.normal(size=(400, 4)) @ random.normal(size=(4, 6))).astype(np.float32)


@pytest.fixture(scope="module")
def model(X):
    return latens.LinearAutoencoder(n_components=3, solver="exact", verbose=0).fit(X)


@pytest.fixture
def index(tmp_path, model, X):
    source = latens.open_source(X, labels=np.arange(400) % 5)
    return Index.create(tmp_path / "x.index", model, source)


def same(one, other):
    return (one.row == other.row).all() and (one.distance == other.distance).all()


class TestAnswers:
    def test_are_exact(self, index, model, X):
        codes = model.transform(X)
        hits = index.search(X[:30], k=7)
        truth = nearest(codes, codes[:30], 7)
        assert (hits.row.reshape(30, 7) == truth.indices).all()
        assert (hits.distance.reshape(30, 7) == truth.distances).all()

    def test_are_the_same_of_an_index_that_was_opened_or_built_again(self, index, tmp_path, model, X):
        again = Index.create(tmp_path / "again.index", model, X)
        opened = Index.open(index.folder, model)
        assert same(index.search(X[:20]), opened.search(X[:20]))
        assert same(index.search(X[:20]), again.search(X[:20]))

    def test_do_not_name_the_row_itself(self, index):
        hits = index.search_rows([3, 8], k=5)
        assert 3 not in hits.row[:5]
        assert 8 not in hits.row[5:]
        assert same(hits, index.search_ids(["3", "8"], k=5))

    @pytest.mark.parametrize("exact_below", [100_000, 100], ids=["exact", "approximate"])
    def test_obey_the_filter(self, tmp_path, model, X, exact_below):
        source = latens.open_source(X, labels=np.arange(400) % 5)
        index = Index.create(tmp_path / "f.index", model, source, exact_below=exact_below)
        hits = index.search_rows([5], k=20, where="label = 3")
        assert set(hits.fields["label"]) == {3}
        mine = np.flatnonzero(np.arange(400) % 5 == 3)
        codes = model.transform(X)
        truth = nearest(codes[mine], codes[5:6], 20)
        assert (hits.row == mine[truth.indices[0]]).all()
        assert len(index.search_rows([5], k=200, where="label = 3")) == 80
        assert len(index.search_rows([5], k=5, where="label = 77")) == 0

    def test_by_cosine(self, tmp_path, model, X):
        index = Index.create(tmp_path / "c.index", model, X, distance="cosine")
        codes = model.transform(X)
        assert (
            index.search(X[:5]).row.reshape(5, 10) == nearest(codes, codes[:5], 10, distance="cosine").indices
        ).all()

    def test_as_a_frame(self, index, X):
        frame = index.search(X[:2], k=3).to_frame()
        assert frame.columns.tolist() == ["query", "rank", "row", "id", "distance", "label"]
        assert frame["rank"].tolist() == [1, 2, 3, 1, 2, 3]


class TestApproximate:
    def test_recall_is_measured_and_kept(self, tmp_path, model, X):
        index = Index.create(tmp_path / "a.index", model, X, exact_below=300)
        assert not index.exact
        assert index.about.recall.share >= 0.99
        assert (index.about.recall.rows, index.about.recall.k) == (400, 10)
        assert Index.open(index.folder).about == index.about

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_of_hardly_any_rows(self, tmp_path, model, X, n):
        index = Index.create(tmp_path / "a.index", model, X[:n], exact_below=1)
        assert index.exact == (n == 1)
        assert index.search(X[:1], k=n).row[0] == 0

    def test_comes_and_goes_with_the_number_of_rows(self, tmp_path, model, X):
        index = Index.create(tmp_path / "a.index", model, X[:299], exact_below=300)
        assert index.exact
        index.add(X[299:310])
        assert not index.exact
        index.delete([str(row) for row in range(20)])
        assert index.exact


class TestChanges:
    def test_added_rows_are_numbered_on_and_found(self, index, model, X):
        assert index.add(X[:3] + 100) == 3
        hits = Index.open(index.folder, model).search(X[:1] + 100, k=1)
        assert (hits.id[0], hits.row[0], hits.fields["label"][0]) == ("400", 400, None)

    def test_an_id_is_never_there_twice(self, index, X):
        with pytest.raises(DataError, match=r"row 1 \(counted from 0\): id '7' is in the index already; delete it"):
            index.add(latens.Source(X[:2], ids=np.array(["new", "7"])))
        assert len(index) == 400

    def test_nor_in_what_is_indexed(self, tmp_path, model, X):
        source = latens.Source(X[:2], ids=np.array(["a", "a"]))
        with pytest.raises(DataError, match=r"row 1 .* id 'a' is there twice; rename one"):
            Index.create(tmp_path / "x.index", model, source)
        assert list(tmp_path.iterdir()) == []

    def test_deleted_rows_are_gone(self, index, X):
        assert index.delete(["5", "6"]) == 2
        assert not {5, 6} & set(index.search(X[:20], k=300).row)
        with pytest.raises(DataError, match=r"no row has the id '5'"):
            index.delete(["7", "5"])
        assert len(index) == 398

    def test_all_can_go_and_come_back(self, index, X):
        index.delete([str(row) for row in range(400)])
        with pytest.raises(ConfigError, match=r"k=10 exceeds the 0 rows of the index"):
            index.search(X[:1])
        index.add(latens.open_source(X[:20], labels=np.zeros(20, dtype=int)))
        assert len(index.search(X[:1])) == 10

    def test_a_column_that_is_new_is_refused(self, index, X):
        with pytest.raises(DataError, match=r"has no column 'colour'; build the index again"):
            index.add(latens.Source(X[:2], labels={"colour": np.array([1, 2])}))

    def test_one_process_writes_at_a_time(self, index, X):
        with one_writer(index.folder), pytest.raises(OutputError, match="another process is writing there; wait"):
            index.delete(["1"])


class TestHostile:
    @pytest.fixture
    def hostile(self, tmp_path, model, X):
        source = latens.Source(X[: len(HOSTILE)], ids=np.array(HOSTILE), labels={"label": np.array(HOSTILE)})
        return Index.create(tmp_path / "h.index", model, source)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_ids_and_labels_are_kept_and_deleted(self, hostile, name):
        number = HOSTILE.index(name)
        hits = hostile.search_ids([name], k=len(HOSTILE) - 1)
        assert set(hits.id) == set(HOSTILE) - {name}
        assert (hits.fields["label"] == hits.id).all()
        hostile.delete(name)
        assert number not in hostile.search_rows([(number + 1) % len(HOSTILE)], k=len(HOSTILE) - 2).row

    @pytest.mark.parametrize("name", ["a.b", "", "`", "code", "Row", "_rowid", "_distance", "rank", "x\ny", "n" * 5000])
    def test_names_of_columns(self, tmp_path, model, X, name):
        labels = {name: np.arange(50), f"{name}_": np.arange(50)}
        index = Index.create(tmp_path / "h.index", model, latens.Source(X[:50], labels=labels))
        assert len(index.fields) == 4
        column = index.fields[2]
        assert len(index.search(X[:1], k=5, where=f"`{column}` < 3")) == 3

    @pytest.mark.parametrize("where", ["labl = 3", "label =", "label", "label = 'a", "count(*) > 1", "x" * 10_000, ""])
    def test_filters_become_one_line(self, index, where):
        with pytest.raises(ConfigError, match=r"^where=.* cannot be applied .* use a condition") as caught:
            index.search_rows([1], where=where)
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 1500
        assert ".rs" not in str(caught.value)


class TestOwner:
    def test_another_model_is_refused_with_both_names(self, index, X):
        other = latens.LinearAutoencoder(n_components=2, solver="exact", verbose=0).fit(X)
        with pytest.raises(
            ConfigError, match=r"built by LinearAutoencoder \(table, codes of 3\), not by o.latens \(table"
        ):
            Index.open(index.folder, other, name="o.latens")

    def test_one_that_was_saved_and_loaded_is_not(self, index, model, tmp_path, X):
        model.save(tmp_path / "m.latens")
        assert len(Index.open(index.folder, latens.load(tmp_path / "m.latens")).search(X[:1])) == 10

    def test_without_a_model_rows_are_looked_up(self, index, X):
        opened = Index.open(index.folder)
        assert len(opened.search_rows([1])) == 10
        with pytest.raises(ConfigError, match="opened without its model"):
            opened.search(X[:1])


class TestFolder:
    def test_is_not_replaced_unless_it_is_an_index(self, index, model, X, tmp_path):
        with pytest.raises(OutputError, match="exists; choose another folder, or force=True"):
            Index.create(index.folder, model, X)
        assert len(Index.create(index.folder, model, X[:50], force=True)) == 50
        (tmp_path / "mine").mkdir()
        with pytest.raises(DataError, match="not an index"):
            Index.create(tmp_path / "mine", model, X, force=True)

    def test_is_there_whole_or_not_at_all(self, tmp_path, model, X, monkeypatch):
        monkeypatch.setattr(Index, "_settle", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError, match="division"):
            Index.create(tmp_path / "x.index", model, X)
        assert list(tmp_path.iterdir()) == []

    def test_cannot_be_written(self, tmp_path, model, X):
        with pytest.raises(OutputError, match=r"cannot be written .* choose another folder"):
            Index.create(tmp_path / "no" / "x.index", model, X)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("{", "not an index"),
            ("[1]", "not an index"),
            ('{"kind": "index", "format": 99}', "format 99 is newer"),
            ('{"kind": "index", "format": 1, "about": {}}', "its description is damaged"),
            ("[" * 100_000, "not an index"),
            (" " * 2**20 + "{}", "not an index"),
            (ABOUT % '"rows"', "its description is damaged"),
            (ABOUT % "null", "its description is damaged"),
            (ABOUT % "true", "its description is damaged"),
        ],
    )
    def test_is_damaged(self, index, content, words):
        (index.folder / "latens.json").write_text(content)
        with pytest.raises(DataError, match=words):
            Index.open(index.folder)

    def test_has_lost_its_table(self, index):
        (index.folder / "rows.lance").rename(index.folder / "gone")
        with pytest.raises(DataError, match="its table cannot be read"):
            Index.open(index.folder)

    @pytest.mark.parametrize("part", ["*.manifest", "*.lance"])
    @pytest.mark.parametrize("kept", [0, 100, 400])
    def test_its_table_is_damaged(self, index, X, part, kept):
        path = next(path for path in index.folder.rglob(part) if path.is_file())
        path.write_bytes(path.read_bytes()[:kept] + b"\xff" * 200)
        with pytest.raises(DataError, match=r"its table cannot be read \(.*\); build the index again"):
            Index.open(index.folder, index.estimator).search(X[:2], k=3)

    def test_somebody_elses_table(self, index, tmp_path):
        import lancedb

        table = pa.table({"row": ["a"], "id": ["b"], "code": [1.0]})
        lancedb.connect(str(index.folder)).create_table("rows", table, mode="overwrite")
        with pytest.raises(DataError, match=r"its table cannot be read \(column 'row' holds string\); build the index"):
            Index.open(index.folder)

    @pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/hostname")])
    def test_what_is_no_file_is_not_touched(self, index, make):
        make(index.folder / "rows.lance" / "data" / "more.lance")
        with pytest.raises(DataError, match=r"rows.lance/data/more.lance is neither a file nor a folder; build the"):
            Index.open(index.folder)

    def test_a_pipe_for_a_description_is_not_waited_for(self, index):
        (index.folder / "latens.json").unlink()
        os.mkfifo(index.folder / "latens.json")
        with pytest.raises(DataError, match="not an index"):
            Index.open(index.folder)


class TestKinds:
    def test_tables_keep_their_columns(self, tmp_path):
        frame = pd.DataFrame(
            {"price": np.arange(60.0), "town": ["Bern", "Ulm", "Rom"] * 20}, index=list(map(str, range(60)))
        )
        frame["day"] = pd.date_range("2026-01-01", periods=60)
        model = latens.Autoencoder(n_components=2, max_epochs=1, verbose=0).fit(frame)
        index = Index.create(tmp_path / "t.index", model, frame)
        hits = index.search(frame[:1], k=5, where="price > 30 AND town = 'Ulm'")
        assert set(hits.fields["town"]) == {"Ulm"}
        assert min(hits.fields["price"]) > 30
        assert len(index.search(frame[:1], k=5, where="day < timestamp '2026-01-04'")) == 3

    def test_images_have_thumbnails(self, tmp_path):
        images = latens.open_source("dataset:digits").take(np.arange(80))
        model = latens.Autoencoder(n_components=2, max_epochs=1, verbose=0).fit(images)
        hits = Index.create(tmp_path / "i.index", model, images).search(images.take(np.arange(2)), k=3)
        queries, found = hits.strips()
        assert [image.shape for image in queries] == [(8, 8)] * 2
        assert [len(each) for each in found] == [3, 3]

    def test_texts_show_how_they_begin(self, tmp_path):
        texts = [f"to be {'or not ' * (i % 5)}{i % 7}" for i in range(40)]
        model = latens.TextAutoregressor(hidden_size=8, chunk=16, max_epochs=1, verbose=0).fit(texts)
        index = Index.create(tmp_path / "t.index", model, texts, pooling="mean")
        assert index.search([texts[3]], k=1).fields["text"][0] == texts[3]

    def test_series(self, tmp_path):
        series = [np.sin(np.arange(50) * (1 + i % 3)) for i in range(12)]
        model = latens.SeriesAutoregressor(hidden_size=8, max_epochs=1, verbose=0).fit(series)
        assert len(Index.create(tmp_path / "s.index", model, series).search_rows([0], k=3)) == 3

    def test_pooling_is_for_sequences(self, tmp_path, model, X):
        with pytest.raises(ConfigError, match="pooling='mean' goes with models of text and events"):
            Index.create(tmp_path / "x.index", model, X, pooling="mean")


def test_says_how_to_install_lancedb(tmp_path, model, X, monkeypatch):
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(MissingExtra, match=r'lancedb is not installed; use: pip install "latens\[search\]"'):
        Index.create(tmp_path / "x.index", model, X)


def _search(folder, model, X, queue):
    queue.put(Index.open(folder, latens.load(model)).search(X, k=3).row.tolist())


def test_answers_the_same_in_a_new_process(index, model, X, tmp_path):
    model.save(tmp_path / "m.latens")
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_search, args=(index.folder, tmp_path / "m.latens", X[:2], queue))
    process.start()
    found = queue.get(timeout=100)
    process.join()
    assert found == index.search(X[:2], k=3).row.tolist()

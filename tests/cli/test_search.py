"""``latens index`` and ``latens search``, by row, id, file and text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latens.cli.terminal import shown


@pytest.fixture
def index(run, digits, tmp_path):
    output = tmp_path / "digits.index"
    outcome = run("index", digits, "dataset:digits", "-o", output)
    assert outcome.code == 0, outcome.err
    assert "1,797 rows of 2 numbers, searched exactly" in outcome.out
    return output


class TestIndex:
    def test_says_what_it_made(self, run, digits, tmp_path):
        made = run("index", digits, "dataset:digits/test", "-o", tmp_path / "i", "--distance", "cosine", "--json").json
        assert (made["n_components"], made["distance"], made["exact"], made["recall"]) == (2, "cosine", True, None)
        assert made["fields"] == ["row", "id", "label"]

    def test_adds_and_deletes(self, run, digits, index):
        assert run("index", digits, "-o", index, "--delete", "0", "--delete", "1", "--json").json["rows"] == 1795
        assert run("index", digits, "dataset:digits/test", "-o", index, "--add", "--json").json["rows"] > 1795

    @pytest.mark.parametrize(
        ("words", "code", "line"),
        [
            (("dataset:digits",), 1, "exists; choose another folder"),
            (("--add",), 2, "is missing: what is to be indexed"),
            ((), 2, "is missing: what is to be indexed"),
            (("dataset:digits", "--delete", "5"), 2, "goes without SOURCE, or with --add"),
            (("dataset:digits", "--add", "--distance", "cosine"), 2, "an index keeps what it was built with"),
            (("--delete", "nobody"), 1, "no row has the id 'nobody'"),
            (("dataset:digits", "--force", "--distance", "euclid"), 1, "did you mean 'euclidean'"),
            (("dataset:digits", "--force", "--pooling", "mean"), 1, "goes with models of text and events"),
        ],
    )
    def test_refuses(self, run, digits, index, words, code, line):
        outcome = run("index", digits, *words, "-o", index)
        assert (outcome.code, outcome.out) == (code, "")
        assert line in outcome.err
        assert run("search", index, digits, "--row", "5", "--json").json["rows"] == 1797

    def test_replaces_only_an_index(self, run, digits, index, tmp_path):
        assert run("index", digits, "dataset:digits/test", "-o", index, "--force").code == 0
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "letter.txt").write_text("dear")
        outcome = run("index", digits, "dataset:digits", "-o", tmp_path / "mine", "--force")
        assert outcome.code == 1
        assert "not an index" in outcome.err
        assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


class TestSearch:
    def test_by_row_and_by_id_are_the_same(self, run, index, digits):
        by_row = run("search", index, digits, "--row", "5", "-k", "4", "--json").json
        by_id = run("search", index, digits, "--id", "5", "-k", "4", "--json").json
        assert by_row["hits"] == by_id["hits"]
        assert len(by_row["hits"]) == 4
        assert "5" not in [hit["id"] for hit in by_row["hits"]]

    def test_with_a_filter(self, run, index, digits):
        hits = run("search", index, digits, "--row", "5", "--where", "label = 3 AND row > 100", "--json").json["hits"]
        assert {hit["label"] for hit in hits} == {3}
        assert run("search", index, digits, "--row", "5", "--where", "label = 77").out == "no row passes the filter\n"

    def test_by_file_with_a_picture(self, run, photos, fit, tmp_path):
        model, index = fit(photos), tmp_path / "photos.index"
        assert run("index", model, photos, "-o", index).code == 0
        image, plot = photos / "cats" / "3.png", tmp_path / "near.png"
        outcome = run("search", index, model, "--file", image, "-k", "3", "--json", "--plot", plot)
        assert outcome.json["hits"][0]["path"] == str(image)
        assert outcome.json["hits"][0]["label"] == "cats"
        with Image.open(plot) as picture:
            assert picture.width > 300

    def test_rows_of_a_table_into_a_file(self, run, flowers, fit, tmp_path):
        model, index = fit(flowers, "--labels", "species"), tmp_path / "flowers.index"
        assert run("index", model, flowers, "-o", index).code == 0
        output = tmp_path / "hits.csv"
        outcome = run("search", index, model, "--file", flowers, "-k", "2", "--where", "a > 0", "-o", output)
        assert outcome.out == f"wrote 120 neighbours to {output}\n"
        hits = pd.read_csv(output)
        assert hits["query"].tolist()[:4] == [0, 0, 1, 1]
        assert {"species", "a", "b"} <= set(hits.columns)
        assert (hits["a"] > 0).all()

    def test_by_text(self, run, texts, news, tmp_path):
        index = tmp_path / "news.index"
        assert run("index", news, texts / "news.csv", "-o", index, "--labels", "topic", "--pooling", "mean").code == 0
        hits = run("search", index, news, "--text", "team wins 3", "-k", "1", "--json").json["hits"]
        assert (hits[0]["text"], hits[0]["topic"]) == ("team wins 3", "sport")

    def test_of_events(self, run, texts, log, tmp_path):
        index = tmp_path / "log.index"
        assert run("index", log, texts / "log.csv", "-o", index).code == 0
        assert "login, search" in run("search", index, log, "--row", "1", "-k", "2").out

    @pytest.mark.parametrize(
        ("words", "code", "line"),
        [
            ((), 2, "nothing given; use one of --row, --id, --file or --text"),
            (("--row", "5", "--text", "a"), 2, "--row and --text given"),
            (("--row", "x"), 2, "Invalid value for '--row'"),
            (("--row", "5000"), 1, "row 5000 is not in the index of 1,797 rows; use one from 0 to 1796"),
            (("--row", "5", "-k", "1797"), 1, "k=1797 exceeds the 1,796 other rows of the index; use k<=1796"),
            (("--row", "5", "-k", "0"), 2, "Invalid value for '--k'"),
            (("--id", "nobody"), 1, "no row has the id 'nobody'"),
            (("--file", "nowhere.png"), 1, "no such file"),
            (("--text", "a"), 1, "--text goes with models of text, not of images"),
            (("--row", "5", "--where", "labl = 3"), 1, "No field named labl"),
            (("--row", "5", "-o", "hits.npy"), 1, "says no format that this verb writes"),
            (("--row", "5", "--plot", "near.gif"), 1, "says no format that this verb writes"),
        ],
    )
    def test_refuses(self, run, index, digits, words, code, line, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        before = sorted(tmp_path.iterdir())
        outcome = run("search", index, digits, *words)
        assert (outcome.code, outcome.out) == (code, "")
        assert line in outcome.err
        assert sorted(tmp_path.iterdir()) == before

    def test_refuses_another_model_with_both_names(self, run, index, fit):
        other = fit("dataset:digits", "--set", "n_components=3", name="other.latens")
        outcome = run("search", index, other, "--row", "5")
        assert outcome.code == 1
        assert "digits.latens (images, codes of 2), not by" in outcome.err
        assert "other.latens (images, codes of 3)" in outcome.err

    def test_refuses_images_of_another_size(self, run, index, digits, photos):
        outcome = run("search", index, digits, "--file", photos)
        assert outcome.code == 1
        assert "samples of shape (7, 5, 3) where the model was fitted on (8, 8)" in outcome.err

    def test_refuses_to_draw_what_is_no_image(self, run, flowers, fit, tmp_path):
        model, index = fit(flowers), tmp_path / "flowers.index"
        run("index", model, flowers, "-o", index)
        outcome = run("search", index, model, "--row", "1", "--plot", tmp_path / "near.png")
        assert outcome.code == 1
        assert "draws images, and" in outcome.err

    def test_shows_hostile_labels_in_one_line_each(self, run, fit, tmp_path):
        table = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=list("abc"))
        table["label"] = ["\x1b[31mred\x07", "\u202eesrever", "x" * 10_000] * 10
        table.to_parquet(tmp_path / "t.parquet")
        model, index = fit(tmp_path / "t.parquet", "--labels", "label"), tmp_path / "t.index"
        assert run("index", model, tmp_path / "t.parquet", "-o", index).code == 0
        out = run("search", index, model, "--row", "0", "-k", "20").out
        assert len(out.splitlines()) == 21
        assert all(character.isprintable() for line in out.splitlines() for character in line)
        assert max(map(len, out.splitlines())) < 200


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("plain", "plain"),
        (3.5, 3.5),
        (None, None),
        ("a\tb\nc", "a b c"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("y" * 100, "y" * 59 + "…"),
    ],
)
def test_what_a_terminal_is_shown(value, seen):
    assert shown(value) == seen

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from latens.estimators.map_files import load_map

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "html": b"<!doctype html>"}


def data_of(page) -> dict:
    text = page.read_text(encoding="utf-8")
    return json.loads(text.split('<script type="application/json" id="map">')[1].split("</script>")[0])


class TestMap:
    @pytest.mark.parametrize("suffix", MAGIC)
    def test_writes_the_format_of_the_suffix(self, run, digits, tmp_path, suffix):
        output = tmp_path / f"map.{suffix}"
        said = run("map", digits, "dataset:digits/test", "-o", output, "--json").json
        assert {name: said[name] for name in ("output", "rows", "labels", "method", "map")} == {
            "output": str(output),
            "rows": 297,
            "labels": "label",
            "method": "code",
            "map": None,
        }
        assert said["mean_distortion"] == 0
        assert output.read_bytes().startswith(MAGIC[suffix])

    def test_labels_by_name(self, run, fit, flowers, tmp_path):
        model = fit(flowers, "--labels", "species")
        outcome = run("map", model, flowers, "-o", tmp_path / "map.png", "--labels", "species", "--json")
        assert outcome.json["labels"] == "species"

    def test_another_suffix_is_refused(self, run, digits, tmp_path):
        outcome = run("map", digits, "dataset:digits", "-o", tmp_path / "map.jpg")
        assert outcome.code == 1
        assert ".jpg says no format that this verb writes; use .png, .svg, .pdf, .html, .parquet or .csv" in outcome.err

    def test_coordinates(self, run, digits, tmp_path):
        output = tmp_path / "map.parquet"
        assert run("map", digits, "dataset:digits/test", "-o", output, "--colour", "error").code == 0
        table = pd.read_parquet(output)
        assert list(table.columns) == ["x", "y", "reconstruction_error", "distortion", "label"]
        assert len(table) == 297

    @pytest.mark.parametrize("colour", ["label", "error", "cluster", "distortion"])
    def test_colours(self, run, digits, tmp_path, colour):
        outcome = run("map", digits, "dataset:digits/test", "-o", tmp_path / "map.png", "--colour", colour)
        assert outcome.code == 0, outcome.err

    def test_a_column_that_is_not_there(self, run, fit, flowers, tmp_path):
        model, output = fit(flowers, "--labels", "species"), tmp_path / "map.html"
        outcome = run("map", model, flowers, "-o", output, "--colour", "speces")
        assert outcome.code == 1
        assert "--colour speces: no column of flowers.csv; did you mean 'species'?" in outcome.err
        assert not output.exists()

    def test_no_label(self, run, fit, flowers, tmp_path):
        plain = tmp_path / "plain.csv"
        pd.read_csv(flowers)[["a", "b", "c", "d"]].to_csv(plain, index=False)
        outcome = run("map", fit(plain), plain, "-o", tmp_path / "map.png", "--colour", "label")
        assert outcome.code == 1
        assert "--colour label: plain.csv carries none; name a column with --labels" in outcome.err


class TestPage:
    def test_of_a_table(self, run, fit, flowers, tmp_path):
        model, output = fit(flowers, "--labels", "species"), tmp_path / "map.html"
        assert run("map", model, flowers, "-o", output, "--colour", "b").code == 0
        data = data_of(output)
        assert [column["name"] for column in data["columns"]] == [
            *("species", "reconstruction_error", "distortion", "a", "b", "c", "d"),
        ]
        assert data["colour"] == "b"
        assert data["ids"][:2] == ["f0", "f1"]

    def test_of_images(self, run, fit, photos, tmp_path):
        output = tmp_path / "map.html"
        assert run("map", fit(photos), photos, "-o", output).code == 0
        assert data_of(output)["pictures"]["source"].startswith("data:image/png;base64,")

    @pytest.mark.parametrize(("name", "field"), [("news", "title"), ("log", "sequence"), ("play", "text")])
    def test_of_sequences(self, run, texts, tmp_path, name, field):
        source = texts / ("play.txt" if name == "play" else f"{name}.csv")
        output = tmp_path / "map.html"
        outcome = run("map", texts / f"{name}.latens", source, "-o", output)
        assert outcome.code == 0, outcome.err
        assert {field, "nats_per_item"} <= {column["name"] for column in data_of(output)["columns"]}


class TestKeptMap:
    # UMAP is compiled anew in each process: half a minute
    @pytest.mark.parametrize("method", ["pca", pytest.param("umap", marks=pytest.mark.slow)])
    def test_new_rows_do_not_move_it(self, run, fit, flowers, tmp_path, method):
        model = fit(flowers, "--labels", "species", "--set", "n_components=3")
        kept, points = tmp_path / "flowers.map", tmp_path / "points.csv"
        first = run("map", model, flowers, "-o", points, "--method", method, "--save-map", kept, "--json")
        assert first.json["map"] == str(kept)
        before = pd.read_csv(points)
        few = tmp_path / "few.csv"
        few.write_text("".join(flowers.read_text().splitlines(keepends=True)[:4]))
        assert run("map", model, few, "-o", points, "--on", kept, "--force").code == 0
        assert np.allclose(pd.read_csv(points)[["x", "y"]], before[["x", "y"]][:3])
        assert np.allclose(load_map(kept).points, before[["x", "y"]])
        for picture in ("new.png", "new.html"):
            assert run("map", model, few, "-o", tmp_path / picture, "--on", kept).code == 0

    def test_of_another_model(self, run, fit, flowers, tmp_path):
        model, other = fit(flowers), fit(flowers, "--seed", 1, name="other.latens")
        kept = tmp_path / "flowers.map"
        assert run("map", model, flowers, "-o", tmp_path / "a.png", "--save-map", kept).code == 0
        outcome = run("map", other, flowers, "-o", tmp_path / "b.png", "--on", kept)
        assert outcome.code == 1
        assert "flowers.map: a map of another model's codes; use the model that it was made with" in outcome.err
        assert not (tmp_path / "b.png").exists()

    @pytest.mark.parametrize("words", [("--method", "pca"), ("--save-map", "again.map")])
    def test_is_made_already(self, run, digits, tmp_path, words):
        outcome = run("map", digits, "dataset:digits", "-o", tmp_path / "map.png", "--on", "kept.map", *words)
        assert outcome.code == 1
        assert f"{words[0]} with --on kept.map: that map is made already" in outcome.err

    def test_has_a_name_of_its_own(self, run, digits, tmp_path):
        same = tmp_path / "map.png"
        outcome = run("map", digits, "dataset:digits", "-o", same, "--save-map", same)
        assert outcome.code == 1
        assert "is the output, too; give one of them another name" in outcome.err

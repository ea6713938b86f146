"""A whole report: of every kind of model, within its size, and safe with whatever the data calls itself."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

import latens
from latens.data import Source
from latens.errors import DataError, OutputError
from latens.report import Origin, report_page, write_report
from latens.report.sections import SECTIONS
from latens.report.sections.plane import fitting

QUICK = {"max_epochs": 1, "verbose": 0}

AUTOENCODER = ["data", "training", "referee", "map", "reconstruction", "outliers", "clusters", "robustness", "repeat"]
SEQUENCES = ["data", "training", "referee", "map", "surprise", "samples", "clusters", "repeat"]
EXPECTED = {
    **dict.fromkeys(("digits", "homes", "linear", "curves", "pages"), AUTOENCODER),
    **dict.fromkeys(("lines", "bytes", "log", "pixels"), SEQUENCES),
    "tiles": ["data", "training", "referee", "map", "clusters", "repeat"],
    "wave": ["data", "training", "referee", "forecast", "stretches", "repeat"],
    "waves": ["data", "training", "referee", "map", "forecast", "stretches", "clusters", "repeat"],
}


@pytest.fixture(scope="module", params=EXPECTED)
def made(request, fitted):
    """A kind of model, and the report on it."""
    model, source = fitted(request.param)
    return request.param, report_page(model, source)


class TestEveryKind:
    def test_has_the_sections_that_apply(self, made):
        kind, page = made
        assert page.failed == {}
        assert list(page.verdicts) == EXPECTED[kind]

    def test_has_anchors_and_contents(self, made):
        _, page = made
        for name in page.verdicts:
            assert f'<section id="{name}">' in page.html
            assert page.html.count(f'href="#{name}"') == 2

    def test_no_name_becomes_markup(self, made):
        _, page = made
        body = re.sub(r"<script.*?</script>", "", page.html, flags=re.S)
        for word in ("<script", "<img src=x", "onerror=alert(1)>", "<b>bold", "<!-- "):
            assert word not in body
        assert page.html.count("</script>") == page.html.count("<script") <= 2
        assert len(max(re.split(r"<[^>]*>", body), key=len)) < 13_000  # the style; no text of the data

    def test_needs_nothing_else(self, made):
        _, page = made
        assert "unsafe" not in page.html
        assert not re.search(r"(src|href)=\"(?!data:image/|#)", page.html)
        assert ' style="' not in page.html

    def test_is_the_same_every_time(self, made, fitted):
        kind, page = made
        if kind in ("homes", "log", "wave"):
            model, source = fitted(kind)
            first, again = (re.sub(r"in [\d.]+ s", "", each) for each in (page.html, report_page(model, source).html))
            assert first[: first.index('id="training"')] == again[: again.index('id="training"')]


def test_every_section_is_seen():
    assert set(SECTIONS) == {name for names in EXPECTED.values() for name in names}


@pytest.mark.slow
def test_ten_thousand_rows_stay_below_8_megabytes(hostile):
    random = np.random.default_rng(0)
    strokes = ((random.random((12_000, 28, 28)) < 0.15) * random.integers(1, 256, size=(12_000, 28, 28))).astype(
        np.uint8
    )
    names = np.array([f"{i} {hostile[4]}" for i in range(12_000)], dtype=object)
    source = Source(strokes, kind="images", ids=names, labels={"label": names})
    model = latens.LinearAutoencoder(n_components=2, verbose=0, solver="exact").fit(source.take(np.arange(200)))
    page = report_page(model, source)
    assert (page.rows, page.total, page.failed) == (10_000, 12_000, {})
    assert len(page.html.encode()) < 8_000_000
    assert "Looked at are 10,000 images of 12,000, drawn by chance with seed 0." in page.html


def test_columns_that_do_not_fit_are_left_out_by_name():
    columns = [{"name": f"c{i}", "texts": ["ש" * 160] * 5_000} for i in range(12)]
    kept, left_out = fitting({"n": 5_000, "pictures": None, "columns": columns})
    assert [column["name"] for column in kept["columns"]] == ["c0", "c1", "c2", "c3"]
    assert left_out == [f"c{i}" for i in range(4, 12)]
    kept, _ = fitting({"n": 1, "pictures": {"source": "x" * 8_000_000}, "columns": columns[:1]})
    assert kept["pictures"] is None


def test_labels_are_escaped_and_cut(fitted, hostile):
    source = fitted("digits")[1]
    labels = np.array(hostile, dtype=object)[np.arange(len(source)) % len(hostile)]
    named = Source(source.values, kind="images", labels={hostile[1]: labels}, ids=labels, name=hostile[0])
    page = report_page(latens.Autoencoder(n_components=2, **QUICK).fit(named), named)
    assert page.failed == {}
    assert "<title>Report on &lt;/script&gt;" in page.html
    body = re.sub(r"<script.*?</script>", "", page.html, flags=re.S)
    assert "<img src=x" not in body
    assert "long " * 40 not in body


def test_a_section_that_fails_says_why(monkeypatch, fitted, hostile):
    def broken(subject):
        raise ValueError(f"bad {hostile[0]}")

    monkeypatch.setitem(SECTIONS, "referee", broken)
    model, source = fitted("homes")
    page = report_page(model, source)
    assert page.failed == {"referee": f"ValueError: bad {hostile[0]}"}
    assert "This part could not be made: ValueError: bad &lt;/script&gt;" in page.html
    assert list(page.verdicts) == AUTOENCODER


@pytest.mark.parametrize("n", [2, 5, 20])
def test_few_rows(n):
    X = np.random.default_rng(0).normal(size=(n, 3))
    page = report_page(latens.Autoencoder(n_components=2, **QUICK).fit(X), X)
    assert page.failed == {}
    assert ("clusters" in page.verdicts) == (n >= 20)


def test_equal_rows():
    X = np.ones((40, 3))
    page = report_page(latens.Autoencoder(n_components=2, **QUICK).fit(X), X)
    assert set(page.failed) <= {"clusters"}
    assert page.verdicts["data"] == "40 rows of 3 columns, no cell missing."


def test_other_data_is_refused(tmp_path, fitted):
    model, _ = fitted("homes")
    with pytest.raises(DataError, match=r"columns 'rooms', 'price', .* are missing"):
        write_report(model, pd.DataFrame({"a": [1.0, 2.0]}), tmp_path / "report.html")
    text, _ = fitted("lines")
    with pytest.raises(DataError, match="'ж'"):
        write_report(text, ["ж"], tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written(tmp_path, fitted):
    model, source = fitted("linear")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(model, source, tmp_path / "none" / "report.html")


def test_the_commands_are_there(fitted):
    model, source = fitted("homes")
    origin = Origin("my model.latens", "homes.csv", "r.html", ["--labels", "sold"], {"labels": ["sold"]}, "abc123")
    html = report_page(model, source, origin=origin).html.replace("&#39;", "'")
    assert "latens report 'my model.latens' homes.csv -o r.html --labels sold" in html
    assert "latens.open_source('homes.csv', labels=['sold'])" in html
    assert "latens fit homes.csv -o 'my model.latens' --model deep --labels sold --set max_epochs=1" in html
    assert "Digest of the model file: abc123." in html


def test_the_map_knows_what_was_found_out(fitted):
    model, source = fitted("homes")
    data = json.loads(report_page(model, source).html.split('id="map-data">')[1].split("</script>")[0])
    names = [column["name"] for column in data["columns"]]
    assert names[:4] == ["cluster", "strangeness", "reconstruction error", "distortion"]


def test_noise_levels_are_told_by_kind(fitted):
    model, source = fitted("digits")
    said = report_page(model, source).verdicts["robustness"]
    assert said.startswith("It was trained to undo block:0.2. Gaussian noise: ")
    assert "; block: " in said
    plain, rows = fitted("homes")
    assert report_page(plain, rows).verdicts["robustness"].startswith("It was not trained to undo any noise.")

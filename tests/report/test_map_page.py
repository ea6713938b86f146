"""The page of a map, but for what needs a browser."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from latens.analysis import fit_map
from latens.data import Source, open_source
from latens.report import fields_of, map_page


def data_of(page: str) -> dict:
    return json.loads(page.split('id="map">')[1].split("</script>")[0])


def page_of(source: Source, **more) -> str:
    codes = np.random.default_rng(0).normal(size=(len(source), 2))
    return map_page(fit_map(codes), source, {}, title="rows", **more)


def test_ten_thousand_pictures_fit_into_8_megabytes():
    random = np.random.default_rng(0)
    strokes = (random.random((10_000, 28, 28)) < 0.15) * random.integers(1, 256, size=(10_000, 28, 28))
    source = Source(strokes.astype(np.uint8), kind="images", labels={"label": np.arange(10_000) % 10})
    page = page_of(source)
    assert data_of(page)["pictures"] is not None
    assert len(page.encode()) < 8_000_000


def test_columns_of_every_kind():
    frame = pd.DataFrame(
        {
            "price": [1.5, None, 3.25],
            "rooms": pd.array([1, None, 70], dtype="Int64"),
            "town": ["Ulm", None, "Bonn"],
            "new": [True, False, True],
            "day": pd.to_datetime(["2026-01-31", None, "2026-02-01"]),
        }
    )
    fields = fields_of(open_source(frame))
    assert fields["price"][0] == 1.5
    assert fields["rooms"][2] == 70
    assert fields["town"].tolist() == ["Ulm", None, "Bonn"]
    assert data_of(page_of(open_source(frame)))["n"] == 3


def test_wide_tables_say_what_is_left_out():
    page = page_of(Source(np.zeros((3, 60))))
    assert len(data_of(page)["columns"]) == 41
    assert "Shown are the first 40 of 60 columns." in page


def test_names_that_are_taken_get_a_mark():
    source = Source(np.zeros((3, 1)), columns=("distortion",))
    assert [column["name"] for column in data_of(page_of(source))["columns"]] == ["distortion", "distortion_"]


def test_a_line_is_spread():
    source = Source(np.arange(5.0)[:, None])
    data = data_of(map_page(fit_map(source.values), source, {}, title="line"))
    assert data["axes"] == ["code 1", "(spread means nothing)"]
    assert (data["equal"], data["ticks"]) == (False, [True, False])

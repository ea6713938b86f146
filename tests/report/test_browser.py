"""What a user of the page sees and does, in Chromium."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup

from latens.analysis import fit_map
from latens.data import Source
from latens.report import Scatter, map_page, render_page, report_page, scatter_data

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"quoted\", 'twice' & <b>bold</b>",
    "שלום \u202e desrever",
    "long " * 2000,
    "<!-- <script>",
)


def page_of(n: int = 60, **more: Any) -> str:
    random = np.random.default_rng(0)
    source = Source(
        random.normal(size=(n, 2)).astype(np.float32),
        columns=("width", "height"),
        labels={"kind": np.array(HOSTILE, dtype=object)[np.arange(n) % len(HOSTILE)]},
        ids=np.array([f"file-{i}.png" for i in range(n)]),
        name="flowers",
    )
    columns = {"mass": random.normal(size=n)}
    return map_page(fit_map(source.values), source, columns, **{"title": HOSTILE[0], "colour": "kind", **more})


def place_of(page: Any, row: int) -> tuple[float, float]:
    scatter = "document.querySelector('[data-scatter]').scatter"
    script = f"(i) => {{ const s = {scatter}; return [s.screenX(s.x[i]), s.screenY(s.y[i])]; }}"
    box = page.locator(".scatter-plot > canvas").bounding_box()
    x, y = page.evaluate(script, row)
    return box["x"] + x, box["y"] + y


def status(page: Any) -> str:
    return str(page.locator(".scatter-status").inner_text())


def lasso_all(page: Any) -> None:
    box = page.locator(".scatter-plot > canvas").bounding_box()
    left, top, right, bottom = box["x"] + 40, box["y"] + 2, box["x"] + box["width"] - 2, box["y"] + box["height"] - 30
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(left, top)
    page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom)):
        page.mouse.move(*corner)
    page.mouse.up()


def saved_ids(page: Any, folder: Path) -> list[str]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save ids as CSV").click()
    download.value.save_as(folder / "ids.csv")
    with (folder / "ids.csv").open(newline="") as file:
        return [row["id"] for row in csv.DictReader(file)]


def test_hostile_labels_are_shown_as_they_are(opened):
    page = opened(page_of())
    assert page.locator("h1").inner_text() == HOSTILE[0]
    legend = page.locator(".scatter-legend bdi").all_inner_texts()
    assert HOSTILE[1] in legend
    assert max(map(len, legend)) <= 41
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0


def test_a_point_shows_its_fields(opened):
    page = opened(page_of())
    page.mouse.move(*place_of(page, 7))
    card = page.locator(".scatter-tip")
    assert "file-7.png" in card.inner_text()
    assert {"width", "height", "mass", "kind", "distortion"} <= set(card.locator("dt").all_inner_texts())
    assert HOSTILE[1] in card.locator("dd").all_inner_texts()


def test_a_point_shows_its_picture(opened):
    images = Source(np.zeros((9, 6, 5), dtype=np.uint8), kind="images")
    images.values[3] = 200
    page = opened(map_page(fit_map(np.arange(18.0).reshape(9, 2)), images, {}, title="pictures"))
    page.mouse.move(*place_of(page, 3))
    picture = "() => document.querySelector('.scatter-tip canvas').getContext('2d').getImageData(9, 9, 1, 1).data[0]"
    assert page.evaluate(picture) == 255
    page.mouse.move(*place_of(page, 4))
    assert page.evaluate(picture) == 0


def test_search_finds_ids_and_fields(opened):
    page = opened(page_of())
    page.get_by_label("Search").fill("FILE-7.")
    page.wait_for_function("() => document.querySelector('.scatter-status').textContent.startsWith('1 of')")
    page.get_by_label("Search").fill("onerror")
    page.wait_for_function("() => document.querySelector('.scatter-status').textContent.startsWith('10 of 60 rows')")
    page.get_by_label("Search").fill("nothing like it")
    page.wait_for_function("() => document.querySelector('.scatter-status').textContent.startsWith('None of')")
    page.get_by_role("button", name="Show all").click()
    assert status(page) == "60 rows"


def test_the_lasso_saves_ids(opened, tmp_path):
    page = opened(page_of())
    lasso_all(page)
    assert status(page) == "60 of 60 rows chosen"
    assert saved_ids(page, tmp_path) == [f"file-{i}.png" for i in range(60)]


def test_a_class_by_itself_is_saved(opened, tmp_path):
    page = opened(page_of())
    page.locator(".scatter-legend button", has_text="onerror").click()
    assert saved_ids(page, tmp_path) == [f"file-{i}.png" for i in range(1, 60, 6)]


def test_colours_by_any_column(opened):
    page = opened(page_of())
    offered = page.get_by_label("Colour by").locator("option").all_inner_texts()
    assert offered == ["nothing", "kind", "mass", "distortion", "width", "height"]
    page.get_by_label("Colour by").select_option(label="mass")
    assert page.locator(".scale").is_visible()
    page.get_by_label("Colour by").select_option(label="nothing")
    assert page.locator(".scatter-legend").inner_text() == ""


def test_mouse_and_keys_move_and_zoom(opened):
    page = opened(page_of())
    before = place_of(page, 0)
    page.locator(".scatter-plot > canvas").focus()
    page.keyboard.press("ArrowRight")
    assert place_of(page, 0)[0] == pytest.approx(before[0] - 40)
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert place_of(page, 0) == pytest.approx(before)
    box = page.locator(".scatter-plot > canvas").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "() => { const s = document.querySelector('[data-scatter]').scatter; return s.sx > 1.5 * s.home; }"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_telephone(opened, scheme):
    page = opened(page_of(), viewport={"width": 390, "height": 844}, has_touch=True, color_scheme=scheme)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.touchscreen.tap(*place_of(page, 7))
    page.wait_for_selector(".scatter-tip:not([hidden])")
    box = page.locator(".scatter-tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_new_rows_among_grey_ones(opened):
    codes = np.random.default_rng(0).normal(size=(40, 2))
    source = Source(codes[:5], columns=("a", "b"))
    page = opened(map_page(fit_map(codes), source, {}, title="new", codes=codes[:5]))
    assert status(page) == "5 rows"
    assert page.evaluate("() => document.querySelector('[data-scatter]').scatter.ground.x.length") == 40


@pytest.mark.parametrize("codes", [np.zeros((3, 2)), np.arange(5.0)[:, None], np.zeros((1, 3))])
def test_degenerate_maps_are_drawn(opened, codes):
    page = opened(map_page(fit_map(codes), Source(codes), {}, title="few"))
    page.mouse.move(*place_of(page, 0))
    assert page.locator(".scatter-tip").is_visible()


def test_70000_points_are_smooth(opened):
    codes = np.random.default_rng(0).normal(size=(70_000, 2)).astype(np.float32)
    data = scatter_data(Scatter(codes, ("code 1", "code 2"), {"x": codes[:, 0]}, colour="x"))
    page = opened(render_page("many", Markup('<div data-scatter="map"></div>'), {"map": data}))
    seconds = page.evaluate(
        "() => { const s = document.querySelector('[data-scatter]').scatter, start = performance.now();"
        " for (let i = 0; i < 5; i++) s.paint(); return (performance.now() - start) / 5000; }"
    )
    assert seconds < 0.25  # about 0.03 on a quiet machine


def test_a_broken_page_says_so(browser, tmp_path):
    html = page_of().replace('"n":60', '"n":0')
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert "The map cannot be drawn: there are no rows" in page.locator(".failed").inner_text()
    page.close()


@pytest.mark.parametrize("kind", ["digits", "homes", "lines", "wave"])
class TestReport:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_fits_a_telephone_and_complains_of_nothing(self, opened, fitted, kind, scheme):
        page = opened(report_page(*fitted(kind)).html, viewport={"width": 390, "height": 844}, color_scheme=scheme)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        assert page.locator("nav a").count() == page.locator("main > section").count() >= 6
        assert page.locator("svg.chart").count() >= 1

    def test_shows_no_markup_of_the_data(self, opened, fitted, kind):
        page = opened(report_page(*fitted(kind)).html)
        assert page.locator("main b, main script, main img:not([src^='data:image/'])").count() == 0
        broken = "() => [...document.images].filter((image) => !image.naturalWidth).length"
        assert page.evaluate(broken) == 0

    def test_contents_lead_to_the_sections(self, opened, fitted, kind):
        page = opened(report_page(*fitted(kind)).html)
        page.locator("nav a", has_text="To repeat it").click()
        assert page.url.endswith("#repeat")
        assert page.locator("#repeat h2").is_visible()

"""The map, as somebody with a mouse, a keyboard or a telephone uses it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image

NO_WEBGL = """const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith('webgl') ? null : real.call(this, kind, ...rest);
};"""


def on_picture(page: Any, row: int) -> tuple[float, float]:
    x, y = page.evaluate("(row) => document.querySelector('.panel.map').map.plot.placeOf(row)", row)
    return x, y


def place_of(page: Any, row: int) -> tuple[float, float]:
    x, y = on_picture(page, row)
    box = page.locator(".over").bounding_box()
    return box["x"] + x, box["y"] + y


def frontmost(page: Any, start: int = 0) -> int:
    """A row that is the nearest to its own place."""
    script = """(start) => { const { plot } = document.querySelector('.panel.map').map;
      for (let row = start; row < plot.map.n; row++) if (plot.nearest(...plot.placeOf(row), 3) === row) return row;
      return -1; }"""
    return int(page.evaluate(script, start))


def status(page: Any) -> str:
    return str(page.locator(".map-status").inner_text())


def chosen(page: Any) -> int:
    found = re.match(r"([\d,]+) of", status(page))
    return int(found[1].replace(",", "")) if found else 0


def draw(page: Any, tool: str, corners: list[tuple[float, float]]) -> None:
    """With a tool, along corners given as shares of the picture."""
    page.get_by_role("button", name=tool, exact=True).click()
    box = page.locator(".over").bounding_box()
    at = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.mouse.move(*at[0])
    page.mouse.down()
    for corner in at[1:]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()
    page.wait_for_function("() => location.hash.includes('around=')")


def saved(page: Any, name: str, folder: Path) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_bytes()


def test_points_are_drawn_in_the_colours_of_their_classes(opened):
    page = opened("digits", "map")
    assert page.locator(".class").count() == 10
    colours = page.evaluate(
        """() => { const { plot } = document.querySelector('.panel.map').map; plot.paint();
          const { gl, canvas } = plot.drawn, bytes = new Uint8Array(4 * canvas.width * canvas.height);
          gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
          const seen = new Set();
          for (let at = 0; at < bytes.length; at += 4)
            if (bytes[at + 3] > 100) seen.add(bytes.slice(at, at + 3).join());
          return seen.size; }"""
    )
    assert colours > 10


def test_colours_are_a_step_that_back_takes_back(opened, settle):
    page = opened("homes", "map?colour=price")
    assert page.locator(".scale").is_visible()
    assert "missing 1" in page.locator(".map-legend").inner_text()
    page.get_by_label("Colour by").select_option(label="town")
    settle(page)
    assert "colour=town" in page.url
    assert page.locator(".class").count() == 3
    page.go_back()
    settle(page)
    assert page.get_by_label("Colour by").input_value() == "price"
    assert page.locator(".scale").is_visible()


def test_columns_that_cost_something_are_computed_when_asked_for(opened, settle):
    page = opened("homes", "map")
    page.get_by_label("Colour by").select_option(label="cluster")
    page.wait_for_selector(".class")
    assert "cluster 1" in page.locator(".map-legend").inner_text()


def test_a_point_shows_its_card_at_once(opened):
    page = opened("homes", "map")
    row = frontmost(page)
    page.mouse.move(*place_of(page, row))
    page.wait_for_function("() => !document.querySelector('.tip').hidden", timeout=1000)
    card = page.locator(".tip").inner_text()
    assert f"row {row}" in card
    assert "price" in card


def test_a_click_keeps_the_card_and_leads_to_the_row(opened, settle):
    page = opened("digits", "map")
    row = frontmost(page)
    page.mouse.click(*place_of(page, row))
    page.wait_for_selector(".tip.pinned")
    assert f"row={row}" in page.url
    assert page.locator(".tip img").is_visible()
    page.get_by_role("link", name="Look at this row").click()
    settle(page)
    assert f"#/item?row={row}" in page.url
    page.go_back()
    settle(page)
    assert page.locator(".tip.pinned").is_visible()
    page.get_by_role("button", name="Close").click()
    assert "row=" not in page.url


def test_search_narrows_and_show_all_widens(opened, hostile):
    page = opened("homes", "map")
    page.get_by_label("Search").fill("onerror")
    page.wait_for_function("() => document.querySelector('.map-status').textContent.includes('chosen')")
    assert 0 < chosen(page) < 240
    page.get_by_label("Search").fill("nothing like it")
    page.wait_for_function("() => document.querySelector('.map-status').textContent.startsWith('None of')")
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("() => document.querySelector('.map-status').textContent === '240 rows'")
    assert page.get_by_label("Search").input_value() == ""


def test_texts_are_searched_by_meaning(opened):
    page = opened("lines", "map")
    page.get_by_label("by", exact=True).select_option("meaning")
    page.get_by_label("Search").fill("to be or not")
    page.wait_for_function("() => document.querySelector('.map-status').textContent.includes('chosen')")
    assert chosen(page) > 0


def test_a_box_chooses_rows_that_are_saved(opened, tmp_path):
    page = opened("homes", "map")
    draw(page, "Box", [(0.1, 0.05), (0.97, 0.85)])
    n = chosen(page)
    assert n > 100
    assert page.locator(".chosen h3").inner_text() == f"{n} rows chosen"
    page.wait_for_selector(".chosen li a")
    rows = list(csv.DictReader(io.StringIO(saved(page, "Save as CSV", tmp_path).decode())))
    assert len(rows) == n
    assert {"x", "y", "price"} <= set(rows[0])
    assert parquet.read_table(io.BytesIO(saved(page, "Save as Parquet", tmp_path))).num_rows == n


def test_a_lasso_stands_in_the_address(opened):
    page = opened("digits", "map")
    draw(page, "Lasso", [(0.1, 0.05), (0.95, 0.05), (0.95, 0.85), (0.1, 0.85)])
    n = chosen(page)
    assert n > 500
    again = opened("digits", page.url.partition("#/")[2])
    assert chosen(again) == n


def test_a_list_of_chosen_rows_is_gone_through(opened):
    page = opened("digits", "map")
    page.get_by_role("button", name="Choose what is in view").click()
    page.wait_for_selector(".chosen li a")
    assert page.locator(".chosen li").count() == 20
    page.locator(".chosen").get_by_role("button", name="Next").click()
    page.wait_for_function("() => document.querySelector('.chosen ol').start === 21")


def test_a_class_is_shown_alone(opened):
    page = opened("digits", "map")
    page.locator(".class", has_text="3").first.click()
    page.wait_for_function("() => document.querySelector('.map-status').textContent.includes('chosen')")
    assert "class=3" in page.url
    assert page.locator(".class[aria-pressed=true]").count() == 1
    assert 0 < chosen(page) < 1797


def test_keys_move_zoom_and_open(opened):
    page = opened("homes", "map")
    before = on_picture(page, 0)
    page.locator(".over").focus()
    page.keyboard.press("ArrowRight")
    assert on_picture(page, 0)[0] == pytest.approx(before[0] - 40)
    page.keyboard.press("0")
    assert on_picture(page, 0) == pytest.approx(before)
    row = frontmost(page)
    page.evaluate(
        """(row) => { const { plot } = document.querySelector('.panel.map').map;
          plot.look(plot.points[2 * row], plot.points[2 * row + 1], 50); }""",
        row,
    )
    page.keyboard.press("Enter")
    page.wait_for_selector(".tip.pinned")
    assert f"row={row}" in page.url
    page.keyboard.press("Escape")
    page.wait_for_function("() => !location.hash.includes('row=')")


def test_a_view_is_a_bookmark(opened):
    page = opened("digits", "map")
    page.locator(".over").focus()
    for key in ("+", "+", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function("() => location.hash.includes('zoom=')")
    again = opened("digits", page.url.partition("#/")[2])
    assert on_picture(again, 7) == pytest.approx(on_picture(page, 7), abs=0.5)


def test_wheel_and_drag(opened):
    page = opened("digits", "map")
    box = page.locator(".over").bounding_box()
    before = place_of(page, 5)
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 230, steps=3)
    page.mouse.up()
    assert place_of(page, 5) == pytest.approx((before[0] + 50, before[1] + 30))
    page.mouse.wheel(0, -300)
    page.wait_for_function("() => document.querySelector('.panel.map').map.plot.view.zoom > 1.5")


def test_a_pasted_row_is_ringed_and_listed(opened):
    page = opened("homes", "map")
    page.get_by_text("Add rows of your own").click()
    page.get_by_label("Or type or paste it here").fill(row_of(page))
    page.get_by_role("button", name="Place on the map").click()
    page.locator(".given .rows li").first.wait_for()
    assert "1 new on the map" in page.locator(".given").inner_text()
    assert "Nearest:" in page.locator(".given .rows li").inner_text()
    assert page.evaluate("() => document.querySelector('.panel.map').map.plot.dropped.length") == 1
    page.get_by_role("button", name="Take them off the map").click()
    assert page.locator(".given .rows li").count() == 0


def row_of(page: Any, **values: str) -> str:
    """A header and a row, as somebody copies them from a table."""
    names = page.evaluate("async () => (await (await fetch('/api/about')).json()).source.columns")
    values = {"rooms": "3", "town": names[-1], "built": "2001-02-03", "price": "200000", **values}
    quoted = ",".join('"{}"'.format(name.replace('"', '""')) for name in names)
    return f"{quoted}\n{','.join(values.get(name, '0.5') for name in names)}"


def test_a_row_that_cannot_be_read_is_refused_in_words(opened):
    page = opened("homes", "map", faults=("status of 400",))
    page.get_by_text("Add rows of your own").click()
    page.get_by_label("Or type or paste it here").fill(row_of(page, price="dear"))
    page.get_by_role("button", name="Place on the map").click()
    page.locator(".given .failed").wait_for()
    assert "price" in page.locator(".given .failed").inner_text()


def test_a_dropped_picture_is_placed(opened):
    page = opened("digits", "map")
    file = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3).save(file, "PNG")
    script = """(bytes) => { const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], 'new.png', { type: 'image/png' }));
      const drop = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector('.panel.map').dispatchEvent(drop); }"""
    page.evaluate(script, list(file.getvalue()))
    page.locator(".given .rows li").first.wait_for()
    assert "1 new on the map" in page.locator(".given").inner_text()


def test_without_webgl_the_page_says_what_to_do(opened):
    page = opened("digits", "map", script=NO_WEBGL)
    assert "draws no WebGL" in page.locator(".panel.map .failed").inner_text()
    page.get_by_role("link", name="Item").click()
    page.wait_for_selector(".about-row")


def test_a_lost_drawing_context_comes_back(opened):
    page = opened("digits", "map", faults=("CONTEXT_LOST",))
    script = """async () => { const { plot } = document.querySelector('.panel.map').map;
      const more = plot.drawn.gl.getExtension('WEBGL_lose_context'), before = plot.frames;
      more.loseContext();
      await new Promise((done) => setTimeout(done, 50));
      more.restoreContext();
      await new Promise((done) => setTimeout(done, 300));
      return plot.drawn.gl !== null && plot.frames > before; }"""
    assert page.evaluate(script)


def test_dark_mode_has_other_colours(opened):
    page = opened("digits", "map", color_scheme="dark")
    swatch = "() => getComputedStyle(document.querySelector('.class .swatch')).backgroundColor"
    dark = page.evaluate(swatch)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"(before) => ({swatch})() !== before", arg=dark)

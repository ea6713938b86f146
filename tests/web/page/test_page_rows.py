"""The panels that look at rows: what they are, which are strange, which alike, what the model makes of noise."""

from __future__ import annotations

import io
import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


def loaded(page: Any, pictures: str) -> int:
    """Of the pictures those that came."""
    page.wait_for_function(f"() => [...document.querySelectorAll('{pictures}')].every((each) => each.complete)")
    seen = f"() => [...document.querySelectorAll('{pictures}')].filter((each) => each.naturalWidth > 0).length"
    return int(page.evaluate(seen))


class TestItem:
    def test_an_image_is_shown_beside_what_the_model_makes_of_it(self, opened):
        page = opened("digits", "item?row=3")
        assert page.locator(".side-by-side figcaption").count() == 3
        assert loaded(page, ".panel.item .side-by-side img") == 3
        assert "reconstruction error" in page.locator(".panel.item").inner_text()

    def test_neighbours_lead_on_and_back_leads_back(self, opened, settle):
        page = opened("digits", "item?row=3")
        page.locator(".panel.item .tiles li div a").first.click()
        settle(page)
        assert re.search(r"row=\d+$", page.url)
        assert not page.url.endswith("row=3")
        page.go_back()
        settle(page)
        assert page.locator(".about-row h3").inner_text().endswith("3")

    def test_a_row_of_a_table_says_why(self, opened, hostile):
        page = opened("homes", "item?row=5")
        assert page.locator(".bars tbody tr").count() >= 3
        assert "rooms" in page.locator(".bars tbody th").all_inner_texts()
        assert hostile[0] in page.locator(".about-row dt").all_inner_texts()

    def test_rows_are_stepped_through(self, opened, settle):
        page = opened("homes", "item")
        page.get_by_role("button", name="Next").click()
        settle(page)
        assert page.url.endswith("row=1")
        page.get_by_label(re.compile("Number, from 0")).fill("100000")
        page.keyboard.press("Tab")
        settle(page)
        assert page.url.endswith("row=239")

    @pytest.mark.parametrize("kind", ["lines", "wave"])
    def test_sequences(self, opened, kind):
        page = opened(kind, "item")
        shown = ".passage span" if kind == "lines" else ".chart .line"
        assert page.locator(f".panel.item {shown}").count() > 0
        assert page.locator(".panel.item img").count() == 0


class TestOutliers:
    def test_the_slider_moves_the_threshold(self, opened, settle):
        page = opened("homes", "outliers")
        before = page.locator(".panel.outliers .verdict").inner_text()
        page.get_by_label("False alarms among ordinary rows").focus()
        for _ in range(40):
            page.keyboard.press("ArrowRight")
        settle(page)
        page.wait_for_function("() => location.hash.includes('rate=')")
        settle(page)
        after = page.locator(".panel.outliers .verdict").inner_text()
        assert after != before
        assert "by false alarm" in after
        assert "1 in" in page.locator(".panel.outliers output").inner_text()

    def test_marks_are_kept_and_saved(self, opened, settle, served, tmp_path):
        page = opened("homes", "outliers")
        first = page.locator(".panel.outliers .card").first
        first.get_by_role("button", name="Strange").click()
        page.wait_for_selector(".card button[aria-pressed=true]")
        page.reload()
        settle(page)
        assert first.get_by_role("button", name="Strange").get_attribute("aria-pressed") == "true"
        with page.expect_download() as download:
            page.get_by_role("button", name="Save the marks as CSV").click()
        download.value.save_as(tmp_path / "marks.csv")
        assert "strange" in (tmp_path / "marks.csv").read_text()
        kept = Path(f"{served('homes').model}.marks.sqlite")
        with sqlite3.connect(kept) as stored:
            assert stored.execute("select count(*) from sqlite_master").fetchone()[0] > 0
        stored.close()
        first.get_by_role("button", name="Strange").click()
        page.wait_for_function("() => !document.querySelector('.card button[aria-pressed=true]')")

    def test_pages_of_the_list(self, opened, settle):
        page = opened("digits", "outliers")
        assert loaded(page, ".panel.outliers .card > img") == 20
        page.get_by_role("button", name="Less strange ones").click()
        settle(page)
        assert "start=20" in page.url
        assert page.locator(".panel.outliers .card").first.inner_text().startswith("21.")
        page.get_by_role("button", name="Stranger ones").click()
        settle(page)
        assert page.locator(".panel.outliers .card").first.inner_text().startswith("1.")


class TestClusters:
    @pytest.mark.parametrize("kind", ["digits", "homes", "lines"])
    def test_what_sets_them_apart(self, opened, kind):
        page = opened(kind, "clusters")
        cards = page.locator(".panel.clusters .card")
        assert cards.count() > 1
        assert "What sets it apart" in cards.first.inner_text()
        if kind == "digits":
            assert loaded(page, ".panel.clusters img") > 10

    def test_one_alone_on_the_map(self, opened, settle):
        page = opened("homes", "clusters")
        page.get_by_role("link", name="Show Cluster 2 alone on the map").click()
        settle(page)
        page.wait_for_function("() => document.querySelector('.map-status').textContent.includes('chosen')")
        assert page.locator(".class[aria-pressed=true]").inner_text().startswith("cluster 2")


def picture(side: int = 8) -> dict[str, Any]:
    file = io.BytesIO()
    Image.fromarray((np.eye(side) * 200).astype(np.uint8)).save(file, "PNG")
    return {"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()}


class TestClean:
    def test_noise_of_a_level_and_kind(self, opened, settle):
        page = opened("digits", "clean?row=2")
        assert loaded(page, ".panel.clean .side-by-side img") == 3
        page.get_by_label("Noise", exact=True).select_option(label="Salt and pepper")
        settle(page)
        assert "noise=salt-and-pepper" in page.url
        page.get_by_label(re.compile("^Level")).focus()
        page.keyboard.press("End")
        page.wait_for_function("() => location.hash.includes('level=0.95')")
        settle(page)
        assert loaded(page, ".panel.clean .side-by-side img") == 3
        page.go_back()
        settle(page)
        assert page.get_by_label("Noise", exact=True).input_value() == "gaussian"

    def test_a_picture_of_ones_own(self, opened):
        page = opened("digits", "clean")
        page.get_by_text("Clean a row of your own").click()
        page.get_by_label("A file").set_input_files(picture())
        page.locator(".given-result img").first.wait_for()
        assert loaded(page, ".given-result img") == 2
        page.get_by_label("Clean it as it is").uncheck()
        page.get_by_label("A file").set_input_files([])
        page.get_by_label("A file").set_input_files(picture())
        page.wait_for_function("() => document.querySelectorAll('.given-result img').length === 3")

    def test_a_picture_of_another_size_is_refused_in_words(self, opened):
        page = opened("digits", "clean", faults=("status of 400", "status of 422"))
        page.get_by_text("Clean a row of your own").click()
        page.get_by_label("A file").set_input_files(picture(side=11))
        page.locator(".given .failed").wait_for()
        assert len(page.locator(".given .failed").inner_text()) > 20

    def test_a_row_of_a_table(self, opened, settle):
        page = opened("homes", "clean?row=2")
        assert page.locator(".panel.clean tbody tr").count() == 5
        page.get_by_label("Noise", exact=True).select_option(label="Hidden values")
        settle(page)
        assert page.locator(".panel.clean tbody tr").count() == 5

"""What all panels have in common: links, progress, what is said when something goes wrong, and whom the page is for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import latens.web

PANELS = {
    "digits": ["map", "item", "outliers", "clusters", "clean", "training"],
    "homes": ["map", "item", "outliers", "clusters", "clean", "training"],
    "lines": ["map", "item", "clusters", "generate", "training"],
    "wave": ["item", "forecast", "training"],
}
EVERY = [(kind, panel) for kind, panels in PANELS.items() for panel in panels]
STATIC = Path(latens.web.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))


@pytest.mark.parametrize(("kind", "panel"), EVERY)
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_panel_fits_and_can_be_named(opened, kind, panel, look):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = opened(kind, panel, **(phone if look == "phone" else {"color_scheme": look}))
    assert page.locator(f".panel.{panel}").is_visible()
    assert page.locator(".panel .failed:visible").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not re.search(r"\[object|undefined|NaN", page.locator("main").inner_text())
    unnamed = """() => [...document.querySelectorAll('input, select, textarea, button, a, canvas, img, svg[role=img]')]
      .filter((each) => each.checkVisibility() && !each.closest('[aria-hidden=true]'))
      .filter((each) => !each.labels?.length && !each.getAttribute('aria-label'))
      .filter((each) => !each.textContent.trim() && !each.hasAttribute('alt'))
      .map((each) => each.outerHTML.slice(0, 80))"""
    assert page.evaluate(unnamed) == []


def test_links_lead_to_every_panel(opened, settle):
    page = opened("digits")
    assert page.locator("nav a").all_inner_texts() == ["Map", "Item", "Outliers", "Clusters", "Clean", "Training"]
    for link in page.locator("nav a").all():
        link.click()
        settle(page)
        assert link.get_attribute("aria-current") == "page"
        assert page.title().startswith(link.inner_text())
        assert page.locator("main > section:visible").count() == 1


def test_a_panel_that_the_model_does_not_have(opened, settle):
    page = opened("wave", "outliers")
    assert "nothing that wave.latens can do" in page.locator(".unknown").inner_text()
    page.get_by_role("link", name="Forecast").click()
    settle(page)
    assert page.locator(".unknown:visible").count() == 0


def test_the_keyboard_reaches_everything(opened):
    page = opened("homes", "map?colour=town")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert "colour=town" in page.url
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        reached.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.className"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) != "none"
    assert {"Box", "Lasso", "Show all", "over"} <= reached


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_contrast(look):
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "style.css").read_text(), re.DOTALL)
    named = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[["light", "dark"].index(look)]))
    for ink in ("ink", "faint", "accent", "bad", "c1", "c3"):
        for paper in ("paper", "soft"):
            assert contrast(named[ink], named[paper]) >= 4.5, (ink, paper)
    assert contrast(named["on-accent"], named["accent"]) >= 4.5
    assert all(contrast(named["ink"], named[f"n{level}"]) >= 4.5 for level in range(1, 6))
    for drawn in ("edge", "c0", "c1", "c2", "c3", "accent"):
        assert contrast(named[drawn], named["paper"]) >= 3, drawn


def test_what_takes_time_has_a_bar(opened):
    page = opened("homes", "training")
    page.route("**/api/clusters", lambda route: (page.wait_for_timeout(1500), route.continue_()))
    page.route("**/api/progress", lambda route: route.fulfill(json={"doing": "looking for clusters"}))
    page.get_by_role("link", name="Clusters").click()
    page.wait_for_function("() => !document.querySelector('#progress').hidden", timeout=1400)
    page.wait_for_function("() => document.querySelector('#doing').textContent === 'looking for clusters'")
    page.wait_for_selector(".panel.clusters .card")
    page.wait_for_function("() => document.querySelector('#progress').hidden")


def test_a_busy_server_is_asked_again(opened):
    page = opened("homes", "training", faults=("status of 503",))
    refusals = iter([True, True])

    def answer(route: Any) -> None:
        if next(refusals, False):
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": "busy"})
        else:
            route.continue_()

    page.route("**/api/clusters", answer)
    page.get_by_role("link", name="Clusters").click()
    page.wait_for_function("() => document.querySelector('#doing').textContent.includes('asking again in 1 s')")
    page.wait_for_selector(".panel.clusters .card")


def test_an_error_can_be_tried_again(opened):
    page = opened("homes", "training", faults=("status of 400",))
    page.route("**/api/clusters", lambda route: route.fulfill(status=400, json={"error": "<b>no</b> clusters today"}))
    page.get_by_role("link", name="Clusters").click()
    page.wait_for_selector(".panel.clusters .failed")
    assert "<b>no</b> clusters today" in page.locator(".panel.clusters .failed").inner_text()
    page.unroute("**/api/clusters")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(".panel.clusters .card")


def test_a_server_that_is_gone(opened):
    page = opened("homes", "training", faults=("ERR_FAILED",))
    page.route("**/*", lambda route: route.abort())
    page.evaluate("location.hash = '#/item?row=1'")
    page.wait_for_function("() => !document.querySelector('#notice').hidden", timeout=10_000)
    assert "Start it again and open the address that it prints" in page.locator("#notice").inner_text()
    page.unroute("**/*")
    page.wait_for_function("() => document.querySelector('#notice').hidden", timeout=10_000)


def test_a_session_that_is_over(opened):
    page = opened("homes", "training", faults=("status of 401",))
    page.context.clear_cookies()
    page.get_by_role("link", name="Clusters").click()
    page.wait_for_selector(".panel.clusters .failed")
    assert "Open the address that latens serve prints" in page.locator(".panel.clusters .failed").inner_text()


class TestTraining:
    def test_a_fit_that_is_over(self, opened):
        page = opened("digits", "training")
        assert "The fit is over: 2 epochs" in page.locator(".panel.training .verdict").inner_text()
        assert page.locator(".panel.training .chart .line").count() == 2
        assert "max_epochs" in page.locator(".panel.training .fields").inner_text()

    def test_a_fit_that_runs_is_looked_at_again(self, opened):
        page = opened("digits", "item")
        rows: list[list[float]] = []

        def answer(route: Any) -> None:
            rows.append([len(rows) + 1, 2.0 * (len(rows) + 1), 1 / (len(rows) + 1)])
            said = {"columns": ["epoch", "seconds", "train_loss"], "rows": rows, "live": len(rows) < 3}
            route.fulfill(
                body=json.dumps({**said, "step": 10 * len(rows), "referee": "better than nothing", "settings": []})
            )

        page.route("**/api/training", answer)
        page.get_by_role("link", name="Training").click()
        page.wait_for_selector("text=A fit is running: 1 epoch so far in 2 s, at step 10")
        page.wait_for_selector("text=The fit is over: 3 epochs in 6 s", timeout=15_000)


FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b|new Function|document\.write"
    r"|\bon[a-z]+\s*=\s*[\"']|\.on[a-z]+\s*=[^=]"
    r"|setAttribute\(\s*[\"']on|srcdoc|javascript:|https?://(?!www\.w3\.org/2000/svg)"
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_of_text(path):
    text = path.read_text(encoding="utf-8")
    assert FORBIDDEN.findall(text.replace("this.drawn.onRestored =", "").replace("this.onRestored?.", "")) == []
    assert len(text.splitlines()) <= 400
    assert max(_function_lengths(text), default=0) <= 50


def _function_lengths(text: str) -> list[int]:
    """Lines from a function's or method's head to the brace in the same column that closes it."""
    lines, found = text.splitlines(), []
    head = re.compile(r"^(\s*)(?:export )?(?:async )?(?:function \w+|(?:get |set |async )?\w+)\([^;]*\)(?: =>)? \{$")
    for at, line in enumerate(lines):
        if (match := head.match(line)) and not re.match(r"\s*(if|for|while|switch|catch)\b", line):
            end = next(i for i in range(at + 1, len(lines)) if lines[i].startswith(f"{match[1]}}}"))
            found.append(end - at - 1)
    return found


def test_the_page_has_nothing_of_its_own_inside():
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", text) == []

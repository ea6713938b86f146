"""The panels of models that go on: text that is written, series that are continued."""

from __future__ import annotations

import re
from typing import Any


def written(page: Any) -> str:
    return str(page.locator(".written").inner_text())


def generate(page: Any) -> str:
    page.get_by_role("button", name="Generate", exact=True).click()
    page.wait_for_function("() => / written with seed /.test(document.querySelector('.panel.generate').innerText)")
    return written(page)


class TestGenerate:
    def test_the_same_seed_writes_the_same(self, opened):
        page = opened("lines", "generate?prompt=to+be&n=80")
        first = generate(page)
        assert first.startswith("to be")
        assert len(first) > 40
        page.get_by_label("Temperature").focus()
        page.keyboard.press("End")
        page.wait_for_function("() => location.hash.includes('temperature=2')")
        assert generate(page) != first
        again = opened("lines", "generate?prompt=to+be&n=80")
        assert generate(again) == first

    def test_another_seed_writes_something_else(self, opened):
        page = opened("lines", "generate?prompt=to+be&n=80")
        first = generate(page)
        page.get_by_role("button", name="Another seed").click()
        page.wait_for_function(
            "() => / written with seed [1-9]/.test(document.querySelector('.panel.generate').innerText)"
        )
        assert written(page) != first

    def test_stop_stops(self, opened):
        page = opened("lines", "generate?n=5000")
        page.evaluate(
            """() => { const buttons = [...document.querySelectorAll('button')];
              const named = (text) => buttons.find((each) => each.textContent === text);
              named('Generate').click();
              named('Stop').click(); }"""
        )
        page.wait_for_function("() => /Stopped after/.test(document.querySelector('.panel.generate').innerText)")
        assert page.get_by_role("button", name="Stop").is_disabled()

    def test_what_could_come_next_follows_the_settings(self, opened, settle):
        page = opened("lines", "generate?prompt=t")
        before = page.locator(".next li").count()
        assert before > 2
        page.get_by_label(re.compile("^Top-k")).focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => location.hash.includes('top_k=2')")
        page.wait_for_timeout(400)
        settle(page)
        shares = page.locator(".next .amount").all_inner_texts()
        assert sum(share != "0 %" for share in shares) == 2

    def test_surprise_is_shown_over_a_pasted_text(self, opened):
        page = opened("lines", "generate")
        page.get_by_label("A text", exact=True).fill("to be or not the mind")
        page.get_by_role("button", name="Measure the surprise").click()
        page.locator(".panel.generate .passage span[class^=nats]").first.wait_for()
        assert page.locator(".panel.generate .passage span[class^=nats]").count() >= 10
        assert "nats per item" in page.locator(".panel.generate").inner_text()

    def test_what_the_model_does_not_know_is_told_in_words(self, opened):
        page = opened("lines", "generate?prompt=%E4%B8%AD", faults=("status of 400",))
        page.locator(".panel.generate .failed").first.wait_for()


class TestForecast:
    def test_bands_paths_and_times(self, opened, settle, hostile):
        page = opened("wave", "forecast?horizon=24")
        charts = page.locator(".panel.forecast .chart")
        assert charts.count() == 2
        assert charts.nth(1).get_attribute("aria-label").startswith(hostile[0])
        assert page.locator(".panel.forecast .chart .band").count() >= 2
        assert "2026" in page.locator(".panel.forecast").text_content() or "01-1" in charts.first.text_content()
        page.get_by_label("Show single futures").check()
        settle(page)
        assert page.locator(".panel.forecast .chart .line.path").count() >= 20
        assert "drawn=1" in page.url

    def test_the_horizon_is_moved(self, opened, settle):
        page = opened("wave", "forecast?horizon=24")
        assert page.locator(".panel.forecast tbody tr").count() == 24
        page.get_by_label(re.compile("^Horizon")).focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => location.hash.includes('horizon=25')")
        settle(page)
        page.wait_for_function("() => document.querySelectorAll('.panel.forecast tbody tr').length === 25")

"""300 hostile texts as cells, columns, file names, searches, prompts and errors: nothing runs, nobody is called."""

from __future__ import annotations

import json

import pytest


def test_there_are_three_hundred(payloads):
    assert len(payloads) == len(set(payloads)) == 300


@pytest.mark.parametrize("panel", ["map", "outliers", "clusters", "clean?row=3", "training"])
def test_in_every_panel(opened, panel):
    page = opened("strings", panel)
    assert "onerror" in page.locator("h1").inner_text()  # the name of the file, as text


@pytest.mark.slow
def test_as_cells_of_every_row(opened, settle, payloads):
    page, seen = opened("strings", "item?row=0"), 0
    for row in range(len(payloads)):
        page.evaluate("(row) => { location.hash = `#/item?row=${row}` }", row)
        settle(page)
        seen += "alert(1)" in page.locator(".panel.item").inner_text()
    assert seen > 100


@pytest.mark.slow
def test_as_searches_and_errors(opened, settle, payloads):
    """Half of them are found; as new rows they are refused, with words that repeat some of them."""
    page = opened("strings", "map", faults=("status of 400",))
    ask = """async ([path, body]) => {
      const about = await (await fetch('/api/about')).json();
      const answer = await fetch(path, body && { method: 'POST', body, headers: {
        'Content-Type': 'application/json', 'X-Latens-Key': about.key } });
      return [answer.status, await answer.text()]; }"""
    box = page.get_by_label("Search")
    for number, text in enumerate(payloads):
        status, answer = page.evaluate(ask, ["/api/place", json.dumps({"csv": f'"{text}",b\n1,2\n3,4'})])
        assert status == 400
        assert "error" in json.loads(answer)
        if number % 15 == 0:
            box.fill(text)
            settle(page)


@pytest.mark.slow
def test_as_prompts(opened, settle, payloads):
    page = opened("lines", "generate", faults=("status of 400",))
    prompt = page.get_by_label("Prompt")
    for text in payloads[::10]:
        prompt.fill(text)
        page.wait_for_timeout(350)  # the next items are asked for when nobody types
        settle(page)

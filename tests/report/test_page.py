"""The shell of a page: nothing gets in, nothing gets out."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from markupsafe import Markup

from latens.report import render_page
from latens.report.page import fragment


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_the_policy_names_what_is_there():
    page = render_page("title", Markup("<p>body</p>"), {})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    style, script = (
        re.search(r"<style>(.*?)</style>", page, re.S)[1],
        re.search(r"<script>(.*?)</script>", page, re.S)[1],
    )
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src {hash_of(script)}",
        f"style-src {hash_of(style)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "unsafe" not in page
    assert not re.search(r"https?://", page)


def test_scripts_set_no_markup():
    page = render_page("title", Markup(""), {})
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in page


@pytest.mark.parametrize("hostile", ["</script><script>alert(1)</script>", "<!--<script>", "\u2028", '"quoted"'])
def test_data_end_no_element(hostile):
    page = render_page("title", Markup(""), {"map": {hostile: [hostile]}}, scripts=())
    assert page.count("<script") == page.count("</script>") == 1
    assert "<!--" not in page


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        render_page("title", Markup(""), {"map": float("nan")})


def test_values_are_escaped():
    body = fragment("map.html", {"title": "<b>", "lines": ["<i>"], "counted": 3, "notes": ["<u>"]})
    assert "<b>" not in body
    assert "&lt;i&gt;" in body
    assert "&lt;u&gt;" in body

"""The page is one file, and what it is told cannot become markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from latens.reproduce.ledger import machine
from latens.reproduce.page import render

HOSTILE = "<script>alert(1)</script>\"'>"


class Tags(HTMLParser):
    """Which tags are opened, and that they are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parse(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_the_page_needs_nothing_else_and_runs_nothing(everything: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, _ = everything
    page = (folder / "index.html").read_text()
    tags = parse(page)
    sources = [attributes["src"] or "" for tag, attributes in tags.seen if tag == "img"]
    assert len(sources) == len(set(sources)) == 58
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in tags.seen}
    assert "0.03698" in page
    assert str(folder) not in page
    assert not re.search(r"https?://", page)


def test_hostile_words_stay_words() -> None:
    cells = ("row", "title", "published_first", "first", "published", "source", "error", "errors", "pca")
    line = dict.fromkeys((*cells, "published_seconds", "seconds", "verdict"), HOSTILE)
    page = render(
        {
            "quick": True,
            "data": {"name": HOSTILE, "train_rows": 1, "test_rows": 1},
            "seeds": [0],
            "lines": {"images": [line], "sequences": [line]},
            "unit": HOSTILE,
            "tables": [
                {"title": HOSTILE, "header": [HOSTILE], "rows": [[HOSTILE]], "written": written}
                for written in (False, True)
            ],
            "pictures": [{"title": HOSTILE, "image": HOSTILE}],
            "machines": [machine() | {"processor": HOSTILE}],
            "settings": {HOSTILE: {HOSTILE: HOSTILE}},
        }
    )
    assert "<script" not in page
    assert not {"script"} & {tag for tag, _ in parse(page).seen}

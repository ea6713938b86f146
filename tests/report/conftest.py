"""A page in a real browser, which tells of every error and every request; and small models of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import latens
from latens.data import EventSource, SeriesSource, Source, TextSource, open_source

# Every scatter that there is.
_DRAWN = "() => [...document.querySelectorAll('[data-scatter]')].every((host) => host.scatter?.frames > 0)"


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """``opened(html)`` is the page when it is drawn; at the end there was no error, warning or request."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def call(html: str, **how: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **how})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(path.as_uri())
        complaints.remove(path.as_uri())
        page.wait_for_function(_DRAWN)
        return page

    yield call
    for context in contexts:
        context.close()
    assert [line for line in complaints if not line.startswith(("data:image/", "blob:"))] == []


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"quoted\", 'twice' & <b>bold</b> {{ 7 * 7 }}",
    "שלום \u202e desrever",
    "long " * 2000,
    "<!-- <script>",
)


def digits(n: int = 120) -> Source:
    source = open_source("dataset:digits")
    assert isinstance(source, Source)
    return source.take(np.arange(n))


def homes(n: int = 80, **labels: object) -> Source:
    random = np.random.default_rng(0)
    rooms = random.integers(1, 7, n)
    frame = pd.DataFrame(
        {
            "rooms": rooms,
            "price": rooms * 50_000 + random.normal(0, 9_000, n),
            HOSTILE[0]: random.normal(size=n),
            "town": np.array(HOSTILE, dtype=object)[np.arange(n) % len(HOSTILE)],
            "built": pd.Timestamp("1990-01-01") + pd.to_timedelta(random.integers(0, 9000, n), unit="D"),
        }
    )
    frame.loc[3, "price"], frame.loc[5, "rooms"] = None, 400
    return open_source(frame, **labels)  # type: ignore[return-value]


def lines(n: int = 60) -> TextSource:
    said = [f"{HOSTILE[i % 3][:40]} to be or not to be {i % 7}" for i in range(n)]
    return open_source(said, kind="text", labels=np.arange(n) % 2)  # type: ignore[return-value]


def log(n: int = 40) -> EventSource:
    paths = [["login", HOSTILE[0], "buy"], ["login", "search", HOSTILE[3], "leave"]]
    return open_source([paths[i % 2] for i in range(n)], kind="events")  # type: ignore[return-value]


def wave(n: int = 400) -> SeriesSource:
    times = pd.date_range("2026-01-01", periods=n, freq="h")
    values = np.sin(np.arange(n) * np.pi / 12) + np.where(np.arange(n) == 200, 4.0, 0.0)
    return open_source(pd.DataFrame({"time": times, HOSTILE[1]: values}), kind="series")  # type: ignore[return-value]


QUICK = {"max_epochs": 1, "verbose": 0}
SMALL = {**QUICK, "hidden_size": 8, "n_layers": 1, "chunk": 16}


def homes_as_numbers() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


def pages() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.random((16, 16 + 2 * (i % 2))).astype(np.float32) for i in range(24)]


_MADE = {
    "digits": lambda: (latens.Autoencoder(n_components=3, corruption="block:0.2", **QUICK), digits()),
    "tiles": lambda: (latens.JigsawEncoder(max_epochs=1, verbose=0), digits(60)),
    "homes": lambda: (latens.Autoencoder(n_components=2, **QUICK), homes()),
    "linear": lambda: (latens.LinearAutoencoder(n_components=2, solver="exact", verbose=0), homes_as_numbers()),
    "curves": lambda: (latens.Autoencoder(n_components=2, **QUICK), np.random.default_rng(0).normal(size=(40, 60))),
    "pages": lambda: (latens.ConvAutoencoder(patch_size=8, max_epochs=1, verbose=0), pages()),
    "lines": lambda: (latens.TextAutoregressor(**SMALL), lines()),
    "bytes": lambda: (
        latens.TextAutoregressor(tokens="bytes", **SMALL),
        TextSource((("the tölpel walks\n\nor sleeps\n" * 30).encode(),)),
    ),
    "log": lambda: (latens.EventAutoregressor(**SMALL), log()),
    "wave": lambda: (latens.SeriesAutoregressor(**SMALL), wave()),
    "waves": lambda: (latens.SeriesAutoregressor(**SMALL), [np.sin(np.arange(40) / (1 + i % 3)) for i in range(24)]),
    "pixels": lambda: (latens.SeriesAutoregressor(**SMALL), digits(24).values),
}


@pytest.fixture(scope="session")
def fitted() -> Callable[[str], tuple[Any, Any]]:
    """``fitted("homes")`` is a small model of a kind, and its rows; the names in them want to be more than names."""

    @cache
    def call(kind: str) -> tuple[Any, Any]:
        model, source = _MADE[kind]()
        return model.fit(source), source

    return call


@pytest.fixture(scope="session")
def hostile() -> tuple[str, ...]:
    return HOSTILE

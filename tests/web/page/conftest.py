"""The page in a real browser, as a user serves it: a small model of each kind, fitted once, by a process of its own."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import latens
from latens.data import open_source

HOSTILE = ("<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "\"quoted\", 'twice' & {{ 7 * 7 }}")
# What a drawing driver says of machines without a graphics card is no fault of the page.
_DRIVER = "GL Driver Message"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\?token=\S+")
_PATIENCE = 120


def _homes(folder: Path) -> Path:
    random, n = np.random.default_rng(0), 240
    kind, rooms = random.integers(0, 3, n), random.integers(1, 7, n)
    built = pd.Timestamp("1990-01-01") + pd.to_timedelta(random.integers(0, 9000, n), unit="D")
    price = rooms * 50_000.0 + 40_000 * kind + random.normal(0, 9_000, n)
    frame = pd.DataFrame({"rooms": rooms, "town": np.array(HOSTILE, object)[kind], "built": built, "price": price})
    frame[HOSTILE[0]] = random.normal(size=n)
    frame.loc[3, "price"], frame.loc[5, "rooms"] = None, 400
    frame.to_csv(folder / "homes.csv", index=False)
    return folder / "homes.csv"


def _lines(folder: Path) -> Path:
    words = ["to", "be", "or", "not", "that", "is", "the", "question", "whether", "nobler", "in", "mind"]
    random = np.random.default_rng(0)
    said = [" ".join(random.choice(words, 8)) for _ in range(120)]
    (folder / "lines.txt").write_text("\n".join([f"{HOSTILE[0]} to be", *said]), encoding="utf-8")
    return folder / "lines.txt"


def _wave(folder: Path) -> Path:
    at = np.arange(400)
    times = pd.date_range("2026-01-01", periods=len(at), freq="h")
    load = 10 + np.sin(at * np.pi / 12) + np.random.default_rng(0).normal(0, 0.1, len(at))
    pd.DataFrame({"time": times, "load": load, HOSTILE[0]: np.cos(at / 9)}).to_csv(folder / "wave.csv", index=False)
    return folder / "wave.csv"


# Twenty things that a page must not do, in fifteen places where text may stand.
_ACTS = """
<script>alert(1)</script>
<img src=x onerror=alert(1)>
<svg onload=alert(1)>
<iframe src=//evil.test>
<a href=javascript:alert(1)>x</a>
<style>@import '//evil.test'</style>
<link rel=stylesheet href=//evil.test>
<base href=//evil.test>
<meta http-equiv=refresh content=0;url=//evil.test>
<object data=//evil.test>
{{constructor.constructor('alert(1)')()}}
${alert(1)}
javascript:alert(1)
data:text/html,<script>alert(1)
url(//evil.test)
__proto__
constructor
=cmd|' /C calc'!A0
\u202e\u2066evil
\u200b\u001b[31m
""".strip().split("\n")
_PLACES = (
    *("@", "'>@", '">@', "</script>@", "</title></style>@", "<!--@-->", "]]>@", "&lt;@"),
    *("a\n@", "#/map?@", "\\@", "`@`", "%3C@", "🙂@", "@@@"),
)


def payloads() -> list[str]:
    """300 texts that would run, load or break something where a page takes them for more than text."""
    return [place.replace("@", act) for act in _ACTS for place in _PLACES]


def _strings(folder: Path) -> Path:
    said, chance = payloads(), np.random.default_rng(0)
    frame = pd.DataFrame({said[0]: said, said[16]: [said[i % 12] for i in range(len(said))]})
    frame["<b>size</b>"], frame[said[31]] = chance.normal(size=len(said)), chance.normal(size=len(said))
    path = folder / "<img src=x onerror=alert(1)>.parquet"
    frame.to_parquet(path, index=False)
    return path


def _many(rows: int) -> Callable[[Path], Path]:
    """Rows in twelve groups, of eight numbers."""

    def write(folder: Path) -> Path:
        chance = np.random.default_rng(0)
        group = chance.integers(0, 12, rows)
        values = chance.normal(size=(12, 8))[group] * 4 + chance.normal(size=(rows, 8))
        np.save(folder / "many.npy", values.astype(np.float32))
        return folder / "many.npy"

    return write


_QUICK = {"max_epochs": 2, "verbose": 0}
_SMALL = {**_QUICK, "hidden_size": 16, "n_layers": 1, "chunk": 32}
_MADE: dict[str, tuple[Callable[[], Any], Callable[[Path], Any]]] = {
    "digits": (lambda: latens.Autoencoder(n_components=3, **_QUICK), lambda folder: "dataset:digits"),
    "homes": (lambda: latens.Autoencoder(n_components=2, **_QUICK), _homes),
    "lines": (lambda: latens.TextAutoregressor(**_SMALL), _lines),
    "strings": (lambda: latens.Autoencoder(n_components=2, **_QUICK), _strings),
    "70,000": (lambda: latens.Autoencoder(n_components=2, max_epochs=1, verbose=0), _many(70_000)),
    "1,000,000": (lambda: latens.LinearAutoencoder(n_components=2, solver="exact", verbose=0), _many(1_000_000)),
    "wave": (lambda: latens.SeriesAutoregressor(**_SMALL), _wave),
}
_KINDS = {"lines": "text", "wave": "series"}
_NAMES = {"strings": "<svg onload=alert(1)>"}
_LABELS = {"strings": _ACTS[0]}


@dataclass
class Served:
    """A server and the way into it.

    Args:
        address: Printed by it, with the token that works once.
        process: Of the server.
        model: The model's file.
        state: Of a browser that has been let in.
    """

    address: str
    process: subprocess.Popen[str]
    model: Path
    state: Any = None
    seen: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.address.partition("?")[0]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    """``served("homes")`` is a server that shows a small model of a kind."""
    running: list[Served] = []

    @cache
    def call(kind: str) -> Served:
        folder = tmp_path_factory.mktemp(kind)
        make, write = _MADE[kind]
        source, model = write(folder), folder / f"{_NAMES.get(kind, kind)}.latens"
        labels = _LABELS.get(kind)
        make().fit(open_source(source, kind=_KINDS.get(kind), labels=labels)).save(model)
        command = [sys.executable, "-m", "latens", "serve", str(model), str(source), "--no-open"]
        command += [] if labels is None else ["--labels", labels]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        running.append(Served(_address(process), process, model))
        return running[-1]

    yield call
    for each in running:
        each.process.send_signal(signal.SIGINT)
    for each in running:
        each.process.communicate(timeout=30)


def _address(process: subprocess.Popen[str]) -> str:
    """What the server prints when it can be asked."""
    assert process.stdout is not None
    said, until = "", time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if select.select([process.stdout], [], [], 0.5)[0]:
            said += process.stdout.readline()
        if found := _ADDRESS.search(said):
            return found.group()
    raise AssertionError(f"the server printed no address: {said}")


@pytest.fixture
def opened(browser: Any, served: Callable[[str], Served]) -> Iterator[Callable[..., Any]]:
    """``opened("homes", "map?colour=price")`` is the page there, idle; at the end nothing was wrong with it."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def call(kind: str, place: str = "", faults: tuple[str, ...] = (), script: str = "", **how: Any) -> Any:
        """``faults``: words of console messages that the test provokes; ``script`` runs before the page's own."""
        server = served(kind)
        let_in(browser, server)
        context = browser.new_context(
            **{"viewport": {"width": 1100, "height": 900}, "storage_state": server.state, **how}
        )
        contexts.append(context)
        page = context.new_page()
        if script:
            page.add_init_script(script)

        def complain(text: str) -> None:
            if _DRIVER not in text and not any(fault in text for fault in faults):
                complaints.append(text)

        page.on("console", lambda message: complain(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complain(f"error: {error}"))
        page.on("dialog", lambda dialog: complain(f"dialog: {dialog.message}"))
        page.on("request", lambda asked: _own(asked.url, server) or complain(f"asked elsewhere: {asked.url}"))
        page.goto(f"{server.root}#/{place}")
        settle(page)
        return page

    yield call
    for context in contexts:
        context.close()
    assert complaints == []


def _own(address: str, server: Served) -> bool:
    return address.startswith((server.root, "data:image/", "blob:"))


def let_in(browser: Any, server: Served) -> None:
    """Use the token, once, and keep the session for all pages after it."""
    if server.state is None:
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.address)
        server.state = context.storage_state()
        context.close()


_IDLE = """() => !document.querySelector('main [aria-busy]') && document.querySelector('#progress').hidden
  && ![...document.querySelectorAll('.chart-drawing:empty')].some((each) => each.checkVisibility())
  && [...document.querySelectorAll('main > :not([hidden])')].length > 0
  && (document.querySelector('.panel.map:not([hidden])') === null
      || document.querySelector('.panel.map').map?.painted
      || document.querySelector('.panel.map .failed') !== null)"""


def settle(page: Any) -> None:
    """Wait until the panel shows what it was asked for."""
    page.wait_for_timeout(60)
    page.wait_for_function(_IDLE, timeout=60_000)


@pytest.fixture(scope="session")
def hostile() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture(name="settle")
def settle_of_page() -> Callable[[Any], None]:
    return settle


@pytest.fixture(scope="session", name="payloads")
def _payloads() -> list[str]:
    return payloads()

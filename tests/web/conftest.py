"""The page's server over small models of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import latens
from latens.data import open_source
from latens.web.app import create_app
from latens.web.explorer import Explorer
from latens.web.keys import Keys

PORT = 8123
QUICK = {"verbose": 0, "device": "cpu", "random_state": 0}
VERSE = "the cat sat on the mat\nthe dog sat on the log\na bird flew over the house\n"


def table_frame() -> pd.DataFrame:
    """Numbers and categories, of which row 7 is odd."""
    chance = np.random.default_rng(0)
    size = chance.normal(size=120)
    frame = pd.DataFrame(
        {"size": size, "weight": 2 * size + chance.normal(size=120) / 10, "price": chance.normal(size=120)}
    )
    frame["colour"] = np.where(size > 0, "red", "blue")
    frame.loc[7, "weight"] = 40.0
    return frame


@cache
def fitted(kind: str) -> tuple[Any, Any]:
    """A small model of a kind, and rows."""
    if kind == "images":
        source = open_source("dataset:digits/test")
        return latens.Autoencoder(8, max_epochs=2, corruption="gaussian:0.3", **QUICK).fit(source), source
    if kind == "pages":
        chance = np.random.default_rng(0)
        pages = [(chance.random(shape) * 255).astype(np.uint8) for shape in [(24, 16), (24, 16), (16, 24), (24, 16)]]
        return latens.ConvAutoencoder(max_epochs=1, **QUICK).fit(pages), open_source(pages)
    if kind == "table":
        source = open_source(table_frame())
        return latens.Autoencoder(2, max_epochs=5, **QUICK).fit(source), source
    if kind == "text":
        source = open_source((VERSE * 20).splitlines(), kind="text")
        sizes = {"hidden_size": 16, "embedding_size": 8, "chunk": 20, "batch_size": 8}
        return latens.TextAutoregressor(max_epochs=2, **sizes, **QUICK).fit(source), source
    if kind == "events":
        chance = np.random.default_rng(0)
        sequences = [chance.choice(["login", "look", "buy", "leave"], size=12).tolist() for _ in range(40)]
        return latens.EventAutoregressor(max_epochs=2, hidden_size=12, **QUICK).fit(sequences), sequences
    values = np.sin(np.arange(600.0) / 5)[:, None] + np.random.default_rng(0).normal(size=(600, 1)) / 10
    return latens.SeriesAutoregressor(max_epochs=2, hidden_size=12, **QUICK).fit(values), values


@cache
def explored(kind: str) -> Explorer:
    """The rows and the model as the page's panels see them."""
    return Explorer.of(*fitted(kind))


@pytest.fixture(name="fitted")
def _fitted() -> Callable[[str], tuple[Any, Any]]:
    return fitted


@pytest.fixture(name="explored")
def _explored() -> Callable[[str], Explorer]:
    return explored


@pytest.fixture(name="table_frame")
def _table_frame() -> Callable[[], pd.DataFrame]:
    return table_frame


@pytest.fixture
def asked() -> Iterator[Callable[[str], Any]]:
    """``asked(kind)`` is a client that may ask and write."""
    clients: list[TestClient] = []

    def call(kind: str | Explorer) -> Any:
        keys = Keys.new(PORT)
        app = create_app(explored(kind) if isinstance(kind, str) else kind, keys, PORT)
        client = TestClient(app, base_url=f"http://127.0.0.1:{PORT}", raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        client.cookies.set(keys.cookie, keys.exchange(keys.invitation))
        client.headers["X-Latens-Key"] = client.get("/api/about").json()["key"]
        return client

    yield call
    for client in clients:
        client.__exit__(None, None, None)

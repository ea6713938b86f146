"""A thousand clients of the page's server, as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from load import run

import latens

# A search by text, rows, the map's own data, and what is computed for a row.
PATHS = (*("/api/search?text=1&limit=200",) * 6, "/api/rows/5", "/api/map", "/api/items/7", "/api/about")
SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address and the process of a server of digits."""
    path = tmp_path_factory.mktemp("load") / "digits.latens"
    latens.Autoencoder(8, max_epochs=1, verbose=0, device="cpu").fit(latens.open_source("dataset:digits")).save(path)
    command = [sys.executable, "-m", "latens", "serve", str(path), "dataset:digits", "--json", "--no-open"]
    with subprocess.Popen([*command, "--device", "cpu"], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())["address"], process.pid
        finally:
            process.terminate()
            assert process.wait(5) == 143


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_thousand_clients_for_a_minute(server):
    load = run(server[0], PATHS, clients=1000, seconds=SECONDS, pid=server[1])
    facts = load.facts()
    print(json.dumps(facts))
    assert set(load.statuses) <= {200, 503}, facts
    assert not load.broken, facts
    assert load.statuses[200] > 20 * SECONDS, facts
    assert load.wait(0.99) < 2.0, facts
    assert load.growth < 50e6, facts
    assert load.health_asked > 10 * SECONDS, facts
    assert load.health_worst < 0.1, facts

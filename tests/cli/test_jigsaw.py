"""The jigsaw from the shell: every verb that wants codes has them, and those that want more say so."""

from __future__ import annotations

from pathlib import Path

import pytest

JIGSAW = ("--model", "jigsaw", "--set", "hidden=4", "--set", "n_components=8")


@pytest.fixture
def tiles(fit) -> Path:
    return fit("dataset:digits", *JIGSAW)


def test_fit_says_what_chance_would_do(run, tmp_path):
    words = ("fit", "dataset:digits", "-o", tmp_path / "m.latens", "--model", "jigsaw", "--set", "max_epochs=1")
    found = run(*words, "--json").json
    assert (found["model"], found["n_components"]) == ("jigsaw", 64)
    assert 0.25 <= found["referee"]["chance_positions"] < found["referee"]["positions"]
    assert "jigsaw model, 64 components: puts " in run(*words, "--force", "--set", "n_components=64").out


def test_codes_maps_clusters_probes_and_neighbours(run, tiles, tmp_path):
    assert run("embed", tiles, "dataset:digits", "-o", tmp_path / "c.csv", "--json").json["n_components"] == 8
    for output in ("map.png", "map.html"):
        assert run("map", tiles, "dataset:digits", "-o", tmp_path / output).code == 0
    assert "nats_per_tile" in (tmp_path / "map.html").read_text()
    assert run("cluster", tiles, "dataset:digits", "-k", 3, "--json").code == 0
    assert run("probe", tiles, "dataset:digits", "--budgets", "10", "--draws", 2, "--json").code == 0
    assert run("index", tiles, "dataset:digits", "-o", tmp_path / "i").code == 0
    assert len(run("search", tmp_path / "i", tiles, "--row", 3, "-k", 2, "--json").json) > 0
    assert "puts " in run("info", tiles).out


def test_learning_on_and_resuming(run, tiles, tmp_path):
    again = ("fit", "dataset:digits", "--from", tiles, "-o", tmp_path / "b.latens", "--set", "max_epochs=1", "-q")
    assert run(*again).code == 0
    assert run(*again, "--resume").code == 0


@pytest.mark.parametrize("verb", ["reconstruct", "pairs"])
def test_what_it_cannot_do(run, tiles, tmp_path, verb):
    outcome = run(verb, tiles, "dataset:digits", "-o", tmp_path / "x.png" if verb == "pairs" else tmp_path / "x.csv")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert f"{verb} is not for a model of 'jigsaw'; use it with embed, map" in outcome.err


def test_what_it_cannot_learn_from(run, flowers, tmp_path):
    outcome = run("fit", flowers, "--labels", "species", "-o", tmp_path / "m.latens", "--model", "jigsaw")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "flowers.csv: " in outcome.err
    outcome = run("sweep", "dataset:digits", "--n", "4", "--model", "jigsaw")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "JigsawEncoder reconstructs nothing" in outcome.err


def test_a_hidden_part_that_is_asked_for(run, fit, tmp_path):
    model = fit("dataset:digits", "--set", "corruption=block:0.2", "--set", "loss_region=hidden")
    assert '"loss_region": "hidden"' in run("info", model, "--json").out
    outcome = run("fit", "dataset:digits", "-o", tmp_path / "n.latens", "--set", "loss_region=hidden")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "corruption=None hides nothing; use" in outcome.err

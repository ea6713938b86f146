"""Data on disk from the shell: the same model and the same answers as in memory."""

from __future__ import annotations

import numpy as np
import pytest

import latens


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", random.normal(size=(500, 6)).astype("f4"))
    return tmp_path / "x.npy"


def weights(path) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in latens.load(path).network_.network.state_dict().values()]


def test_fit_and_embed_give_the_same_bits(run, fit, table, tmp_path):
    models = [fit(table, how, name=f"{how}.latens") for how in ("--stream", "--no-stream")]
    assert all(np.array_equal(a, b) for a, b in zip(*map(weights, models), strict=True))
    for how in ("--stream", "--no-stream"):
        outcome = run("embed", models[0], table, "-o", tmp_path / f"{how}.npy", how)
        assert outcome.code == 0, outcome.err
    np.testing.assert_array_equal(np.load(tmp_path / "--stream.npy"), np.load(tmp_path / "--no-stream.npy"))


def test_errors_of_rows_are_named_as_they_are_read(run, table, tmp_path):
    X = np.load(table)
    X[321, 2] = np.inf
    np.save(table, X)
    outcome = run("fit", table, "-o", tmp_path / "m.latens", "--stream", "--quiet")
    assert outcome.code == 1
    assert "x.npy: row 321, column 2 (counted from 0) is inf" in outcome.err
    assert not (tmp_path / "m.latens").exists()


def test_what_cannot_be_streamed_is_refused(run, flowers, tmp_path):
    outcome = run("fit", flowers, "-o", tmp_path / "m.latens", "--stream")
    assert outcome.code == 1
    assert "only .npy, Parquet and folders of images are read from disk" in outcome.err


def test_a_verb_that_needs_all_rows_reads_them(run, fit, table, tmp_path, monkeypatch):
    model = fit(table)
    monkeypatch.setattr("latens.data.stored._LARGE", 100)
    outcome = run("map", model, table, "-o", tmp_path / "map.png")
    assert outcome.code == 0, outcome.err

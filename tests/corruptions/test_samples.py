"""A whole source is corrupted in its own units, row by row as a fit would."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import latens
from latens.corruptions import GaussianNoise, Masking, Swap, corrupt
from latens.data import open_source
from latens.schema import Schema
from latens.seeds import order


def learned(source) -> Schema:
    return Schema.learn(source, np.arange(len(source)))


def test_levels_are_in_scaled_units_and_values_in_the_sources_own():
    source = open_source("dataset:digits")
    noisy = corrupt(source, learned(source), GaussianNoise(0.25))
    assert noisy.dtype == np.float32
    assert float((noisy - source.values).std()) == pytest.approx(0.25 * 16, rel=0.01)


def test_what_is_not_touched_keeps_its_bits():
    table = np.random.default_rng(0).normal(37.1, 11.7, size=(200, 3))
    source = open_source(table)
    masked = corrupt(source, learned(source), Masking(0.3))
    assert masked.dtype == np.float64
    assert float((masked == table).mean()) == pytest.approx(0.7, abs=0.06)
    lost = masked != table
    assert np.allclose(masked[lost], np.broadcast_to(table.mean(0), table.shape)[lost])


def test_a_row_asked_for_alone_has_the_same_noise(monkeypatch):
    source = open_source(np.random.default_rng(0).normal(size=(50, 4)))
    everything = corrupt(source, learned(source), Swap(0.5), seed=3)
    monkeypatch.setattr("latens.corruptions.samples._CHUNK", 7)
    assert np.array_equal(
        corrupt(source, learned(source), Swap(0.5), seed=3, rows=np.array([41, 2])), everything[[41, 2]]
    )
    assert np.array_equal(corrupt(source, learned(source), Swap(0.5), seed=3), everything)
    assert not np.array_equal(corrupt(source, learned(source), Swap(0.5), seed=4), everything)


def test_is_what_the_first_epoch_of_a_fit_sees():
    seen: list[torch.Tensor] = []

    def watch(x, random):
        seen.append(GaussianNoise(0.5)(x, random))
        return seen[-1]

    images = np.random.default_rng(0).integers(0, 256, size=(40, 5, 6), dtype=np.uint8)
    settings = {"n_components": 2, "max_epochs": 1, "batch_size": 16, "validation_fraction": 0.0, "verbose": 0}
    ae = latens.Autoencoder(**settings, corruption=watch, random_state=5).fit(images)
    source = open_source(images)
    ours = ae.schema_.scale_values(corrupt(source, learned(source), GaussianNoise(0.5), seed=5))
    theirs = torch.cat(seen).numpy()
    rows = order(5, 0, 40)
    assert np.allclose(ours[rows], theirs, atol=1e-6)

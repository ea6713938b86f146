"""Each filter, and chains of them, leave the items that the reference in torch leaves; the draw takes the same one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from latens.kernels.cpu_filters import SETTINGS, exponentials, filtered, log_prob, pick
from latens.kernels.cpu_sampling import settings
from latens.sampling import build_filters
from latens.sampling.draws import pick as pick_in_torch
from latens.sampling.filters import FILTERS
from latens.sampling.generation import next_log_probs

VALUES: dict[str, list[Any]] = {
    "repetition_penalty": [0.5, 1.7],
    "temperature": [0.0, 1e-30, 0.05, 0.75, 3.0, 1e30],
    "top_k": [1, 3, 50],
    "top_p": [0.0, 0.3, 0.8, 0.999],
    "min_p": [0.02, 0.5, 1.0],
    "typical": [0.0, 0.4, 0.95],
}
CHAINS = [{name: value} for name, values in VALUES.items() for value in values] + [
    {},
    {"temperature": 0.8, "top_k": 6, "top_p": 0.9, "min_p": 0.01, "typical": 0.95, "repetition_penalty": 1.2},
    {"temperature": 0.0, "top_p": 0.5, "typical": 0.2},
    {"temperature": 2.0, "min_p": 0.1, "top_k": 2},
]
ROWS = {
    "random": np.random.default_rng(0).standard_normal((20, 23)) * 3,
    "tied": np.random.default_rng(1).integers(-2, 3, (20, 17)).astype(float),
    "flat": np.zeros((2, 9)),
    "removed": np.where(np.arange(12) % 3 == 0, -np.inf, np.linspace(-1, 1, 12))[None],
    "certain": np.where(np.arange(8) == 5, 200.0, -200.0)[None],
    "one": np.zeros((1, 1)),
}


def test_every_filter_that_a_row_may_be_asked_for_is_here() -> None:
    assert list(SETTINGS) == [name for name in FILTERS if name in SETTINGS]
    assert set(FILTERS) - set(SETTINGS) == {"bias", "ban"}  # of logits that a caller has, never of a model's own


@pytest.mark.parametrize("chain", CHAINS, ids=str)
@pytest.mark.parametrize("rows", ROWS)
def test_the_same_items_are_left_and_drawn(rows: str, chain: dict[str, Any]) -> None:
    logits = ROWS[rows].astype(np.float32)
    random = np.random.default_rng(2)
    seen, uniform = random.random(logits.shape) < 0.4, random.random(len(logits))
    expected = build_filters(**chain)(torch.from_numpy(logits), torch.from_numpy(seen))
    drawn = pick_in_torch(expected, torch.from_numpy(uniform))
    for row, theirs in enumerate(expected.numpy()):
        ours, wide = logits[row].copy(), np.empty(logits.shape[1])
        filtered(ours, seen[row], settings(chain), wide)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        assert pick(ours, uniform[row], wide) == drawn[row]


@pytest.mark.parametrize("rows", ROWS)
def test_log_probabilities(rows: str) -> None:
    logits = ROWS[rows].astype(np.float32)
    expected = next_log_probs(torch.from_numpy(logits)).numpy()
    wide = np.empty(logits.shape[1])
    for row, item in np.ndindex(logits.shape):
        summed = exponentials(logits[row], wide)
        assert log_prob(logits[row], item, summed) == pytest.approx(expected[row, item], rel=1e-12, abs=1e-12)


def test_what_was_removed_is_never_drawn() -> None:
    logits = np.array([-np.inf, 0.0, -np.inf], dtype=np.float32)
    wide = np.empty(3)
    assert {pick(logits, uniform, wide) for uniform in (0.0, 0.5, np.nextafter(1.0, 0.0))} == {1}


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 5, 22])
def test_broken_logits_have_no_sum(broken: float, place: int) -> None:
    logits = np.linspace(-1, 1, 23, dtype=np.float32)
    wide = np.empty(23)
    assert np.isfinite(exponentials(logits, wide))
    logits[place] = broken
    assert not np.isfinite(exponentials(logits, wide))
    assert not np.isfinite(exponentials(np.full(23, -np.inf, dtype=np.float32), wide))

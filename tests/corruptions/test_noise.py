"""Noise has the mean and the variance that its formula says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from latens.corruptions import Poisson, Speckle
from latens.errors import ConfigError
from latens.seeds import keyed

ROWS = torch.arange(400)


def constant(value: float) -> torch.Tensor:
    return torch.full((len(ROWS), 500), value)


@pytest.mark.parametrize("value", [0.2, 3.0, -1.0])
def test_speckle_grows_with_the_value(value):
    noisy = Speckle(0.3)(constant(value), keyed(0, 0, ROWS)).double()
    assert float(noisy.mean()) == pytest.approx(value, rel=0.005)
    assert float(noisy.std()) == pytest.approx(0.3 * abs(value), rel=0.01)


def test_speckle_leaves_black_black():
    assert not Speckle(2.0)(constant(0.0), keyed(0, 0, ROWS)).any()


@pytest.mark.parametrize("peak", [0.7, 8.0, 30.0, 5000.0])
@pytest.mark.parametrize("value", [0.05, 0.5, 1.0, 2.5])
def test_photons_keep_the_mean_and_have_its_variance(value, peak):
    noisy = Poisson(peak)(constant(value), keyed(1, 0, ROWS)).double()
    error = (value / peak / noisy.numel()) ** 0.5
    assert abs(float(noisy.mean()) - value) < 4.5 * error
    assert float(noisy.var()) == pytest.approx(value / peak, rel=0.03)
    counts = noisy * peak
    assert float((counts - counts.round()).abs().max()) < 1e-2


@pytest.mark.parametrize("rate", [0.3, 4.0, 9.9, 10.1, 40.0])
def test_photons_are_distributed_as_poisson_says(rate):
    counts = Poisson(1.0)(constant(rate), keyed(2, 0, ROWS)).long().flatten().numpy()
    low, high = (int(k) for k in stats.poisson(rate).ppf([0.001, 0.999]))
    seen = np.bincount(np.clip(counts, low, high), minlength=high + 1)[low:]
    edges = stats.poisson(rate).cdf(np.arange(low, high))
    expected = np.diff([0.0, *edges, 1.0]) * counts.size
    # A difference too small to matter: the approximation above a rate of 10 is not exact.
    distance = 0.5 * np.abs(seen - expected).sum() / counts.size
    assert distance < 0.01


def test_no_light_no_photons_and_below_zero_nothing_changes():
    x = torch.tensor([[0.0, -2.5, -1.0]]).expand(len(ROWS), -1)
    assert torch.equal(Poisson(10.0)(x, keyed(0, 0, ROWS)), x)


@pytest.mark.parametrize("peak", [0, 1e7, float("inf")])
def test_a_peak_out_of_range(peak):
    with pytest.raises(ConfigError, match=r"peak=.* use a finite number >= 0.01 and <= 1e\+06"):
        Poisson(peak)

"""Stains darken paper, leave ink, and do not know how large a page is."""

from __future__ import annotations

import pytest
import torch

from latens.corruptions import Stains, resolve_corruption
from latens.errors import ConfigError
from latens.seeds import keyed

ROWS = torch.arange(60)


def page(*shape: int) -> torch.Tensor:
    return torch.ones(len(ROWS), *shape)


def test_only_darken_and_by_no_more_than_their_strength():
    stained = Stains(0.6, number=1, folds=0)(page(40, 30), keyed(0, 0, ROWS))
    assert float(stained.max()) <= 1.0
    assert 0.4 <= float(stained.min()) < 0.6


def test_leave_ink_black():
    stained = Stains(0.9)(torch.zeros(60, 40, 30), keyed(0, 0, ROWS))
    assert not stained.any()


@pytest.mark.parametrize(("strength", "number", "folds"), [(0.0, 3, 3), (0.8, 0, 0)])
def test_none_leaves_the_page_as_it_is(strength, number, folds):
    assert torch.equal(Stains(strength, number, folds)(page(9, 7), keyed(0, 0, ROWS)), page(9, 7))


def test_more_stains_more_dark():
    shares = [float(1 - Stains(0.5, n, 0)(page(50, 40), keyed(0, 0, ROWS)).mean()) for n in (1, 2, 4)]
    assert shares == sorted(shares)
    assert 0.005 < shares[0] < 0.1


def test_a_page_of_twice_the_pixels_has_the_same_stains():
    small, large = (Stains(0.5)(page(*size), keyed(0, 0, ROWS)) for size in ((60, 40), (120, 80)))
    halved = torch.nn.functional.avg_pool2d(large[:, None], 2)[:, 0]
    assert float((halved - small).abs().mean()) < 0.01


def test_stains_are_smooth_and_folds_cross_the_page():
    stained = Stains(0.5, number=2, folds=0)(page(200, 200), keyed(0, 0, ROWS))
    assert float(stained.diff(dim=1).abs().max()) < 0.2
    folded = Stains(0.5, number=0, folds=1)(page(60, 40), keyed(0, 0, ROWS))
    dark = folded < 0.85
    edges = [edge.any(1).int() for edge in (dark[:, 0], dark[:, -1], dark[..., 0], dark[..., -1])]
    assert int(sum(edges).min()) >= 2


def test_all_channels_darken_together():
    stained = Stains(0.5)(page(20, 20, 3), keyed(0, 0, ROWS))
    assert torch.equal(stained[..., 0], stained[..., 2])


def test_the_number_is_whole():
    assert resolve_corruption("stains:0.4:3:2") == Stains(0.4, 3, 2)
    with pytest.raises(ConfigError, match=r"number=2.5 is out of range; use a whole number >= 0"):
        resolve_corruption("stains:0.4:2.5")

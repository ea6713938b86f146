"""Affine maps against what is known exactly."""

from __future__ import annotations

import pytest
import torch

from latens.corruptions import Affine
from latens.corruptions.camera import rotated
from latens.errors import ConfigError
from latens.seeds import Keyed, keyed


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(6, 9, 12, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def key(n: int) -> Keyed:
    return keyed(0, 0, torch.arange(n))


class TestAffine:
    def test_of_nothing_changes_nothing(self, pictures):
        assert torch.allclose(Affine(0.0, 0.0, 0.0, 0.0)(pictures, key(6)), pictures)

    def test_a_turn_alone_is_a_rotation(self, pictures):
        angles = (2.0 * key(6).uniform((6, 6)) - 1.0)[:, 0] * 40.0
        assert torch.allclose(Affine(40.0, 0.0, 0.0, 0.0)(pictures, key(6)), rotated(pictures, angles), atol=1e-6)

    def test_a_shift_moves_the_centre_of_mass_both_ways_and_within_its_bound(self):
        dot = torch.zeros(200, 41, 41)
        dot[:, 20, 20] = 1.0
        moved = Affine(0.0, 0.25, 0.0, 0.0)(dot, key(200))
        place = torch.arange(41) - 20.0
        down = (moved.sum(2) * place).sum(1) / moved.sum((1, 2))
        assert down.min() < -7
        assert down.max() > 7
        assert down.abs().max() <= 0.25 * 41 + 1e-4

    def test_a_stretch_changes_what_a_thing_covers(self):
        square = torch.zeros(300, 61, 61)
        square[:, 20:41, 20:41] = 1.0
        areas = Affine(0.0, 0.0, 0.5, 0.0)(square, key(300)).sum((1, 2)) / 21**2
        assert 0.5 - 0.05 < float(areas.min()) < 0.75
        assert 1.4 < float(areas.max()) < 2.0 + 0.1

    def test_a_slant_keeps_rows_and_their_mass(self):
        column = torch.zeros(50, 31, 61)
        column[:, 10:21, 30] = 1.0
        leaning = Affine(0.0, 0.0, 0.0, 0.5)(column, key(50))
        assert torch.allclose(leaning.sum(2), column.sum(2), atol=1e-4)
        assert not torch.allclose(leaning, column)

    @pytest.mark.parametrize(
        ("levels", "match"),
        [
            ((200.0,), r"degrees=200.0 is out of range"),
            ((20.0, 1.5), r"shift=1.5 is out of range"),
            ((20.0, 0.1, 9.0), r"stretch=9.0 is out of range"),
            ((20.0, 0.1, 0.2, -0.1), r"slant=-0.1 is out of range"),
        ],
    )
    def test_refuses(self, levels, match):
        with pytest.raises(ConfigError, match=match):
            Affine(*levels)

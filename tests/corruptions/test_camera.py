"""Blur and rotation against what is known exactly."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from latens.corruptions import Blur, Rotation
from latens.corruptions.camera import blurred, rotated
from latens.seeds import keyed


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(5, 9, 12, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class TestBlur:
    @pytest.mark.parametrize("std", [0.0, 0.6, 3.0, 40.0])
    def test_keeps_a_constant_image_and_every_mean(self, pictures, std):
        key = keyed(0, 0, torch.arange(5))
        assert torch.allclose(Blur(std)(torch.full_like(pictures, 0.7), key), torch.full_like(pictures, 0.7))
        assert torch.allclose(Blur(std)(pictures, key).mean((1, 2)), pictures.mean((1, 2)))

    def test_is_a_gaussian_filter(self, pictures):
        ours = blurred(pictures, torch.full((5,), 1.3), radius=6)
        for i in range(5):
            theirs = ndimage.gaussian_filter(pictures[i].numpy(), (1.3, 1.3, 0.0), mode="reflect", radius=(6, 6, 0))
            assert torch.allclose(ours[i], torch.from_numpy(theirs), atol=1e-6)

    def test_each_row_has_its_width(self, pictures):
        same = pictures[:1].expand(200, -1, -1, -1)
        roughness = Blur(3.0)(same, keyed(0, 0, torch.arange(200))).diff(dim=1).square().mean((1, 2, 3))
        assert float(roughness.max() / roughness.min()) > 10

    def test_no_width_no_change(self, pictures):
        assert torch.equal(Blur(0.0)(pictures, keyed(0, 0, torch.arange(5))), pictures)


class TestRotation:
    @pytest.mark.parametrize("turns", [-1, 0, 1, 2])
    def test_by_a_right_angle_is_exact(self, turns):
        square = torch.rand(3, 7, 7, 2, generator=torch.Generator().manual_seed(0))
        ours = rotated(square, torch.full((3,), 90.0 * turns))
        assert torch.allclose(ours, torch.rot90(square, turns, dims=(1, 2)), atol=1e-5)

    def test_half_a_turn_of_any_image(self, pictures):
        assert torch.allclose(rotated(pictures, torch.full((5,), 180.0)), pictures.flip(1, 2), atol=1e-5)

    def test_there_and_back(self):
        line = torch.linspace(0, 1, 41)
        smooth = torch.exp(-8 * ((line[:, None] - 0.6) ** 2 + (line - 0.4) ** 2)).reshape(1, 41, 41, 1)
        back = rotated(rotated(smooth, torch.tensor([20.0])), torch.tensor([-20.0]))
        assert torch.allclose(back[:, 10:31, 10:31], smooth[:, 10:31, 10:31], atol=0.01)

    def test_keeps_within_its_angle_and_turns_both_ways(self):
        # A bar through the centre: the angle at which its mass lies is the angle it was turned by
        place = torch.arange(31) - 15.0
        bar = torch.exp(-((place[:, None] / 2) ** 2)) * (place.abs() < 14)
        turned = Rotation(30)(bar.expand(300, -1, -1), keyed(0, 0, torch.arange(300)))
        down, right = place[:, None].expand(31, 31), place.expand(31, 31)
        inside = turned * (torch.hypot(down, right) < 13)
        xy, xx, yy = (
            (inside * down * right).sum((1, 2)),
            (inside * right**2).sum((1, 2)),
            (inside * down**2).sum((1, 2)),
        )
        angle = torch.rad2deg(0.5 * torch.atan2(-2 * xy, xx - yy))
        assert 28 < float(angle.max()) < 31
        assert -31 < float(angle.min()) < -28

    def test_a_constant_image_stays(self, pictures):
        same = torch.full_like(pictures, 0.3)
        assert torch.allclose(Rotation(45)(same, keyed(0, 0, torch.arange(5))), same)

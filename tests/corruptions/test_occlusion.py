"""What is hidden, how much of it, and in one piece."""

from __future__ import annotations

import pytest
import torch

from latens.corruptions import Block, Span
from latens.errors import ConfigError
from latens.seeds import keyed

ROWS = torch.arange(600)


def hidden(corruption, *shape: int) -> torch.Tensor:
    return corruption(torch.ones(len(ROWS), *shape), keyed(0, 0, ROWS)) == 0.0


class TestBlock:
    @pytest.mark.parametrize(
        ("size", "shape", "cells"),
        [(0.25, (28, 28), 14 * 14), (0.25, (8, 8), 16), (0.5, (10, 20), 7 * 14), (0.3, (20,), 6), (1.0, (5, 7), 35)],
    )
    def test_covers_its_share(self, size, shape, cells):
        assert set(hidden(Block(size), *shape).flatten(1).sum(1).tolist()) == {cells}

    @pytest.mark.parametrize("shape", [(9,), (7, 5)])
    def test_of_nearly_nothing_is_one_pixel(self, shape):
        assert set(hidden(Block(1e-6), *shape).flatten(1).sum(1).tolist()) == {1}
        assert not hidden(Block(0.0), *shape).any()

    def test_is_a_rectangle(self):
        for mask in hidden(Block(0.2), 11, 13)[:50]:
            rows, columns = mask.any(1), mask.any(0)
            assert torch.equal(mask, rows[:, None] & columns)
            for side in (rows, columns):
                assert int(side.int().diff().abs().sum()) <= 2

    def test_stands_everywhere(self):
        assert float(hidden(Block(0.25), 4, 4).float().mean(0).min()) > 0.05

    def test_hides_all_channels_behind_a_value(self):
        x = torch.rand(len(ROWS), 6, 6, 3) + 1.0
        covered = Block(0.25, value=-3.0)(x, keyed(0, 0, ROWS)) == -3.0
        assert torch.equal(covered.any(-1), covered.all(-1))
        assert int(covered.all(-1).sum()) == 9 * len(ROWS)


class TestSpan:
    @pytest.mark.parametrize(("probability", "length"), [(0.25, 5), (0.1, 1), (0.5, 12), (0.3, 100)])
    @pytest.mark.parametrize("shape", [(60,), (6, 10)])
    def test_hides_every_place_with_its_probability(self, probability, length, shape):
        share = hidden(Span(probability, length), *shape).float().mean(0).flatten()
        assert float(share.mean()) == pytest.approx(probability, abs=0.04)
        assert float((share - probability).abs().max()) < 5 * 0.5 / len(ROWS) ** 0.5

    def test_inner_runs_have_at_least_their_length(self):
        for mask in hidden(Span(0.2, length=6), 80)[:100].tolist():
            runs = "".join("x" if cell else " " for cell in mask).split(" ")
            inner = [run for run in runs[1:-1] if run]
            assert all(len(run) >= 6 for run in inner)

    def test_an_image_is_read_line_after_line(self):
        flat = hidden(Span(0.2, length=6), 80)
        assert torch.equal(hidden(Span(0.2, length=6), 8, 10).flatten(1), flat)
        assert torch.equal(hidden(Span(0.2, length=6), 8, 10, 3)[..., 1].flatten(1), flat)

    def test_all_or_nothing(self):
        assert hidden(Span(1.0), 30).all()
        assert not hidden(Span(0.0), 30).any()

    @pytest.mark.parametrize("length", [0, 2.5, True])
    def test_a_length_that_is_none(self, length):
        with pytest.raises(ConfigError, match=r"length=.* use a whole number >= 1"):
            Span(0.2, length)

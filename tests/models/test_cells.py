"""Typed cells: how they enter a network, what they cost, and what comes back."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.corruptions import GaussianNoise, Masking
from latens.models.cells import Cells, Features
from latens.seeds import keyed

DAY = 86_400.0
COLUMNS = [
    {},
    {"levels": 3, "entropy": 1.0, "gini": 0.5},
    {"periods": [7 * DAY, DAY], "offset": 3 * DAY, "scale": 5 * DAY},
    {},
]


@pytest.fixture
def cells() -> Cells:
    return Cells(COLUMNS)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.tensor(
        [[0.5, 2.0, -1.0, 1.5], [math.nan, 0.0, 0.25, -2.0], [1.0, math.nan, math.nan, 0.0]], dtype=torch.float64
    )


class TestEnter:
    def test_widths(self, cells, x):
        assert cells.ends == (2 + 3 + 5 + 4, 2 + 3 + 5)
        assert Cells(COLUMNS, masked=False).ends == (10, 10)
        assert cells.enter(x).shape == (3, 14)

    def test_missing_cells_are_zeros_with_a_mark(self, cells, x):
        entered = cells.enter(x)
        assert entered[1, 0] == 0
        assert entered[2, 2:10].tolist() == [0.0] * 8
        assert entered[:, 10:].tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0]]

    def test_a_new_category_is_marked_and_a_number_of_minus_one_is_not(self, cells):
        entered = cells.enter(torch.tensor([[-1.0, -1.0, 0.0, -1.0]]))
        assert entered[0, 2:5].tolist() == [0.0] * 3
        assert entered[0, 10:].tolist() == [0, 1, 0, 0]

    def test_times_a_period_apart_are_the_same_point_of_its_circle(self, cells):
        week = 7 / 5  # in scaled units
        points = cells.features(torch.tensor([[0.0, 0.0, 0.3, 0.0], [0.0, 0.0, 0.3 + week, 0.0]], dtype=torch.float64))
        torch.testing.assert_close(points[0, 6:8], points[1, 6:8])
        torch.testing.assert_close(points[0, 8:10], points[1, 8:10])


class TestLoss:
    def test_knowing_nothing_costs_one_in_every_column(self):
        rows = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        codes = torch.arange(4000, dtype=torch.float64)[:, None] % 4
        cells = Cells([{}, {"levels": 4, "entropy": math.log(4), "gini": 0.75}])
        x = torch.cat([rows, codes], dim=1)
        ignorant = torch.zeros(4000, 5, dtype=torch.float64)
        assert cells.loss(ignorant, x).item() == pytest.approx(1.0, abs=0.03)
        errors = cells.errors(cells.activate(ignorant), x)
        assert errors.mean(dim=0).tolist() == pytest.approx([1.0, 1.0], abs=0.06)

    def test_what_is_missing_changes_nothing(self, cells, x):
        outputs = torch.randn(
            3, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True
        )
        cells.loss(outputs, x).backward()
        assert outputs.grad[1, 0] == 0
        assert outputs.grad[2, 2:10].tolist() == [0.0] * 8
        assert outputs.grad.isfinite().all()

    def test_gradients_do_not_depend_on_how_rows_are_batched(self, cells):
        x = torch.rand(32, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        x[:, 1] = (x[:, 1] * 3).floor()
        x[::5, 2] = math.nan
        outputs = torch.randn(32, 10, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

        def gradient(parts: list[int]) -> torch.Tensor:
            leaf = outputs.clone().requires_grad_()
            pairs = zip(leaf.split(parts), x.split(parts), strict=True)
            (sum(cells.loss(out, part) * len(part) for out, part in pairs) / 32).backward()
            return leaf.grad

        for parts in ([1] * 32, [5, 27]):
            torch.testing.assert_close(gradient(parts), gradient([32]), atol=1e-12, rtol=0)

    def test_a_row_without_cells_costs_nothing(self, cells):
        loss = cells.loss(torch.ones(1, 10), torch.full((1, 4), math.nan))
        assert loss.item() == 0

    def test_a_new_category_is_an_error_larger_than_any_known_one(self, cells):
        predicted = cells.activate(torch.zeros(1, 10))
        errors = [cells.errors(predicted, torch.tensor([[0.0, code, 0.0, 0.0]]))[0, 1].item() for code in (0.0, -1.0)]
        assert errors[1] > errors[0]


class TestSettle:
    @settings(max_examples=50, deadline=None)
    @given(moment=st.floats(-3, 3), error=st.floats(-0.08, 0.08))
    def test_circles_mend_what_the_number_gets_wrong(self, moment, error):
        cells = Cells([COLUMNS[2]])
        x = torch.tensor([[moment]], dtype=torch.float64)
        points = cells.features(x)
        points[0, 0] += error  # up to 0.4 days, less than half of the shortest period
        assert cells.settle(points)[0, 0].item() == pytest.approx(moment, abs=1e-9)

    def test_a_point_at_the_centre_is_not_believed(self):
        cells = Cells([COLUMNS[2]])
        assert cells.settle(torch.tensor([[0.7, 0.1, 0.1, 0.0, 0.0]]))[0, 0].item() == pytest.approx(0.7)

    def test_the_likeliest_level(self, cells):
        outputs = torch.tensor([[0.25, -1.0, 0.1, 3.0, 0.2, 0.0, 1.0, 0.0, 1.0, 0.0]])
        settled = cells.settle(cells.activate(outputs))
        assert settled[0, [0, 1, 3]].tolist() == [0.25, 1.0, -1.0]
        chances = cells.chances(cells.activate(outputs), torch.tensor([[0.0, 1.0, 0.0, 0.0]]))
        assert chances[0, 1].item() == pytest.approx(torch.tensor([0.1, 3.0, 0.2]).softmax(0)[1].item())
        assert chances[0, [0, 2, 3]].isnan().all()


class TestCorrupt:
    def test_noise_is_for_numbers_alone(self, cells, x):
        noisy = cells.corrupt(GaussianNoise(1.0), x, keyed(0, 0, torch.arange(3)))
        assert not torch.equal(noisy[:, 3], x[:, 3])
        torch.testing.assert_close(noisy[:, 1:3], x[:, 1:3], equal_nan=True)

    def test_hiding_makes_a_cell_missing(self, cells):
        x = torch.ones(500, 4)
        hidden = cells.corrupt(Masking(0.3), x, keyed(0, 0, torch.arange(500))).isnan()
        assert hidden.float().mean(dim=0).tolist() == pytest.approx([0.3] * 4, abs=0.07)


def test_pca_sees_columns_of_variance_one(cells):
    weights, groups = cells.weights()
    assert groups == [0, 3, 1, 1, 1, 2, 2, 2, 2, 2]
    assert weights[:2] == [1.0, 1.0]
    assert weights[2] ** 2 == pytest.approx(2.0)
    assert Features().weights() is None

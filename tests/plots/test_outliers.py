"""Cards of strange rows."""

from __future__ import annotations

import numpy as np
import pytest

from latens.analysis import Cause, Reason
from latens.errors import DataError
from latens.plots import plot_outliers

CAUSES = (Cause("pay in $", 500.0, 30.25, 0.9), Cause("job", "cook", "cook", 0.1))


def reason(row: int, *causes: Cause, flagged: bool = True) -> Reason:
    return Reason(row, 3.0, 1e-9, flagged, "residual", causes, ())


def test_a_table_has_a_panel_for_each_row():
    figure = plot_outliers([reason(7, *CAUSES), reason(9, *CAUSES[:1], flagged=False)], captions=["town A", ""])
    first, second = figure.axes
    assert first.get_title() == "row 7, town A, p < 1e-06"
    assert (first.title.get_color(), second.title.get_color()) == ("#bd1f01", "black")
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels == [r"pay in \$: 500 (expected 30.25)", "job: cook (expected, less surely)"]
    assert [bar.get_width() for bar in first.patches] == [90.0, 10.0]


def test_a_row_without_causes_says_so():
    assert plot_outliers([reason(0)]).axes[0].texts[0].get_text() == "no causes are known"


@pytest.mark.parametrize("channels", [(), (3,)])
def test_images_stand_above_their_reconstructions_and_residuals(channels):
    images = np.random.default_rng(0).integers(0, 255, (10, 6, 5, *channels)).astype(np.uint8)
    figure = plot_outliers([reason(row) for row in range(10)], list(images), list(images // 2))
    grid, bar = figure.axes[:-1], figure.axes[-1]
    assert len(grid) == 2 * 3 * 8
    residual = grid[16].images[0]
    expected = images[0].astype(float) - images[0] // 2
    np.testing.assert_allclose(residual.get_array(), expected if not channels else expected.mean(axis=2))
    assert residual.get_clim()[0] == -residual.get_clim()[1]
    assert bar.get_ylabel() == "input minus\nreconstruction"


def test_images_may_differ_in_size():
    images = [np.zeros((4, 5)), np.ones((7, 3))]
    assert len(plot_outliers([reason(0), reason(1)], images, images).axes) == 7


def test_what_cannot_be_drawn():
    with pytest.raises(DataError, match="0 rows where a picture shows from 1 to 24"):
        plot_outliers([])
    with pytest.raises(DataError, match="differ in number or shape"):
        plot_outliers([reason(0)], [np.zeros((2, 2))], [np.zeros((2, 3))])

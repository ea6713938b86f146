"""Charts: places, gaps, scales, and lines too long to draw."""

from __future__ import annotations

import re

import numpy as np
import pytest

from latens.report.charts import Band, Line, draw_chart


def paths(chart) -> list[str]:
    return re.findall(r'<path class="line [^"]*" d="([^"]*)"', str(chart.drawing))


def test_a_gap_begins_a_new_piece():
    chart = draw_chart([Line("", np.arange(4), np.array([1.0, np.nan, 2.0, 3.0]))], across="x", up="y")
    assert paths(chart)[0].count("M") == 2
    assert "nan" not in chart.drawing


def test_a_long_line_keeps_its_extremes():
    values = np.zeros(100_000)
    values[54_321] = 7.0
    chart = draw_chart([Line("", np.arange(100_000), values)], across="x", up="y")
    heights = [float(y) for y in re.findall(r" ([\d.]+)(?:L|$)", paths(chart)[0])]
    assert min(heights) < 60
    assert len(chart.drawing) < 30_000


@pytest.mark.parametrize("values", [np.zeros(3), np.full(3, 1e300), np.array([np.nan] * 3), np.array([5.0])])
def test_flat_and_empty_lines_are_drawn(values):
    chart = draw_chart([Line("", np.arange(len(values)), values)], across="x", up="y", log=True)
    assert "<svg" in chart.drawing
    assert "nan" not in chart.drawing


def test_powers_for_what_is_far_apart():
    chart = draw_chart([Line("", np.arange(3), np.array([1.0, 100.0, 10_000.0]))], across="x", up="y", log=True)
    assert all(f">{tick}</text>" in chart.drawing for tick in ("1", "10", "100", "1000", "10,000"))


def test_names_are_escaped():
    line = Line("<b>", np.arange(2), np.arange(2.0))
    chart = draw_chart([line], [Band("<i>", np.arange(2))], across="<u>", up="</svg>", names=lambda place: "<s>")
    assert not re.search(r"<[bius]>|</svg>.", str(chart.drawing).strip())
    assert chart.legend == [("line s0", "<b>"), ("band s0", "<i>")]


def test_names_that_have_no_room_are_thinned():
    lines = [Line("", np.arange(100), np.arange(100.0))]
    chart = draw_chart(lines, across="x", up="y", names=lambda place: "2026-01-01 00:00", size="small")
    assert chart.drawing.count("2026-01-01") == 2

"""The map of codes."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from latens.analysis import Map, fit_map
from latens.errors import DataError
from latens.plots import plot_map


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def drawn(figure: Figure) -> Figure:
    """The figure after every artist was asked to draw, warnings being errors."""
    figure.savefig(BytesIO(), format="png", dpi=40)
    return figure


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


def test_two_codes_are_the_axes_and_each_class_is_in_the_legend(random: np.random.Generator) -> None:
    figure = drawn(plot_map(random.normal(size=(50, 2)), np.arange(50) % 10))
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("code 1", "code 2")
    assert legend(figure) == list("0123456789")
    assert figure.axes[0].get_title() == "Map of 50 rows"


def test_no_labels_no_legend(random: np.random.Generator) -> None:
    assert legend(drawn(plot_map(random.normal(size=(5, 2))))) == []


def test_the_legend_can_count(random: np.random.Generator) -> None:
    assert legend(plot_map(random.normal(size=(3, 2)), ["a", "b", "a"], counts=True)) == ["a (2)", "b (1)"]  # type: ignore[arg-type]


def test_more_codes_are_projected_and_the_axes_say_so(random: np.random.Generator) -> None:
    codes = random.normal(size=(200, 3)) * [10.0, 1.0, 0.1]
    figure = drawn(plot_map(codes))
    assert figure.axes[0].get_xlabel() == "principal component 1 of 3 codes (99 % of variance)"
    points = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert points.var(axis=0) == pytest.approx(codes.var(axis=0)[:2], rel=0.05)


@pytest.mark.parametrize("codes", [np.ones((1, 1)), np.ones((1, 2)), np.ones((1, 5)), np.ones((4, 3))])
def test_one_row_and_codes_without_spread_are_drawn(codes: np.ndarray) -> None:
    drawn(plot_map(codes, np.zeros(len(codes))))
    drawn(plot_map(codes))


def test_one_code_is_a_lane_for_each_class(random: np.random.Generator) -> None:
    figure = drawn(plot_map(random.normal(size=(30, 1)), np.array(["a", "b"])[np.arange(30) % 2]))
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert legend(figure) == ["a", "b"]


def test_one_code_without_labels_is_a_histogram_of_every_row(random: np.random.Generator) -> None:
    axes = drawn(plot_map(random.normal(size=(30, 1)))).axes[0]
    assert axes.get_ylabel() == "rows"
    assert sum(bar.get_height() for bar in axes.patches) == 30  # type: ignore[attr-defined]


def test_a_quantity_has_a_colour_bar_and_missing_ones_a_colour(random: np.random.Generator) -> None:
    labels = np.append(random.normal(size=49), np.nan)
    figure = drawn(plot_map(random.normal(size=(50, 2)), labels))
    assert figure.axes[1].get_ylabel() == "label"
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["label missing"]  # type: ignore[union-attr]
    drawn(plot_map(random.normal(size=(50, 1)), labels))


def test_hostile_labels_are_drawn_letter_by_letter(random: np.random.Generator) -> None:
    names = ["$\\frac{1}{0$", "_hidden", "a\nb", "<b>", "日本", "y" * 500]
    figure = drawn(plot_map(random.normal(size=(60, 2)), np.array(names, dtype=object)[np.arange(60) % 6], title="$_$"))
    assert len(legend(figure)) == 6
    assert {"a b", "_hidden", "<b>"} <= set(legend(figure))
    assert max(map(len, legend(figure))) <= 40


def test_every_row_is_drawn_and_many_as_pixels(random: np.random.Generator) -> None:
    for n, pixels in ((100, False), (5000, True)):
        points = plot_map(random.normal(size=(n, 2)), np.arange(n) % 3).axes[0].collections[0]
        assert len(np.asarray(points.get_offsets())) == n
        assert points.get_rasterized() is pixels


def test_a_point_keeps_the_colour_of_its_class() -> None:
    codes = np.stack([np.arange(20.0), np.zeros(20)], axis=1)
    figure = plot_map(codes, np.arange(20) // 10)
    points = figure.axes[0].collections[0]
    colours = points.get_facecolors()  # type: ignore[attr-defined]
    left = np.asarray(points.get_offsets())[:, 0] < 10
    assert len(np.unique(colours[left], axis=0)) == len(np.unique(colours[~left], axis=0)) == 1
    assert not np.array_equal(colours[left][0], colours[~left][0])


def test_the_same_call_draws_the_same_picture(random: np.random.Generator) -> None:
    codes = random.normal(size=(100, 2))
    pictures = [BytesIO(), BytesIO()]
    for picture in pictures:
        plot_map(codes, np.arange(100) % 2).savefig(picture, format="png", dpi=40)
    assert pictures[0].getvalue() == pictures[1].getvalue()


def test_what_cannot_be_mapped_is_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(0, 2\) .* give numbers \(n, k\)"):
        plot_map(np.zeros((0, 2)))
    with pytest.raises(DataError, match=r"NaN or infinity in row 1; leave"):
        plot_map(np.array([[0.0, 1.0], [np.nan, 0.0]]))
    with pytest.raises(DataError, match=r"labels of shape \(3,\) for a map of 2 rows"):
        plot_map(np.zeros((2, 2)), np.zeros(3))


def test_new_rows_are_drawn_over_grey_ones(random: np.random.Generator) -> None:
    place = fit_map(random.normal(size=(50, 3)))
    figure = drawn(plot_map(place, np.arange(4), new=random.normal(size=(4, 3)), legend="week $1"))
    assert figure.axes[0].get_title() == "4 rows on a map of 50 rows (grey)"
    assert [len(points.get_offsets()) for points in figure.axes[0].collections] == [50, 4]  # type: ignore[arg-type]
    assert figure.legends[0].get_title().get_text() == r"week \$1"


def test_umap_has_no_units(random: np.random.Generator) -> None:
    codes = random.normal(size=(9, 3))
    figure = drawn(plot_map(Map(codes, codes[:, :2], "umap", ("UMAP 1", "UMAP 2"))))
    assert figure.axes[0].get_xlabel() == "UMAP 1"
    assert not any(label.get_visible() and label.get_text() for label in figure.axes[0].get_xticklabels())


def test_fractions_are_a_scale(random: np.random.Generator) -> None:
    figure = drawn(plot_map(random.normal(size=(9, 2)), np.arange(9) / 8, legend="distortion"))
    assert figure.axes[1].get_ylabel() == "distortion"

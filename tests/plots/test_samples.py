"""Inputs beside reconstructions, and noisy samples beside cleaned ones."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latens.errors import DataError
from latens.plots import plot_corruptions, plot_denoised, plot_pairs
from latens.schema import Column


def drawn(figure: Figure) -> Figure:
    figure.savefig(BytesIO(), format="png", dpi=40)
    return figure


def pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def notes(figure: Figure) -> list[str]:
    return [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]


def row_names(figure: Figure) -> list[str]:
    return [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]


def test_each_image_stands_over_its_reconstruction_with_its_error() -> None:
    images = np.linspace(0, 1, 3 * 4 * 5).reshape(3, 4, 5)
    figure = drawn(plot_pairs(images, images + np.array([0.0, 0.1, 0.2])[:, None, None]))
    assert row_names(figure) == ["input", "reconstruction"]
    assert notes(figure) == ["0", "0.01", "0.04"]
    np.testing.assert_allclose(pictures(figure)[1], images[1])


@pytest.mark.parametrize("shape", [(33, 47, 3), (33, 47), (5, 7, 1), (6, 6, 4), (6, 6, 2), (1, 1), (200, 3)])
def test_any_size_and_number_of_channels(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(2, *shape)).astype(np.uint8)
    assert len(pictures(drawn(plot_pairs(images, images)))) == 4


def test_grey_levels_keep_the_range_of_the_input() -> None:
    images = np.full((2, 3, 3), 16, dtype=np.uint8)
    images[0] = 8
    figure = plot_pairs(images, np.full((2, 3, 3), 20.0))
    first, second, clipped, _ = pictures(figure)
    assert (first[0, 0], second[0, 0], clipped[0, 0]) == (0.5, 1.0, 1.0)
    assert (
        figure.get_supxlabel()
        .replace("\n", " ")
        .endswith("Range shown: 0 to 16; what lies beyond is drawn at its ends.")
    )
    # In a narrow picture the line is broken, or its ends would be cut off.
    assert max(map(len, figure.get_supxlabel().splitlines())) <= 14 * figure.get_figwidth()


def test_a_dark_image_in_unit_range_stays_dark() -> None:
    images = np.full((1, 2, 2), 0.25)
    assert pictures(plot_pairs(images, images))[0].max() == 0.25


def test_the_corrupted_input_stands_between() -> None:
    images = np.zeros((2, 4, 4))
    assert row_names(plot_pairs(images, images, corrupted=images + 1)) == ["input", "corrupted", "reconstruction"]


def test_denoising_errors_are_against_the_clean_images() -> None:
    clean = np.zeros((1, 4, 4))
    figure = drawn(plot_denoised(clean, clean + 1, clean + 0.5))
    assert row_names(figure) == ["clean", "noisy", "cleaned"]
    assert notes(figure) == ["1", "0.25"]


def test_more_than_twelve_wrap() -> None:
    images = np.zeros((14, 3, 3))
    assert len(pictures(drawn(plot_pairs(images, images)))) == 28


def shown(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.lines]


def test_a_table_has_a_panel_a_column_in_its_own_units() -> None:
    table = np.array([[1.0, 1000.0], [2.0, 2000.0]])
    figure = drawn(plot_pairs(table, table + np.array([0.0, 10.0]), columns=["weight", "price in $ or $"]))
    titles = [axes.get_title() for axes in shown(figure)]
    assert titles == ["weight\nmean squared error 0", "price in \\$ or \\$\nmean squared error 100"]
    assert np.asarray(shown(figure)[1].lines[0].get_ydata()).tolist() == [1000.0, 2000.0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["input", "reconstruction"]


def test_of_many_columns_the_worst_twelve_are_shown_and_it_says_so() -> None:
    table = np.random.default_rng(0).normal(size=(6, 20))
    figure = drawn(plot_pairs(table, table + np.arange(20), columns=[f"c{i}" for i in range(20)]))
    assert "the 12 of 20 columns" in figure.get_suptitle()
    assert len(shown(figure)) == 12
    assert shown(figure)[-1].get_title().startswith("c19")


def test_a_wide_nameless_array_is_lines() -> None:
    array = np.zeros((2, 50))
    figure = drawn(plot_pairs(array, array + 2, corrupted=array))
    assert [axes.get_title() for axes in shown(figure)] == [f"sample {i}: mean squared error 4" for i in range(2)]
    assert shown(figure)[0].get_xlabel() == "feature"


def test_one_feature_of_one_sample() -> None:
    assert len(shown(drawn(plot_pairs(np.ones((1, 1)), np.zeros((1, 1)))))) == 1


def test_each_corruption_has_its_row_and_its_error() -> None:
    clean = np.zeros((2, 4, 4))
    figure = drawn(plot_corruptions(clean, {"gaussian:1": clean + 1, "blur:1": clean + 1e-9}))
    assert row_names(figure) == ["clean", "gaussian:1", "blur:1"]
    assert notes(figure) == ["1", "1", "0", "0"]


def test_each_corruption_has_its_mark_in_every_panel() -> None:
    table = np.zeros((3, 2))
    figure = drawn(plot_corruptions(table, {"swap:0.2": table + 1, "gaussian:2": table + 2}, columns=["a", "b"]))
    assert [axes.get_title() for axes in shown(figure)] == [f"{name}\nmean squared error 1, 4" for name in "ab"]
    assert len({(line.get_marker(), line.get_color()) for line in shown(figure)[0].lines}) == 3


def test_few_large_images_are_drawn_large() -> None:
    small, large, many = (np.zeros((n, side, side)) for n, side in ((2, 8), (2, 300), (12, 300)))
    widths = [plot_pairs(images, images).get_figwidth() for images in (small, large, many)]
    assert widths == [5.0, pytest.approx(7.2), pytest.approx(13.8)]


def test_what_cannot_be_drawn_is_refused() -> None:
    images = np.zeros((2, 4, 4))
    with pytest.raises(DataError, match=r"reconstruction samples of shape \(2, 4, 5\) beside \(2, 4, 4\); give"):
        plot_pairs(images, np.zeros((2, 4, 5)))
    with pytest.raises(DataError, match=r"shape \(4,\) cannot be drawn; give"):
        plot_pairs(np.zeros(4), np.zeros(4))
    with pytest.raises(DataError, match=r"61 samples are too many .* choose up to 60"):
        plot_pairs(np.zeros((61, 2)), np.zeros((61, 2)))


def test_columns_of_a_table_are_drawn_as_what_they_are():
    columns = [Column("n", "number"), Column("kind", "category", levels=("u", "v")), Column("day", "datetime")]
    truth = np.array([[1.0, 0.0, 0.0], [np.nan, 1.0, 86400.0], [3.0, np.nan, np.nan]])
    figure = drawn(plot_pairs(truth, np.array([[1.0, 1.0, 86400.0]] * 3), columns=columns))
    number, kind, day = figure.axes
    assert number.get_title() == "n\nmean squared error 2"
    assert kind.get_title() == "kind\n1 of 2 differ"
    assert [tick.get_text() for tick in kind.get_yticklabels()] == ["u", "v"]
    assert day.get_title() == "day\nmean error 12 hours"

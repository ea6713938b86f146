"""The loss by epoch."""

from __future__ import annotations

import sys
from io import BytesIO
from subprocess import run

import pytest

from latens.errors import DataError
from latens.history import History
from latens.plots import plot_errors, plot_history


def history(losses: list[float], held_out: list[float] | None = None) -> History:
    columns = {"epoch": tuple(range(1, len(losses) + 1)), "train_loss": tuple(losses)}
    return History(columns | ({} if held_out is None else {"validation_loss": tuple(held_out)}))


def test_both_losses_by_epoch() -> None:
    axes = plot_history(history([3.0, 2.0], [4.0, 3.0])).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("epoch", "loss", "linear")
    assert [line.get_ydata().tolist() for line in axes.lines] == [[3.0, 2.0], [4.0, 3.0]]  # type: ignore[union-attr]
    assert len(axes.get_legend().get_texts()) == 2  # type: ignore[union-attr]


def test_logarithmic_beyond_a_factor_of_ten() -> None:
    assert plot_history(history([1.0, 0.05])).axes[0].get_yscale() == "log"
    assert plot_history(history([1.0, 0.0])).axes[0].get_yscale() == "linear"


def test_one_epoch_has_one_tick_that_is_whole() -> None:
    figure = plot_history(history([0.5]))
    figure.savefig(BytesIO(), format="png", dpi=40)
    axes = figure.axes[0]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(DataError, match="no epoch to draw; fit"):
        plot_history(History())


def test_plots_need_neither_pyplot_nor_torch_and_import_nothing_early() -> None:
    program = (
        "import sys, latens.plots as p, numpy as np; early = 'matplotlib' in sys.modules; "
        "p.plot_map(np.zeros((2, 2))); "
        "assert not early and not {'matplotlib.pyplot', 'torch'} & set(sys.modules)"
    )
    run([sys.executable, "-c", program], check=True)


def test_a_curve_a_model_from_zero_up() -> None:
    axes = plot_errors([0.0, 0.5], {"plain": [0.1, 0.4], "in $ or $": [0.2, 0.2]}, across="noise").axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.1, 0.4], [0.2, 0.2]]  # type: ignore[union-attr]
    assert len({(line.get_marker(), line.get_linestyle(), line.get_color()) for line in axes.lines}) == 2
    assert axes.get_ylim()[0] == 0
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["plain", "in \\$ or \\$"]  # type: ignore[union-attr]


def test_sizes_that_double_are_evenly_spaced_and_named() -> None:
    figure = plot_errors([1024, 60_000], {"tied": [0.1, 0.2]}, across="images", doubling=True)
    figure.savefig(BytesIO(), format="png", dpi=40)
    assert figure.axes[0].get_xscale() == "log"
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["1,024", "60,000"]


@pytest.mark.parametrize(("places", "errors"), [([], {"a": []}), ([1.0], {}), ([1.0], {"a": [1.0, 2.0]})])
def test_errors_without_a_place_are_refused(places: list[float], errors: dict[str, list[float]]) -> None:
    with pytest.raises(DataError, match="give one error a place, and a model"):
        plot_errors(places, errors, across="noise")

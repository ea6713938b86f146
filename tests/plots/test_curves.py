"""The loss by epoch."""

from __future__ import annotations

import sys
from io import BytesIO
from subprocess import run

import pytest

from latens.errors import DataError
from latens.history import History
from latens.plots import plot_history


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

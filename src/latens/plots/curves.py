"""Errors as curves: how a fit went, epoch by epoch, and how a model's error falls with the size of its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.errors import DataError
from latens.history import History
from latens.plots.colours import OTHER, TEN
from latens.plots.lettering import lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latens.analysis import ProbeCurve, Sweep

__all__ = ["plot_errors", "plot_history", "plot_probes", "plot_sweep"]

# A curve through more places than this is one without their marks.
_MARKED = 50
_LINES = (("o", "-"), ("s", "--"), ("^", "-."), ("D", ":"))

_CURVES = {
    "train_loss": ("training (mean over the epoch)", "#3f90da", "-"),
    "validation_loss": ("held out (after the epoch)", "#bd1f01", "--"),
}


def plot_history(history: History, *, title: str | None = None) -> Figure:
    """The loss by epoch, on training and on held-out rows; logarithmic where it spans more than a factor of ten.

    Args:
        history: Of a fit.
        title: Above the curves.

    Raises:
        DataError: There is no epoch to draw.

    Example:
        >>> plot_history(History().append({"epoch": 1, "train_loss": 0.5})).axes[0].get_ylabel()
        'loss'
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not len(history):
        raise DataError("the history has no epoch to draw; fit for at least one")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="loss", title=lettering(title or "Loss by epoch", longest=80))
    drawn = [name for name in _CURVES if name in history.columns]
    for name in drawn:
        label, colour, line = _CURVES[name]
        axes.plot(history["epoch"], history[name], line, color=colour, label=label, marker="o", markersize=4)
    values = [value for name in drawn for value in history[name]]
    if min(values) > 0 and max(values) > 10 * min(values):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.2, which="both")
    axes.legend()
    return figure


def plot_errors(
    places: Sequence[float],
    errors: Mapping[str, Sequence[float]],
    *,
    across: str,
    title: str | None = None,
    doubling: bool = False,
    measured: str = "mean squared error",
) -> Figure:
    """The error of several models over something that was varied: a level of noise, a number of rows.

    Args:
        places: Where it was measured, in order.
        errors: By model, one for each place.
        across: What was varied.
        title: Above the curves.
        doubling: The places grow by factors: each doubling is as wide as any other.
        measured: What stands for the error, with its unit.

    Raises:
        DataError: There is nothing to draw, or not one error for each place.

    Example:
        >>> plot_errors([0, 0.5], {"plain": [0.01, 0.2]}, across="noise").axes[0].get_xlabel()
        'noise'
    """
    from matplotlib.figure import Figure

    if not errors or not len(places) or any(len(values) != len(places) for values in errors.values()):
        raise DataError(f"errors of {len(errors)} models at {len(places)} places; give one error a place, and a model")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel=across, ylabel=lettering(measured))
    axes.set_title(lettering(title or f"Error by {across}", longest=80))
    for i, (name, values) in enumerate(errors.items()):
        marker, line = _LINES[i % len(_LINES)]
        shown = marker if len(places) <= _MARKED else ""
        axes.plot(places, values, line, marker=shown, color=TEN[i % len(TEN)], label=lettering(name), markersize=5)
    if doubling:
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(places), [f"{place:,}" for place in places])
        axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.2)
    axes.legend()
    return figure


def plot_sweep(sweep: Sweep, *, title: str | None = None) -> Figure:
    """The error by the size of the code beside exact PCA's, both axes logarithmic; units that do no work are named.

    Args:
        sweep: The sizes that were tried.
        title: Above the curves.

    Example:
        >>> from latens.analysis import Size, Sweep
        >>> plot_sweep(Sweep((Size(2, 0.5, 0.6, (), (), 1.0),))).axes[0].get_xlabel()
        'n: numbers in a code'
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="n: numbers in a code", ylabel="error on held-out rows")
    axes.set_title(lettering(title or "Error by the size of the code", longest=80))
    sizes = [size.n_components for size in sweep.sizes]
    curves = (("exact PCA", "#94a4a2", "--", "pca_error"), ("this model", "#3f90da", "-", "error"))
    for label, colour, line, name in curves:
        axes.plot(sizes, [getattr(size, name) for size in sweep.sizes], line, color=colour, label=label, marker="o")
    for size in sweep.sizes:
        if size.faults:
            place = (size.n_components, size.error)
            words = f"{len(size.dead)} dead, {len(size.collapsed)} collapsed"
            axes.annotate(words, place, xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    if min(size.error for size in sweep.sizes) > 0:
        axes.set_yscale("log")
    axes.grid(alpha=0.2, which="both")
    axes.legend()
    return figure


def plot_probes(curve: ProbeCurve, *, title: str | None = None) -> Figure:
    """Accuracy by the number of labels, a panel for each classifier; bars are the deviation between draws.

    Args:
        curve: What the probes found.
        title: Above it.

    Example:
        >>> from latens.analysis import Probe, ProbeCurve
        >>> curve = ProbeCurve((Probe("raw", "linear", 10, (0.5, 0.6)),), n_train=50, n_test=20, n_classes=2)
        >>> plot_probes(curve).axes[0].get_xlabel()
        'labelled rows'
    """
    from matplotlib.figure import Figure

    probes = list(dict.fromkeys(each.probe for each in curve.probes))
    figure = Figure(figsize=(4.6 * len(probes) + 0.4, 4.5), layout="constrained")
    figure.suptitle(lettering(title or f"Accuracy on {curve.n_test:,} rows by labels", longest=80))
    for place, (name, axes) in enumerate(
        zip(probes, np.ravel(figure.subplots(1, len(probes), sharey=True)), strict=True)
    ):
        _draw_probes(axes, curve, name)
        axes.set(title=f"{name} probe", xlabel="labelled rows")
        if place == 0:
            axes.set_ylabel("accuracy")
            axes.legend(loc="lower right")
    return figure


def _draw_probes(axes: Axes, curve: ProbeCurve, probe: str) -> None:
    for i, features in enumerate(dict.fromkeys(each.features for each in curve.probes)):
        marker, line = _LINES[i % len(_LINES)]
        found = [curve.of(features, probe, budget) for budget in curve.budgets]
        # A little beside each other, so that no bar hides another
        places = [each.n_labels * 1.04 ** (i - 1) for each in found]
        style: dict[str, Any] = {
            "color": TEN[i % len(TEN)],
            "marker": marker,
            "linestyle": line,
            "markersize": 5,
            "capsize": 3,
        }
        axes.errorbar(places, [each.mean for each in found], [each.std for each in found], label=features, **style)
    axes.axhline(1 / curve.n_classes, color=OTHER, linestyle=":", label="chance")
    axes.set_xscale("log")
    axes.set_xticks(list(curve.budgets), [f"{budget:,}" for budget in curve.budgets])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.2)

"""Results as pictures: each function returns a matplotlib `Figure`, shows nothing and keeps no global state."""

from __future__ import annotations

from latens.plots.clusters import plot_clusters
from latens.plots.curves import plot_errors, plot_history, plot_probes, plot_sweep
from latens.plots.forecasts import plot_forecast
from latens.plots.maps import plot_map
from latens.plots.neighbours import plot_neighbours
from latens.plots.outliers import plot_outliers
from latens.plots.samples import plot_corruptions, plot_denoised, plot_images, plot_pairs

__all__ = [
    "plot_clusters",
    "plot_corruptions",
    "plot_denoised",
    "plot_errors",
    "plot_forecast",
    "plot_history",
    "plot_images",
    "plot_map",
    "plot_neighbours",
    "plot_outliers",
    "plot_pairs",
    "plot_probes",
    "plot_sweep",
]

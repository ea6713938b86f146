"""S12: whether sharing the weights of the two halves helps, by how much data there is."""

from __future__ import annotations

from statistics import median
from typing import Any

from latens.plots import plot_errors
from latens.reproduce.bench import Bench
from latens.reproduce.recipes import TRAINING_SIZES
from latens.reproduce.rows import Line, Row, Table, figure_text, fit_line

__all__ = ["TYING_ROW"]

_KINDS = ("tied", "untied")
_EXPERIMENTS = tuple(f"S12 {kind} {rows}" for rows in TRAINING_SIZES for kind in _KINDS)


def _lines(bench: Bench) -> list[Line]:
    """S12: a fit of each kind at each size, in the same number of steps."""
    lines = [fit_line(bench, "S12", name) for name in _EXPERIMENTS]
    if not bench.drawn("S12", "errors", _EXPERIMENTS):
        sizes = [len(bench.data(name).train) for name in _EXPERIMENTS[::2]]
        errors = {kind: [median(line.errors) for line in lines[i::2]] for i, kind in enumerate(_KINDS)}
        errors["exact PCA"] = [line.pca_error or 0.0 for line in lines[::2]]
        title = "S12: error on test images, n = 32, in the same number of steps"
        bench.draw("S12", "errors", plot_errors(sizes, errors, across="training images", title=title, doubling=True))
    return lines


def _tables(bench: Bench) -> list[Table]:
    header = ("model", "training images", "epochs", "parameters", "test error", "exact PCA", "seconds")
    return [
        Table("S12: tied and untied deep autoencoders", header, tuple(_cells(bench, name) for name in _EXPERIMENTS))
    ]


def _cells(bench: Bench, name: str) -> tuple[str, ...]:
    results: list[dict[str, Any]] = [bench.trial(name, seed) for seed in bench.seeds]
    given = bench.circumstances(name)
    return (
        name.split()[1],
        f"{given['data']['train_rows']:,}",
        f"{given['settings']['max_epochs']:,}",
        f"{results[0]['parameters']:,}",
        figure_text(median(result["error"] for result in results)),
        figure_text(bench.pca_error(name, results[0]["n_components"])),
        f"{median(result['seconds'] for result in results):.4g}",
    )


TYING_ROW = Row(_EXPERIMENTS, _lines, (("S12", "errors"),), _tables)

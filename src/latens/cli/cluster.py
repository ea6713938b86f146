"""``latens cluster``: which rows belong together, and whether the model helped to see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.apply import PoolingOption
from latens.cli.models import load_model, open_for
from latens.cli.outputs import FIGURES, TABLES, check_output
from latens.cli.verbs import Columns, ForceOption, ModelArgument, Reading, Shared, SourceArgument, as_table, verb
from latens.errors import choice

if TYPE_CHECKING:
    from latens.analysis import ClusterComparison, Clustering

__all__ = ["PlotOption", "cluster"]

_ON = ("codes", "map", "input")

MethodOption = Annotated[str, typer.Option("--method", help="kmeans, minibatch, hdbscan or gmm.")]
SizeOption = Annotated[
    int | None,
    typer.Option("--k", "-k", help="How many clusters; 10 if left out. Not for hdbscan.", show_default=False),
]
OnOption = Annotated[
    str,
    typer.Option("--on", help="What is clustered: codes, map (laid out by UMAP first), or input (without the model)."),
]
SmallestOption = Annotated[
    int | None,
    typer.Option("--smallest", help="Of hdbscan: rows in a cluster at least; 1 % if left out.", show_default=False),
]
RowsOutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write each row's cluster: .parquet or .csv.", show_default=False),
]
PlotOption = Annotated[Path | None, typer.Option("--plot", help="Draw it too: .png, .svg or .pdf.", show_default=False)]


@verb("latens cluster digits.latens dataset:digits -k 10 -o clusters.parquet")
def cluster(
    model: ModelArgument,
    source: SourceArgument,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    method: MethodOption = "kmeans",
    k: SizeOption = None,
    on: OnOption = "codes",
    smallest: SmallestOption = None,
    pooling: PoolingOption = None,
    output: RowsOutputOption = None,
    plot: PlotOption = None,
    force: ForceOption = False,
) -> None:
    """Find rows that belong together.

    The same method on the raw input stands beside it. Labels, named by --labels or SOURCE's own, judge and are never
    learned from: homogeneity, NMI, ARI and accuracy; without them there is the silhouette.
    """
    import latens

    check_outputs({output: TABLES[:2], plot: FIGURES}, force, [model, source])
    way = "codes" if choice("--on", on, _ON) == "input" else on
    estimator = load_model(model, shared)
    data: Any = open_for(estimator, source, reading, columns)
    how: dict[str, Any] = {"on": way, "pooling": pooling, "smallest": smallest, "random_state": shared.seed or 0}
    both = latens.cluster(estimator, data, method, k, **how)
    found = both.raw if on == "input" else both.codes
    _write(found, data, output, plot)
    shared.answer(
        _facts(both, found, data, {"on": on, "output": output, "plot": plot}), _words(both, found, output, plot)
    )


def check_outputs(outputs: dict[Path | None, tuple[str, ...]], force: bool, inputs: list[str | Path]) -> None:
    """`check_output` for each of the outputs that were asked for, with the suffixes that it may have."""
    for path, suffixes in outputs.items():
        if path is not None:
            check_output(path, force=force, inputs=inputs, suffixes=suffixes)


def _write(found: Clustering, data: Any, output: Path | None, plot: Path | None) -> None:
    from latens.cli.writers import write_figure, write_table

    if output is not None:
        frame = found.to_frame()
        write_table(output, frame, list(frame.columns), data)
    if plot is not None:
        from latens.plots import plot_clusters

        images = data.values if data.kind == "images" and not data.ragged else None
        write_figure(plot, plot_clusters(found, images))


def _facts(both: ClusterComparison, found: Clustering, data: Any, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": found.method,
        "rows": len(found.labels),
        **{name: each.scores() for name, each in zip(both.names, (both.codes, both.raw), strict=True)},
        "deterministic": found.deterministic,
        "sizes": found.sizes,
        "representatives": [_name(data, row) for row in found.representatives],
        "silhouette_rows": found.silhouette_rows,
        "verdict": both.verdict,
    } | more


def _words(both: ClusterComparison, found: Clustering, output: Path | None, plot: Path | None) -> str:
    rows = [
        {"": name, **{score: _or_none(value) for score, value in each.scores().items()}}
        for name, each in zip(both.names, (both.codes, both.raw), strict=True)
    ]
    stability = "no seed has a say in it" if found.deterministic else "mean ARI between fits with different seeds"
    lines = [
        as_table(rows),
        "",
        f"stability: {stability}",
        f"sizes: {', '.join(f'{size:,}' for size in found.sizes) or 'none'}",
    ]
    return "\n".join([*lines, both.verdict, *(f"wrote {path}" for path in (output, plot) if path is not None)])


def _or_none(value: float | None) -> Any:
    return "" if value is None else value


def _name(data: Any, row: int) -> Any:
    """A row's id, or its number from 0."""
    return int(row) if data.ids is None else data.ids[row]

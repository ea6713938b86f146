"""``latens index`` and ``latens search``: what is like this one?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.models import load_model, open_for
from latens.cli.outputs import FIGURES, TABLES, check_output
from latens.cli.terminal import shown
from latens.cli.verbs import Columns, ForceOption, ModelArgument, OutputOption, Reading, Shared, as_table, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    from latens.index import Hits, Index

__all__ = ["index", "search"]

OptionalSource = Annotated[
    str | None,
    typer.Argument(metavar="[SOURCE]", help="What to index; left out only with --delete.", show_default=False),
]
IndexArgument = Annotated[
    Path, typer.Argument(metavar="INDEX", help="A folder that `latens index` wrote.", show_default=False)
]
DistanceOption = Annotated[str, typer.Option("--distance", help="Of codes: euclidean or cosine.")]
PoolingOption = Annotated[
    str | None,
    typer.Option("--pooling", help="Of text and events: last (if left out), mean or max.", show_default=False),
]
AddOption = Annotated[bool, typer.Option("--add", help="Add the rows to the index that is there.")]
DeleteOption = Annotated[
    list[str] | None, typer.Option("--delete", metavar="ID", help="Remove a row from the index; repeatable.")
]
NeighboursOption = Annotated[int, typer.Option("--k", "-k", min=1, help="How many rows to find.")]
WhereOption = Annotated[
    str | None,
    typer.Option("--where", help="Which rows count, in SQL: 'label = 3 AND price > 10'.", show_default=False),
]
HitsOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write them instead: .parquet or .csv.", show_default=False)
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", help="Of images: draw query and neighbours; .png, .svg or .pdf.", show_default=False),
]


@dataclass(frozen=True)
class Query:
    """What is asked about."""

    row: Annotated[
        list[int] | None, typer.Option("--row", min=0, help="A row of the index by its number; repeatable.")
    ] = None
    id: Annotated[list[str] | None, typer.Option("--id", help="A row of the index by its id; repeatable.")] = None
    file: Annotated[
        str | None, typer.Option("--file", help="An image, a table, a text: each of its rows.", show_default=False)
    ] = None
    text: Annotated[str | None, typer.Option("--text", help="A text, for models of text.", show_default=False)] = None

    def check(self) -> None:
        """One way of asking, and only one."""
        given = [f"--{name}" for name, value in vars(self).items() if value not in (None, [])]
        if len(given) != 1:
            seen = " and ".join(given) or "nothing"
            raise typer.BadParameter(f"{seen} given; use one of --row, --id, --file or --text", param_hint="query")


@verb("latens index digits.latens dataset:digits -o digits.index")
def index(
    model: ModelArgument,
    output: OutputOption,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    source: OptionalSource = None,
    distance: DistanceOption = "euclidean",
    pooling: PoolingOption = None,
    add: AddOption = False,
    delete: DeleteOption = None,
    force: ForceOption = False,
) -> None:
    """Write the codes of all rows into a folder that can be searched.

    Labels, ids and the columns of a table are carried along. With --add the rows go into an index that is there, with
    --delete some of its rows go.
    """
    _check_index_options(source, add, delete, force, distance, pooling)
    estimator = load_model(model, shared)
    if add or delete:
        made = _changed(output, (estimator, str(model)), delete, (source, reading, columns))
    else:
        settings: dict[str, Any] = {"distance": distance, "pooling": pooling, "seed": shared.seed or 0, "force": force}
        data, root = open_for(estimator, source or "", reading, columns), _root(source)
        made = _latens_index().create(output, estimator, data, name=str(model), root=root, **settings)
    shared.result(_described(made), _said(made))


@verb("latens search digits.index digits.latens --row 5 -k 10")
def search(
    index: IndexArgument,
    model: ModelArgument,
    query: Query,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    k: NeighboursOption = 10,
    where: WhereOption = None,
    output: HitsOption = None,
    plot: PlotOption = None,
    force: ForceOption = False,
) -> None:
    """Find the rows of an index that are nearest to a row, an image, a text.

    A row of the index is not its own neighbour. --where counts only rows that meet a condition.
    """
    query.check()
    inputs: list[str | Path] = [index, model, *([query.file] if query.file else [])]
    for path, suffixes in ((output, TABLES[:2]), (plot, FIGURES)):
        if path is not None:
            check_output(path, force=force, inputs=inputs, suffixes=suffixes)
    searched = _latens_index().open(index, load_model(model, shared), name=str(model))
    if plot is not None and searched.about.maker.kind != "images":
        raise ConfigError(
            f"--plot={plot}: draws images, and {index} holds {searched.about.maker.kind}; use -o hits.csv"
        )
    hits = _asked(searched, query, (reading, columns), k, where)
    if output is not None:
        _write(output, hits)
    if plot is not None:
        _draw(plot, hits)
    _tell(shared, searched, hits, [path for path in (output, plot) if path is not None])


def _latens_index() -> type[Index]:
    from latens.index import Index

    return Index


def _check_index_options(
    source: str | None, add: bool, delete: Sequence[str] | None, force: bool, distance: str, pooling: str | None
) -> None:
    if source is None and (add or not delete):
        raise typer.BadParameter("is missing: what is to be indexed", param_hint="SOURCE")
    if delete and source is not None and not add:
        raise typer.BadParameter("goes without SOURCE, or with --add", param_hint="--delete")
    if (add or delete) and (force or distance != "euclidean" or pooling is not None):
        raise typer.BadParameter("an index keeps what it was built with", param_hint="--force, --distance, --pooling")


def _changed(folder: Path, model: tuple[Any, str], delete: Sequence[str] | None, what: tuple[Any, ...]) -> Index:
    (estimator, name), (source, reading, columns) = model, what
    changed = _latens_index().open(folder, estimator, name=name)
    data = None if source is None else open_for(estimator, source, reading, columns)
    if delete:
        changed.delete(list(delete))
    if data is not None:
        changed.add(data, root=_root(source))
    return changed


def _root(source: str | None) -> Path | None:
    """The folder that the ids of images start from."""
    if source is None or not os.path.exists(source):
        return None
    return Path(source) if os.path.isdir(source) else Path(source).parent


def _described(made: Index) -> dict[str, Any]:
    found = None if made.about.recall is None else asdict(made.about.recall)
    about = {"output": str(made.folder), "rows": len(made), "n_components": made.about.maker.n_components}
    return about | {"distance": made.about.distance, "exact": made.exact, "recall": found, "fields": made.fields}


def _said(made: Index) -> str:
    way = "searched exactly" if made.exact else f"searched approximately: {made.about.recall}"
    return f"{made.folder}: {len(made):,} rows of {made.about.maker.n_components} numbers, {way}"


def _asked(searched: Index, query: Query, how: tuple[Reading, Columns], k: int, where: str | None) -> Hits:
    if query.row:
        return searched.search_rows(query.row, k, where)
    if query.id:
        return searched.search_ids(query.id, k, where)
    return searched.search(_source(searched, query, how), k, where)


def _source(searched: Index, query: Query, how: tuple[Reading, Columns]) -> Any:
    if query.file is not None:
        return open_for(searched.estimator, query.file, *how)
    if searched.about.maker.kind != "text":
        raise ConfigError(f"--text goes with models of text, not of {searched.about.maker.kind}; use --row or --file")
    from latens.data import open_source

    return open_source([query.text], kind="text")


def _write(output: Path, hits: Hits) -> None:
    from latens.cli.writers import write_rows

    write_rows(output, {name: column.tolist() for name, column in hits.columns().items()}, {})


def _draw(plot: Path, hits: Hits) -> None:
    from latens.cli.writers import write_figure
    from latens.plots import plot_neighbours

    queries, found = hits.strips()
    captions: list[list[str]] = [[] for _ in queries]
    for record in hits.records():
        label = f"{record['label']}, " if record.get("label") is not None else ""
        captions[record["query"]].append(f"{label}{record['distance']:.3g}")
    write_figure(plot, plot_neighbours(queries, found, captions))


def _tell(shared: Shared, searched: Index, hits: Hits, written: Sequence[Path]) -> None:
    records = hits.records()
    result: dict[str, Any] = {"index": str(searched.folder), "rows": len(searched), "exact": searched.exact}
    if written and not shared.json:
        files = " and ".join(map(str, written))
        return shared.result({}, f"wrote {len(records):,} neighbours to {files}")
    hidden = {"path"} | (set() if len(hits.asked) > 1 or len(set(hits.query.tolist())) > 1 else {"query"})
    rows = [{name: shown(value) for name, value in record.items() if name not in hidden} for record in records]
    result |= {"written": [str(path) for path in written], "hits": records}
    shared.answer(result, as_table(rows) or "no row passes the filter")

"""``latens corrupt``: what training would do to the data, to look at or to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.figures import CountOption, RowsOption, row_numbers
from latens.cli.outputs import FIGURES, TABLES, check_files, check_folder, check_output, is_folder
from latens.cli.verbs import ForceOption, OutputOption, Reading, Shared, SourceArgument, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from latens.corruptions import Corruption
    from latens.data import Source
    from latens.schema import Schema

__all__ = ["corrupt"]

CorruptionOption = Annotated[
    list[str],
    typer.Option(
        "--corruption",
        metavar="NAME:LEVEL",
        help="What is done, such as gaussian:0.5 or stains:0.4; repeatable with --preview.",
        show_default=False,
    ),
]
PreviewOption = Annotated[bool, typer.Option("--preview", help="Draw rows beside what is made of them.")]


@verb("latens corrupt dataset:digits --corruption gaussian:0.3 --corruption block:0.2 --preview -o preview.png")
def corrupt(
    source: SourceArgument,
    output: OutputOption,
    corruptions: CorruptionOption,
    reading: Reading,
    shared: Shared,
    preview: PreviewOption = False,
    rows: RowsOption = None,
    count: CountOption = 10,
    force: ForceOption = False,
) -> None:
    """Write what a corruption makes of every row.

    It is what training sees in its first epoch, in the data's own units; levels are in those of the scaling. The output
    is Parquet, CSV or NumPy by its suffix; a name without a suffix is a folder of PNG files, named as the images that
    came in. With --preview it is a picture of a few rows: PNG, SVG or PDF.
    """
    _check(source, output, corruptions, preview, rows, force)
    leaves = _leaves(corruptions)
    from latens.data import open_samples

    data = open_samples(source, **reading.how)
    if preview:
        _draw(data, leaves, _chosen(rows, count, data), output, shared)
    else:
        _write(data, source, *leaves.popitem(), output, shared)


def _check(source: str, output: Path, names: Sequence[str], preview: bool, rows: str | None, force: bool) -> None:
    if not preview and len(names) > 1:
        raise typer.BadParameter("only one at a time is written; --preview draws several", param_hint="--corruption")
    if not preview and rows is not None:
        raise typer.BadParameter("chooses what --preview draws; all rows are written", param_hint="--rows")
    if preview:
        check_output(output, force=force, inputs=[source], suffixes=FIGURES)
    elif is_folder(output):
        check_folder(output, force=force, inputs=[source])
    else:
        check_output(output, force=force, inputs=[source], suffixes=TABLES)


def _leaves(words: Sequence[str]) -> dict[str, Corruption]:
    from latens.corruptions import resolve_corruption

    leaves = {word: resolve_corruption(word) for word in words}
    return {word: leaf for word, leaf in leaves.items() if leaf is not None}


def _chosen(rows: str | None, count: int, data: Source) -> np.ndarray:
    """The rows asked for, or so many spread over those that have the size of the first."""
    import numpy as np

    n = len(data)
    alike = (
        np.flatnonzero([image.shape == data.values[0].shape for image in data.values]) if data.ragged else np.arange(n)
    )
    if rows is None:
        return alike[np.linspace(0, len(alike) - 1, min(count, len(alike))).astype(np.int64)]
    chosen = row_numbers(rows)
    if not all(0 <= row < n for row in chosen):
        raise ConfigError(f"rows={rows} leave the data's {n} rows; use numbers from 0 to {n - 1}")
    return np.array(chosen, dtype=np.int64)


def _draw(data: Source, leaves: Mapping[str, Corruption], rows: np.ndarray, output: Path, shared: Shared) -> None:
    import numpy as np

    from latens import corruptions, plots
    from latens.cli.writers import write_figure
    from latens.devices import resolve_device
    from latens.plots.lettering import count
    from latens.schema import Schema

    schema, device = Schema.learn(data, np.arange(len(data))), resolve_device(shared.device)
    shown = data.take(rows).one_size("choose --rows of one size")
    drawn = {
        word: corruptions.corrupt(data, schema, leaf, seed=shared.seed or 0, rows=rows, device=device)
        for word, leaf in leaves.items()
    }
    title = f"{data.name}: clean and corrupted"
    columns = data.table.types if data.table else data.columns
    write_figure(output, plots.plot_corruptions(shown.values, drawn, columns=columns, title=title))
    result = {"output": str(output), "corruptions": list(leaves), "rows": rows.tolist()}
    shared.result(result, f"wrote {count(len(rows), 'row')} under {count(len(leaves), 'corruption')} to {output}")


def _write(data: Source, source: str, word: str, leaf: Corruption, output: Path, shared: Shared) -> None:
    import numpy as np

    from latens import corruptions
    from latens.cli.writers import png_names, write_like
    from latens.devices import resolve_device
    from latens.schema import Schema

    if is_folder(output):
        check_files(output, png_names(len(data), data.ids), inputs=[source])
    else:
        data = data.one_size("write them into a folder: -o corrupted")
    schema, device = Schema.learn(data, np.arange(len(data))), resolve_device(shared.device)
    values = corruptions.corrupt(data, schema, leaf, seed=shared.seed or 0, device=device)
    write_like(output, values, schema, data)
    mean = _mean_change(values, data, schema)
    result = {
        "output": str(output),
        "rows": len(values),
        "corruption": corruptions.corruption_config(leaf),
        "mean_squared_change": mean,
    }
    words = f"wrote {len(values):,} rows under {word} to {output}; mean squared change {mean:.4g} after scaling"
    if data.table is not None:  # a cell that is gone has not changed by any number
        gone = result["missing"] = float((np.isnan(values) & ~np.isnan(data.values)).mean())
        words += f"; {gone:.1%} of the cells are gone"
    shared.result(result, words)


def _mean_change(values: Any, data: Source, schema: Schema) -> float:
    """Mean squared difference after scaling, over what is not missing."""
    import numpy as np

    # Images of different sizes are taken one by one.
    pairs = [(a[None], b[None]) for a, b in zip(values, data.values, strict=True)] if data.ragged else None
    changes = [schema.scale_values(a) - schema.scale_values(b) for a, b in pairs or [(values, data.values)]]
    squares = np.concatenate([np.square(change, dtype=np.float64).ravel() for change in changes])
    return float(np.where(np.isnan(squares), 0.0, squares).mean())

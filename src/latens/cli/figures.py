"""``latens pairs``: rows beside what a model makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from latens.cli.models import load_model, open_for
from latens.cli.outputs import FIGURES, check_output
from latens.cli.verbs import ForceOption, ModelArgument, OutputOption, Reading, Shared, SourceArgument, verb
from latens.errors import ConfigError

__all__ = ["CountOption", "RowsOption", "pairs", "row_numbers"]

RowsOption = Annotated[
    str | None, typer.Option("--rows", help="Which rows, counted from 0: 0,5,9.", show_default=False)
]
CountOption = Annotated[int, typer.Option("--count", min=1, max=100, help="How many rows, spread over the data.")]


@verb("latens pairs digits.latens dataset:digits -o pairs.png --rows 0,5,9")
def pairs(
    model: ModelArgument,
    source: SourceArgument,
    output: OutputOption,
    reading: Reading,
    shared: Shared,
    rows: RowsOption = None,
    count: CountOption = 10,
    force: ForceOption = False,
) -> None:
    """Draw rows beside their reconstructions.

    PNG, SVG or PDF by the output's suffix.
    """
    from latens.cli.writers import write_figure

    check_output(output, force=force, inputs=[model, source], suffixes=FIGURES)
    chosen = None if rows is None else row_numbers(rows)
    estimator = load_model(model, shared, "pairs")
    data = open_for(estimator, source, reading)
    _check_rows(chosen or (), len(data))
    write_figure(output, estimator.plot_pairs(data, rows=chosen, count=count))
    shown = len(chosen) if chosen is not None else min(count, len(data))
    shared.result({"output": str(output), "rows": chosen, "shown": shown}, f"wrote {shown} pairs to {output}")


def row_numbers(rows: str) -> list[int]:
    """The numbers in ``0,5,9``."""
    try:
        return [int(row) for row in rows.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{rows!r} is no list of row numbers, as in 0,5,9", param_hint="--rows") from None


def _check_rows(rows: Sequence[int], n: int) -> None:
    for row in rows:
        if not 0 <= row < n:
            raise ConfigError(f"--rows {row} is not in the data's {n} rows; use numbers from 0 to {n - 1}")

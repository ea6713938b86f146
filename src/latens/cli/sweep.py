"""``latens sweep``: how large a code has to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.fit import ModelOption, SetOption
from latens.cli.outputs import FIGURES, check_output
from latens.cli.settings import SEQUENCES, build_estimator
from latens.cli.verbs import ForceOption, Reading, Shared, SourceArgument, as_table, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    from latens.analysis import Sweep

__all__ = ["sweep"]

SizesOption = Annotated[
    str | None,
    typer.Option(
        "--n", help="The sizes to try, between commas; 2,4,8,16,32 as far as they fit if left out.", show_default=False
    ),
]
FigureOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Draw the errors too: .png, .svg or .pdf.", show_default=False)
]


@verb("latens sweep dataset:digits --n 2,4,8,16,32 -o sweep.png")
def sweep(
    source: SourceArgument,
    reading: Reading,
    shared: Shared,
    sizes: SizesOption = None,
    output: FigureOption = None,
    model: ModelOption = None,
    settings: SetOption = None,
    force: ForceOption = False,
) -> None:
    """Find the size of a code.

    A model of each size is fitted to the same rows; the table has its error on held-out rows beside that of exact PCA,
    and names the units of its code that do no work.
    """
    import latens
    from latens.data import open_samples

    if model in SEQUENCES:
        raise ConfigError(f"--model={model!r} has no code whose size could be swept; use an autoencoder, or latens fit")
    if output is not None:
        check_output(output, force=force, inputs=[source], suffixes=FIGURES)
    defaults = {"random_state": shared.seed or 0, "device": shared.device, "verbose": 0}
    estimator = build_estimator(model or "deep", settings or (), defaults)
    data = open_samples(source, **reading.how)
    found = latens.sweep(estimator, data, None if sizes is None else _numbers(sizes), report=shared.report)
    if output is not None:
        _draw(output, found)
    rows = [_row(size) for size in found.sizes]
    result = {"sizes": rows, "best": found.best.n_components, "verdict": found.verdict, "output": output}
    wrote = "" if output is None else f"\nwrote {output}"
    shared.answer(result, f"{as_table([_in_words(row) for row in rows])}\n\n{found.verdict}{wrote}")


def _numbers(words: str) -> list[int]:
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{words!r} is no list of whole numbers such as 2,4,8", param_hint="--n") from None


def _draw(output: Path, found: Sweep) -> None:
    from latens.cli.writers import write_figure
    from latens.plots import plot_sweep

    write_figure(output, plot_sweep(found))


def _row(size: Any) -> dict[str, Any]:
    return {
        "n": size.n_components,
        "error": size.error,
        "exact_pca": size.pca_error,
        "dead": list(size.dead),
        "collapsed": list(size.collapsed),
        "seconds": size.seconds,
    }


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    """The row for reading: units that do no work by number, the first of them if they are many."""
    named = {name: _units(row[name]) for name in ("dead", "collapsed")}
    return row | named


def _units(units: list[int]) -> str:
    return ", ".join(map(str, units[:8])) + (f" and {len(units) - 8} more" if len(units) > 8 else "") or "none"

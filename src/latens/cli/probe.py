"""``latens probe``: what a model's codes are worth when labels are few."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.apply import PoolingOption
from latens.cli.cluster import PlotOption, check_outputs
from latens.cli.models import load_model, open_for
from latens.cli.outputs import FIGURES, TABLES
from latens.cli.verbs import Columns, ForceOption, ModelArgument, Reading, Shared, SourceArgument, as_table, verb

if TYPE_CHECKING:
    from latens.analysis import ProbeCurve

__all__ = ["probe"]

_DATASET = "dataset:"

TestOption = Annotated[
    str | None,
    typer.Option(
        "--test", metavar="SOURCE", help="Rows that judge; held out of SOURCE if left out.", show_default=False
    ),
]
BudgetsOption = Annotated[str, typer.Option("--budgets", help="Numbers of labels, between commas.")]
DrawsOption = Annotated[int, typer.Option("--draws", min=1, help="Draws of labelled rows, for each of them.")]
TableOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the table: .csv or .parquet.", show_default=False)
]


@verb("latens probe digits.latens dataset:digits --budgets 10,50,100 -o probe.csv --plot probe.png")
def probe(
    model: ModelArgument,
    source: SourceArgument,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    test: TestOption = None,
    budgets: BudgetsOption = "10,50,100,1000",
    draws: DrawsOption = 10,
    pooling: PoolingOption = None,
    output: TableOption = None,
    plot: PlotOption = None,
    force: ForceOption = False,
) -> None:
    """Say what codes are worth when labels are few.

    A linear classifier and nearest neighbours learn from a few labelled rows: on the raw input, on PCA of the code's
    size, and on the codes. The classes are the first of --labels, or the label that SOURCE has; other rows judge.
    """
    import latens

    check_outputs({output: TABLES[:2], plot: FIGURES}, force, [model, source, *([] if test is None else [test])])
    estimator = load_model(model, shared)
    learned, judged = (_opened(estimator, name, reading, columns) for name in _parts(source, test))
    how: dict[str, Any] = {"pooling": pooling, "random_state": shared.seed or 0, "n_draws": draws}
    curve = latens.probe(estimator, learned, test=judged, budgets=_numbers(budgets), **how)
    _write(curve, output, plot)
    shared.answer(_facts(curve) | {"output": output, "plot": plot}, _words(curve, output, plot))


def _opened(estimator: Any, name: str | None, reading: Reading, columns: Columns) -> Any:
    return None if name is None else open_for(estimator, name, reading, columns)


def _parts(source: str, test: str | None) -> tuple[str, str | None]:
    """Where labelled rows come from, and what judges: of a data set with a part for testing, that part."""
    from latens.data import DATASETS

    name, _, part = source.removeprefix(_DATASET).partition("/")
    if test is not None or not source.startswith(_DATASET) or name not in DATASETS or part not in ("", "train"):
        return source, test
    both = {"train", "test"} <= set(DATASETS[name].rows)
    return (f"{_DATASET}{name}/train", f"{_DATASET}{name}/test") if both else (source, None)


def _numbers(words: str) -> list[int]:
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"{words!r} is no list of whole numbers such as 10,100", param_hint="--budgets"
        ) from None


def _write(curve: ProbeCurve, output: Path | None, plot: Path | None) -> None:
    from latens.cli.writers import write_figure, write_rows

    if output is not None:
        frame = curve.to_frame()
        write_rows(output, {name: frame[name] for name in frame}, {})
    if plot is not None:
        from latens.plots import plot_probes

        write_figure(plot, plot_probes(curve))


def _facts(curve: ProbeCurve) -> dict[str, Any]:
    sizes = {"train_rows": curve.n_train, "test_rows": curve.n_test, "classes": curve.n_classes}
    return {
        "probes": curve.to_frame().to_dict("records"),
        **sizes,
        "left_out": curve.left_out,
        "verdict": curve.verdict,
    }


def _words(curve: ProbeCurve, output: Path | None, plot: Path | None) -> str:
    names = dict.fromkeys((each.features, each.probe) for each in curve.probes)
    rows = [
        {"features": features, "probe": name}
        | {f"{n:,} labels": _cell(curve.of(features, name, n)) for n in curve.budgets}
        for features, name in names
    ]
    lines = [as_table(rows), "", f"accuracy on {curve.n_test:,} rows, mean ± deviation between draws of labelled rows"]
    if curve.left_out:
        lines += [f"left out: {', '.join(map(str, curve.left_out))} labels, of {curve.n_train:,} rows"]
    return "\n".join([*lines, curve.verdict, *(f"wrote {path}" for path in (output, plot) if path is not None)])


def _cell(probe: Any) -> str:
    return f"{probe.mean:.3f} ± {probe.std:.3f}"

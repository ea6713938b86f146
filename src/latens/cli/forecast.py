"""``latens forecast``: what comes after a series, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.models import load_model
from latens.cli.outputs import FIGURES, check_output
from latens.cli.verbs import ForceOption, ModelArgument, OutputOption, Shared, verb
from latens.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

    from latens.analysis import Forecast
    from latens.data.series import SeriesSource

__all__ = ["forecast"]

SeriesArgument = Annotated[
    str, typer.Argument(metavar="SERIES", help="A table with a row for each step, or an array.", show_default=False)
]
HorizonOption = Annotated[int, typer.Option("--horizon", help="Steps to look ahead.", show_default=False)]
TargetOption = Annotated[
    str | None, typer.Option("--target", help="The column to write and draw; all if left out.", show_default=False)
]
PathsOption = Annotated[int, typer.Option("--paths", help="Futures to draw; 0 is the mean alone.")]
QuantilesOption = Annotated[str, typer.Option("--quantiles", help="Of the futures, between commas.")]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", help="Draw history, median and bands too: .png, .svg or .pdf.", show_default=False),
]


@verb("latens forecast load.latens load.csv --horizon 96 -o forecast.csv --plot forecast.png")
def forecast(
    model: ModelArgument,
    series: SeriesArgument,
    output: OutputOption,
    horizon: HorizonOption,
    shared: Shared,
    target: TargetOption = None,
    paths: PathsOption = 100,
    quantiles: QuantilesOption = "0.1,0.5,0.9",
    plot: PlotOption = None,
    force: ForceOption = False,
) -> None:
    """Say what comes after a series: the mean and quantiles of possible futures.

    The output is Parquet or CSV by its suffix, a row for each step; of several series one after the other.
    """
    from latens.estimators.series_data import opened

    check_output(output, force=force, inputs=[model, series], suffixes=(".parquet", ".csv"))
    if plot is not None:
        check_output(plot, force=force, inputs=[model, series, output], suffixes=FIGURES)
    estimator, levels = _forecaster(model, shared), _levels(quantiles)
    source = opened(series, estimator.schema_, estimator.impute)
    found = estimator.forecast(source, horizon, n_paths=paths, quantiles=levels, random_state=shared.seed or 0)
    forecasts = [_column(each, target) for each in (found if isinstance(found, list) else [found])]
    _write(output, _table(forecasts, source))
    if plot is not None:
        _draw(plot, forecasts[0], source, list(estimator.schema_.names))
    result = {"output": str(output), "series": len(forecasts), "horizon": horizon, "columns": forecasts[0].columns}
    shared.result(result | {"plot": plot}, f"wrote {horizon:,} steps of {', '.join(forecasts[0].columns)} to {output}")


def _forecaster(model: Path, shared: Shared) -> Any:
    estimator = load_model(model, shared)
    if not hasattr(estimator, "forecast"):
        raise ConfigError(f"{model}: a {type(estimator).__name__} makes no forecasts; use a model of kind series")
    return estimator


def _levels(words: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in words.split(",") if word.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{words!r} is no list of numbers such as 0.1,0.5,0.9") from error


def _column(forecast: Forecast, target: str | None) -> Forecast:
    """The forecast of one column, or all of it."""
    from dataclasses import replace

    if target is None:
        return forecast
    if target not in forecast.columns:
        raise DataError(f"target={target!r} is no column of the model; use one of {', '.join(forecast.columns[:12])}")
    place = slice(forecast.columns.index(target), forecast.columns.index(target) + 1)
    parts = {name: getattr(forecast, name)[..., place] for name in ("mean", "quantiles", "paths")}
    return replace(forecast, columns=(target,), **parts)


def _table(forecasts: list[Forecast], source: SeriesSource) -> pd.DataFrame:
    """All of them below each other, under the source's own names for times and series."""
    import pandas as pd

    frames = [each.to_frame().reset_index() for each in forecasts]
    if source.ids is not None or len(frames) > 1:
        names = range(len(frames)) if source.ids is None else source.ids
        for name, frame in zip(names, frames, strict=True):
            frame.insert(0, source.clock.sequence or "series", name)
    return pd.concat(frames, ignore_index=True)


def _write(output: Path, table: pd.DataFrame) -> None:
    from latens.columns import harmless_frame
    from latens.persistence import atomic_path

    with atomic_path(output) as temporary:
        if output.suffix.lower() == ".csv":  # by pandas, which writes times as they came
            harmless_frame(table).to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)


def _draw(plot: Path, forecast: Forecast, source: SeriesSource, names: list[str]) -> None:
    """The first series."""
    from latens.cli.writers import write_figure
    from latens.plots import plot_forecast

    history = source[0][:, [names.index(column) for column in forecast.columns]]
    write_figure(plot, plot_forecast(forecast, history, source.times(0, 0, len(history))))

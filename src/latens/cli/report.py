"""``latens report``: everything that is known of a model and its data, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from latens.cli.models import load_model, open_for
from latens.cli.outputs import check_output
from latens.cli.verbs import Columns, ForceOption, ModelArgument, OutputOption, Reading, Shared, SourceArgument, verb

if TYPE_CHECKING:
    from latens.report import Origin, ReportPage

__all__ = ["report"]


@verb("latens report digits.latens dataset:digits -o report.html")
def report(
    model: ModelArgument,
    source: SourceArgument,
    output: OutputOption,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    force: ForceOption = False,
) -> None:
    """Write one page on a model and its data.

    It says what the data is, how the fit went, and what the referee found; it has the map, reconstructions, outliers
    with reasons, clusters, how noise is stood, or forecasts and surprises. The file is .html and needs no network.
    """
    from latens.report import write_report

    check_output(output, force=force, inputs=[model, source], suffixes=(".html",))
    estimator = load_model(model, shared)
    data = open_for(estimator, source, reading, columns)
    origin, seed = _origin(model, source, output, (reading, columns), shared), shared.seed or 0
    page = write_report(estimator, data, output, random_state=seed, origin=origin, report=shared.report)
    shared.result(_facts(page, output), _words(page, output))


def _facts(page: ReportPage, output: Path) -> dict[str, Any]:
    size = {"output": str(output), "bytes": len(page.html.encode()), "rows": page.rows, "of": page.total}
    return size | {"sections": page.verdicts, "failed": page.failed}


def _words(page: ReportPage, output: Path) -> str:
    lines = [f"{name:<15}{verdict}" for name, verdict in page.verdicts.items()]
    of = f" of {page.total:,}" if page.rows < page.total else ""
    return "\n".join([*lines, f"wrote a report on {page.rows:,}{of} rows to {output}"])


def _origin(model: Path, source: str, output: Path, how: tuple[Reading, Columns], shared: Shared) -> Origin:
    """What was typed, to be typed again."""
    from latens.persistence import read_header
    from latens.report import Origin

    reading, columns = how
    given = {"kind": reading.kind, "array": reading.array, **columns.how}
    words = [word for name, value in given.items() if value is not None for word in (f"--{name}", value)]
    for name in ("labels", "types", "missing"):
        words += [word for value in getattr(reading, name) or () for word in (f"--{name}", value)]
    opened = {name: value for name, value in (reading.how | columns.how).items() if value not in (None, {}, (), False)}
    seed = [] if shared.seed is None else ["--seed", str(shared.seed)]
    return Origin(str(model), source, str(output), [*words, *seed], opened, read_header(model)["digest"])

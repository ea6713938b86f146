"""The published experiments again: ours beside the published figures, with pictures, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latens.errors import ConfigError, choice
from latens.reports import Report, silent

__all__ = ["ROWS", "run"]


def run(
    rows: Sequence[str] = (),
    *,
    quick: bool = False,
    seeds: Sequence[int] = (0, 1, 2),
    folder: str | Path = "reproduce",
    report: Report = silent,
) -> list[dict[str, Any]]:
    """Carry out experiments and write ``index.html``.

    What has been measured stays in ``results.json``: a second run goes on with what is missing, and the page shows
    everything that the folder holds of the same form.

    Args:
        rows: Keys of `ROWS`; none for all of them.
        quick: Few images and epochs: shows that it runs, not the figures.
        seeds: Of each fit; the table shows their median and all of them.
        folder: Where results, models, pictures and the page go.
        report: Hears one line at a time.

    Raises:
        ConfigError: An unknown row, or no seed.
        DataError: The full form, and no MNIST.
        OutputError: The folder cannot be written.
    """
    from latens.reproduce.bench import Bench
    from latens.reproduce.experiments import ROWS, summary
    from latens.reproduce.page import write_page

    chosen = [choice("row", row.upper(), ROWS) for row in rows] or list(ROWS)
    if not len(seeds):
        raise ConfigError("seeds=() leaves nothing to run; give at least one")
    bench = Bench(Path(folder), tuple(int(seed) for seed in seeds), quick, report)
    lines = {}
    for row in dict.fromkeys(chosen):
        lines[row] = ROWS[row].lines(bench)
        bench.remember(row)
        earlier = [other for other in ROWS if bench.remembers(other) and ROWS[other].free(bench)]
        write_page(bench, {other: lines.get(other) or ROWS[other].lines(bench) for other in earlier})
    return [summary(line) for row in lines.values() for line in row]


def __getattr__(name: str) -> Any:
    if name == "ROWS":  # the experiments need torch; asking for help does not
        from latens.reproduce.experiments import ROWS

        return ROWS
    raise AttributeError(f"module 'latens.reproduce' has no attribute {name!r}")

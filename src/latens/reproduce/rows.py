"""What carrying out a row gives: lines of the table of experiments, tables of its own, and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from latens.reproduce.bench import Bench
from latens.reproduce.recipes import EXPERIMENTS, MEASURES, Measure

__all__ = ["Line", "Row", "Table", "figure_text", "fit_line"]


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Args:
        row: The row's id.
        title: What was done.
        errors: The result after the last epoch, a seed each: test error, or training loss of text; empty for what has
            none.
        first_errors: The same after the first epoch.
        seconds: For all epochs, median over the seeds.
        pca_error: Exact PCA's with as many components.
        words: What was seen, where it is not an error.
        experiment: The key of `EXPERIMENTS`, for fits.
    """

    row: str
    title: str
    errors: tuple[float, ...] = ()
    first_errors: tuple[float, ...] = ()
    seconds: float | None = None
    pca_error: float | None = None
    words: str = ""
    experiment: str | None = None

    @property
    def measure(self) -> Measure:
        """What the errors are."""
        return MEASURES[EXPERIMENTS[self.experiment].learns if self.experiment else "images"]

    @property
    def verdict(self) -> str:
        """Whether the median error keeps the promise."""
        target = EXPERIMENTS[self.experiment].target if self.experiment else None
        if target is None or not self.errors:
            return ""
        return f"<= {target:g} {'met' if median(self.errors) <= target else 'missed'}"


@dataclass(frozen=True)
class Table:
    """A table under the one of all experiments.

    Args:
        title: Above it.
        header: Of its columns.
        rows: Their cells, the first one a name.
        written: The last column is text as it was written: spaces and line ends count.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    written: bool = False


def figure_text(error: float | None) -> str:
    """An error as the tables show it."""
    return MEASURES["images"].text(error)


def _no_tables(bench: Bench) -> list[Table]:
    return []


@dataclass(frozen=True)
class Row:
    """A row of the table of experiments.

    Args:
        experiments: Whose fits it needs.
        lines: Carries it out.
        pictures: (experiment, subject) of each picture, in order.
        tables: Those of its own, once its lines are there.
        about: What its lines are about, ``"images"`` or ``"sequences"``: each has a table of its own.
    """

    experiments: tuple[str, ...]
    lines: Callable[[Bench], list[Line]]
    pictures: tuple[tuple[str, str], ...] = ()
    tables: Callable[[Bench], list[Table]] = _no_tables
    about: str = "images"

    def free(self, bench: Bench) -> bool:
        """Whether carrying it out would cost no fit."""
        return all(map(bench.has, self.experiments))


def fit_line(bench: Bench, row: str, name: str) -> Line:
    """The line of an experiment, all its seeds fitted now where they are not known."""
    results = [bench.trial(name, seed) for seed in bench.seeds]
    line = Line(
        row=row,
        title=f"{EXPERIMENTS[name].title} ({results[0]['parameters']:,} parameters)",
        errors=tuple(result["error"] for result in results),
        first_errors=tuple(result["first_error"] for result in results),
        seconds=median(result["seconds"] for result in results),
        pca_error=bench.pca_error(name, results[0]["n_components"]) if _comparable(results[0]) else None,
        experiment=name,
    )
    return replace(line, words=_small_print(bench, name)) if bench.quick else line


def _comparable(result: dict[str, Any]) -> bool:
    """Whether PCA can have as many components, and has something to do with them."""
    return "n_components" in result and bool(result.get("comparable", True))


def _small_print(bench: Bench, name: str) -> str:
    data, settings = (bench.circumstances(name)[part] for part in ("data", "settings"))
    some = f"{data['train_rows']:,} {data['name']} images" if "train_rows" in data else _amount(data)
    return f"quick: {some}, {settings['max_epochs']} epochs; not comparable with the published figure"


def _amount(data: dict[str, Any]) -> str:
    return f"{data['characters']:,} characters of {data['name']}"

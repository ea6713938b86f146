"""The page: one HTML file with the table and the pictures in it, that needs no other file and runs no script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from statistics import median
from typing import Any

from latens.persistence import atomic_path
from latens.reproduce.bench import Bench
from latens.reproduce.experiments import ROWS
from latens.reproduce.ledger import machine
from latens.reproduce.recipes import EXPERIMENTS, MEASURES, Experiment
from latens.reproduce.rows import Line, figure_text

__all__ = ["render", "write_page"]


def write_page(bench: Bench, rows: Mapping[str, Sequence[Line]]) -> None:
    """Write ``index.html``.

    Args:
        bench: That they were carried out on.
        rows: Lines of each row of `ROWS`.
    """
    names = list(dict.fromkeys(name for row in rows for name in ROWS[row].experiments))
    shown = {
        kind: [_cells(line) for row, lines in rows.items() if ROWS[row].about == kind for line in lines]
        for kind in ("images", "sequences")
    }
    content = {
        "quick": bench.quick,
        "data": bench.digits.describe() if shown["images"] else None,
        "seeds": list(bench.seeds),
        "lines": shown,
        "unit": MEASURES["text"].unit,
        "tables": [table for row in rows for table in ROWS[row].tables(bench)],
        "pictures": _pictures(bench, rows),
        "machines": _machines(bench, names),
        "settings": {name: bench.circumstances(name)["settings"] for name in names},
    }
    with atomic_path(bench.folder / "index.html") as temporary:
        temporary.write_text(render(content), encoding="utf-8")


def render(content: Mapping[str, Any]) -> str:
    """The page as text; every value is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("latens.reproduce").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(content)


def _cells(line: Line) -> dict[str, Any]:
    """A line of the table as words."""
    experiment = EXPERIMENTS.get(line.experiment or "", Experiment(title="", estimator=""))
    text = line.measure.text
    return {
        "row": line.row,
        "title": line.title,
        "published_first": text(experiment.published[0]),
        "first": text(median(line.first_errors) if line.first_errors else None),
        "published": text(experiment.published[1]),
        "source": experiment.source,
        "error": text(median(line.errors) if line.errors else None),
        "errors": ", ".join(map(text, line.errors)),
        "pca": figure_text(line.pca_error),
        "published_seconds": "" if experiment.published[2] is None else f"{experiment.published[2]:g}",
        "seconds": "" if line.seconds is None else f"{line.seconds:.4g}",
        "verdict": line.words or line.verdict,
    }


def _pictures(bench: Bench, rows: Mapping[str, Sequence[Line]]) -> list[dict[str, str]]:
    """Those that were drawn, each once, under the first row that names it."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        for name, subject in ROWS[row].pictures:
            path = bench.picture_path(name, subject)
            if (name, subject) not in found and path.exists():
                image = b64encode(path.read_bytes()).decode("ascii")
                found[name, subject] = {"title": f"{name}: {subject}", "image": image}
    return list(found.values())


def _machines(bench: Bench, names: Sequence[str]) -> list[dict[str, Any]]:
    """The different machines on which the fits ran, or this one if there were none."""
    used: list[dict[str, Any]] = []
    for name in names:
        for seed in bench.seeds:
            here = bench.trial(name, seed)["machine"]
            used += [here] if here not in used else []
    return used or [machine()]

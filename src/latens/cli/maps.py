"""``latens map``: every row as a point, in a picture, in a page to look around in, or as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.models import load_model, open_for
from latens.cli.outputs import FIGURES, TABLES, check_output
from latens.cli.verbs import Columns, ForceOption, ModelArgument, OutputOption, Reading, Shared, SourceArgument, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from latens.analysis import Map

__all__ = ["map_"]

_PAGE = ".html"
_OUTPUTS = (*FIGURES, _PAGE, *TABLES[:2])
_DERIVED = ("label", "error", "cluster", "distortion")
# Of what a row costs a model, by the kind of its data.
_ERRORS = {"text": "nats_per_item", "events": "nats_per_item", "series": "nats_per_step"}


@dataclass(frozen=True)
class Drawing:
    """How to draw a map."""

    method: Annotated[
        str, typer.Option("--method", help="code (of one or two numbers, as they are), pca or umap; auto: code or pca.")
    ] = "auto"
    colour: Annotated[
        str | None,
        typer.Option(
            "--colour", help="What colours mean: label, error, cluster, distortion, or a column.", metavar="WHAT"
        ),
    ] = None
    on: Annotated[
        Path | None, typer.Option("--on", metavar="FILE", help="Put the rows on this map, which does not move.")
    ] = None
    save_map: Annotated[
        Path | None, typer.Option("--save-map", metavar="FILE", help="Keep the map, for --on.", show_default=False)
    ] = None

    def __post_init__(self) -> None:
        for name, given in (("--method", self.method != "auto"), ("--save-map", self.save_map is not None)):
            if self.on is not None and given:
                raise ConfigError(f"{name} with --on {self.on}: that map is made already; leave one of them out")


@verb("latens map digits.latens dataset:digits -o map.html --colour error", name="map")
def map_(
    model: ModelArgument,
    source: SourceArgument,
    output: OutputOption,
    drawing: Drawing,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    force: ForceOption = False,
) -> None:
    """Draw every row as a point on a map.

    Where it lies is its code. PNG, SVG or PDF is a picture; .html is one page to search and to choose rows in, which
    needs no network; .parquet or .csv has the coordinates. Colours are the first of --labels, or SOURCE's own label.
    """
    _check(output, drawing, [model, source], force)
    estimator = load_model(model, shared)
    data = open_for(estimator, source, reading, columns)
    _check_colour(drawing.colour, data)
    codes = estimator.transform(data)
    place = _placed_on(drawing, model, codes, shared)
    mapped = Mapped(place, data, codes, new=drawing.on is not None)
    known = _known(mapped, estimator, drawing.colour, everything=output.suffix.lower() == _PAGE)
    _write(output, mapped, known, _colour(mapped, known, drawing.colour), model)
    _keep(drawing, place, model)
    result = {"output": str(output), "rows": len(data), "method": place.method, "labels": next(iter(data.labels), None)}
    words = f"wrote a map of {len(data):,} rows to {output}"
    shared.result(result | {"map": _text(drawing.save_map), **_trust(mapped)}, f"{words}; {place.verdict}")


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows of data and the map that they are on.

    Args:
        place: The map.
        data: The rows.
        codes: (n, k) theirs.
        new: The map was made of other rows.
    """

    place: Map
    data: Any
    codes: np.ndarray
    new: bool

    @property
    def points(self) -> np.ndarray:  # (n, 2)
        return self.place.place(self.codes) if self.new else self.place.points

    @property
    def distortion(self) -> np.ndarray:  # (n,)
        return self.place.distortion_of(self.codes) if self.new else self.place.distortion


def _check(output: Path, drawing: Drawing, inputs: list[str | Path], force: bool) -> None:
    kept = drawing.save_map
    inputs += [drawing.on] if drawing.on is not None else []
    check_output(output, force=force, inputs=inputs, suffixes=_OUTPUTS)
    if kept is not None:
        if kept.absolute() == output.absolute():
            raise ConfigError(f"--save-map {kept}: is the output, too; give one of them another name")
        check_output(kept, force=force, inputs=inputs)


def _placed_on(drawing: Drawing, model: Path, codes: np.ndarray, shared: Shared) -> Map:
    """The map: one that was kept, or that of these rows."""
    from latens.analysis import fit_map
    from latens.estimators.map_files import load_map
    from latens.persistence import read_header

    if drawing.on is not None:
        return load_map(drawing.on, read_header(model)["digest"])
    shared.report(f"making a map of {len(codes):,} rows")
    return fit_map(codes, drawing.method, random_state=shared.seed or 0)


def _known(mapped: Mapped, estimator: Any, colour: str | None, *, everything: bool) -> dict[str, np.ndarray]:
    """What was found out about the rows, by name: what is asked for, and for a page what can be looked at."""
    data, known = mapped.data, dict[str, Any]()
    if colour == "error" or everything:
        known[_error_name(data)] = -estimator.score_samples(data)
    if colour == "cluster":
        known["cluster"] = _clusters(mapped.points)
    return known


def _error_name(data: Any) -> str:
    return _ERRORS.get(data.kind, "reconstruction_error")


def _clusters(points: np.ndarray) -> np.ndarray:
    """The clusters that can be seen on the map, the largest first; rows in none have the name "none"."""
    import numpy as np

    from latens.analysis import find_clusters

    if len(points) < 2:
        return np.full(len(points), "none", dtype=object)
    found = find_clusters(points, "hdbscan").labels
    return np.array(["none" if cluster < 0 else f"cluster {cluster + 1}" for cluster in found], dtype=object)


def _check_colour(asked: str | None, data: Any) -> None:
    """Refuse what no row has, before a map is made."""
    if asked == "label" and not data.labels:
        raise ConfigError(f"--colour label: {data.name} carries none; name a column with --labels")
    if asked is not None and asked not in (*_DERIVED, *data.labels):
        from latens.data.values import hint
        from latens.report import fields_of

        fields = fields_of(data)
        if asked not in fields:
            way_out = hint(asked, dict.fromkeys([*_DERIVED, *data.labels, *fields]))
            raise ConfigError(f"--colour {asked}: no column of {data.name}; {way_out}")


def _colour(mapped: Mapped, known: Mapping[str, np.ndarray], asked: str | None) -> tuple[str, np.ndarray] | None:
    """The name and the values of what colours mean; None without any."""
    from latens.report import fields_of

    data = mapped.data
    if asked in (None, "label"):
        return next(iter(data.labels.items()), None)
    if asked == "distortion":
        return asked, mapped.distortion
    name = _error_name(data) if asked == "error" else str(asked)
    return name, (known if name in known else {**fields_of(data), **data.labels})[name]


def _write(
    output: Path, mapped: Mapped, known: Mapping[str, np.ndarray], colour: tuple[str, np.ndarray] | None, model: Path
) -> None:
    suffix = output.suffix.lower()
    if suffix == _PAGE:
        _write_page(output, mapped, known, colour, model)
    elif suffix in TABLES:
        from latens.cli.writers import write_table

        shown = dict([colour] if colour and colour[0] not in mapped.data.labels else [])
        write_table(output, mapped.points, ["x", "y"], mapped.data, **shown | {"distortion": mapped.distortion})
    else:
        from latens.cli.writers import write_figure
        from latens.plots import plot_map

        name, values = colour or ("label", None)
        new = mapped.codes if mapped.new else None
        write_figure(output, plot_map(mapped.place, values, legend=name, new=new))


def _write_page(
    output: Path, mapped: Mapped, known: Mapping[str, np.ndarray], colour: tuple[str, np.ndarray] | None, model: Path
) -> None:
    from latens.persistence import atomic_path
    from latens.report import map_page

    codes = mapped.codes if mapped.new else None
    line = f"{len(mapped.data):,} rows by {model.name}, a code of {mapped.codes.shape[1]}"
    lines = [f"{line}; in grey the {len(mapped.place):,} rows that the map was made of" if mapped.new else line]
    page = map_page(
        mapped.place,
        mapped.data,
        known,
        title=f"Map of {mapped.data.name}",
        lines=lines,
        colour=colour[0] if colour else None,
        codes=codes,
    )
    with atomic_path(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _keep(drawing: Drawing, place: Map, model: Path) -> None:
    from latens.estimators.map_files import save_map
    from latens.persistence import read_header

    if drawing.save_map is not None:
        save_map(place, drawing.save_map, read_header(model)["digest"])


def _trust(mapped: Mapped) -> dict[str, Any]:
    return {"mean_distortion": float(mapped.distortion.mean()), "verdict": mapped.place.verdict}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)

"""The map as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from latens.analysis import Map
from latens.data import AnySource, Source
from latens.report.fields import MOST, fields_of, pictures_of
from latens.report.page import fragment, render_page
from latens.report.scatter import Scatter, clipped, scatter_data

__all__ = ["map_page", "map_points", "map_scatter", "named_apart"]

# Of a line of points the height that they are spread over, which means nothing.
_SPREAD = 0.35


def map_page(
    place: Map,
    source: AnySource,
    columns: Mapping[str, np.ndarray],
    *,
    title: str,
    lines: Sequence[str] = (),
    colour: str | None = None,
    codes: np.ndarray | None = None,
) -> str:
    """One HTML file with the map: it needs no other file and no network.

    Points show their fields and pictures, can be searched, coloured by any column and chosen with a lasso.

    Args:
        place: Of the source's rows, or of others.
        source: The rows: their ids, labels, fields and pictures.
        columns: More to colour by and to show, (n,) each.
        title: The heading.
        lines: What stands under it, beside the map's own verdict.
        colour: The column to begin with.
        codes: (n, k) of the source's rows if they are new to the map, whose own rows are then drawn faintly.
    """
    distortion = place.distortion if codes is None else place.distortion_of(codes)
    shown = named_apart([*source.labels.items(), *columns.items(), ("distortion", distortion)], source)
    scatter = map_scatter(place, source, shown, colour)
    if codes is not None:
        scatter = replace(scatter, points=map_points(place, place.place(codes)), ground=scatter.points)
    data = scatter_data(scatter)
    body = {
        "title": clipped(title),
        "lines": [*map(clipped, lines), f"{place.verdict[0].upper()}{place.verdict[1:]}."],
        "counted": place.counted,
        "notes": _notes(source, has_pictures=data["pictures"] is not None),
    }
    return render_page(clipped(title), fragment("map.html", body), {"map": data})


def named_apart(columns: Sequence[tuple[str, np.ndarray]], source: AnySource) -> dict[str, np.ndarray]:
    """What is known of the rows and then their fields; one whose name is taken gets a ``_``."""
    named: dict[str, np.ndarray] = {}
    for name, values in (*columns, *fields_of(source).items()):
        while name in named:
            name += "_"
        named[name] = values
    return named


def map_scatter(place: Map, source: AnySource, columns: Mapping[str, np.ndarray], colour: str | None) -> Scatter:
    """The map's points with what is known of the rows, as the page's script draws them."""
    measured, line = place.method != "umap", not place.axes[1]
    return Scatter(
        points=map_points(place, place.points),
        axes=(place.axes[0], place.axes[1] or "(spread means nothing)"),
        columns=columns,
        colour=colour,
        ids=source.ids,
        pictures=pictures_of(source),
        ticks=(measured, measured and not line),
    )


def map_points(place: Map, points: np.ndarray) -> np.ndarray:  # (m, 1 or 2) -> (m, 2)
    """The points; those of a line with a jitter across it."""
    if place.axes[1]:
        return points
    jitter = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, size=len(points))
    return np.stack([points[:, 0], jitter], axis=1)


def _notes(source: AnySource, *, has_pictures: bool) -> list[str]:
    left_out = source.n_features - MOST if isinstance(source, Source) and source.kind == "table" else 0
    notes = [f"Shown are the first {MOST} of {left_out + MOST} columns."] if left_out > 0 else []
    if source.kind == "images" and not has_pictures:
        notes.append(f"The pictures of {len(source):,} rows do not fit into a page; map fewer rows to see them.")
    return notes

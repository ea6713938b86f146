"""The map: every row a point, in the scatter that `latens map` draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from latens.analysis import fit_map
from latens.data import TextSource
from latens.report.blocks import Plane, Section, Words
from latens.report.fields import MOST
from latens.report.map_page import map_scatter, named_apart
from latens.report.passages import readable
from latens.report.scatter import scatter_data
from latens.report.subject import Subject

__all__ = ["fitting", "plane"]

# Bytes of the page that the map may have, of the 8 million that all of it may.
_BYTES = 7_000_000
_FEWEST = 3


def plane(subject: Subject) -> Section | None:
    """The codes as they are, or their principal components."""
    if len(subject) < _FEWEST:
        return None
    place = fit_map(subject.codes, random_state=subject.seed)
    source = subject.source if subject.source.ids is not None else replace(subject.source, ids=subject.rows)
    if isinstance(source, TextSource):  # a point shows its text even if a byte of it is none
        source = replace(source, documents=tuple(map(readable, source.documents)))
    known = [*source.labels.items(), *subject.known().items(), ("distortion", place.distortion)]
    columns = named_apart(known, source)
    colour = next(iter(source.labels), None) or subject.cost
    data, left_out = fitting(scatter_data(map_scatter(place, source, columns, colour)))
    notes = [
        "Drag to move, turn the wheel or pinch to zoom, point at a row to see it, click to keep its card. Lasso: draw "
        "around rows, then save their ids.",
        f"Distortion: the share of a row's {place.counted} nearest rows by code that are not among its nearest on the "
        "map; 0 is none, 1 is all.",
        *_left_out(subject, left_out, data),
    ]
    verdict = f"{place.verdict[0].upper()}{place.verdict[1:]}."
    return Section("Map", verdict, [Plane(data), *(Words(note, "faint") for note in notes)])


def fitting(data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The data with as many of its columns as fit into a page, and the names of the others."""
    room = _BYTES - sum(_size(value) for name, value in data.items() if name != "columns")
    if room < 0 and data["pictures"] is not None:
        data, room = {**data, "pictures": None}, room + _size(data["pictures"])
    kept, left_out = [], []
    for column in data["columns"]:
        size = _size(column)
        if size <= room:
            kept.append(column)
            room -= size
        else:
            left_out.append(column["name"])
    return {**data, "columns": kept}, left_out


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode().replace(b"<", b"\\u003c"))


def _left_out(subject: Subject, names: list[str], data: Mapping[str, Any]) -> list[str]:
    notes = [f"Left out, for the page would be too large: {', '.join(names[:8])}."] if names else []
    more = int(np.prod(subject.source.shape)) - MOST if subject.kind == "table" else 0
    if more > 0:
        notes.append(f"A point shows the first {MOST} of {more + MOST:,} columns.")
    if subject.kind == "images" and data["pictures"] is None:
        notes.append("The pictures do not fit into a page; report on fewer rows to see them here.")
    return notes

"""What the page's script draws a scatter from."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latens.plots.colours import NEUTRAL, SCALE, Classes, Quantity, label_name, read_labels
from latens.report.thumbnails import sprite_sheet

__all__ = ["Scatter", "clipped", "colour_scales", "scatter_data"]

_LONGEST = 160
_LONGEST_CLASS = 40
# A float32 holds whole numbers up to here.
_WHOLE = 2**24
# Up to so many different texts, or a share of the rows, a column is one of classes.
_CLASSES = 20
_SHARE = 5
# Of the scale, which ends where it can still be told from the paper.
_STOPS = 17
_ON_LIGHT = (0.0, 0.93)
_ON_DARK = (0.2, 1.0)
_CODES = {1: "u1", 2: "u2", 4: "u4"}


@dataclass(frozen=True, eq=False)
class Scatter:
    """Points with everything that is known of them.

    Args:
        points: (n, 2).
        axes: Under and beside the picture.
        columns: (n,) each, any dtype, by name: to colour by, to search and to show.
        colour: The column to begin with; None for none.
        ids: (n,) names of the rows; None counts them.
        pictures: n images (h, w) or (h, w, c), or none.
        ticks: Whether the numbers along each axis mean something; if both or neither do, a unit is as long in both.
        ground: (m, 2), other points to draw faintly beneath; None for none.
    """

    points: np.ndarray
    axes: tuple[str, str]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    colour: str | None = None
    ids: np.ndarray | None = None
    pictures: Sequence[np.ndarray] | np.ndarray | None = None
    ticks: tuple[bool, bool] = (True, True)
    ground: np.ndarray | None = None


def scatter_data(scatter: Scatter) -> dict[str, Any]:
    """The scatter as JSON's types: numbers packed as in memory, texts cut to 160 characters, pictures on one sheet.

    Example:
        >>> data = scatter_data(Scatter(np.zeros((3, 2)), ("x", "y"), {"kind": np.array(["a", "b", "a"])}))
        >>> data["n"], data["columns"][0]["texts"]
        (3, ['a', 'b'])
    """
    ground = np.empty((0, 2)) if scatter.ground is None else scatter.ground
    return {
        "n": len(scatter.points),
        **dict(zip("xy", _directions(scatter.points), strict=True)),
        "ground": dict(zip("xy", _directions(ground), strict=True)),
        "axes": [clipped(name) for name in scatter.axes],
        "equal": scatter.ticks[0] == scatter.ticks[1],
        "ticks": list(scatter.ticks),
        "ids": None if scatter.ids is None else [clipped(name) for name in scatter.ids.tolist()],
        "columns": [_column(name, np.asarray(values)) for name, values in scatter.columns.items()],
        "colour": None if scatter.colour is None else clipped(scatter.colour),
        "pictures": None if scatter.pictures is None else sprite_sheet(scatter.pictures),
        "plain": NEUTRAL,
        "scale": colour_scales(),
    }


def colour_scales() -> dict[str, list[str]]:
    """The colours of numbers, from low to high, on light paper and on dark."""
    return {"light": _stops(*_ON_LIGHT), "dark": _stops(*_ON_DARK)}


def clipped(text: object, longest: int = _LONGEST) -> str:
    """A text as one line of at most so many characters, each of which UTF-8 has.

    Example:
        >>> clipped("to be,\\nor not to be", longest=10)
        'to be, or…'
    """
    head = str(text)[: 4 * longest].encode("utf-8", "replace").decode()
    line = " ".join(head.split())
    return line if len(line) <= longest and len(str(text)) <= 4 * longest else f"{line[: longest - 1].rstrip()}…"


def _directions(points: np.ndarray) -> list[dict[str, str]]:
    return [_packed(along.astype(np.float32)) for along in points.T]


def _packed(values: np.ndarray) -> dict[str, str]:
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return {"type": f"{values.dtype.kind}{values.dtype.itemsize}", "data": b64encode(little.tobytes()).decode("ascii")}


def _column(name: str, values: np.ndarray) -> dict[str, Any]:
    if values.dtype.kind in "fiu":
        read = read_labels(values)
        if isinstance(read, Quantity):
            return {"name": clipped(name), "values": _packed(_as_stored(read.values))}
    if values.dtype.kind in "mM":
        values = values.astype(str)  # as a list, times would be counts of nanoseconds
    return {"name": clipped(name), **_texts([label_name(value) for value in values.tolist()])}


def _as_stored(values: np.ndarray) -> np.ndarray:
    """In float32 where that loses nothing that is shown."""
    whole = bool((values == np.rint(values))[np.isfinite(values)].all())
    far = float(np.nanmax(np.abs(values), initial=0.0))
    return values if (whole and far > _WHOLE) or far > np.finfo(np.float32).max else values.astype(np.float32)


def _texts(values: Sequence[str]) -> dict[str, Any]:
    """Each different text once, and the number of its class if there are few."""
    texts = [clipped(value) for value in values]
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    codes = np.array([places[text] for text in texts], dtype=np.min_scalar_type(len(places)))
    column: dict[str, Any] = {"texts": list(places), "codes": _packed(codes)}
    if len(places) > max(_CLASSES, len(texts) // _SHARE):
        return column
    read = read_labels(np.array(texts, dtype=object), name=lambda key: clipped(key, _LONGEST_CLASS) or "(empty)")
    assert isinstance(read, Classes)
    first = np.unique(codes, return_index=True)[1]
    classes = [{"name": name, "colour": colour} for name, colour in zip(read.names, read.colours, strict=True)]
    return column | {"classes": classes, "class_of": read.codes[first].tolist()}


def _stops(first: float, last: float) -> list[str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps[SCALE](share)) for share in np.linspace(first, last, _STOPS)]

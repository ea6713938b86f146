"""What stands in an index beside a code: the row's number and id, its labels and fields, and what a person looks at."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from latens.data import AnySource, Source
from latens.errors import DataError

__all__ = ["CODE", "OWN", "Seen", "check_ids", "rows_table", "thumbnails"]

CODE = "code"
# The columns that are an index's own, or those of an answer; a label or field of such a name gets a `_`.
OWN = ("row", "id", CODE, "path", "text", "thumbnail", "query", "rank", "distance")

# Columns of a table that are kept as fields; of a wider one, which is numbers for a network to read, none is.
_MOST_FIELDS = 200
# Characters of a text, or of a name, that are kept.
_MOST_TEXT, _MOST_NAME = 1000, 200
# Pixels of a thumbnail's longer side.
_SIDE = 96
# What LanceDB cannot have in a column's name, or a filter cannot say.
_ODD = re.compile(r"[.`\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Seen:
    """How the rows of an index are shown to a person.

    Args:
        black: The value of an image that is drawn black.
        white: The one that is drawn white.
        root: The folder that ids which are paths start from.
    """

    black: float = 0.0
    white: float = 255.0
    root: str | Path | None = None

    @classmethod
    def of(cls, schema: Any, root: str | Path | None) -> Seen:
        """As the model saw them: on the range of its training images where that is known, the same for every image."""
        scaling = getattr(schema, "scaling", None)
        if not getattr(schema, "bounded", False) or scaling is None:
            return cls(white=255.0 if getattr(schema, "dtype", "") == "uint8" else 1.0, root=root)
        low, high = float(scaling.offset.min()), float((scaling.offset + scaling.scale).max())
        return cls(low, high, root)


def rows_table(source: AnySource, codes: np.ndarray, first: int, seen: Seen) -> pa.Table:
    """The rows of a source as those of an index.

    Args:
        source: What was encoded.
        codes: (n, d).
        first: The number of its first row.
        seen: How its rows are shown.
    """
    numbers = np.arange(first, first + len(codes))
    narrow = np.ascontiguousarray(codes, dtype=np.float32)
    columns: dict[str, Any] = {
        "row": numbers,
        "id": [str(name) for name in (numbers if source.ids is None else source.ids)],
        CODE: pa.FixedSizeListArray.from_arrays(pa.array(narrow.ravel()), narrow.shape[1]),
    }
    columns |= _SHOWN[source.kind](source, seen)
    for name, values in [*source.labels.items(), *_fields(source)]:
        columns[_free(name, columns)] = _arrow(values)
    return pa.table(columns)


def _fields(source: AnySource) -> Iterable[tuple[str, Any]]:
    """The columns of a table, as their user has them."""
    if not isinstance(source, Source) or source.kind != "table" or source.n_features > _MOST_FIELDS:
        return ()
    if source.table is None:
        return zip(source.columns or (), source.values.T, strict=False)
    frame = source.table.frame(source.values, None)
    return [(column.name, frame.iloc[:, i]) for i, column in enumerate(source.table.types)]


def _free(name: str, taken: Iterable[str]) -> str:
    """A name that no other column has, in whatever case: filters do not tell `Label` from `label`."""
    free, lower = _ODD.sub("_", str(name))[:_MOST_NAME] or "_", {other.lower() for other in (*taken, *OWN)}
    while free.lower() in lower or free.lower().startswith(("_row", "_distance", "_score")):
        free = f"{free}_" if free.lower() in lower else free.lstrip("_")
    return free


def _arrow(values: Any) -> pa.Array:
    """Numbers, truths, times and text as they are; categories and whatever else as text."""
    array = np.asarray(values) if not hasattr(values, "dtype") else values
    try:
        found = pa.array(array, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in array], pa.string())
    if pa.types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_temporal, pa.types.is_string)
    return found if any(is_(found.type) for is_ in plain) else pa.array([str(value) for value in array], pa.string())


# ---- what a person looks at ------------------------------------------------------------------------------------------


def _text(source: Any, seen: Seen) -> dict[str, Any]:
    """How each document begins."""
    return {"text": [_begin(source.document_blocks(document)) for document in range(len(source))]}


def _begin(blocks: Iterable[str]) -> str:
    text = ""
    for block in blocks:
        text += block[: _MOST_TEXT - len(text)]
        if len(text) >= _MOST_TEXT:
            break
    return text


def _events(source: Any, seen: Seen) -> dict[str, Any]:
    """How each sequence begins."""
    lines = (", ".join(map(str, islice(source[row], _MOST_TEXT))) for row in range(len(source)))
    return {"text": [line[:_MOST_TEXT] for line in lines]}


def _images(source: Any, seen: Seen) -> dict[str, Any]:
    """A thumbnail of each image, and its path if it came from a file."""
    shown: dict[str, Any] = {"thumbnail": pa.array(thumbnails(source, seen.black, seen.white), pa.binary())}
    if seen.root is not None and source.ids is not None:
        shown["path"] = [os.path.abspath(os.path.join(seen.root, name)) for name in source.ids]
    return shown


def thumbnails(source: AnySource, black: float, white: float) -> list[bytes]:
    """Small PNG files of images, between two values."""
    if not isinstance(source, Source) or source.kind != "images":
        return []
    return [_png(image, black, white) for image in source.values]


def _png(image: np.ndarray, low: float, high: float) -> bytes:  # (h, w) or (h, w, c)
    from PIL import Image

    step = max(1, -(-max(image.shape[:2]) // (4 * _SIDE)))  # of a very large image, not every pixel is looked at
    pixels = image[::step, ::step]
    if pixels.ndim == 3 and pixels.shape[2] not in (3, 4):
        pixels = pixels.mean(axis=2)
    if pixels.dtype != np.uint8 or (low, high) != (0.0, 255.0):
        pixels = np.rint((pixels.astype(np.float64) - low) * (255.0 / (high - low))).clip(0, 255).astype(np.uint8)
    picture, file = Image.fromarray(np.ascontiguousarray(pixels)), io.BytesIO()
    picture.thumbnail((_SIDE, _SIDE))
    picture.save(file, format="PNG", compress_level=1)
    return file.getvalue()


def _nothing(source: Any, seen: Seen) -> dict[str, Any]:
    return {}


_SHOWN: dict[str, Callable[[Any, Seen], dict[str, Any]]] = {
    "table": _nothing,
    "images": _images,
    "text": _text,
    "events": _events,
    "series": _nothing,
}


def check_ids(ids: pa.ChunkedArray, before: pa.ChunkedArray | None, name: str) -> None:
    """Refuse ids that are there twice, or already.

    Raises:
        DataError: It names the first one.
    """
    seen = set() if before is None else set(before.to_pylist())
    for number, each in enumerate(ids.to_pylist()):
        if each in seen:
            again = "is in the index already; delete it first" if before is not None else "is there twice; rename one"
            raise DataError(f"{name}: row {number} (counted from 0): id {each[:100]!r} {again}")
        seen.add(each)

"""What verbs write: tables and pictures, whole or not at all.

Imported when a verb has something to write, because it imports NumPy.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.cli.outputs import is_folder
from latens.cli.sheets import Said, open_sheet
from latens.columns import Carrying, beside, columns_of
from latens.errors import DataError, OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from latens.data import Source
    from latens.schema import Schema

__all__ = ["png_names", "write_figure", "write_like", "write_pngs", "write_rows", "write_table"]

# The most that a 16-bit pixel holds.
_DEEPEST = 65535


def write_like(output: Path, values: Any, schema: Schema, source: Source, **more: np.ndarray) -> None:
    """Write values in the units and shape of the source: a table, or a folder of PNG files.

    Args:
        output: A table by its suffix; a folder if it is one or has none.
        values: (n, *shape), or a frame of n rows.
        schema: Of the source's data.
        source: What names, ids and labels come from.
        more: (n,) columns by name, for tables.
    """
    if schema.table is not None and isinstance(values, np.ndarray):
        values = schema.table.frame(values, schema.columns)
    if is_folder(output):
        return write_pngs(output, values, schema, png_names(len(source), source.ids))
    names = schema.columns or source.columns or [f"x{i}" for i in range(source.n_features)]
    write_table(output, values, list(names), source, **more)


def write_table(path: Path, values: Any, names: Sequence[str], source: Carrying, **more: np.ndarray) -> None:
    """Write one row for each of the source's, see `columns_of`; ``.npy`` holds the values alone.

    Args:
        path: Parquet, CSV or NumPy by its suffix.
        values: (n, *shape), whose flattened features are the columns, or a frame of n rows.
        names: Of the columns.
        source: What ids and labels come from.
        more: (n,) columns by name.
    """
    with open_sheet(path, len(values)) as sheet:
        sheet.write(Said(columns_of(values, names, source, more), values))


def write_rows(path: Path, columns: Mapping[str, Sequence[Any]], labels: Mapping[str, np.ndarray]) -> None:
    """Write named columns as Parquet or CSV, and labels beside them; of these one whose name is taken gets a ``_``."""
    with open_sheet(path) as sheet:
        sheet.write(Said({**columns, **beside(columns, labels.items())}))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    from latens.persistence import atomic_path

    with atomic_path(path) as temporary:
        write(temporary)


def write_figure(path: Path, figure: Figure) -> None:
    """Save a figure in the format of the path's suffix."""
    form = path.suffix.lower().removeprefix(".")
    _write(path, lambda temporary: figure.savefig(temporary, format=form, dpi=150))


def write_pngs(folder: Path, images: Iterable[np.ndarray], schema: Schema, names: Sequence[str]) -> None:
    """Write images as PNG files under a folder.

    Args:
        folder: Made if it is not there; it receives all the files or none.
        images: n of (h, w) or (h, w, c), in the units of the model's data; one is held at a time.
        schema: The model's.
        names: n relative paths, which nothing but older files has in the folder; see `png_names`.

    Raises:
        DataError: The data are no images that a PNG can hold.
        OutputError: The folder cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.absolute().parent) as stage:
            for name, image in zip(names, images, strict=True):
                _save_png(Path(stage, name), _as_pixels(image, schema))
            _move_into(Path(stage), folder, names)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error}); choose another folder") from error


def _as_pixels(values: np.ndarray, schema: Schema) -> np.ndarray:  # (h, w) or (h, w, c) -> uint8; uint16 for deep grey
    channels = schema.shape[2:] or (1,)
    if schema.kind != "images" or channels not in ((1,), (3,), (4,)):
        raise DataError(f"PNG files hold grey, RGB or RGBA images, not {schema.describe()}; use -o out.npy")
    scaling = schema.scaling
    low, high = float(scaling.offset.min()), float((scaling.offset + scaling.scale).max())
    unit = schema.dtype != "uint8" and schema.bounded and (low, high) == (0.0, 1.0)
    deep = not unit and schema.dtype != "uint8"
    if deep and not (schema.bounded and low >= 0 and high <= _DEEPEST and channels == (1,)):
        raise DataError(f"{schema.dtype} images outside [0, 1] fit into no PNG file; use -o out.npy")
    grey = values[..., 0] if schema.shape[2:] == (1,) else values
    whole = np.rint(grey * 255.0 if unit else grey)
    pixels: np.ndarray = whole.clip(0, _DEEPEST).astype(np.uint16) if deep else whole.clip(0, 255).astype(np.uint8)
    return pixels


def png_names(n: int, ids: np.ndarray | None) -> list[str]:
    """Each row's own name, ending in .png, if these are relative, stay inside and differ; else its number."""
    own = [PurePosixPath(str(name)) for name in ids] if ids is not None else []
    names = [str(name.with_suffix(".png")) for name in own if name.name]
    if len(set(names)) < len(own):
        names = [f"{name}.png" for name in own]
    safe = len(names) == n and not any(name.is_absolute() or ".." in name.parts for name in own)
    return names if safe else [f"{row:06d}.png" for row in range(n)]


def _save_png(path: Path, image: np.ndarray) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, format="PNG")


def _move_into(stage: Path, folder: Path, names: Iterable[str]) -> None:
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(stage / name, target)

"""The one door through which data comes in: `open_source`, and the split of its rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from latens.data.arrays import KINDS, array_source, npy_bytes, npy_source, npz_source
from latens.data.datasets import dataset_source
from latens.data.documents import are_text_files, is_text_file, open_text
from latens.data.events import EventSource, open_events
from latens.data.gzipped import is_gzip, open_bytes
from latens.data.idx import idx_source, is_idx
from latens.data.images import SUFFIXES, folder_source, image_source
from latens.data.kinds import Typing
from latens.data.named_columns import table_form
from latens.data.parquet import parquet_folder, parquet_source
from latens.data.paths import existing, files_below, plain_file, readable
from latens.data.piped import read_pipe
from latens.data.ragged import is_ragged, ragged_source
from latens.data.series import SeriesSource, open_series, series_of
from latens.data.splits import split
from latens.data.tables import frame_source, is_frame, reorder
from latens.data.text import TextSource
from latens.data.values import Labels, Source, Wanted, carry, label_names
from latens.errors import ConfigError, DataError, choice

__all__ = ["AnySource", "Source", "open_samples", "open_source", "split"]

AnySource: TypeAlias = Source | TextSource | EventSource | SeriesSource

_DATASET = "dataset:"
_MAGIC = {
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"PAR1": "parquet",
    b"\x89PNG": "image",
    b"\xff\xd8\xff": "image",
    b"II*\0": "image",
    b"MM\0*": "image",
}
_SUFFIX = {
    ".npy": "npy",
    ".npz": "npz",
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".csv", ".tsv"), "text"),
    **dict.fromkeys(SUFFIXES, "image"),
}
# The kinds that a named column has a meaning for.
_GOES_WITH = {
    "column": ("text",),
    "sequence": ("events", "series"),
    "order": ("events",),
    "item": ("events",),
    "time": ("series",),
    "impute": ("series",),
}
_READ = (
    "NumPy (.npy, .npz), idx, CSV, TSV, Parquet, PNG, JPEG, TIFF, BMP, text (.txt, .md, .log), or a folder of images "
    "or Parquet files"
)


def open_source(
    data: object,
    *,
    kind: str | None = None,
    labels: Labels = None,
    array: str | None = None,
    columns: Sequence[str] | None = None,
    optional_labels: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    missing: Sequence[str] = (),
    column: str | None = None,
    sequence: str | None = None,
    order: str | None = None,
    item: str | None = None,
    time: str | None = None,
    impute: str | None = None,
    stream: bool | None = None,
) -> AnySource:
    """Anything that latens reads: checked numbers, text, sequences of events, or series.

    Args:
        data: A Source, an array, nested lists, a list of images of different sizes, a frame, a path (file or folder),
            ``"dataset:NAME[/train|/test]"``, or ``"-"`` for CSV (or .npy) from standard input. Text also comes from a
            list of paths or strings, and from ``"-"``; events come from a list of lists, or a table; series from an
            array (T,) or (T, d), a list of such, or a table.
        kind: ``"table"``, ``"images"``, ``"text"``, ``"events"`` or ``"series"``. None infers it: 2-D and typed tables;
            3-D, 4-D, image files and folders; .txt, .text, .md and .log files, and what `column` is given for; what
            `item` is given for; what `time` or `impute` is given for.
        labels: Columns (of an ``.npz``: arrays) to carry along by name, or an array of one label per row.
        array: Which array of an ``.npz``.
        optional_labels: Names of labels to carry along where they are there, beside those of `labels`.
        columns: The features a model was fitted on, empty if they have no names; a table with names is put into their
            order. Of series, which columns to take; None takes all that hold numbers.
        types: What columns of a table hold where it should not be inferred: ``"number"``, ``"integer"``, ``"boolean"``,
            ``"category"``, ``"datetime"``, or ``"ignore"`` to leave one out.
        missing: Cells of a table's text that mean that nothing is there, beside the empty cell, NA and null.
        column: The column of a table that holds text; a list of strings has none, and needs none.
        sequence: The column of a table that says which sequence an event, or which series a step, belongs to.
        order: The column by which a sequence is put in order, numbers or times; None takes the rows as they come.
        item: The column of a table that says what happened.
        time: The column of a table that says when a step of a series is; None takes the first one of times.
        impute: ``"linear"`` fills missing steps and cells of series; None refuses them.
        stream: Whether an .npy, Parquet or a folder of images of one size stays on disk and is read as rows are wanted;
            None for those above 1 GiB (as float32). What a model learns is the same to the last bit.

    Raises:
        DataError: It cannot be read, or its cells cannot be learned from; the message says where.
        ConfigError: `kind` or one of `types` is unknown, or a column is named that this kind does not have.

    Example:
        >>> open_source([[1.0, 2.0], [3.0, 4.0]], labels=["a", "b"]).label().tolist()
        ['a', 'b']
        >>> open_source(["To be", "or not"], kind="text")[1]
        'or not'
    """
    named = {"column": column, "sequence": sequence, "order": order, "item": item, "time": time, "impute": impute}
    kind = _kind(data, kind, named)
    if kind in ("text", "events"):
        _refuse(kind, array=array, types=types, missing=missing)
    if optional_labels:
        labels = Wanted(_names(labels), tuple(optional_labels))
    source: AnySource
    if kind == "text" and not _is_named(data):
        source = open_text(data, column=column, labels=labels)
    elif kind == "events":
        source = open_events(data, sequence=sequence, order=order, item=item, labels=labels)
    elif kind == "series" and not _is_samples(data):
        how = {"time": time, "sequence": sequence, "impute": impute}
        source = open_series(data, columns=columns, labels=labels, **how)
    else:
        typing = Typing(dict(types or {}), tuple(missing), strict=columns is None)
        if kind == "series":
            opened = _open(data, How(None, labels, array, typing, stream=False, flat=True))
            source = series_of(opened) if isinstance(opened, Source) else opened
        else:
            source = _open(data, How(kind, labels, array, typing, stream))
    if kind is not None and source.kind != kind:
        raise DataError(f"{source.name}: holds {_what(source)}; leave kind={kind!r} out, or reshape an array of it")
    return source if columns is None or not isinstance(source, Source) else reorder(source, columns)


def open_samples(data: object, **how: Any) -> Source:
    """What `open_source` makes of `data`, for whoever learns from rows of numbers.

    Raises:
        DataError: It is text, or events.

    Example:
        >>> open_samples([[1.0, 2.0], [3.0, 4.0]]).shape
        (2,)
    """
    source = open_source(data, **how)
    if not isinstance(source, Source):
        raise DataError(f"{source.name}: holds {_what(source)}; give it a table or images")
    return source


def _kind(data: object, kind: str | None, named: Mapping[str, str | None]) -> str | None:
    """The kind that is asked for, or that can only be meant, given what columns are named.

    Raises:
        ConfigError: It is unknown, or has no such column.
    """
    of = {name: _GOES_WITH[name] for name, value in named.items() if value is not None}
    if kind is None:
        # What says the most: `sequence` goes with several kinds.
        kind = min(of.values(), key=len)[0] if of else _inferred(data)
    else:
        choice("kind", kind, (*KINDS, "text", "events", "series"))
    for name, meant in of.items():
        if kind not in meant:
            raise ConfigError(f"{name}={named[name]!r} goes with kind={' or '.join(map(repr, meant))}; leave it out")
    return kind


def _refuse(kind: str, **given: object) -> None:
    for name, value in given.items():
        if value:
            raise ConfigError(f"{name}={value!r} is for tables and arrays, not for kind={kind!r}; leave it out")


def _names(labels: Labels) -> tuple[str, ...]:
    names = () if labels is None else label_names(labels)
    if names is None:
        raise ConfigError("optional_labels goes with names in labels, not with an array of them")
    return names


def _inferred(data: object) -> str | None:
    """The kind that a name or an object says by itself; None leaves it to the reader."""
    if isinstance(data, (TextSource, EventSource, SeriesSource)):
        return data.kind
    return "text" if is_text_file(data) or are_text_files(data) else None


def _is_named(data: object) -> bool:
    return isinstance(data, (str, os.PathLike)) and os.fsdecode(data).startswith(_DATASET)


def _is_samples(data: object) -> bool:
    """Whether series come from checked numbers: a Source, a data set by name, or what is no table with columns."""
    if isinstance(data, (str, os.PathLike)):
        name = os.fsdecode(data)
        return bool(name) and name != "-" and table_form(name) is None
    return isinstance(data, Source)


def _what(source: AnySource) -> str:
    if isinstance(source, Source):
        return "a table" if source.kind == "table" else f"images of shape {source.shape}"
    return {"text": "text", "events": "sequences of events", "series": "series"}[source.kind]


@dataclass(frozen=True)
class How:
    """How the user wants something read; see `open_source`."""

    kind: str | None
    labels: Labels
    array: str | None
    typing: Typing
    stream: bool | None = None
    flat: bool = False  # a 1-D array is one series


def _open(data: object, how: How) -> AnySource:
    if how.array is not None and not isinstance(data, (str, os.PathLike)):
        raise DataError(f"array={how.array!r} chooses from an .npz file; leave it out for a {type(data).__name__}")
    if isinstance(data, (Source, TextSource, EventSource, SeriesSource)):
        held = data.in_memory() if isinstance(data, Source) and how.stream is False else data
        return carry(held, how.labels)
    if isinstance(data, (str, os.PathLike)):
        return _open_name(os.fspath(data), how)
    if is_frame(data):
        return frame_source(data, labels=how.labels, typing=how.typing)
    if is_ragged(data):
        return carry(ragged_source(data), how.labels)
    return carry(array_source(data, kind=how.kind), how.labels)


def _open_name(name: str | bytes, how: How) -> AnySource:
    text = os.fsdecode(name)
    if text == "-":
        return _from_stream(read_pipe(), how)
    if text.startswith(_DATASET):
        return carry(dataset_source(text.removeprefix(_DATASET)), how.labels)
    path = existing(text, more=" (data sets are called dataset:NAME, see: latens datasets)")
    with readable(path):
        return _open_path(path, how)


def _open_path(path: Path, how: How) -> Source:
    kind, labels, array = how.kind, how.labels, how.array
    if path.is_dir():
        return _folder(path, how)
    form = _format(plain_file(path))
    if form not in ("text", "idx") and is_gzip(path):
        raise DataError(f"{path.name}: is gzipped, which is read for CSV, TSV and idx only; unpack it with gunzip")
    if how.stream and form not in ("npy", "parquet"):
        raise DataError(
            f"{path.name}: only .npy, Parquet and folders of images are read from disk as they are wanted; write it as "
            "one of these, or leave --stream (stream=True) out"
        )
    if array is not None and form != "npz":
        raise DataError(f"{path.name}: array={array!r} chooses from an .npz file; leave it out")
    if form == "npz":
        return npz_source(path, kind=kind, labels=labels, array=array)
    readers: dict[str, Callable[[], Source]] = {
        "npy": lambda: carry(npy_source(path, kind, how.stream, how.flat), labels),
        "idx": lambda: carry(idx_source(path, kind), labels),
        "image": lambda: carry(image_source(path), labels),
        "parquet": lambda: parquet_source([path], path.name, labels, how.typing, how.stream),
        "text": lambda: _csv(path, how),
    }
    return readers[form]()


def _folder(path: Path, how: How) -> Source:
    """All images below a folder, or one table in all Parquet files."""
    table = parquet_folder(path, how.labels, how.typing, how.stream)
    if table is None:
        return carry(folder_source(path, how.stream), how.labels)
    if files_below(path, SUFFIXES):
        raise DataError(f"{path.name}: holds images and Parquet files; keep them in folders of their own")
    return table


def _format(path: Path) -> str:
    """By the first bytes; where they say nothing, by the name."""
    with open_bytes(path, path.name) as file:
        head = file.read(8)
    if not head:
        raise DataError(f"{path.name}: is empty; give a file with data")
    for magic, form in _MAGIC.items():
        if head.startswith(magic):
            return form
    if is_idx(head):
        return "idx"
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in _SUFFIX:
        raise DataError(f"{path.name}: not a format that latens reads; give it {_READ}")
    return _SUFFIX[suffix]


def _csv(path: Path, how: How) -> Source:
    from latens.data.text_tables import csv_source

    return csv_source(path, labels=how.labels, typing=how.typing)


def _from_stream(content: bytes, how: How) -> Source:
    """CSV, or .npy where the first bytes say so, from a pipe."""
    from latens.data.text_tables import text_source

    if content.startswith(b"\x93NUMPY"):
        return carry(npy_bytes(content, how.kind), how.labels)
    return text_source(content, labels=how.labels, typing=how.typing)

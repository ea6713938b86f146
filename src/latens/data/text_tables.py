"""CSV and TSV, plain or gzipped, read by Arrow's threads.

The first line is the header unless every cell of it is a number, and even then where the numbers count (0, 1, 2, … or
2019, 2020, …) above a line that is not of whole numbers. A header whose first cell is empty is a frame's
written index: that column becomes the row ids. Blank lines are skipped. Data rows are counted from 1, without the
header. Empty cells, ``NA``, ``NaN`` and ``null`` are missing values; what a column holds is inferred from its cells.
"""

from __future__ import annotations

import csv
import io
import mmap
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from latens.data.gzipped import is_gzip, read_gzip
from latens.data.kinds import INFERRED, Known, LeftOut, Typing, known_numbers, typed_column
from latens.data.paths import open_plain, size_of
from latens.data.tables import build_table, cell_name, check_names, feature_names, given_labels
from latens.data.values import Labels, Source, among, check_shape, label_names
from latens.errors import DataError, in_a_line

__all__ = ["as_label", "csv_source", "data_row", "judged", "text_columns", "text_source"]

_MISSING = ["", "NA", "NaN", "nan", "-NaN", "-nan", "NULL", "null"]
_DELIMITERS = ",;\t|"
_BOM = b"\xef\xbb\xbf"
# The first line ends within so many bytes, and so does a second one: what has no lines is no table.
_HEAD = 2**22
# More columns than anybody's table has take minutes and gigabytes to look at, however few the rows.
_MOST_COLUMNS = 100_000
# Numbers of a line that are names if they count above other kinds of numbers, and if they count from 0 above whatever.
_COUNTING = (3, 8)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_SEPARATOR = re.compile(rb'"?sep=([,;\t|])"?(?:\r\n|\r|\n)')


@dataclass(frozen=True, eq=False)
class _Text:
    """A delimited text and what its first line says."""

    buffer: pa.Buffer
    name: str
    delimiter: str
    names: tuple[str, ...]
    header: bool
    quoted: bool
    line: int  # bytes of the first line

    def read(self, types: Sequence[Any], threads: bool = True) -> pa.Table:
        """The table with its columns as `types`; None leaves one to Arrow, which judges by the first block."""
        from pyarrow import csv as reader

        keys = [str(i) for i in range(len(self.names))]
        return reader.read_csv(
            pa.BufferReader(self.buffer),
            reader.ReadOptions(
                use_threads=threads,
                # A block must hold a row.
                block_size=max(2**20, 8 * self.line),
                column_names=keys,
                skip_rows_after_names=int(self.header),
            ),
            reader.ParseOptions(delimiter=self.delimiter, newlines_in_values=self.quoted),
            reader.ConvertOptions(
                column_types={key: kind for key, kind in zip(keys, types, strict=True) if kind is not None},
                null_values=_MISSING,
                strings_can_be_null=False,
            ),
        )


def csv_source(path: Path, *, labels: Labels = None, typing: Typing = INFERRED) -> Source:
    """The columns of a CSV or TSV file; see `text_source`."""
    return text_source(_content(path), labels=labels, name=path.name, delimiter=_delimiter(path.name), typing=typing)


def _delimiter(name: str) -> str | None:
    return "\t" if name.lower().removesuffix(".gz").endswith(".tsv") else None


def _content(path: Path) -> bytes | mmap.mmap:
    if is_gzip(path):
        return read_gzip(path, path.name)
    with open_plain(path) as file:
        if not size_of(file):
            raise DataError(f"{path.name}: is empty; give a header and at least one row")
        # Closed when the last of Arrow's buffers lets go of it; closing it here would fail while an error holds one.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def text_columns(data: bytes | Path, name: str) -> pa.Table:
    """The columns of a delimited text, or of a file of it, with every cell as the text that stands there.

    Raises:
        DataError: It cannot be read as a table, or a column is there twice.
    """
    text = _text(data if isinstance(data, bytes) else _content(data), name, _delimiter(name))
    check_names(text.names, name)
    return _read(text, [pa.string()] * len(text.names)).rename_columns(list(text.names))


def text_source(
    content: bytes | mmap.mmap,
    *,
    labels: Labels = None,
    name: str = "stdin",
    delimiter: str | None = None,
    typing: Typing = INFERRED,
) -> Source:
    """The columns of a delimited text by what they hold.

    Args:
        content: UTF-8, with or without a byte order mark.
        labels: Names of columns to carry along, or an array of one label per row.
        name: What messages call it.
        delimiter: Between cells; None takes the most frequent of ``, ; tab |`` in the first line.
        typing: What the user says about columns.

    Raises:
        DataError: No rows, rows of unequal length, a column twice, an unknown label, infinity, text among numbers.

    Example:
        >>> text_source(b"a,b,kind\\n1,2,x\\n3,4,y\\n", labels="kind").columns
        ('a', 'b')
    """
    text = _text(content, name, delimiter)
    labels = among(labels, text.names)
    asked = label_names(labels) or ()
    features = feature_names([column for column in text.names if column], labels, name)
    typing.check(text.names, name)
    kept = {column for column in text.names if column in asked or column == "" or typing.kind(column) == "category"}
    types = [pa.string() if column in kept else None for column in text.names]
    table = _read(text, types)
    if any(map(pa.types.is_time, table.schema.types)):  # 8:30 would come back as 08:30:00, another category
        clocks = map(pa.types.is_time, table.schema.types)
        table = _read(text, [pa.string() if clock else kind for clock, kind in zip(clocks, types, strict=True)])
    check_shape(table.shape, name)
    where = {column: i for i, column in enumerate(text.names)}
    return build_table(
        [_feature(table.column(where[feature]), feature, name, typing) for feature in features],
        named=text.header,
        labels=given_labels(labels, table.num_rows, name)
        | {label: as_label(table.column(where[label])) for label in asked},
        ids=as_label(table.column(where[""])) if "" in where else None,
        name=name,
        n_rows=table.num_rows,
        row_name=data_row,
    )


def data_row(row: int) -> str:
    """A row's position in words, counted from 1, without the header."""
    return f"data row {row + 1}"


def _feature(column: pa.ChunkedArray, feature: str, name: str, typing: Typing) -> Known | LeftOut:
    """A column by what it holds; numbers, of which there may be very many, without a detour."""
    kind, wanted = column.type, typing.kind(feature)
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and wanted in (None, "number", "integer"):
        whole = pa.types.is_integer(kind)
        dtype = ("Int64" if column.null_count else "int64") if whole else "float64"
        return known_numbers(feature, np.asarray(column.to_numpy(), dtype=np.float64), dtype, whole, wanted)
    if pa.types.is_string(kind):
        column = _present(column)
    return typed_column(column.to_pandas(), feature, cell_name(name, feature, data_row), typing)


def _present(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text without spaces around it, null where it says that nothing is there."""
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(trimmed, value_set=pa.array(_MISSING)), pa.scalar(None, pa.string()), trimmed)


def _text(content: bytes | mmap.mmap, name: str, delimiter: str | None) -> _Text:
    start = _start(content, name)
    if said := _SEPARATOR.match(content, start):  # what a spreadsheet writes for itself
        start, delimiter = said.end(), said[1].decode()
    head = content[start : start + _HEAD]
    first = _first_line(head, len(content) - start, name)
    try:
        line, decoded = first.decode(), head[: 16 * len(first) + 4096].decode(errors="replace")
    except UnicodeDecodeError as error:
        raise _not_utf8(name, start + error.start, error.object[error.start]) from error
    delimiter = delimiter or max(_DELIMITERS, key=_unquoted(line).count)
    if line.count(delimiter) >= _MOST_COLUMNS:
        raise DataError(f"{name}: has more than {_MOST_COLUMNS:,} columns; give it as an array, in .npy")
    cells, *following = _first_records(decoded, delimiter, name)
    header = not all(map(_is_number, cells)) or _counts(cells, following)
    names = tuple(cells) if header else tuple(f"column {i}" for i in range(len(cells)))
    if "" in names[1:]:
        raise DataError(f"{name}: header cell {names.index('', 1) + 1} is empty; give every column a name")
    check_names(names, name)
    buffer = pa.py_buffer(content).slice(start)
    return _Text(buffer, name, delimiter, names, header, content.find(b'"') >= 0, len(first))


def _first_line(head: bytes, size: int, name: str) -> bytes:
    """The first line of a text of so many bytes, of which this is the head.

    Raises:
        DataError: It, or the second one, does not end there.
    """
    found = _LINE_END.search(head)
    if size > len(head) and (found is None or _LINE_END.search(head, found.end()) is None):
        raise DataError(f"{name}: has no two lines in its first {_HEAD:,} bytes; give a table with a line for each row")
    return head if found is None else head[: found.start()]


def _first_records(text: str, delimiter: str, name: str) -> list[list[str]]:
    """The cells of the first line, and of the second one if there is one to be read."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        records = [next(lines)]
    except csv.Error as error:
        raise DataError(f"{name}: line 1 cannot be read ({error}); give it a header of column names") from error
    with suppress(csv.Error, StopIteration):
        records.append(next(lines))
    return [[cell.strip() for cell in record] for record in records]


def _counts(cells: Sequence[str], following: Sequence[Sequence[str]]) -> bool:
    """Whether cells that are numbers are names all the same: whole ones that count, where the next line does not.

    Columns that a frame has no names for are written as 0, 1, 2, …; years stand above what happened in them.
    """
    if len(cells) < _COUNTING[0] or not following or not all(map(_is_whole, cells)):
        return False
    first = int(cells[0])
    if [int(cell) for cell in cells] != list(range(first, first + len(cells))):
        return False
    return not all(map(_is_whole, following[0])) or (first == 0 and len(cells) >= _COUNTING[1])


def _is_whole(cell: str) -> bool:
    return cell.isascii() and cell.isdigit()


def _start(content: bytes | mmap.mmap, name: str) -> int:
    """Where the first line that is not blank begins."""
    start = len(_BOM) if content[:3] == _BOM else 0
    found = re.compile(rb"[^\s]").search(content, start, start + _HEAD)
    if found is None:
        what = f"begins with {_HEAD:,} blanks" if len(content) > start + _HEAD else "is empty"
        raise DataError(f"{name}: {what}; give a header and at least one row")
    # A delimiter that is white space belongs to the line.
    line = max(content.rfind(b"\n", start, found.start()), content.rfind(b"\r", start, found.start()))
    return max(start, line + 1)


def _unquoted(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _read(text: _Text, types: list[Any]) -> pa.Table:
    """The table; where a column is not what its first block said, once more as text, judged by all of its cells."""
    try:
        table = text.read(types)
        if any(map(pa.types.is_binary, table.schema.types)):  # what is not UTF-8 is bytes to Arrow
            _check_encoding(text)
        return table
    except pa.ArrowInvalid as error:
        _check_encoding(text)
        if "conversion error" not in str(error):
            raise _unreadable(text, error) from error
    try:
        table = text.read([pa.string()] * len(types), threads=False)
    except pa.ArrowInvalid as error:
        raise _unreadable(text, error) from error
    columns = [table.column(i) if wanted is not None else judged(table.column(i)) for i, wanted in enumerate(types)]
    return pa.table(columns, names=table.column_names)


def judged(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of text as whole numbers, numbers, true and false, or times, if all of it is; else as it is."""
    present = _present(column)
    for kind in (pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us")):
        try:
            return present.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column


def _unreadable(text: _Text, error: Exception) -> DataError:
    """A row with too few or too many cells, with its number, which Arrow only knows when it reads in order."""
    message = in_a_line(error)
    try:
        text.read([pa.string()] * len(text.names), threads=False)
    except pa.ArrowInvalid as again:
        message = in_a_line(again)
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if found is None:
        return DataError(f"{text.name}: cannot be read as a table ({message}); check its quotes")
    row, expected, got = (int(number) for number in found.groups())
    return DataError(
        f"{text.name}: data row {row - text.header} has {got} columns where the first line has {expected}; "
        f"complete it or remove it (columns are separated by {text.delimiter!r})"
    )


def _check_encoding(text: _Text) -> None:
    try:
        str(memoryview(text.buffer), "utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(text.name, error.start, error.object[error.start]) from error


def _not_utf8(name: str, offset: int, byte: int) -> DataError:
    return DataError(f"{name}: byte 0x{byte:02x} at offset {offset:,} is not UTF-8; save the file as UTF-8")


def as_label(column: pa.ChunkedArray) -> np.ndarray:
    """A carried column: integers if all of it is, else floats if all of it is, else text as it stands."""
    import pyarrow.compute as pc

    present = pc.if_else(pc.is_in(column, value_set=pa.array(_MISSING)), pa.scalar(None, pa.string()), column)
    for kind in (pa.int64(), pa.float64()):
        try:
            return np.asarray(present.cast(kind).to_numpy())
        except pa.ArrowInvalid:
            continue
    return np.asarray(column.to_numpy(), dtype=object)

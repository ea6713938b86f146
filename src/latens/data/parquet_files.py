"""Parquet files, opened only if they are what they say.

Arrow believes a file's footer and the headers of its pages, and allocates what they declare. So all of them are held
against the file first: chunks lie within it, pages unpack to no more than a file of this size can mean, and rows are no
more than this machine can hold. Text that is kept as a few different values, each of which may be long and meant by
many rows, is measured before it is written out.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latens.data.parquet_pages import Chunk, Damage, Leaf, check_footer, pages_of
from latens.data.paths import open_plain, size_of
from latens.data.values import check_memory
from latens.errors import DataError, in_a_line

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["ParquetBytes", "check_text", "framed", "index_columns", "open_parquet"]

# Bytes of all names and notes in the footer, and entries of one list: columns, row groups.
_MOST_TEXT, _MOST_ENTRIES, _MOST_GROUPS = 2**26, 100_000, 10_000
# Of a file that holds nothing: the mark at both ends, and the footer's length.
_LEAST = 12
# Bytes of a value once read, as NumPy and pandas have it; text takes its bytes beside.
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}
_WIDE = 8
# Bytes that a column of text can come to without being measured.
_UNMEASURED = 2**26


@contextmanager
def open_parquet(path: Path) -> Iterator[ParquetBytes]:
    """The bytes of a plain file; whatever goes wrong while they are read as Parquet is a DataError.

    Raises:
        DataError: It is no such file, damaged, or does not fit into memory.
    """
    with _reading(path.name), open_plain(path) as file:
        if size_of(file) < _LEAST:
            raise Damage(f"{size_of(file)} bytes are too few")
        # Closed when the last of Arrow's buffers lets go of it.
        yield ParquetBytes(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path.name)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # what stands in a file makes Arrow and pandas raise almost anything
        raise DataError(f"{name}: damaged or truncated Parquet file ({in_a_line(error)}); write it again") from error


def framed(table: pa.Table, name: str, **how: Any) -> pd.DataFrame:
    """A table from Parquet as the frame that it says it was.

    Args:
        table: Checked by `check_text`.
        name: What messages call it.
        how: More for `pyarrow.Table.to_pandas`.

    Raises:
        DataError: What it says of itself for pandas cannot be.
    """
    with _reading(name):
        return table.to_pandas(**how)


def check_text(table: pa.Table | pa.RecordBatch, name: str, first: int = 0) -> None:
    """Refuse text that is no UTF-8, which Arrow passes on as it is.

    Args:
        table: From Parquet.
        name: What messages call it.
        first: The number of its first row.

    Raises:
        DataError: It names the column and the row.
    """
    import pyarrow as pa

    for column, cells in zip(table.schema.names, table.columns, strict=True):
        start = first
        for chunk in cells.chunks if isinstance(cells, pa.ChunkedArray) else [cells]:
            try:
                chunk.validate(full=True)
            except pa.ArrowException as error:
                at = re.search(r" index (\d+)", str(error))
                where = f"row {start + int(at[1])} (counted from 0): " if at else ""
                what = f"column {column!r:.200}, {where}{in_a_line(error)}"
                raise DataError(f"{name}: {what}; write the file again") from error
            start += len(chunk)


@dataclass(frozen=True, eq=False)
class ParquetBytes:
    """A Parquet file mapped into memory.

    Args:
        content: All of it.
        name: What messages call it.
    """

    content: mmap.mmap
    name: str

    def opened(self, **how: Any) -> Any:
        """Its `pyarrow.parquet.ParquetFile`: the footer has been read, within bounds, and nothing else."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        limits = {"thrift_string_size_limit": _MOST_TEXT, "thrift_container_size_limit": _MOST_ENTRIES}
        return pq.ParquetFile(pa.BufferReader(pa.py_buffer(self.content)), **limits, **how)

    def read(self, choose: Callable[[Sequence[str]], Sequence[str]] | None = None) -> pa.Table:
        """The table: all of it, or its index and the columns that are chosen from their names.

        Raises:
            DataError: It does not fit into memory.
        """
        with self.opened() as file:
            self.check_footer(file)
            schema = file.schema_arrow
            names = None if choose is None else list(choose(schema.names))
            long = [path for path in self.check(file, names) if _is_text(schema, path)]
        with self.opened(read_dictionary=long) as file:
            # A frame from `pandas.to_parquet` names its index among the file's columns; Arrow brings it along.
            table = file.read(names, use_pandas_metadata=True)
        check_text(table, self.name)
        for i, name in enumerate(table.column_names):
            if name in long:  # of lists and structs nothing is learned, so that theirs can stay as they are
                column = table.column(i)
                self._measure(column)
                table = table.set_column(i, name, _written_out(column).cast(schema.field(name).type))
        return table

    def check_group(self, file: Any, names: Sequence[str], group: int) -> None:
        """Hold what a row group declares, and the text in it, against the file: for who reads them one by one.

        Args:
            file: What `opened` gave.
            names: The columns.
            group: The row group.

        Raises:
            DataError: It is too large.
            Damage: It cannot be.
        """
        long = [path for path in self.check(file, names, [group]) if _is_text(file.schema_arrow, path)]
        if not long:
            return
        with self.opened(read_dictionary=long) as again:
            table = again.read_row_group(group, long)
        check_text(table, self.name)
        for name in set(long) & set(table.column_names):
            self._measure(table.column(name))

    def check_footer(self, file: Any) -> list[list[int | None]]:
        """Refuse what must not be asked of the file's `metadata`: to be called before anything of a column is.

        Returns:
            Of each row group how many cells of each column are missing, as far as it is known.

        Raises:
            Damage: There is something.
        """
        if file.metadata.num_row_groups > _MOST_GROUPS:
            raise Damage(f"{file.metadata.num_row_groups:,} row groups where {_MOST_GROUPS:,} are read")
        columns = [file.schema.column(place) for place in range(len(file.schema))]
        leaves = [Leaf(each.physical_type, (each.max_definition_level, each.max_repetition_level)) for each in columns]
        return check_footer(memoryview(self.content), leaves)

    def check(self, file: Any, names: Sequence[str] | None, groups: Sequence[int] | None = None) -> list[str]:
        """Hold what the file declares of some columns against its size, and this machine's memory.

        Args:
            file: What `opened` gave.
            names: The columns; None are all.
            groups: The row groups that are read together; None are all.

        Returns:
            The columns of text that is kept as different values and could be very long once written out.

        Raises:
            DataError: It is too large.
            Damage: It cannot be.
        """
        metadata = file.metadata
        wanted = [metadata.row_group(i) for i in (range(metadata.num_row_groups) if groups is None else groups)]
        if groups is None and metadata.num_rows != sum(group.num_rows for group in wanted):
            raise Damage(f"{metadata.num_rows} rows are not those of its groups")
        places = _leaves(file, names)
        declared = _Declared(self.name, memoryview(self.content))
        for group in wanted:
            for place, width in places.items():
                declared.add(group.column(place), group.num_rows, width)
        return sorted(path for path, size in declared.text.items() if size > _UNMEASURED)

    def _measure(self, column: pa.ChunkedArray) -> None:
        """Refuse text that there is no room for in full."""
        import pyarrow as pa
        import pyarrow.compute as pc

        needed = 0
        for chunk in column.chunks:
            lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
            needed += pc.sum(lengths.take(chunk.indices)).as_py() or 0
            check_memory(needed, self.name, len(self.content))


def _written_out(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], column.type.value_type)


def _is_text(schema: pa.Schema, path: str) -> bool:
    """Whether a column is text (or within lists and structs, where it may be)."""
    import pyarrow as pa

    if path not in schema.names:
        return True
    kind, types = schema.field(path).type, pa.types
    return any(is_(kind) for is_ in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _leaves(file: Any, names: Sequence[str] | None) -> dict[int, int]:
    """The places of the file's columns that belong to those named, and to the index, with their widths."""
    wanted = None if names is None else {*names, *index_columns(file.schema_arrow.metadata)}
    found = {}
    for place in range(len(file.schema)):
        leaf = file.schema.column(place)
        parts = leaf.path.split(".")
        if wanted is None or any(".".join(parts[: n + 1]) in wanted for n in range(len(parts))):
            fixed = leaf.length if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" else _WIDE
            found[place] = max(1, _WIDTHS.get(leaf.physical_type, fixed))
    return found


def index_columns(metadata: dict[bytes, bytes] | None) -> list[str]:
    """The columns that a frame's index was written to, as the metadata of a schema says.

    Raises:
        ValueError: That is damaged; or another error.
    """
    noted = json.loads((metadata or {}).get(b"pandas", b"{}"))
    return [name for name in noted.get("index_columns", ()) if isinstance(name, str)]


class _Declared:
    """What chunks declare, summed up and held against the file, one by one.

    Args:
        name: What messages call the file.
        content: All of it.
    """

    def __init__(self, name: str, content: memoryview) -> None:
        self._name, self._content = name, content
        self._packed = self._unpacked = self._read = 0
        # Of columns of text the bytes that they could come to, if every row were the longest that can be.
        self.text: dict[str, int] = {}

    def add(self, chunk: Any, n_rows: int, width: int) -> None:
        """A column of a row group."""
        size = len(self._content)
        start = min(chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset)
        stop = start + chunk.total_compressed_size
        self._packed += chunk.total_compressed_size
        if not 0 <= start <= stop <= size or self._packed > size:
            raise Damage(f"column {chunk.path_in_schema!r:.200} lies outside of the file")
        if not 0 <= n_rows <= chunk.num_values:
            raise Damage(f"column {chunk.path_in_schema!r:.200} has {chunk.num_values} values for {n_rows} rows")
        self._read += chunk.num_values * width
        check_memory(self._read, self._name, size)
        pages = pages_of(self._content, Chunk(start, stop, chunk.num_values))
        self._unpacked += pages.unpacked
        check_memory(self._unpacked, self._name, size)
        if chunk.physical_type == "BYTE_ARRAY":
            longest = chunk.num_values * pages.dictionary
            self.text[chunk.path_in_schema] = self.text.get(chunk.path_in_schema, 0) + longest

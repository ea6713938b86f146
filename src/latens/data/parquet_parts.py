"""One table in one Parquet file or several, read from any row on in batches, row group by row group."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.data.parquet_files import ParquetBytes, check_text, framed, index_columns, open_parquet
from latens.data.parquet_pages import Damage
from latens.data.values import check_memory
from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Cursor", "Parts"]

# Numbers of a batch, and its least and most rows.
_NUMBERS, _LEAST, _MOST = 2**20, 64, 2**16


@dataclass(frozen=True, eq=False)
class Parts:
    """Parquet files of the same columns, whose rows follow one another.

    Args:
        paths: The files.
        name: What messages call them together.
        schema: Arrow's, of all of them.
        groups: (g + 1,) int64, where row groups begin and the last one ends.
        places: Of each row group its file, and which of the file's row groups it is.
        nulls: Missing cells of each column, where all files say how many.
    """

    paths: tuple[Path, ...]
    name: str
    schema: pa.Schema
    groups: np.ndarray
    places: tuple[tuple[int, int], ...]
    nulls: dict[str, int]

    @classmethod
    def of(cls, paths: Sequence[Path], name: str) -> Parts:
        """What the files say of themselves; nothing else is read.

        Raises:
            DataError: One is damaged, or has other columns than the first.
        """
        schema, places, lengths = None, [], []
        counts: dict[str, int | None] = {}
        for number, path in enumerate(paths):
            with open_parquet(path) as content, content.opened() as file:
                schema = schema or file.schema_arrow
                missing = content.check_footer(file)
                index_columns(schema.metadata)  # refused here if it is damaged
                _check_alike(schema, file.schema_arrow, paths[0].name, path.name)
                for group in range(file.metadata.num_row_groups):
                    places.append((number, group))
                    lengths.append(_rows(file.metadata.row_group(group)))
                    _count_nulls(file.schema, missing[group], counts)
        groups = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        nulls = {column: count for column, count in counts.items() if count is not None}
        return cls(tuple(paths), name, schema, groups, tuple(places), nulls)

    def __len__(self) -> int:
        return int(self.groups[-1])

    @property
    def numbers(self) -> int:
        """Cells there are."""
        return len(self) * len(self.schema.names)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of some columns and of the index, or of all columns, in memory.

        Raises:
            DataError: They do not fit.
        """
        import pyarrow as pa

        tables = []
        for path in self.paths:
            with open_parquet(path) as content:
                tables.append(content.read(None if columns is None else lambda names: list(columns)))
            check_memory(sum(table.nbytes for table in tables), self.name)
        return pa.concat_tables(tables)

    def frame(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The same as a frame."""
        return framed(self.read(columns), self.name, split_blocks=True, self_destruct=True)

    @property
    def index(self) -> list[str]:
        """The columns that the index of a frame was written to."""
        return index_columns(self.schema.metadata)


def _check_alike(first: pa.Schema, other: pa.Schema, first_name: str, name: str) -> None:
    if other.names != first.names:
        odd = sorted(set(first.names) ^ set(other.names)) or ["their order"]
        raise DataError(f"{name}: has other columns than {first_name} ({', '.join(odd)[:200]}); write them alike")
    for mine, theirs in zip(first, other, strict=True):
        if mine.type != theirs.type:
            raise DataError(
                f"{name}: column {mine.name!r} is {theirs.type} and {mine.type} in {first_name}; write them alike"
            )


def _rows(group: Any) -> int:
    """Rows of a group, no fewer than none and no more than each of its columns has values."""
    values = min((group.column(place).num_values for place in range(group.num_columns)), default=0)
    if not 0 <= group.num_rows <= values:
        raise Damage(f"{group.num_rows} rows of {values} values")
    return int(group.num_rows)


def _count_nulls(schema: Any, missing: Sequence[int | None], counts: dict[str, int | None]) -> None:
    """Add up a row group's missing cells; None for a column of which one group does not say it."""
    for place, known in enumerate(missing):
        path = schema.column(place).path
        before = counts.get(path, 0)
        counts[path] = None if known is None or before is None else before + known


class Cursor:
    """Reads some columns of Parquet files from any row on; going forward costs nothing beside the reading.

    Args:
        parts: The files.
        columns: To read.
    """

    def __init__(self, parts: Parts, columns: Sequence[str]) -> None:
        self.parts, self.columns = parts, list(columns)
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._at = -1  # the row that the next batch begins with
        self._left: list[pa.RecordBatch] = []  # what was read of the rows before that and not asked for yet
        self._checked: set[int] = set()  # row groups that were held against their file
        self.rows = int(np.clip(_NUMBERS // max(1, len(self.columns)), _LEAST, _MOST))

    def read(self, start: int, stop: int) -> pa.Table:
        """The rows from one to another."""
        import pyarrow as pa

        behind = self._at - sum(map(len, self._left))
        group = int(np.searchsorted(self.parts.groups, start, side="right")) - 1
        if not behind <= start or self._at < self.parts.groups[group]:
            self._batches, self._left = self._from(group), []
            self._at = behind = int(self.parts.groups[group])
        while self._at < stop:
            batch = next(self._batches, None)
            if batch is None:
                raise DataError(f"{self.parts.name}: ends before row {stop} of {len(self.parts)}; write it again")
            self._left.append(batch)
            self._at += len(batch)
            while self._left and behind + len(self._left[0]) <= start:
                behind += len(self._left.pop(0))
        whole = pa.Table.from_batches(self._left)
        self._left = [batch for batch in whole.slice(stop - behind).to_batches() if len(batch)]
        return whole.slice(start - behind, stop - start)

    def _from(self, group: int) -> Iterator[pa.RecordBatch]:
        """The batches of all row groups from one on."""
        while group < len(self.parts.places):
            number = self.parts.places[group][0]
            with open_parquet(self.parts.paths[number]) as content, content.opened(pre_buffer=False) as file:
                while group < len(self.parts.places) and self.parts.places[group][0] == number:
                    yield from self._batches_of(content, file, group)
                    group += 1

    def _batches_of(self, content: ParquetBytes, file: Any, group: int) -> Iterator[pa.RecordBatch]:
        place = self.parts.places[group][1]
        if group not in self._checked:
            content.check_group(file, self.columns, place)
            self._checked.add(group)
        row = int(self.parts.groups[group])
        for batch in file.iter_batches(self.rows, row_groups=[place], columns=self.columns, use_threads=False):
            check_text(batch, self.parts.name, row)
            row += len(batch)
            yield batch
        _forget(content)


def _forget(content: ParquetBytes) -> None:
    """Let go of the pages of the file that were looked at, which would count as this process's memory."""
    with suppress(AttributeError, OSError):  # where a system has no such advice
        content.content.madvise(mmap.MADV_DONTNEED)

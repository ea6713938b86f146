"""LanceDB under an index: one table in a folder, and its errors in one line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from latens.errors import ConfigError, DataError, LatensError, MissingExtra, OutputError
from latens.index.columns import CODE
from latens.index.folders import check_contents

__all__ = ["Rows"]

_NAME = "rows"
# Beyond those asked for: float32 may order the last ones otherwise than float64, which has the word.
_SPARE = 16
# Where LanceDB's messages begin to speak of its own source files.
_SOURCE_FILES = re.compile(r",?\s*(/|at )\S*\.rs\b.*", re.DOTALL)


class Rows:
    """The rows of an index on disk.

    Args:
        table: LanceDB's.
        name: What messages call the index.
    """

    def __init__(self, table: Any, name: str) -> None:
        self._table, self.name = table, name

    @classmethod
    def create(cls, folder: Path, rows: pa.Table, name: str) -> Rows:
        """A table in a new folder.

        Raises:
            MissingExtra: lancedb is not installed.
            OutputError: The folder cannot be written.
        """
        lance = _lancedb()
        with _writing(name):
            return cls(lance.connect(str(folder)).create_table(_NAME, rows), name)

    @classmethod
    def open(cls, folder: Path) -> Rows:
        """The table in a folder.

        Raises:
            MissingExtra: lancedb is not installed.
            DataError: There is none, it is damaged, or something in the folder is neither a file nor a folder.
        """
        check_contents(folder)
        lancedb = _lancedb()
        with _reading(str(folder)):
            rows = cls(lancedb.connect(str(folder)).open_table(_NAME), str(folder))
            rows._check_columns()
            return rows

    def _check_columns(self) -> None:
        """Refuse a table of somebody else's: what is read of it later has these types."""
        kinds = {"row": pa.int64(), "id": pa.string(), CODE: None}
        for name, kind in kinds.items():
            found = self.schema.field(name).type
            codes = pa.types.is_fixed_size_list(found) and found.value_type == pa.float32()
            if not (codes if kind is None else found == kind):
                raise ValueError(f"column {name!r} holds {found}")

    def __len__(self) -> int:
        with _reading(self.name):
            return int(self._table.count_rows())

    @property
    def parts(self) -> int:
        """Into how many the approximate index divides the rows."""
        return max(1, round(math.sqrt(len(self))))

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        schema: pa.Schema = self._table.schema
        return schema

    def read(self, columns: list[str]) -> pa.Table:
        """Some columns of all rows, in the order of their numbers."""
        return self._scan(None, ["row", *columns]).sort_by("row")

    def passing(self, where: str) -> np.ndarray:
        """The numbers of the rows that a filter lets through, rising.

        Raises:
            ConfigError: No such column, or no filter.
        """
        return np.sort(np.asarray(self._scan(where, ["row"])["row"]))

    def at(self, numbers: np.ndarray, columns: list[str]) -> pa.Table:
        """Some columns of rows by their numbers, in the order given."""
        unique, places = np.unique(numbers, return_inverse=True)
        among = ", ".join(map(str, unique.tolist())) or "-1"  # SQL has no empty list
        found = self._scan(f"row IN ({among})", ["row", *columns]).sort_by("row")
        return found.take(pa.array(places.ravel()))

    def near(
        self, code: np.ndarray, k: int, distance: str, *, probes: int | None, where: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The numbers and codes of the nearest rows, a few more than k and in no order that counts.

        Args:
            code: (d,).
            k: How many are wanted.
            distance: ``"euclidean"`` or ``"cosine"``.
            probes: Parts of the approximate index to look into; None looks at every row.
            where: A filter.

        Raises:
            ConfigError: No such column, or no filter.
        """
        with self._filtering(where):
            query = self._table.search(code.astype(np.float32), vector_column_name=CODE).distance_type(
                _METRIC[distance]
            )
            query = query.bypass_vector_index() if probes is None else query.nprobes(probes)
            query = query if where is None else query.where(where, prefilter=True)
            found = query.limit(k + _SPARE).select(["row", CODE, "_distance"]).to_arrow()
            return np.asarray(found["row"]), as_codes(found[CODE])

    def add(self, rows: pa.Table) -> None:
        """More rows, all of them or none."""
        with _writing(self.name):
            self._table.checkout_latest()
            self._table.add(rows)

    def delete(self, numbers: np.ndarray) -> None:
        """Fewer rows."""
        with _writing(self.name):
            self._table.delete(f"row IN ({', '.join(map(str, numbers.tolist()))})")

    def partition(self, distance: str) -> None:
        """Build the approximate index: rows in as many parts as the root of their number, found by k-means."""
        from lancedb.index import IvfFlat

        config = IvfFlat(distance_type=_METRIC[distance], num_partitions=self.parts)
        with _writing(self.name):
            self._table.create_index(CODE, config=config, replace=True)

    def _scan(self, where: str | None, columns: list[str]) -> pa.Table:
        most = max(len(self), 1)
        with self._filtering(where):
            query = self._table.search()
            query = query if where is None else query.where(where)
            return query.select(columns).limit(most).to_arrow()

    @contextmanager
    def _filtering(self, where: str | None) -> Iterator[None]:
        if where is None:
            with _reading(self.name):
                yield
            return
        try:
            yield
        except (ValueError, RuntimeError, OSError) as error:
            names = ", ".join(column for column in self.schema.names if column not in (CODE, "thumbnail"))
            raise ConfigError(
                f'where={where[:200]!r} cannot be applied ({_short(error)}); use a condition such as "label = 3" over '
                f"{names[:400]} (of other letters than a-z, in `backticks`)"
            ) from error


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Whatever LanceDB makes of a damaged table, a panic of its own included, is a DataError."""
    try:
        yield
    except LatensError:
        raise
    except Exception as error:
        raise DataError(f"{name}: its table cannot be read ({_short(error)}); build the index again") from error


_METRIC: dict[str, Literal["l2", "cosine"]] = {"euclidean": "l2", "cosine": "cosine"}


def as_codes(column: pa.ChunkedArray) -> np.ndarray:  # -> (n, d) float32
    """A column of lists as an array."""
    width = column.type.list_size
    flat = column.combine_chunks()
    return np.asarray(flat.flatten()).reshape(-1, width)


@contextmanager
def _writing(name: str) -> Iterator[None]:
    """What goes wrong while LanceDB writes, as one line.

    Raises:
        OutputError: It cannot, for instance because the disk is full.
    """
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise OutputError(f"{name}: cannot be written ({_short(error)}); choose another folder") from error


def _lancedb() -> Any:
    try:
        import lancedb
    except ImportError as error:
        raise MissingExtra.of("lancedb", "search") from error
    return lancedb


def _short(error: Exception) -> str:
    return _SOURCE_FILES.sub("", " ".join(str(error).split()))[:300].rstrip(" ,;")

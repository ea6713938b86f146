"""Event logs in: sequences of items, from lists or from a table that has a row for each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from latens.data.corpora import Corpus
from latens.data.named_columns import Columns, as_text, read_columns
from latens.data.tables import is_frame
from latens.data.values import Labels, carry
from latens.errors import DataError
from latens.schema import EventSchema
from latens.schema.events import Item, as_item
from latens.schema.items import settled

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["EventSource", "encode_events", "learn_events", "open_events"]


@dataclass(frozen=True, eq=False)
class EventSource:
    """Sequences of items, laid end to end as numbers.

    Args:
        items: What the numbers mean, in the order of first appearance.
        codes: (n_events,) integers, places among `items`.
        offsets: (n_sequences + 1,) int64; sequence i is ``codes[offsets[i]:offsets[i + 1]]``.
        labels: Carried columns by name, each (n_sequences,); never learned from.
        ids: (n_sequences,) names of the sequences.
        name: What messages call it.
        columns: Of a table, the names of its sequence, order and item columns.

    Raises:
        DataError: There is no event.

    Example:
        >>> source = open_events([["login", "buy"], ["login"]])
        >>> len(source), source[0], source.items
        (2, ['login', 'buy'], ('login', 'buy'))
    """

    kind: ClassVar[str] = "events"

    items: tuple[Item, ...]
    codes: np.ndarray
    offsets: np.ndarray
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    ids: np.ndarray | None = None
    name: str = "events"
    columns: tuple[str, str | None, str] | None = None

    def __post_init__(self) -> None:
        if not len(self.codes):
            raise DataError(f"{self.name}: holds no events; give it some")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, sequence: int) -> list[Item]:
        place = range(len(self))[sequence]
        return [self.items[code] for code in self.codes[self.offsets[place] : self.offsets[place + 1]]]

    def title(self, sequence: int) -> str:
        """What messages call a sequence."""
        if self.ids is None:
            return f"{self.name}: sequence {sequence} (counted from 0)"
        return f"{self.name}: sequence {self.ids[sequence]}"

    def take(self, rows: np.ndarray) -> EventSource:
        """The given sequences (integers or a mask) with everything that is carried along."""
        rows = np.arange(len(self))[rows]
        lengths = np.diff(self.offsets)[rows]
        return replace(
            self,
            codes=np.concatenate([self.codes[:0], *(self.codes[slice(*self.offsets[row : row + 2])] for row in rows)]),
            offsets=_offsets(lengths),
            labels={name: column[rows] for name, column in self.labels.items()},
            ids=None if self.ids is None else self.ids[rows],
        )

    def label(self) -> np.ndarray | None:
        """The first label column, or None."""
        return next(iter(self.labels.values()), None)


def learn_events(source: EventSource, unknown: str = "error") -> EventSchema:
    """The vocabulary of a whole log.

    Example:
        >>> learn_events(open_events([["login", "buy"], ["login"]])).n_items
        3
    """
    return EventSchema.learn(source.items, unknown, source.columns)


def encode_events(source: EventSource, schema: EventSchema, ended: bool = True) -> Corpus:
    """The ids of every sequence, each followed by the end where it is to be.

    Raises:
        DataError: An item is unknown and the schema says ``"error"``.

    Example:
        >>> source = open_events([["login", "buy"], ["login"]])
        >>> corpus = encode_events(source, learn_events(source))
        >>> corpus.ids.tolist(), corpus.offsets.tolist()
        ([0, 1, 2, 0, 2], [0, 3, 5])
    """
    places = schema.places(source.items)[source.codes]  # (n_events,), -1 where unknown

    def refuse(at: int) -> DataError:
        sequence = int(np.searchsorted(source.offsets, at, side="right")) - 1
        where = source.title(sequence)
        return schema.refuse(source.items[source.codes[at]], where, at - int(source.offsets[sequence]))

    known = settled(places, schema.unknown, len(schema.items), refuse)
    kept = places >= 0 if schema.unknown == "drop" else np.ones(len(places), dtype=bool)
    before = np.concatenate([[0], np.cumsum(kept)])[source.offsets]
    if not ended:
        return Corpus(known.astype(schema.dtype), before)
    ids = np.insert(known.astype(schema.dtype), before[1:], np.asarray(schema.end, dtype=schema.dtype))
    return Corpus(ids, before + np.arange(len(before)))


def open_events(
    data: object,
    *,
    sequence: str | None = None,
    order: str | None = None,
    item: str | None = None,
    labels: Labels = None,
) -> EventSource:
    """Event logs from wherever they are.

    Args:
        data: A list of lists of text or whole numbers; a frame, or the path of a CSV, TSV or Parquet file, with a row
            for each event; ``"-"`` for CSV from standard input; or an EventSource.
        sequence: The table's column that says which sequence an event belongs to.
        order: The column by which a sequence is put in order, numbers or times; None takes the rows as they come.
        item: The column that says what happened. A list has no columns, so that what a model learned from a table can
            be asked about lists.
        labels: Columns to carry along by name (of a sequence the value in its first event), or an array of one label
            per sequence.

    Raises:
        DataError: It is no such thing, an item or an order is missing, or an order is there twice in one sequence.
    """
    if isinstance(data, EventSource):
        return carry(data, labels)
    if is_frame(data) or isinstance(data, str) or hasattr(data, "__fspath__"):
        if sequence is None or item is None:
            missing = "sequence" if sequence is None else "item"
            raise DataError(
                f"a table of events needs {missing}=NAME, the column that says it; name it (--{missing} NAME)"
            )
        return _from_table(data, (sequence, order, item), labels)
    return carry(_from_lists(data), labels)


def _from_lists(data: object) -> EventSource:
    if not isinstance(data, (list, tuple)) or not data:
        raise DataError(f"events: a {type(data).__name__} holds no sequences; give a list of lists, or a table")
    for i, row in enumerate(data):
        if isinstance(row, (str, bytes)) or not isinstance(row, (list, tuple, np.ndarray)):
            raise DataError(f"events: sequence {i} (counted from 0) is {row!r:.60}, no list; give a list of lists")
    places: dict[Item, int] = {}
    codes = [
        places.setdefault(as_item(value, f"events: sequence {i} (counted from 0), position {at}"), len(places))
        for i, row in enumerate(data)
        for at, value in enumerate(row)
    ]
    return EventSource(tuple(places), np.array(codes, dtype=np.int32), _offsets([len(row) for row in data]))


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _from_table(data: Any, columns: tuple[str, str | None, str], labels: Labels) -> EventSource:
    """The sequences in the order of their first row, each put in order, and the items numbered as they then come."""
    import pandas as pd

    sequence, order, item = columns
    asked = {sequence: _as_item, item: _as_item} | ({} if order is None else {order: _as_measure})
    found = read_columns(data, asked, labels)
    _check_present(found, sequence, tuple(asked))
    of, ids = pd.factorize(found.frame[sequence])  # the sequence of each row
    rows = np.argsort(of, kind="stable") if order is None else _in_order(found, of, sequence, order)
    offsets = _offsets(np.bincount(of))
    carried = found.labels(labels, len(ids), rows[offsets[:-1]])
    items, codes = _numbered(found, item, rows)
    return EventSource(items, codes, offsets, carried, np.asarray(ids), found.name, columns)


def _as_item(column: pa.ChunkedArray) -> pd.Series:
    """Cells of text as whole numbers if all of them are written as such (007 is not), nothing where they are empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    present = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    try:
        whole = present.cast(pa.int64())
    except pa.ArrowInvalid:
        return as_text(present)
    return whole.to_pandas() if whole.cast(pa.string()).equals(present) else as_text(present)


def _as_measure(column: pa.ChunkedArray) -> pd.Series:
    """Cells of text as numbers or times, if all of them are."""
    from latens.data.text_tables import judged

    return judged(column).to_pandas()


def _check_present(found: Columns, sequence: str, columns: Sequence[str]) -> None:
    for column in columns:
        missing = np.asarray(found.frame[column].isna())
        if missing.any():
            row = int(missing.argmax())
            of = str(found.frame[sequence].iloc[row])
            where = found.cell(column, row) + ("" if column == sequence else f", of sequence {of!r}")
            raise DataError(f"{where}: is missing; fill it in, or drop such rows")


def _in_order(found: Columns, of: np.ndarray, sequence: str, order: str) -> np.ndarray:
    """The rows, sequence by sequence, each in order.

    Raises:
        DataError: Two rows of one sequence have the same place.
    """
    values = _measured(found, order)
    rows = np.lexsort((values, of))
    twice = (np.diff(of[rows]) == 0) & (values[rows][1:] == values[rows][:-1])
    if twice.any():
        row = int(rows[1:][twice].min())
        seen, where = (found.frame[column].iloc[row] for column in (sequence, order))
        raise DataError(
            f"{found.cell(order, row)}: {where!s} is there twice in sequence {seen!r}; "
            "make it differ, or leave the order out if the rows are in order"
        )
    return rows


def _measured(found: Columns, order: str) -> np.ndarray:
    """The order column as numbers that can be compared: int64, float64, or times in one zone."""
    import pandas as pd
    from pandas.api import types

    column = found.frame[order]
    if types.is_numeric_dtype(column):
        return np.asarray(column, dtype=np.int64 if types.is_integer_dtype(column) else np.float64)
    if types.is_timedelta64_dtype(column):
        return np.asarray(column)
    try:
        # A time without a zone is taken as UTC, so that all can be compared.
        times = pd.to_datetime(column, utc=True, **_iso(column))
        return np.asarray(times.dt.tz_localize(None), dtype="datetime64[ns]")
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{found.name}: column {order!r} is neither numbers nor times ({column.iloc[0]!r}); "
            "convert it, or leave the order out if the rows are in order"
        ) from error


def _iso(column: pd.Series) -> dict[str, str]:
    return {} if column.dtype.kind == "M" else {"format": "ISO8601"}


def _numbered(found: Columns, item: str, rows: np.ndarray) -> tuple[tuple[Item, ...], np.ndarray]:
    """The items in the order of first appearance along `rows`, and each row's place among them."""
    import pandas as pd

    column = found.frame[item].iloc[rows]
    if column.dtype == object:  # where True would count as 1
        odd = column.map(lambda cell: isinstance(cell, (bool, np.bool_))).to_numpy()
        if odd.any():
            as_item(column.iloc[int(odd.argmax())], found.cell(item, int(rows[odd.argmax()])))
    codes, levels = pd.factorize(column)
    first = rows[np.unique(codes, return_index=True)[1]]
    items = (as_item(level, found.cell(item, int(row))) for level, row in zip(levels, first, strict=True))
    return tuple(items), codes.astype(np.int32)

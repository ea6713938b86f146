"""What was learned about event logs: which items there are, and the end that follows every sequence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np

from latens.errors import ConfigError, DataError, choice, setting
from latens.schema.items import MOST_ITEMS, UNKNOWN, check_fields, check_ids, settled, smallest

__all__ = ["EventSchema", "Item", "as_item"]

# 1 and "1" are different items.
Item: TypeAlias = str | int

_FIELDS = frozenset({"kind", "items", "unknown", "columns"})
_ON_UNKNOWN = {
    "error": "an item that was not there is an error",
    "drop": "an item that was not there is dropped",
    "token": "an item that was not there is the unknown item",
}


@dataclass(frozen=True)
class EventSchema:
    """The vocabulary of an event log: its items have the ids 0, 1, …; the last id, V - 1, is the end of a sequence.

    The end is an item like any other to a model: it is predicted, and generation stops there.

    Args:
        items: Text or whole numbers of 64 bits, in the order of their first appearance.
        unknown: What becomes of an item that was not there: ``"error"``, ``"drop"``, or ``"token"``, an item of its own
            whose id is V - 2.
        columns: Of a table, the names of its sequence, order and item columns; the order may be None.

    Raises:
        ConfigError: One of them is no such thing.

    Example:
        >>> schema = EventSchema.learn(["login", "search", "search", "buy"])
        >>> schema.encode(["buy", "search"]).tolist(), schema.end
        ([2, 1], 3)
        >>> schema.decode([2, 1, 3])
        ['buy', 'search']
    """

    kind: ClassVar[str] = "events"

    items: tuple[Item, ...]
    unknown: str = "error"
    columns: tuple[str, str | None, str] | None = None

    def __post_init__(self) -> None:
        choice("unknown", self.unknown, UNKNOWN)
        _check_items(self.items)
        _check_columns(self.columns)

    @classmethod
    def learn(
        cls, items: Iterable[object], unknown: str = "error", columns: tuple[str, str | None, str] | None = None
    ) -> EventSchema:
        """The vocabulary of all items of a log, in order.

        Raises:
            DataError: There are none, or one is neither text nor a whole number.
        """
        found = tuple(dict.fromkeys(as_item(item, "events") for item in items))
        if not found:
            raise DataError("events: there are none; give it some sequences to learn from")
        return cls(found, unknown, columns)

    @property
    def end(self) -> int:
        """The id of the end of a sequence."""
        return self.n_items - 1

    @property
    def n_items(self) -> int:
        """V: the items, the unknown item where there is one, and the end."""
        return len(self.items) + (self.unknown == "token") + 1

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Of the ids: the smallest of uint8, uint16 and int32."""
        return smallest(self.n_items)

    @cached_property
    def _places(self) -> dict[Item, int]:
        return {item: place for place, item in enumerate(self.items)}

    def places(self, items: Iterable[Item]) -> np.ndarray:  # -> (n,) int64
        """The id of each item, -1 for those that are unknown, whatever becomes of them."""
        return np.array([self._places.get(item, -1) for item in items], dtype=np.int64)

    def encode(self, sequence: Iterable[object], where: str = "sequence") -> np.ndarray:  # -> (n,) of self.dtype
        """The ids of a sequence, without an end.

        Args:
            sequence: Its items.
            where: What messages call it.

        Raises:
            DataError: An item is neither text nor a whole number, or unknown and ``unknown="error"``.
        """
        items = [as_item(item, f"{where}: position {at}") for at, item in enumerate(sequence)]
        ids = settled(self.places(items), self.unknown, len(self.items), lambda at: self.refuse(items[at], where, at))
        return ids.astype(self.dtype)

    def refuse(self, item: Item, where: str, at: int) -> DataError:
        """The error for an unknown item at a position, counted from 0."""
        twin = str(item) if isinstance(item, int) else int(item) if item.isdecimal() and len(item) < 19 else None
        way_out = (
            f"{twin!r} was"
            if twin in self._places
            else f'replace it, or fit with {setting("unknown", "drop")} or "token"'
        )
        return DataError(
            f"{where}: item {item!r} at position {at} was not in the sequences that the model learned from; {way_out}"
        )

    def decode(self, ids: np.ndarray | Sequence[int]) -> list[Item | None]:
        """The items of some ids: None stands for the unknown item, and the end is left out.

        Raises:
            ConfigError: An id is out of range.
        """
        known = (*self.items, None)
        return [known[place] for place in check_ids(ids, self.n_items).tolist() if place != self.end]

    def describe(self) -> str:
        """In words.

        Example:
            >>> EventSchema(("login", "buy")).describe()
            '2 items and the end of a sequence; an item that was not there is an error'
        """
        plural = "s" * (len(self.items) != 1)
        return f"{len(self.items):,} item{plural} and the end of a sequence; {_ON_UNKNOWN[self.unknown]}"

    def reading(self) -> dict[str, Any]:
        """How `open_source` has to read data of this schema."""
        sequence, order, item = self.columns or (None, None, None)
        return {"kind": self.kind, "sequence": sequence, "order": order, "item": item}

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        columns = None if self.columns is None else list(self.columns)
        return {"kind": self.kind, "items": list(self.items), "unknown": self.unknown, "columns": columns}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> EventSchema:
        """The inverse of `to_json`; everything is checked, because a file can say anything.

        Raises:
            ConfigError: It is no such schema.
        """
        given = check_fields(fields, _FIELDS, "EventSchema")
        choice("kind", given["kind"], (cls.kind,))
        items, columns = given["items"], given["columns"]
        if not isinstance(items, list) or not isinstance(columns, list | None):
            raise ConfigError("schema: its items or its columns are no list; use EventSchema.to_json")
        return cls(tuple(items), given["unknown"], None if columns is None else tuple(columns))


def as_item(value: object, where: str) -> Item:
    """`value` as an item, NumPy's types as Python's.

    Raises:
        DataError: It is missing, or neither text nor a whole number.

    Example:
        >>> as_item(np.int16(7), "row 3"), as_item(np.str_("buy"), "row 4")
        (7, 'buy')
    """
    if isinstance(value, str):
        return str(value)
    whole = _whole(value)
    if whole is not None:
        return whole
    missing = value is None or (isinstance(value, float) and value != value)
    what = "is missing" if missing else f"is {value!r}"
    way_out = "drop such rows" if missing else "convert items to text or whole numbers"
    raise DataError(f"{where}: the item {what}; {way_out}")


def _whole(value: object) -> int | None:
    """A whole number of 64 bits, also as the float that a column's numbers are once one of its cells was missing."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        number = int(value)
        return number if -(2**63) <= number < 2**63 else None
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) <= 2**53:
        return int(value)
    return None


def _check_items(items: object) -> None:
    if not isinstance(items, tuple) or not items or len(items) > MOST_ITEMS:
        raise ConfigError(f"items: there are none, or too many; use a tuple of 1 to {MOST_ITEMS:,}")
    if not all(map(_is_item, items)):
        raise ConfigError("items: not all are text or whole numbers of 64 bits; use such items")
    if len(set(items)) < len(items):
        raise ConfigError("items: one is there twice; use each once")


def _is_item(item: object) -> bool:
    """Not a bool, which Python counts as a whole number: True would be taken for 1."""
    if isinstance(item, str):
        return True
    return isinstance(item, int) and not isinstance(item, bool) and -(2**63) <= item < 2**63


def _check_columns(columns: object) -> None:
    if columns is None:
        return
    names = columns if isinstance(columns, tuple) and len(columns) == 3 else (None, None, None)
    sequence, order, item = names
    if not (isinstance(sequence, str) and isinstance(order, str | None) and isinstance(item, str)):
        raise ConfigError("columns: no names; use (sequence, order, item), where the order may be None")

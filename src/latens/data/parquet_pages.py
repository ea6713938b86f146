"""The pages of a Parquet file by their headers: how much they unpack to, before anybody unpacks them.

A page's header is a struct in Thrift's compact form (https://github.com/apache/parquet-format): fields with rising
numbers, integers of 7 bits a byte. Arrow allocates what a header says, so that it is read here first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Chunk", "Damage", "Leaf", "Pages", "check_footer", "pages_of"]

# Thrift's types of values.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_FIXED = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}
# Structs and lists within each other: in a page's header there are two, in a footer eight.
_MOST_NESTED = 12
# Entries of a list: columns, row groups.
_MOST_ENTRIES = 100_000
# Fields of a page's header.
_KIND, _UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_2 = 1, 2, 3, 5, 7, 8
_DICTIONARY_PAGE = 2
# Fields of the footer, of a row group, of a column, and of its metadata.
_GROUPS, _COLUMNS, _METADATA, _ENCRYPTED, _LEVEL_COUNTS = 4, 1, 3, (8, 9), 16
_TEXT_BYTES, _REPETITIONS, _DEFINITIONS = 1, 2, 3
_TYPE, _STATISTICS, _NULLS = 1, 12, 3
_KINDS = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_TYPES = {kind: number for number, kind in enumerate(_KINDS)}

Bytes: TypeAlias = memoryview
# Numbers, structs and lists of them by their fields; what else a struct holds is passed over.
Value: TypeAlias = "int | Fields | list[Value] | None"
Fields: TypeAlias = "dict[int, Value]"
# Of a struct's lists by their fields, who takes the entries one by one.
Visits: TypeAlias = Mapping[int, Callable[["Value"], None]]
_NOBODY: Visits = {}


class Damage(ValueError):
    """These bytes are no pages."""


@dataclass(frozen=True)
class Chunk:
    """Where a column of a row group lies.

    Args:
        start: Of its first byte in the file.
        stop: Of the first byte behind it.
        n_values: That its pages hold.
    """

    start: int
    stop: int
    n_values: int


@dataclass(frozen=True)
class Leaf:
    """What the schema says of a column.

    Args:
        kind: Its physical type.
        levels: The highest definition and repetition level.
    """

    kind: str
    levels: tuple[int, int]


@dataclass(frozen=True)
class Pages:
    """What the pages of a chunk declare.

    Args:
        unpacked: Bytes of all of them once unpacked.
        dictionary: Bytes of the page of different values among them, 0 if there is none.
    """

    unpacked: int
    dictionary: int


def pages_of(content: Bytes, chunk: Chunk) -> Pages:
    """The pages of a chunk, as far as its values go.

    Args:
        content: The whole file.
        chunk: Which part of it.

    Raises:
        Damage: A page is cut off, or declares what cannot be.

    Example:
        >>> header = bytes([0x15, 0, 0x15, 16, 0x15, 8, 0x2C, 0x15, 4, 0, 0])  # 2 values, 8 bytes in 4
        >>> pages_of(memoryview(header + b"1234"), Chunk(0, len(header) + 4, 2))
        Pages(unpacked=8, dictionary=0)
    """
    place, unpacked, dictionary, seen = chunk.start, 0, 0, 0
    while seen < chunk.n_values:
        header, place = _struct(content[: chunk.stop], place)
        place += _size(header, _PACKED)
        if place > chunk.stop:
            raise Damage(f"a page before offset {place:,} leads out of its column")
        unpacked += _size(header, _UNPACKED)
        if header.get(_KIND) == _DICTIONARY_PAGE:
            dictionary += _size(header, _UNPACKED)
            if _n_values(header, _DICTIONARY) > _size(header, _UNPACKED):
                raise Damage(f"a page before offset {place:,} declares more values than it has bytes")
        seen += _n_values(header, _DATA) + _n_values(header, _DATA_2)
    return Pages(unpacked, dictionary)


def _n_values(header: Fields, part: int) -> int:
    """How many values a page has, if it is of this kind."""
    fields = header.get(part)
    return _size(fields, 1) if isinstance(fields, dict) else 0


def check_footer(content: Bytes, leaves: Sequence[Leaf]) -> list[list[int | None]]:
    """Refuse the metadata of columns that Arrow's own look at them would end this process for.

    An exception of Arrow that nobody catches on its way to Python comes of a column too many, of one that is encrypted
    or of another type than the schema says, of counts of levels that are not as many as the levels, and of odd
    statistics. Of these the one that is of use is read here.

    Args:
        content: The whole file.
        leaves: The columns of the schema.

    Returns:
        Of each row group how many cells of each column are missing; None where that is not said.

    Raises:
        Damage: There is such a thing, or the footer is none.
    """
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    if start < 0:
        raise Damage("the footer is longer than the file")
    missing: list[list[int | None]] = []

    def look(group: Value) -> None:
        columns = _structs(group.get(_COLUMNS)) if isinstance(group, dict) else []
        if len(columns) != len(leaves):
            raise Damage(f"{len(columns)} columns where the schema has {len(leaves)}")
        missing.append([_missing(column, leaf) for column, leaf in zip(columns, leaves, strict=True)])

    _struct(content[:-8], start, visit={_GROUPS: look})  # one by one: there may be tens of thousands
    return missing


def _missing(column: Fields, leaf: Leaf) -> int | None:
    """How many cells of a column in a row group are missing, if it says so and is what it has to be."""
    metadata = column.get(_METADATA)
    if not isinstance(metadata, dict) or any(field in column for field in _ENCRYPTED):
        raise Damage("a column is encrypted, or says nothing of itself")
    if metadata.get(_TYPE) != _TYPES.get(leaf.kind, -1):
        raise Damage(f"a column of type {metadata.get(_TYPE)} where the schema has {leaf.kind}")
    counts = metadata.get(_LEVEL_COUNTS)
    if isinstance(counts, dict):
        for field, highest in zip((_DEFINITIONS, _REPETITIONS), leaf.levels, strict=True):
            counted = counts.get(field, [])
            if not isinstance(counted, list) or len(counted) not in (0, highest + 1):
                raise Damage("counts of levels that are not as many as the levels")
        if _TEXT_BYTES in counts and leaf.kind != "BYTE_ARRAY":
            raise Damage("bytes of text in a column of numbers")
    statistics = metadata.get(_STATISTICS)
    nulls = statistics.get(_NULLS) if isinstance(statistics, dict) else None
    return nulls if isinstance(nulls, int) and nulls >= 0 else None


def _structs(value: Value) -> list[Fields]:
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, dict)]


def _size(fields: Fields, field: int) -> int:
    value = fields.get(field)
    if not isinstance(value, int) or value < 0:
        raise Damage("a page without a size")
    return value


def _struct(content: Bytes, place: int, depth: int = 0, visit: Visits = _NOBODY) -> tuple[Fields, int]:
    """The numbers of a struct, and the place behind it; who visits the entries of a list is all who sees them."""
    if depth > _MOST_NESTED:
        raise Damage(f"what stands before offset {place:,} is nested too deeply")
    fields: Fields = {}
    field = 0
    while head := _byte(content, place):
        place += 1
        kind, step = head & 15, head >> 4
        if not step:
            raw, place = _varint(content, place)
            step = (raw >> 1 ^ -(raw & 1)) - field
        if step <= 0:  # a field that comes twice would mean one thing here and another there
            raise Damage(f"what stands before offset {place:,} is out of order")
        field += step
        if field in visit and kind == _LIST:
            _, place = _list(content, place, depth, visit[field])
            continue
        value, place = _value(content, place, kind, depth)
        if value is not None:
            fields[field] = value
    return fields, place + 1


def _value(content: Bytes, place: int, kind: int, depth: int) -> tuple[Value, int]:
    if kind in (_I16, _I32, _I64):
        raw, place = _varint(content, place)
        return raw >> 1 ^ -(raw & 1), place
    if kind == _STRUCT:
        return _struct(content, place, depth + 1)
    if kind == _BINARY:
        length, place = _varint(content, place)
        return None, _within(content, place + length)
    if kind == _LIST:
        return _list(content, place, depth)
    if kind in _FIXED:
        return None, _within(content, place + _FIXED[kind])
    raise Damage(f"what stands before offset {place:,} holds what no page has")


def _list(
    content: Bytes, place: int, depth: int, visit: Callable[[Value], None] | None = None
) -> tuple[list[Value], int]:
    head = _byte(content, place)
    size, place = (head >> 4, place + 1) if head >> 4 < 15 else _varint(content, place + 1)
    if size > _MOST_ENTRIES:
        raise Damage(f"a list of {size:,} before offset {place:,}")
    values: list[Value] = []
    for _ in range(size):
        # In a list, true and false take a byte.
        kind = _BYTE if head & 15 in (_TRUE, _FALSE) else head & 15
        value, place = _value(content, place, kind, depth + 1)
        (visit or values.append)(value)
    return values, place


def _varint(content: Bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 70:
        byte = _byte(content, place)
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
        shift += 7
    raise Damage(f"a number before offset {place:,} has no end")


def _byte(content: Bytes, place: int) -> int:
    return content[_within(content, place + 1) - 1]


def _within(content: Bytes, place: int) -> int:
    if place > len(content):
        raise Damage(f"a page is cut off at offset {len(content):,}")
    return place

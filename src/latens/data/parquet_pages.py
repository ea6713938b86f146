"""The pages of a Parquet file by their headers: how much they unpack to, before anybody unpacks them.

A page's header is a struct in Thrift's compact form (https://github.com/apache/parquet-format): fields with rising
numbers, integers of 7 bits a byte. Arrow allocates what a header says, so that it is read here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Chunk", "Damage", "Pages", "pages_of"]

# Thrift's types of values.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_FIXED = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}
# Structs within structs of a page's header; there are two.
_MOST_NESTED = 8
# Fields of a page's header.
_KIND, _UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_2 = 1, 2, 3, 5, 7, 8
_DICTIONARY_PAGE = 2

Bytes: TypeAlias = memoryview
# Numbers by their fields; what else a struct holds is passed over.
Fields: TypeAlias = "dict[int, int | Fields]"


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


def _size(fields: Fields, field: int) -> int:
    value = fields.get(field)
    if not isinstance(value, int) or value < 0:
        raise Damage("a page without a size")
    return value


def _struct(content: Bytes, place: int, depth: int = 0) -> tuple[Fields, int]:
    """The numbers of a struct, and the place behind it."""
    if depth > _MOST_NESTED:
        raise Damage(f"a page's header before offset {place:,} is nested too deeply")
    fields: Fields = {}
    field = 0
    while head := _byte(content, place):
        place += 1
        kind, step = head & 15, head >> 4
        if not step:
            raw, place = _varint(content, place)
            step = (raw >> 1 ^ -(raw & 1)) - field
        if step <= 0:  # a field that comes twice would mean one thing here and another there
            raise Damage(f"a page's header before offset {place:,} is out of order")
        field += step
        value, place = _value(content, place, kind, depth)
        if value is not None:
            fields[field] = value
    return fields, place + 1


def _value(content: Bytes, place: int, kind: int, depth: int) -> tuple[int | Fields | None, int]:
    if kind in (_I16, _I32, _I64):
        raw, place = _varint(content, place)
        return raw >> 1 ^ -(raw & 1), place
    if kind == _STRUCT:
        return _struct(content, place, depth + 1)
    if kind == _BINARY:
        length, place = _varint(content, place)
        return None, _within(content, place + length)
    if kind in _FIXED:
        return None, _within(content, place + _FIXED[kind])
    raise Damage(f"a page's header before offset {place:,} holds what no page has")


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

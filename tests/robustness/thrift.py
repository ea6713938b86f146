"""Parquet files put together by hand, in Thrift's compact form, so that they can say what they like."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

__all__ = ["I32", "I64", "Column", "footer", "parquet_of", "struct_of"]


def varint(number: int) -> bytes:
    written = b""
    while number > 127:
        written += bytes([number & 127 | 128])
        number >>= 7
    return written + bytes([number])


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


class I32(int):
    """An integer of 32 bits."""


class I64(int):
    """An integer of 64 bits."""


def _kind(value: Any) -> int:
    return {I32: 5, I64: 6, bytes: 8, list: 9, dict: 12}[type(value)]


def _value(value: Any) -> bytes:
    if isinstance(value, int):
        return _zigzag(value)
    if isinstance(value, bytes):
        return varint(len(value)) + value
    if isinstance(value, list):
        kind = _kind(value[0]) if value else 5
        size = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + varint(len(value))
        return size + b"".join(map(_value, value))
    return struct_of(value)


def struct_of(fields: dict[int, Any]) -> bytes:
    """A struct: its fields' numbers with what they hold."""
    written, last = b"", 0
    for field, value in sorted(fields.items()):
        written += (
            bytes([(field - last) << 4 | _kind(value)]) if field - last < 16 else bytes([_kind(value)]) + _zigzag(field)
        )
        written, last = written + _value(value), field
    return written + b"\0"


def page(packed: int, unpacked: int, n_values: int, *, dictionary: bool = False, encoding: int = 0) -> bytes:
    """The header of a page."""
    values = {1: I32(n_values), 2: I32(encoding)}
    part = {7: values} if dictionary else {5: values | {3: I32(3), 4: I32(3)}}
    return struct_of({1: I32(2 if dictionary else 0), 2: I32(unpacked), 3: I32(packed)} | part)


class Column:
    """A column of a row group: what its metadata says.

    Args:
        content: Its pages, header and all.
        n_values: Values that it declares.
        kind: Parquet's number of its type: 2 is INT64, 6 BYTE_ARRAY.
        codec: 0 is none, 1 Snappy, 2 gzip, 6 zstd.
        more: Fields of the metadata to set otherwise.
    """

    def __init__(
        self, content: bytes, n_values: int, kind: int = 2, codec: int = 0, more: dict[int, Any] | None = None
    ) -> None:
        self.content, self.n_values, self.kind, self.codec, self.more = content, n_values, kind, codec, more or {}

    def metadata(self, offset: int) -> dict[int, Any]:
        known: dict[int, Any] = {
            1: I32(self.kind),
            2: [I32(0), I32(8)],
            3: [b"x"],
            4: I32(self.codec),
            5: I64(self.n_values),
            6: I64(len(self.content)),
            7: I64(len(self.content)),
            9: I64(offset),
        }
        return known | self.more


def footer(
    schema: list[dict[int, Any]], n_rows: int, groups: list[dict[int, Any]], more: dict[int, Any] | None = None
) -> bytes:
    return struct_of({1: I32(2), 2: schema, 3: I64(n_rows), 4: groups} | (more or {}))


def parquet_of(
    columns: Sequence[Column],
    n_rows: int,
    *,
    schema: list[dict[int, Any]] | None = None,
    repeat: int = 1,
    more: dict[int, Any] | None = None,
) -> bytes:
    """A file of one row group, or of the same one several times over."""
    content, chunks = b"PAR1", []
    for column in columns:
        chunks.append({2: I64(len(content)), 3: column.metadata(len(content))})
        content += column.content
    if schema is None:
        leaf = {1: I32(columns[0].kind), 3: I32(0), 4: b"x"} | ({6: I32(0)} if columns[0].kind == 6 else {})
        schema = [{4: b"r", 5: I32(1)}, leaf]
    group = {1: chunks, 2: I64(len(content)), 3: I64(n_rows)}
    written = footer(schema, n_rows * repeat, [group] * repeat, more)
    return content + written + struct.pack("<I", len(written)) + b"PAR1"

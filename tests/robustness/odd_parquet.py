"""Parquet files that somebody made with an idea."""

from __future__ import annotations

import datetime
import decimal
import json
import struct
from typing import Any

from odd_arrays import Odd
from samples import parquet
from thrift import I32, I64, Column, page, parquet_of

__all__ = ["odd_parquet"]

_PAGE = page(24, 24, 3) + struct.pack("<3q", 1, 2, 3)
_NUMBERS = (-(2**31), -1, 0, 1, 2, 4, 2**20, 2**31 - 1)


def odd_parquet() -> Odd:
    return [*_values(), *_metadata(), *_pages(), *_footers(), *_schemas()]


def _values() -> Odd:
    """What Arrow can write and a table cannot hold."""
    import pyarrow as pa

    days = [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None]
    columns: dict[str, Any] = {
        "lists": [[1], [], None],
        "structs": [{"a": 1}, {"a": None}, None],
        "bytes": [b"\xff", b"", None],
        "nothing": pa.nulls(3),
        "days": days,
        "decimals": [decimal.Decimal("1e30"), decimal.Decimal("1"), None],
        "times": [datetime.time(1), None, datetime.time(2)],
        "text": ["\ud83d\ude00"[:0], "\0", "\x1b[31m"],
        "spans": pa.array([1, 2**62, None], pa.duration("ns")),
        "nanoseconds": pa.array([2**62, -(2**62), None], pa.timestamp("ns")),
        "years": pa.array([2**60, -(2**60), 0], pa.timestamp("us")),
        "halves": pa.array([1.0, 2.0, None], pa.float16()),
        "maps": pa.array([[(1, 2)], [], None], pa.map_(pa.int32(), pa.int32())),
        "large": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "seconds in May": pa.array([0, 1, None], pa.timestamp("s", "Europe/Berlin")),
        "offsets": pa.array([0, 1, None], pa.timestamp("us", "+14:00")),
        "infinite": [float("inf"), 1.0, None],
        "levels": pa.array(["a", "b", None]).dictionary_encode(),
        "numbered levels": pa.array([1.5, 2.5, None]).dictionary_encode(),
        "deep": [[[[[[1]]]]], None, None],
        "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
        "views": pa.array(["a" * 20, "b", None], pa.string_view()),
        "true": [True, None, False],
        "large text": pa.array(["a", "b", None], pa.large_string()),
        "fixed lists": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
    }
    alone = [(f"a column of {name}", parquet({"x": column})) for name, column in columns.items()]
    beside = [
        (f"{name} beside numbers", parquet({"x": [1.0, 2.0, 3.0], "name": column})) for name, column in columns.items()
    ]
    names = ("", "\0", "\x1b[2J", "a.b", "a" * 100_000, "x\ny", "__index_level_0__", "\u202e")
    return [
        *alone,
        *beside,
        *((f"a column called {name[:20]!r}", parquet({name: [1.0, 2.0], "z": [3.0, 4.0]})) for name in names),
        ("a name twice", parquet(pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]))),
        ("no rows", parquet({"x": pa.array([], pa.int64())})),
        ("no columns", parquet(pa.table({}))),
    ]


def _metadata() -> Odd:
    """What pandas is told to make of it."""
    import pyarrow as pa

    told: tuple[Any, ...] = (
        *(
            None,
            1,
            [],
            {},
            "",
            {"index_columns": None},
            {"index_columns": [{"kind": "range"}]},
            {"index_columns": ["x"], "columns": []},
            {"columns": [{}]},
        ),
        {
            "index_columns": [{"kind": "range", "name": None, "start": 0, "stop": 2**62, "step": 1}],
            "columns": [],
            "column_indexes": [],
        },
        {
            "index_columns": [{"kind": "range", "name": None, "start": 0, "stop": 9, "step": 0}],
            "columns": [],
            "column_indexes": [],
        },
        *(
            {
                "index_columns": [],
                "column_indexes": [],
                "columns": [
                    {"name": "x", "field_name": "x", "pandas_type": kind, "numpy_type": numpy, "metadata": more}
                ],
            }
            for kind, numpy, more in (
                ("datetimetz", "datetime64[ns]", {"timezone": "Nowhere/Land"}),
                ("datetimetz", "x", None),
                ("categorical", "int8", {"num_categories": 2**40, "ordered": True}),
                ("object", "object", None),
                ("int64", "Int64", None),
                ("unicode", "period[Q]", None),
                ("int64", "category", None),
                ("x", "os.system", None),
                ("int64", "interval[int64]", None),
                ("int64", "Sparse[int64]", None),
            )
        ),
        {
            "index_columns": ["x"],
            "column_indexes": [
                {
                    "name": None,
                    "field_name": None,
                    "pandas_type": "datetime",
                    "numpy_type": "datetime64[ns]",
                    "metadata": None,
                }
            ],
            "columns": [
                {"name": "x", "field_name": "x", "pandas_type": "int64", "numpy_type": "int64", "metadata": None}
            ],
        },
        {"index_columns": ["x", "x"], "columns": [], "column_indexes": []},
        {"index_columns": [["x"]], "columns": [], "column_indexes": []},
    )
    texts = [*(json.dumps(each).encode() for each in told), b"[" * 50_000, b"\xff", b"{", b"NaN"]
    return [
        (
            f"for pandas: {text[:60]!r}",
            parquet(pa.table({"x": [1, 2], "name": [3, 4]}).replace_schema_metadata({"pandas": text})),
        )
        for text in texts
    ]


def _pages() -> Odd:
    sizes = [
        (f"{packed} bytes that unpack to {unpacked}", parquet_of([Column(page(packed, unpacked, 3) + bytes(24), 3)], 3))
        for packed in _NUMBERS
        for unpacked in (0, 24, 2**31 - 1, -1)
    ]
    values = [
        (f"{n} values in a page of {there}", parquet_of([Column(page(24, 24, n) + bytes(24), there)], 3))
        for n in _NUMBERS
        for there in (3, 2**40)
    ]
    encodings = [
        (f"encoding {how}", parquet_of([Column(page(24, 24, 3, encoding=how) + bytes(24), 3)], 3))
        for how in range(-1, 11)
    ]
    codecs = [(f"codec {how}", parquet_of([Column(_PAGE, 3, codec=how)], 3)) for how in (*range(-1, 9), 99)]
    kinds = [(f"type {kind}", parquet_of([Column(_PAGE, 3, kind=kind)], 3)) for kind in (*range(9), 99)]
    words = [
        (
            f"a dictionary of {n}",
            parquet_of(
                [Column(page(24, 24, n, dictionary=True) + bytes(24) + page(2, 2, 3, encoding=8) + b"\0\6", 3)], 3
            ),
        )
        for n in _NUMBERS
    ]
    return [*sizes, *values, *encodings, *codecs, *kinds, *words]


def _footers() -> Odd:
    good, n = parquet_of([Column(_PAGE, 3)], 3), 8
    lengths = [
        (f"a footer of {size}", good[:-n] + struct.pack("<I", size) + b"PAR1")
        for size in (0, 1, 7, 10**6, 2**31 - 1, 2**32 - 1)
    ]
    fields = [
        (f"chunk's {field} is {value}", parquet_of([Column(_PAGE, 3, more={field: I64(value)})], 3))
        for field in (5, 6, 7, 9, 10, 11)
        for value in (-(2**63), -1, 0, 3, 10**6, 2**40, 2**63 - 1)
    ]
    rows = [(f"{rows} rows", parquet_of([Column(_PAGE, 3)], rows)) for rows in (-1, 0, 2, 4, 2**31, 2**40, 2**62)]
    return [
        *lengths,
        *fields,
        *rows,
        ("a group three times", parquet_of([Column(_PAGE, 3)], 3, repeat=3)),
        ("10,000 groups", parquet_of([Column(_PAGE, 3)], 3, repeat=10_000)),
        ("no groups", parquet_of([Column(_PAGE, 3)], 3, repeat=0)),
        ("another's footer", good[:-n] + struct.pack("<I", 4) + b"PARE"),
        ("encrypted", b"PARE" + good[4:-4] + b"PARE"),
        ("marks alone", b"PAR1" + bytes(4) + b"PAR1"),
        ("one mark", b"PAR1"),
    ]


def _schemas() -> Odd:
    leaf: dict[int, Any] = {1: I32(2), 3: I32(0), 4: b"x"}
    schemas: dict[str, list[dict[int, Any]]] = {
        "nothing": [],
        "a root alone": [{4: b"r"}],
        "more children than there are": [{4: b"r", 5: I32(9)}, leaf],
        "fewer": [{4: b"r", 5: I32(0)}, leaf],
        "a negative number of children": [{4: b"r", 5: I32(-1)}, leaf],
        "2**31 children": [{4: b"r", 5: I32(2**31 - 1)}, leaf],
        "two columns for one": [{4: b"r", 5: I32(2)}, leaf, leaf | {4: b"y"}],
        "no name": [{5: I32(1)}, {1: I32(2), 3: I32(0)}],
        "no type": [{4: b"r", 5: I32(1)}, {3: I32(0), 4: b"x"}],
        **{
            f"{depth} deep": [{4: b"r", 5: I32(1)}, *[{3: I32(0), 4: b"g", 5: I32(1)}] * depth, leaf]
            for depth in (3, 90, 101, 5000, 60_000)
        },
        **{f"repetition {how}": [{4: b"r", 5: I32(1)}, leaf | {3: I32(how)}] for how in (-1, 1, 2, 3)},
        **{
            f"converted type {how}": [{4: b"r", 5: I32(1)}, leaf | {6: I32(how)}]
            for how in (-1, 0, 1, 3, 5, 8, 9, 10, 17, 19, 21, 99)
        },
        **{f"length {n}": [{4: b"r", 5: I32(1)}, leaf | {1: I32(7), 2: I32(n)}] for n in (-1, 0, 8, 2**31 - 1)},
    }
    return [(f"schema: {title}", parquet_of([Column(_PAGE, 3)], 3, schema=schema)) for title, schema in schemas.items()]

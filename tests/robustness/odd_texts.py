"""Tables, texts and descriptions that somebody made with an idea."""

from __future__ import annotations

import gzip
import json
import zlib

from odd_arrays import Odd
from samples import EVENTS, SERIES, TABLE, TEXT

__all__ = ["odd_csv", "odd_descriptions", "odd_events", "odd_gzip", "odd_series", "odd_text", "odd_tsv"]

_CELLS = (
    *(
        b"",
        b'"',
        b'""',
        b'"x',
        b'x"y',
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"NA",
        b"nan",
        b"inf",
        b"-Infinity",
        b"1e999",
    ),
    *(
        b"1e-999",
        b"9" * 400,
        b"0x1F",
        b"1_0",
        b"1.234,5",
        b"12 %",
        b"True",
        b"=cmd|' /C calc'!A0",
        b"@SUM(1)",
        b"\x1b]0;t\x07",
    ),
    *(
        b"9999-12-31",
        b"10000-01-01",
        b"1677-09-20",
        b"-0001-01-01",
        b"2020-02-30",
        b"2020-01-01T25:00",
        b"2020-01-01T00:00+99:99",
    ),
    *(
        b"2020-01-01T00:00+23:59",
        b"2020-W01-1",
        b"24:00:00",
        b"12:00",
        b"99:99:99",
        b"\xe2\x80\xae",
        b"a" * 70000,
        b"\r",
        b"\x0b",
        b"\x1a",
    ),
    *(
        b'"a\nb"',
        b'"a""b"',
        b"' '",
        b"\\N",
        b"\\",
        b"{}",
        b"[1,2]".replace(b",", b" "),
        b"2020-01-01 00:00:00.0000000001",
        b"\xc2\xa05",
    ),
)


def odd_csv() -> Odd:
    lines = TABLE.split(b"\n")
    files = (
        *(
            b"",
            b"\n",
            b"\n\n\n",
            b" ",
            b"\0",
            b"\0" * 5000,
            b",",
            b",,,\n,,,\n",
            b"a",
            b"a\n",
            b"a,b",
            b"a,a\n1,2\n",
            b",a\n1,2\n",
        ),
        *(
            b"a,b\n1\n",
            b"a,b\n1,2,3\n",
            b'"a,b\n1,2\n',
            b'a,b\n"1,2\n3,4\n',
            b"a\r1\r2\r",
            b"\xff\xfea\0,\0b\0\n\0",
            b"\xef\xbb\xbf",
            b"a;b,c\n1;2,3\n",
        ),
        *(
            b"1,2\n3,4",
            b"nan,nan\nnan,nan\n",
            b"inf,1\n1,2\n",
            b"NA\nNA\n",
            b"a\n\n\n1\n\n",
            b'"a\nb",c\n1,2\n',
            b'"",b\n1,2\n',
            b"a\tb\n1\t2\n",
        ),
        *(
            b"a," * 5000 + b"z\n" + b"1," * 5000 + b"2\n",
            b"a,b\n" + b"1,2\n" * 20000,
            b"a\n" + b"x" * 300000 + b"\n",
            b'a\n"' + b"y\n" * 3000,
        ),
        *(
            b"\x1f\x8b\x08",
            b"%PDF-1.4\n",
            b"<html>\n<body>\n",
            b"a,b\n" + bytes(range(256)) + b",1\n",
            b"#comment\n1,2\n",
            b"a,b\n1,2\n\x1a",
        ),
    )
    cells = [
        (f"{cell[:30]!r} in column {column}, row {row}", _put(lines, row, column, cell))
        for cell in _CELLS
        for row, column in ((0, 0), (1, 0), (7, 1), (30, 4))
    ]
    return [*((f"{file[:30]!r}", file) for file in files), *cells]


def _put(lines: list[bytes], row: int, column: int, cell: bytes) -> bytes:
    parts = lines[row].split(b",")
    parts[column] = cell
    return b"\n".join([*lines[:row], b",".join(parts), *lines[row + 1 :]])


def odd_tsv() -> Odd:
    return [(title, content.replace(b",", b"\t")) for title, content in odd_csv()]


def odd_events() -> Odd:
    lines = EVENTS.split(b"\n")
    return [
        *odd_csv()[:20],
        *((f"{cell[:30]!r}", _put(lines, 3, column, cell)) for cell in _CELLS for column in range(3)),
    ]


def odd_series() -> Odd:
    lines = SERIES.split(b"\n")
    jumps = (b"9999-12-31", b"2999-01-01", b"2020-02-01T00:00:00.000001", b"1700-01-01", b"0001-01-01", b"2262-04-12")
    far = [
        (f"from {first!r} by {step!r} to {last!r}", b"date,flow\n%s,1\n%s,2\n%s,3\n" % (first, step, last))
        for first, step, last in (
            (b"1700-01-01 00:00:00", b"1700-01-01 00:00:01", b"2200-01-01 00:00:00"),
            (b"1700-01-01 00:00:00", b"1700-01-01 00:00:00.000001", b"2200-01-01 00:00:00"),
            (b"0001-01-01", b"0001-01-02", b"9999-12-31"),
            (b"2020-01-31", b"2020-02-29", b"9999-12-31"),
            (b"2020-01-01T00:00+00:00", b"2020-01-02T00:00+14:00", b"2020-01-03T00:00-12:00"),
        )
    ]
    return [
        *odd_csv()[:20],
        *far,
        *((f"row {row} at {jump!r}", _put(lines, row, 0, jump)) for jump in jumps for row in (1, 5, 28)),
        *((f"{cell[:30]!r}", _put(lines, 3, column, cell)) for cell in _CELLS for column in range(2)),
    ]


def odd_text() -> Odd:
    parts = (
        *(
            b"",
            b"\0",
            b"\xff",
            b"\xc3",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xc0\x80",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\xfe\xff\0a",
            b"\r",
        ),
        *(
            b"\r\n",
            b"\n\r",
            b"\x85",
            b"\xe2\x80\xa8",
            b"\xe2\x80\xae",
            b"\x1b[2J",
            b"\x1f\x8b",
            b"\x1f\x8b\x08\0",
            b"PK\x03\x04",
            b"\x93NUMPY",
        ),
        *(b"a" * 3_000_000, b"\xf0\x9f\x98\x80" * 1000, b"\xcc\x81" * 5000, b"\x00\xff" * 1000, "ß".encode() * 600_000),
    )
    return [
        (f"{where} {part[:20]!r}", made)
        for part in parts
        for where, made in (
            ("alone", part),
            ("before", part + TEXT),
            ("behind", TEXT + part),
            ("amid", TEXT[:1001] + part + TEXT[1001:]),
        )
    ]


def odd_gzip() -> Odd:
    good = gzip.compress(TABLE, mtime=0)
    body = good[10:-8]
    flags = [
        (f"flags {flag:#x}", good[:3] + bytes([flag]) + good[4:]) for flag in (1, 2, 4, 8, 16, 31, 32, 64, 128, 255)
    ]
    return [
        *flags,
        *(
            (f"cut at {n}", good[:n])
            for n in (2, 3, 9, 10, 11, 50, len(good) - 9, len(good) - 8, len(good) - 4, len(good) - 1)
        ),
        *((f"method {n}", good[:2] + bytes([n]) + good[3:]) for n in (0, 7, 9, 255)),
        *((f"size {size!r}", good[:-4] + size) for size in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0")),
        *((f"checksum {crc!r}", good[:-8] + crc + good[-4:]) for crc in (b"\0\0\0\0", b"\xff\xff\xff\xff")),
        *(
            (f"{junk[:8]!r} behind", good + junk)
            for junk in (b"\0", b"\0" * 999, b"x", b"\x1f\x8b", b"\x1f\x8b\x08\0", good, good[:30])
        ),
        *(
            (f"a block of type {kind}", good[:10] + bytes([kind]) + good[11:])
            for kind in (0, 1, 2, 3, 4, 5, 6, 7, 128, 255)
        ),
        ("a name without an end", good[:3] + b"\x08" + good[4:10] + b"n" * 5000),
        ("an extra field of 64 KiB", good[:3] + b"\x04" + good[4:10] + b"\xff\xff" + b"e" * 65535 + body + good[-8:]),
        ("an extra field that is cut off", good[:3] + b"\x04" + good[4:10] + b"\xff\xff"),
        ("gzip in gzip", gzip.compress(good)),
        ("nothing in it", gzip.compress(b"")),
        ("3,000 empty members", gzip.compress(b"") * 3000 + good),
        ("zlib, not gzip", zlib.compress(TABLE)),
        ("stored, not packed", gzip.compress(TABLE, 0)),
    ]


def odd_descriptions() -> Odd:
    recall = {"share": 0.5, "k": 10, "queries": 100, "probes": 3, "rows": 1000}
    maker = {"name": "m", "digest": "d", "kind": "table", "n_components": 2}
    about = {
        "maker": maker,
        "distance": "euclidean",
        "pooling": None,
        "exact_below": 5,
        "seed": 0,
        "recall": recall,
        "latens": "0",
    }
    whole = {"format": 1, "kind": "index", "about": about}
    values = (None, True, -1, 1e308, "", "x" * 9000, [], {}, [[]], {"a": 1}, 10**30)
    texts = (
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5000,
        b'"\\ud800"',
        b"\xff",
        b"NaN",
        b'{"format": NaN}',
    )
    return [
        *((f"{text[:20]!r}", text) for text in texts),
        *((f"{key}={value!r:.20}", json.dumps(whole | {key: value}).encode()) for key in whole for value in values),
        *(
            (f"about {key}={value!r:.20}", json.dumps(whole | {"about": about | {key: value}}).encode())
            for key in about
            for value in values
        ),
        *(
            (
                f"recall {key}={value!r:.20}",
                json.dumps(whole | {"about": about | {"recall": recall | {key: value}}}).encode(),
            )
            for key in recall
            for value in values
        ),
        ("unknown fields", json.dumps(whole | {"about": about | {"__class__": "os"}}).encode()),
        ("blanks", b" " * 3_000_000 + json.dumps(whole).encode()),
    ]

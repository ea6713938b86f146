"""Arrays that somebody made with an idea: .npy, .npz and idx files."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile

import numpy as np
from samples import idx, npy, npz

__all__ = ["Odd", "odd_idx", "odd_npy", "odd_npz"]

Odd = list[tuple[str, bytes]]


def header(text: bytes, version: bytes = b"\x01\0", size: int | None = None) -> bytes:
    form = "<H" if version == b"\x01\0" else "<I"
    return b"\x93NUMPY" + version + struct.pack(form, len(text) if size is None else size) + text


def _plain(shape: str, descr: str = "'<f8'", order: str = "False") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n".encode())


def odd_npy() -> Odd:
    shapes = (
        *(
            "(1000000000000, 2)",
            "(-1, 3)",
            "(3, -1)",
            "(-2, -2)",
            "(0, 3)",
            "(3, 0)",
            "(3,)",
            "()",
            "3",
            "[3, 2]",
            "(3.5, 2)",
        ),
        *(
            "(2**62, 2)",
            f"({2**62}, {2**62})",
            f"({2**64}, 0)",
            f"(0, {2**64})",
            "(True, 2)",
            "('3', 2)",
            "(1,)*9",
            "None",
        ),
        *(
            "(" + "1, " * 100 + ")",
            "(1, 1, 1, 1, 1)",
            "(2, 2, 2, 9)",
            "(4, 2), (3,)",
            "{}",
            "(3, 2) if 1 else 2",
            "(1e3, 2)",
        ),
    )
    descrs = (
        *(
            "'|O'",
            "'O'",
            "'<U5'",
            "'|S5'",
            "'<M8[s]'",
            "'<c16'",
            "'|V8'",
            "'|V0'",
            "'<U0'",
            "'<f2'",
            "'|b1'",
            "'<f16'",
            "'>i8'",
        ),
        *(
            "[('a', '<f8'), ('b', 'O')]",
            "[('a', '<f8', (1000000000,))]",
            "[]",
            "('<f8', (2**31,))",
            "'<f8,<f8'",
            "'x'",
            "''",
        ),
        *(
            "[('a', [('a', [('a', '<f8')])])]",
            "__import__('os')",
            "['<f8']",
            "('<f8', (2, 3))",
            "'<i9'",
            "b'<f8'",
            "{'a': 1}",
        ),
    )
    texts = (
        *(
            b"",
            b"{",
            b"{}",
            b"[]",
            b"1",
            b"{'descr': '<f8'}",
            b"(" * 200,
            b"-" * 5000 + b"1",
            b"{" * 9000,
            b"[" * 9000 + b"]" * 9000,
        ),
        *(
            b"\0" * 100,
            b"'\\x'",
            b"'''",
            b"9" * 5000,
            b"9" * 9999,
            b"a" * 20000,
            b"\xff\xfe",
            b"lambda: 0",
            b"{1: 2, **{3: 4}}",
        ),
        *(
            b"10L",
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 2L)}",
            b"# coding: utf-7\n{}",
            b"{}\n\n{}",
            b"1+1j",
        ),
    )
    return [
        *((f"shape {shape[:40]}", _plain(shape) + bytes(48)) for shape in shapes),
        *((f"dtype {descr[:40]}", _plain("(3, 2)", descr) + bytes(48)) for descr in descrs),
        *((f"header {text[:20]!r}", header(text) + bytes(48)) for text in texts),
        *(
            (f"header of {size}", header(b"{}", version, size))
            for size in (0, 65535)
            for version in (b"\x01\0", b"\x02\0")
        ),
        ("header of 4 GiB", header(b"{}", b"\x02\0", 2**32 - 1)),
        *(
            (f"version {version!r}", header(b"{}", version))
            for version in (b"\0\0", b"\x03\0", b"\xff\xff", b"\x01\x09")
        ),
        ("a pickle behind the header", _plain("(3, 2)", "'|O'") + pickle.dumps([print])),
        *((f"order {order}", _plain("(3, 2)", order=order) + bytes(48)) for order in ("True", "1", "None", "'C'")),
        ("more than declared", npy(np.ones((3, 2))) + b"more" * 1000),
        ("NaN and infinity", npy(np.array([[np.nan, np.inf], [1, 2]]))),
        ("denormal", npy(np.full((3, 2), 5e-324))),
        ("a signalling NaN", npy(np.frombuffer(b"\x01\0\xa0\x7f" * 6, np.float32).reshape(3, 2))),
        ("the magic alone", b"\x93NUMPY"),
    ]


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice
        archive.comment = comment
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def _edited(content: bytes, mark: bytes, at: int, value: bytes) -> bytes:
    place = content.index(mark) + at
    return content[:place] + value + content[place + len(value) :]


_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def odd_npz() -> Odd:
    x = npy(np.arange(12.0).reshape(6, 2))
    good = zipped(("X.npy", x))
    names = (
        *(
            "../../etc/passwd",
            "/etc/passwd",
            "..\\x.npy",
            "X.npy/",
            "C:X.npy",
            ".npy",
            "X\0.npy",
            "X.NPY",
            "X.npy.npy",
            "é.npy",
        ),
        *("a" * 65000, "\x1b[31mX.npy", "X\n.npy", "\u202eX.npy", "CON", "X.npy\x00../y"),
    )
    fields = [
        *(
            (f"local {at} {value!r}", _edited(good, _LOCAL, at, value))
            for at in (4, 6, 8, 18, 22, 26, 28)
            for value in _EDITS
        ),
        *(
            (f"central {at} {value!r}", _edited(good, _CENTRAL, at, value))
            for at in (6, 8, 10, 20, 24, 28, 30, 32, 42)
            for value in _EDITS
        ),
        *((f"end {at} {value!r}", _edited(good, _END, at, value)) for at in (4, 8, 10, 12, 16, 20) for value in _EDITS),
    ]
    return [
        *((f"a member called {name[:30]!r}", zipped((name, x))) for name in names),
        *fields,
        *((f"method {method}", zipped(("X.npy", x), method=method)) for method in (0, 12, 14)),
        ("a member twice", zipped(("X.npy", x), ("X.npy", b"other"))),
        ("no members", zipped()),
        ("a comment of 64 KiB", zipped(("X.npy", x), comment=b"c" * 65535)),
        ("a comment with an end in it", zipped(("X.npy", x), comment=_END + bytes(18))),
        ("an archive in an archive", zipped(("X.npz", good))),
        ("an archive called X", zipped(("X.npy", good))),
        ("a pickle", zipped(("X.npy", pickle.dumps([print])))),
        ("objects", zipped(("X.npy", _plain("(3, 2)", "'|O'") + pickle.dumps([print] * 6)))),
        ("labels of objects", zipped(("X.npy", x), ("y.npy", _plain("(6,)", "'|O'") + pickle.dumps([print] * 6)))),
        ("absurd labels", zipped(("X.npy", x), ("y.npy", _plain("(1000000000000,)")))),
        ("an absurd shape", zipped(("X.npy", _plain("(1000000000000, 2)")))),
        ("many members", zipped(*((f"a{i}.npy", x) for i in range(500)))),
        ("bytes before", b"#!/bin/sh\n" * 10 + good),
        ("bytes behind", good + b"behind" * 50),
        ("PK and nothing", b"PK\x03\x04"),
        ("an end alone", _END + bytes(18)),
        ("text", npz({"X": np.array([["a", "b"]])})),
        ("numbers and labels of another length", npz({"X": np.ones((3, 2)), "y": np.ones(7)})),
    ]


_EDITS = (b"\xff\xff", b"\0\0", b"\xff\xff\xff\x7f")


def odd_idx() -> Odd:
    images = np.arange(24).reshape(2, 4, 3)
    counts = (0, 1, 2, 127, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
    return [
        *(
            (f"type {code:#x}", bytes([0, 0, code, 2]) + struct.pack(">2I", 2, 2) + bytes(64))
            for code in (0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255)
        ),
        *(
            (f"{n} dimensions", bytes([0, 0, 8, n]) + struct.pack(">I", 2) * n + bytes(600))
            for n in (0, 1, 2, 4, 5, 7, 8, 9, 255)
        ),
        *((f"{n} dimensions of nothing", bytes([0, 0, 8, n]) + bytes(4 * n)) for n in (1, 2, 3, 8)),
        *(
            (f"{n} by {m}", bytes([0, 0, 8, 2]) + struct.pack(">2I", n, m) + bytes(8))
            for n in counts
            for m in (0, 2, 2**32 - 1)
        ),
        *((f"none of {n} cubed", bytes([0, 0, 14, 4]) + struct.pack(">4I", 0, n, n, n)) for n in counts[5:]),
        *((f"cut at {n}", idx(images)[:n]) for n in (1, 2, 3, 4, 5, 8, 15, 16, 17, 30)),
        ("more than declared", idx(images) + b"x"),
        ("NaN", bytes([0, 0, 14, 2]) + struct.pack(">2I", 2, 1) + struct.pack(">2d", float("nan"), 1.0)),
        ("infinity", bytes([0, 0, 13, 2]) + struct.pack(">2I", 2, 1) + struct.pack(">2f", float("-inf"), 1.0)),
    ]

"""Small files that can be read, of every form: what damage starts from."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

__all__ = ["EVENTS", "SERIES", "TABLE", "TEXT", "idx", "image", "npy", "npz", "parquet", "samples"]

TABLE = b"name,price,rooms,sold,when\n" + b"".join(
    f"flat {i % 5},{i * 1.5},{i % 4},{'yes' if i % 3 else 'no'},2020-01-{i % 28 + 1:02d}\n".encode() for i in range(30)
)
EVENTS = b"who,step,what\n" + b"".join(f"u{i % 4},{i},{'abcde'[i % 5]}\n".encode() for i in range(40))
SERIES = b"date,flow,level\n" + b"".join(f"2020-02-{i + 1:02d},{i * 0.5},{i % 7}\n".encode() for i in range(28))
TEXT = "the cat sat on the mat; ünïcödé, too.\r\nA second line\n".encode() * 20


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=False)
    return file.getvalue()


def npz(arrays: Mapping[str, np.ndarray], *, packed: bool = True) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)
    return file.getvalue()


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype("u1").tobytes()


def image(form: str, mode: str = "RGB", size: tuple[int, int] = (17, 13), **how: Any) -> bytes:
    from PIL import Image

    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, format=form, **how)
    return file.getvalue()


def parquet(columns: Any, **how: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), file, **how)
    return file.getvalue()


def _table() -> Any:
    import pandas as pd

    frame = pd.read_csv(io.BytesIO(TABLE))
    frame["when"] = pd.to_datetime(frame["when"])
    return frame


def _parquets() -> list[bytes]:
    import pyarrow as pa

    frame = _table()
    plain = pa.Table.from_pandas(frame.set_index("name"))
    numbers = {"a": np.arange(500) % 7, "b": np.linspace(0, 1, 500), "c": np.arange(500, dtype=np.int32)}
    return [
        parquet(plain),
        parquet(pa.Table.from_pandas(frame), compression="none", use_dictionary=False, row_group_size=10),
        parquet(numbers, compression="zstd", data_page_version="2.0", data_page_size=400),
        parquet(numbers, compression="gzip", write_page_index=True, use_byte_stream_split=["b"], use_dictionary=["a"]),
        parquet({"x": [1.0, None, 3.0], "l": [[1], [], None], "s": ["a", "b", None]}, compression="none"),
    ]


def _tables(content: bytes) -> list[bytes]:
    """A CSV file, and the same as Parquet."""
    import pandas as pd

    frame = pd.read_csv(io.BytesIO(content))
    return [parquet(frame_table(frame), compression=how) for how in ("none", "snappy")]


def frame_table(frame: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


@cache
def samples(form: str) -> Sequence[bytes]:
    """The files of a form, made once."""
    return tuple(_SAMPLES[form]())


def _npys() -> list[bytes]:
    x = np.random.default_rng(0).normal(size=(20, 6))
    return [
        *(npy(x), npy(x.astype(np.float32)), npy(np.asfortranarray(x)), npy(x.astype(">f8")), npy(x, (2, 0))),
        *(npy((x * 9).astype(np.uint8).reshape(20, 2, 3)), npy(np.zeros((3, 4, 5, 3), np.uint8))),
    ]


def _npzs() -> list[bytes]:
    x = np.random.default_rng(0).normal(size=(20, 6))
    arrays = {"X": x, "y": np.arange(20), "names": np.array([f"n{i}" for i in range(20)])}
    return [npz(arrays), npz(arrays, packed=False), npz({"only": x.astype(np.float32)})]


def _images(form: str) -> list[bytes]:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    return {
        "png": lambda: [image("PNG", mode) for mode in ("L", "RGB", "RGBA", "P", "1", "LA")],
        "jpeg": lambda: [
            image("JPEG", "RGB", exif=exif),
            image("JPEG", "L"),
            image("JPEG", "CMYK"),
            image("JPEG", progressive=True),
        ],
        "tiff": lambda: [
            *(image("TIFF", "RGB", compression=how) for how in (None, "tiff_lzw", "tiff_deflate", "jpeg", "packbits")),
            *(image("TIFF", "L"), image("TIFF", "F"), image("TIFF", "1", compression="group4")),
        ],
        "bmp": lambda: [image("BMP", mode) for mode in ("RGB", "L", "1", "P")],
    }[form]()


_IDX = np.arange(2 * 5 * 4).reshape(2, 5, 4)
_SAMPLES: dict[str, Any] = {
    "npy": _npys,
    "npz": _npzs,
    "idx": lambda: [idx(_IDX), idx(_IDX.reshape(8, 5)), bytes([0, 0, 13, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(24)],
    "csv": lambda: [
        TABLE,
        TABLE.replace(b",", b";"),
        TABLE.replace(b"\n", b"\r\n"),
        b"1,2\n3,4\n",
        b'a,b\n"x, y",1\n"p\nq",2\n',
    ],
    "tsv": lambda: [TABLE.replace(b",", b"\t")],
    "parquet": _parquets,
    "png": lambda: _images("png"),
    "jpeg": lambda: _images("jpeg"),
    "tiff": lambda: _images("tiff"),
    "bmp": lambda: _images("bmp"),
    "text": lambda: [TEXT, b"\xef\xbb\xbf" + TEXT, b"x"],
    "events": lambda: [EVENTS],
    "events parquet": lambda: _tables(EVENTS),
    "series": lambda: [SERIES],
    "series parquet": lambda: _tables(SERIES),
    "gzip": lambda: [gzip.compress(TABLE, mtime=0)],
    "description": lambda: [
        b'{"format": 1, "kind": "index", "about": {"maker": {"name": "m", "digest": "d", "kind": "table", '
        b'"n_components": 2}, "distance": "euclidean", "pooling": null, "exact_below": 5, "seed": 0, "recall": '
        b'{"share": 0.5, "k": 10, "queries": 100, "probes": 3, "rows": 1000}, "latens": "0"}}'
    ],
}

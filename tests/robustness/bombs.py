"""Small files that would take gigabytes, minutes, or for ever."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from odd_arrays import header, zipped
from odd_images import bmp, chunk, png, resized, tiff
from readings import READERS
from samples import image, npy, parquet
from thrift import I32, Column, page, parquet_of, varint

__all__ = ["BOMBS", "Bomb"]

_GIB = 2**30


@dataclass(frozen=True)
class Bomb:
    """What is made in a folder, and how it is opened."""

    build: Callable[[Path], Path]
    open: Callable[[Path], object]


def _file(reader: str, make: Callable[[], bytes]) -> Bomb:
    """Bytes that a reader opens."""
    way = READERS[reader]
    return Bomb(lambda folder: _written(folder, reader, make()), way.open)


def _written(folder: Path, reader: str, content: bytes) -> Path:
    way = READERS[reader]
    path = folder / way.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return folder / way.file.partition("/")[0]


def _deflated(line: bytes, total: int, head: bytes = b"") -> bytes:
    """A line again and again: the same packed block, which is made once and stands for itself wherever it is."""
    packer, block = zlib.compressobj(9, zlib.DEFLATED, -15), line * (2**20 // len(line))
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + (packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)) * (total // len(block)) + b"\x03\0"


def _squeezed(line: bytes, total: int, head: bytes = b"") -> bytes:
    """Gzip of a line again and again, with a wrong checksum at its end, to which nobody should come."""
    return b"\x1f\x8b\x08" + bytes(7) + _deflated(line, total, head) + bytes(8)


def _squeezed_zlib(total: int) -> bytes:
    return b"\x78\x9c" + _deflated(b"\0", total) + bytes(4)


def _npy_head(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    return header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}\n".encode())


def _npz_of_zeros(total: int, method: int = zipfile.ZIP_DEFLATED, claimed: int | None = None) -> bytes:
    """An archive of one array of zeros; `claimed` is what its directory says that it was packed."""
    packed = _deflated(b"\0", total, _npy_head((total // 8, 1)))
    sizes = struct.pack("<2I", len(packed) if claimed is None else claimed, total + len(_npy_head((total // 8, 1))))
    about = struct.pack("<3HI", method, 0, 0, 0)
    local = (
        b"PK\x03\x04"
        + struct.pack("<2H", 20, 0)
        + about[:6]
        + about[6:]
        + sizes
        + struct.pack("<2H", 5, 0)
        + b"X.npy"
        + packed
    )
    central = (
        b"PK\x01\x02"
        + struct.pack("<3H", 20, 20, 0)
        + about
        + sizes
        + struct.pack("<5H2I", 5, 0, 0, 0, 0, 0, 0)
        + b"X.npy"
    )
    return local + central + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 1, 1, len(central), len(local), 0)


def _overlapping() -> bytes:
    """A thousand members that are one and the same place."""
    one = zipped(("X.npy", npy(np.zeros((1000, 10)))))
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    entries = b"".join(one[start : start + 46] + f"{i:05d}".encode() for i in range(1000))
    return one[:start] + entries + one[end : end + 8] + struct.pack("<2H2I", 1000, 1000, len(entries), start) + b"\0\0"


def _many_members() -> bytes:
    """A directory of 400,000 members that lie nowhere."""
    entry = b"PK\x01\x02" + struct.pack("<6H3I5H2I", *(20, 20, 0, 0, 0, 0), 0, 0, 0, *(5, 0, 0, 0, 0), 0, 0)
    entries = b"".join(entry + f"{i % 100_000:05d}".encode() for i in range(400_000))
    here = len(entries)
    more = b"PK\x06\x06" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, 400_000, 400_000, here, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, here, 1)
    return entries + more + locator + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)


def _zstd(total: int) -> bytes:
    import pyarrow as pa

    return bytes(pa.Codec("zstd").compress(bytes(total)))


def _packed_page(total: int, codec: int, packed: bytes) -> bytes:
    values = total // 8
    return parquet_of([Column(page(len(packed), total, values) + packed, values, codec=codec)], values)


def _lying_page(total: int) -> bytes:
    """A page that unpacks to much more than its values are worth."""
    packed = _zstd(total)
    return parquet_of([Column(page(len(packed), total, 3) + packed, 3, codec=6)], 3)


def _runs(n_values: int) -> bytes:
    """One value again and again, in a few bytes."""
    words = page(8, 8, 1, dictionary=True) + struct.pack("<q", 1)
    body = b"\x01" + varint(n_values << 1) + b"\0"
    return parquet_of([Column(words + page(len(body), len(body), n_values, encoding=8) + body, n_values)], n_values)


def _long_word(length: int, n_values: int) -> bytes:
    """A text of some length, meant by many rows."""
    import pyarrow as pa

    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_values, np.int32)), pa.array(["w" * length]))
    return parquet({"x": words}, compression="zstd", dictionary_pagesize_limit=2**28, store_schema=False)


def _groups(n: int) -> bytes:
    """One page of zeros that many row groups claim."""
    packed = _zstd(2**20)
    return parquet_of([Column(page(len(packed), 2**20, 2**17) + packed, 2**17, codec=6)], 2**17, repeat=n)


def _footer_list(n: int) -> bytes:
    """A footer whose list of columns claims to be long."""
    written = b"\x15\x04\x19\xfc" + varint(n) + b"\0"
    return b"PAR1" + written + struct.pack("<I", len(written)) + b"PAR1"


def _wide_csv(n: int) -> bytes:
    return b",".join(b"c%d" % i for i in range(n)) + b"\n" + b",".join(b"1" for _ in range(n)) + b"\n"


def _sparse(name: str, head: bytes, size: int, reader: str) -> Bomb:
    """A file of so many bytes of which only the first are on the disk."""

    def build(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(head)
        os.truncate(path, size)
        return path

    return Bomb(build, READERS[reader].open)


def _many_pages() -> bytes:
    """A TIFF whose pages never end: each says that the next lies right behind it."""
    entries = [
        (tag, 4, 1, value)
        for tag, value in ((256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 4), (279, 16))
    ]
    size = 2 + 12 * len(entries) + 4
    pages = [
        struct.pack("<H", len(entries)) + b"".join(struct.pack("<2H2I", *e) for e in entries) for _ in range(100_000)
    ]
    return (
        b"II*\0"
        + struct.pack("<I", 8)
        + b"".join(body + struct.pack("<I", 8 + (i + 1) * size) for i, body in enumerate(pages))
    )


def _folder_of_images(folder: Path) -> Path:
    """Blank images, none of which is large by itself."""
    (folder / "folder").mkdir()
    blank = png(8000, 8000, packed=_squeezed_zlib(8001 * 8000))
    for i in range(64):
        (folder / "folder" / f"{i}.png").write_bytes(blank)
    return folder / "folder"


def _pipe(name: str, reader: str) -> Bomb:
    def build(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return Bomb(build, READERS[reader].open)


def _socket(folder: Path) -> Path:
    before = os.getcwd()
    os.chdir(folder)  # a socket's path is short
    socket.socket(socket.AF_UNIX).bind("x.csv")
    os.chdir(before)
    return folder / "x.csv"


def _link_to(target: str, name: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
        return folder / name.partition("/")[0]

    return build


def _zeros_through_a_pipe(path: Path) -> object:
    from latens.data.piped import read_pipe

    with path.open("rb") as stream:
        return read_pipe(stream, path.name)


def _little_memory(opened: Callable[[Path], object]) -> Callable[[Path], object]:
    """As if this were a machine of 256 MiB."""

    def open_(path: Path) -> Any:
        from latens.data import piped

        piped.physical_memory = lambda: 2**28
        return opened(path)

    return open_


def _pipe_in_a_folder(folder: Path) -> Path:
    (folder / "folder").mkdir()
    for name in ("a.png", "b.jpg"):
        os.mkfifo(folder / "folder" / name)
    return folder / "folder"


def _deep_folders(folder: Path) -> Path:
    path = folder / "folder"
    (path / "/".join(["d"] * 900)).mkdir(parents=True)
    return path


def _time_jump() -> bytes:
    return b"date,flow\n1700-01-01T00:00:00.000000,1\n1700-01-01T00:00:00.000001,2\n2200-01-01T00:00:00.000000,3\n"


BOMBS: dict[str, Bomb] = {
    # gzip
    "CSV: 4 GiB of one line again": _file("gzip itself", lambda: _squeezed(b"1,2\n", 4 * _GIB)),
    "CSV: 2 GiB without a line": _file("gzip itself", lambda: _squeezed(b"1", 2 * _GIB)),
    "CSV: gzip in gzip in gzip": _file("gzip itself", lambda: gzip.compress(gzip.compress(_squeezed(b"\0", 2 * _GIB)))),
    "text: 2 GiB in a gzip": Bomb(
        lambda folder: _in(folder, "x.txt.gz", _squeezed(b"a", 2 * _GIB)), READERS["text, gzipped"].open
    ),
    "idx: 2 GiB in a gzip": Bomb(
        lambda folder: _in(
            folder, "x.idx.gz", _squeezed(b"\0", 2 * _GIB, bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**21, 32, 32))
        ),
        READERS["idx, gzipped"].open,
    ),
    "idx: 2^96 numbers declared": _file("idx", lambda: bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**32 - 1] * 3)),
    # arrays
    "npy: 8 PB declared": _file("npy", lambda: _npy_head((2**50, 1)) + bytes(64)),
    "npy: a header of 4 GiB": _file("npy", lambda: header(b"{}", b"\x02\0", 2**32 - 1)),
    "npy: a field of 2^31 numbers": _file(
        "npy", lambda: header(b"{'descr': [('a', '<f8', (2147483647,))], 'fortran_order': False, 'shape': (9, 9)}")
    ),
    "npz: 1 GiB of zeros": _file("npz", lambda: _npz_of_zeros(_GIB)),
    "npz: 1 GiB of zeros in bzip2": _file("npz", lambda: _npz_of_zeros(_GIB, zipfile.ZIP_BZIP2)),
    "npz: 512 MiB of zeros in lzma": _file("npz", lambda: _npz_of_zeros(2**29, zipfile.ZIP_LZMA)),
    "npz: an entry that says it was 4 GiB packed": _file("npz", lambda: _npz_of_zeros(_GIB, claimed=2**32 - 2)),
    "npz: a thousand members in one place": _file("npz", _overlapping),
    "npz: 400,000 members": _file("npz", _many_members),
    "npz: an archive in an archive": _file("npz", lambda: zipped(("X.npy", _npz_of_zeros(_GIB)))),
    "npz: 8 PB declared in a member": _file("npz", lambda: zipped(("X.npy", _npy_head((2**50, 1))))),
    # delimited text
    "CSV: 8 GiB without a line": _sparse("x.csv", b"a,b", 8 * _GIB, "CSV"),
    "CSV: 8 GiB of a second line": _sparse("x.csv", b"a,b\n1,2", 8 * _GIB, "CSV"),
    "CSV: 32 MiB of blanks": _file("CSV", lambda: b" " * 2**25),
    "CSV: a million columns": _file("CSV", lambda: _wide_csv(1_000_000)),
    "CSV: a million columns of nothing": _file("CSV", lambda: b"," * 1_000_000 + b"\n" + b"," * 1_000_000),
    "CSV: a quote that does not end": _file("CSV", lambda: b'a,b\n1,"' + b"x\n" * 2**24),
    "CSV: zeros through a pipe without an end": Bomb(
        lambda folder: Path("/dev/zero"), _little_memory(_zeros_through_a_pipe)
    ),
    "series: a step of 1 µs over 500 years": _file("series, CSV", _time_jump),
    # images
    "PNG: 60,000 x 60,000": _file("PNG", lambda: png(60_000, 60_000, packed=_squeezed_zlib(_GIB))),
    "PNG: 2^31 x 2^31": _file("PNG", lambda: png(2**31 - 1, 2**31 - 1, packed=b"")),
    "PNG: 79 megapixels of colour in nothing": _file("PNG", lambda: png(8900, 8900, colour=6, packed=b"")),
    "PNG: a comment of 1 GiB": _file("PNG", lambda: png(9, 9, chunk(b"zTXt", b"k\0\0" + _squeezed_zlib(_GIB)))),
    "JPEG: 65,500 x 65,500": _file("JPEG", lambda: resized(image("JPEG"), 65_500, 65_500)),
    "JPEG: 79 megapixels in a thumbnail": _file("JPEG", lambda: resized(image("JPEG"), 8900, 8900)),
    "TIFF: 2^31 x 2": _file(
        "TIFF",
        lambda: tiff(
            [(256, 4, 1, 2**31 - 1), (257, 4, 1, 2), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
        ),
    ),
    "TIFF: tiles of 40,000 x 40,000": _file(
        "TIFF",
        lambda: tiff(
            [
                (t, 4, 1, v)
                for t, v in (
                    (256, 9),
                    (257, 9),
                    (258, 8),
                    (259, 8),
                    (262, 1),
                    (277, 1),
                    (322, 40_000),
                    (323, 40_000),
                    (324, 200),
                    (325, 99),
                )
            ]
        ),
    ),
    "TIFF: a hundred thousand pages": _file("TIFF", _many_pages),
    "BMP: 30,000 x 30,000": _file("BMP", lambda: bmp(30_000, 30_000)),
    "BMP: 79 megapixels in runs": _file("BMP", lambda: bmp(8900, 8900, 8, 1, b"\xff\0" * 1000)),
    "folder: 64 blank images of 64 megapixels": Bomb(_folder_of_images, READERS["folder of images"].open),
    # Parquet
    "Parquet: 512 MiB of zeros, packed": _file("Parquet", lambda: _packed_page(2**29, 6, _zstd(2**29))),
    "Parquet: three values that unpack to 512 MiB": _file("Parquet", lambda: _lying_page(2**29)),
    "Parquet: a page of 2 GiB in nothing": _file(
        "Parquet", lambda: parquet_of([Column(page(24, 2**31 - 1, 3) + bytes(24), 3, codec=1)], 3)
    ),
    "Parquet: 2^40 rows of one value": _file("Parquet", lambda: _runs(2**40)),
    "Parquet: 2^30 rows of one value": _file("Parquet", lambda: _runs(2**30)),
    "Parquet: 2^62 rows of nothing": _file(
        "Parquet", lambda: parquet_of([Column(page(24, 24, 3) + bytes(24), 3)], 2**62)
    ),
    "Parquet: a dictionary of 2^31 words": _file(
        "Parquet", lambda: parquet_of([Column(page(24, 24, 2**31 - 1, dictionary=True) + bytes(24), 3)], 3)
    ),
    "Parquet: a word of 1 MiB in 100,000 rows": _file("Parquet", lambda: _long_word(2**20, 100_000)),
    "Parquet: 100,000 groups of one page": _file("Parquet", lambda: _groups(100_000)),
    "Parquet: 10,000 groups of one page": _file("Parquet", lambda: _groups(10_000)),
    "Parquet: a footer of 2^31 columns": _file("Parquet", lambda: _footer_list(2**31 - 1)),
    "Parquet: a schema 60,000 deep": _file(
        "Parquet", lambda: parquet_of([], 0, schema=[{4: b"r", 5: I32(1)}] * 60_000 + [{1: I32(2), 4: b"x"}])
    ),
    "Parquet: a page's header nested 100,000 deep": _file(
        "Parquet", lambda: parquet_of([Column(b"\x1c" * 100_000, 3)], 3)
    ),
    # what is no file
    "a pipe that nobody writes to": _pipe("x.csv", "CSV"),
    "a pipe called .parquet": _pipe("x.parquet", "column of text, Parquet"),
    "a pipe called .txt": _pipe("x.txt", "text"),
    "a pipe in place of an index's description": Bomb(
        lambda folder: _index_pipe(folder), READERS["description of an index"].open
    ),
    "a socket": Bomb(_socket, READERS["CSV"].open),
    "/dev/zero": Bomb(lambda folder: Path("/dev/zero"), READERS["CSV"].open),
    "a link to /dev/zero": Bomb(_link_to("/dev/zero", "x.npy"), READERS["npy"].open),
    "a folder of links that lead out": Bomb(
        _link_to("/etc/hostname", "folder/x.png"), READERS["folder of images"].open
    ),
    "a folder with a link to itself": Bomb(_link_to(".", "folder/x.txt"), READERS["folder of texts"].open),
    "a folder of pipes": Bomb(_pipe_in_a_folder, READERS["folder of images"].open),
    "folders 900 deep": Bomb(_deep_folders, READERS["folder of texts"].open),
}


def _in(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _index_pipe(folder: Path) -> Path:
    (folder / "index").mkdir()
    os.mkfifo(folder / "index" / "latens.json")
    return folder / "index"

"""How each reader is tried on bytes: where they are put, what is opened, and what may come of it."""

from __future__ import annotations

import gzip
import io
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samples import samples

__all__ = ["READERS", "Reader", "Reading", "import_readers", "limited", "read"]

MEMORY = 256 * 2**20
# More than that of addresses is a fault, too; threads and Arrow's pools take some that they never touch.
_ADDRESSES = 4 * 2**30
_LONGEST = 1500  # characters of a message


@dataclass(frozen=True)
class Reader:
    """A way in.

    Args:
        form: Which samples it reads.
        file: What the file is called, below the folder.
        open: Called with the path and, for a folder, with the folder; what it gives has been read to its end.
        packed: The bytes are put into gzip.
        beside: Further files, by their names.
    """

    form: str
    file: str
    open: Callable[[Path], object]
    packed: bool = False
    beside: Mapping[str, str] = ()  # type: ignore[assignment]

    @property
    def names(self) -> tuple[str, ...]:
        """What messages have to name one of: the folder, or the file without what its name ends in."""
        return tuple(part.partition(".")[0] for part in (*self.file.split("/"), *dict(self.beside)))

    def write(self, folder: Path, content: bytes) -> Path:
        """Put the bytes where they are looked for; what to open."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, 1, mtime=0) if self.packed else content)
        for name, form in dict(self.beside).items():
            (path.parent / name).write_bytes(samples(form)[0])
        return folder / self.file.partition("/")[0]


@dataclass(frozen=True)
class Reading:
    """What came of it: no message if it could be read."""

    message: str
    seconds: float
    memory: int


def import_readers() -> None:
    """Import what readers import when they first run, before any process is forked."""
    import pandas
    import pyarrow.compute
    import pyarrow.csv
    import pyarrow.parquet
    from PIL import Image

    from latens.data import sources, text_tables
    from latens.index import about

    Image.init()
    assert all((pandas, pyarrow.compute, pyarrow.csv, pyarrow.parquet, sources, text_tables, about))


def _source(path: Path, **how: Any) -> object:
    from latens.data.sources import open_source

    source = open_source(path, **how)
    if source.kind in ("table", "images", "series"):
        return len(source) if source.values.dtype == object else source.values[:].min()
    if source.kind == "events":
        from latens.data.events import encode_events, learn_events

        return encode_events(source, learn_events(source))
    return sum(len(block) for _, block in source.blocks())


def _on_disk(path: Path) -> object:
    from latens.data.sources import open_source

    source = open_source(path, stream=True)
    return sum(len(source.take(slice(at, at + 50)).values) for at in range(0, len(source), 50))


def _with(**how: Any) -> Callable[[Path], object]:
    return lambda path: _source(path, **how)


def _stdin(path: Path) -> object:
    from latens.data.sources import open_source

    before = sys.stdin
    with path.open() as file:
        sys.stdin = file
        try:
            return open_source("-").values.min()
        finally:
            sys.stdin = before


def _stdin_text(path: Path) -> object:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(path.read_bytes()))
    try:
        return _source("-", kind="text")  # type: ignore[arg-type]
    finally:
        sys.stdin = before


def _bytes(path: Path) -> object:
    from latens.data.sources import open_source

    return sum(len(block) for _, block in open_source(path, kind="text").byte_blocks())


def _pairs(folder: Path) -> object:
    from latens.data.pairs import paired
    from latens.data.sources import open_source

    return len(paired(open_source(folder), open_source(folder)))


def _description(folder: Path) -> object:
    from latens.index.about import read_about

    return str(read_about(folder).recall)


_EVENTS = {"kind": "events", "sequence": "who", "order": "step", "item": "what"}
_COLUMN = {"kind": "text", "column": "name"}
_SERIES = {"kind": "series", "impute": "linear"}
READERS: dict[str, Reader] = {
    "npy": Reader("npy", "x.npy", _source),
    "npz": Reader("npz", "x.npz", _source),
    "idx": Reader("idx", "x-idx3-ubyte", _source),
    "idx, gzipped": Reader("idx", "x-images-idx3-ubyte.gz", _source, packed=True),
    "CSV": Reader("csv", "x.csv", _source),
    "CSV, gzipped": Reader("csv", "x.csv.gz", _source, packed=True),
    "gzip itself": Reader("gzip", "x.csv.gz", _source),
    "TSV": Reader("tsv", "x.tsv", _source),
    "Parquet": Reader("parquet", "x.parquet", _source),
    "PNG": Reader("png", "x.png", _source),
    "JPEG": Reader("jpeg", "x.jpg", _source),
    "TIFF": Reader("tiff", "x.tif", _source),
    "BMP": Reader("bmp", "x.bmp", _source),
    "folder of images": Reader("png", "folder/sub/x.png", _source, beside={"a.png": "png", "b.png": "png"}),
    "pairs of images": Reader("jpeg", "folder/x.jpg", _pairs, beside={"a.png": "png"}),
    "text": Reader("text", "x.txt", _source),
    "text, gzipped": Reader("text", "x.txt.gz", _source, packed=True),
    "text as bytes": Reader("text", "x.log", _bytes),
    "folder of texts": Reader("text", "folder/x.txt", _with(kind="text"), beside={"a.md": "text"}),
    "column of text, CSV": Reader("csv", "x.csv", _with(**_COLUMN)),
    "column of text, Parquet": Reader("parquet", "x.parquet", _with(**_COLUMN)),
    "Parquet on disk": Reader("parquet", "x.parquet", _on_disk),
    "folder of Parquet": Reader("parquet", "folder/x.parquet", _source),
    "folder of Parquet on disk": Reader("parquet", "folder/x.parquet", _on_disk),
    "npy on disk": Reader("npy", "x.npy", _on_disk),
    "folder of images on disk": Reader("png", "folder/x.png", _on_disk),
    "events, CSV": Reader("events", "x.csv", _with(**_EVENTS)),
    "events, Parquet": Reader("events parquet", "x.parquet", _with(**_EVENTS)),
    "series, CSV": Reader("series", "x.csv", _with(**_SERIES)),
    "series, Parquet": Reader("series parquet", "x.parquet", _with(**_SERIES)),
    "standard input, CSV": Reader("csv", "stdin", _stdin),
    "standard input, npy": Reader("npy", "stdin", _stdin),
    "standard input, text": Reader("text", "stdin", _stdin_text),
    "description of an index": Reader("description", "index/latens.json", _description),
}


@contextmanager
def limited(cpu: int) -> Iterator[None]:
    """This process ends if it takes so many more seconds, or absurdly many addresses."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu, spent + cpu))
    addresses = _status("VmSize") + _ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    yield


def _status(field: str) -> int:
    """A line of this process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field + ":"))


def read(what: Path, opened: Callable[[Path], object], names: tuple[str, ...]) -> Reading:
    """Read it: only a DataError of one line that says which file may come of it, and not a word on the screen.

    Args:
        what: The file or folder.
        opened: Reads it.
        names: What the message has to name one of.
    """
    from latens.errors import DataError

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before, started = _status("VmRSS"), time.process_time()
    message = ""
    with warnings.catch_warnings(record=True) as warned, _silence() as said:
        warnings.simplefilter("always")
        try:
            opened(what)
        except DataError as error:
            message = str(error)
            assert message, "an error without a word"
    seconds, memory = time.process_time() - started, _status("VmHWM") - before
    assert not warned, f"a warning leaks: {warned[0].message}"
    assert not said, f"a library speaks: {said[0]!r}"
    if message:
        assert len(message.splitlines()) == 1, f"not one line: {message!r}"
        assert len(message) <= _LONGEST, f"{len(message)} characters: {message[:300]!r}"
        assert any(name in message for name in names), f"names none of {names}: {message}"
    return Reading(message, seconds, memory)


@contextmanager
def _silence() -> Iterator[list[bytes]]:
    """What libraries write to stderr themselves, beside Python."""
    said: list[bytes] = []
    kept, reading, writing = os.dup(2), *os.pipe()
    os.set_blocking(writing, False)
    os.dup2(writing, 2)
    try:
        yield said
    finally:
        os.dup2(kept, 2)
        os.close(writing)
        os.close(kept)
        found = os.read(reading, 2**16)
        os.close(reading)
        if found:
            said.append(found)

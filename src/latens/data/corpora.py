"""A corpus as numbers: the ids of all documents one after the other, in memory or mapped from disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from latens.data.gzipped import is_gzip
from latens.data.paths import open_plain, readable, size_of
from latens.data.text import TextSource
from latens.errors import OutputError, whole
from latens.schema import TextSchema

__all__ = ["Corpus", "encode_corpus"]

_THRESHOLD = 2**28


class Corpus(NamedTuple):
    """Sequences of items, laid end to end.

    Args:
        ids: (n_items,) of the schema's dtype, read-only: it may be a file mapped into memory.
        offsets: (n_documents + 1,) int64; document i is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    ids: np.ndarray
    offsets: np.ndarray


def encode_corpus(
    source: TextSource, schema: TextSchema, terminator: str | None = None, threshold: int = _THRESHOLD
) -> Corpus:
    """The ids of every document, each followed by the terminator.

    Memory stays bounded by the threshold: more ids than that go block by block into a file that has no name, and
    vanishes with the array. A large file of bytes is mapped as it is.

    Args:
        source: The documents.
        schema: Their vocabulary; where it drops unknown characters, they are dropped here.
        terminator: What ends each document; None takes a newline for a schema of short entries, else nothing.
        threshold: Bytes of ids that are held in memory.

    Raises:
        DataError: A character is unknown and the schema says ``"error"``; a file cannot be read.
        OutputError: There is no room for the file.

    Example:
        >>> from latens.data.text import learn_text
        >>> source = TextSource(("ab", "", "b"), lines=True)
        >>> corpus = encode_corpus(source, learn_text(source))
        >>> corpus.ids.tolist(), corpus.offsets.tolist()
        ([0, 1, 2, 2, 1, 2], [0, 3, 4, 6])
    """
    whole("threshold", threshold, at_least=0)
    end = terminator if terminator is not None else "\n" if schema.lines else ""
    as_it_is = _plain_bytes(source, schema, end, threshold)
    if as_it_is is not None:
        return Corpus(as_it_is, np.array([0, len(as_it_is)], dtype=np.int64))
    return _gathered(_pieces(source, schema, end), len(source), schema.dtype, threshold)


def _plain_bytes(source: TextSource, schema: TextSchema, terminator: str, threshold: int) -> np.ndarray | None:
    """The large file whose bytes are the ids, if it is one, mapped."""
    path = source.documents[0]
    if len(source) > 1 or terminator or schema.tokens != "bytes" or schema.lower or not isinstance(path, Path):
        return None
    with readable(path):
        if is_gzip(path):
            return None
        with open_plain(path) as file:
            return np.memmap(file, dtype=np.uint8, mode="r") if size_of(file) > threshold else None


def _pieces(source: TextSource, schema: TextSchema, terminator: str) -> Iterator[tuple[int, np.ndarray]]:
    end = schema.encode(terminator, "terminator")
    for document in range(len(source)):
        for ids in _document(source, schema, document):
            yield document, ids
        yield document, end


def _document(source: TextSource, schema: TextSchema, document: int) -> Iterator[np.ndarray]:
    if schema.tokens == "bytes":
        yield from map(schema.encode_bytes, source.document_bytes(document))
        return
    start, title = 0, source.title(document)
    for block in source.document_blocks(document):
        yield schema.encode(block, title, start)
        start += len(block)


def _gathered(pieces: Iterable[tuple[int, np.ndarray]], n: int, dtype: np.dtype[np.generic], threshold: int) -> Corpus:
    """The pieces laid end to end: in memory as long as they fit under the threshold, then in a file without a name."""
    lengths = np.zeros(n, dtype=np.int64)
    try:
        with tempfile.SpooledTemporaryFile(max_size=max(1, threshold)) as file:
            for document, ids in pieces:
                file.write(ids.tobytes())
                lengths[document] += len(ids)
            offsets = np.concatenate([[0], np.cumsum(lengths)])
            return Corpus(_array(file, int(offsets[-1]) * dtype.itemsize > max(1, threshold), dtype), offsets)
    except OSError as error:
        raise OutputError(
            f"{tempfile.gettempdir()}: the ids of a large corpus cannot be written there "
            f"({error.strerror or error}); set TMPDIR to a folder with room"
        ) from error


def _array(file: tempfile.SpooledTemporaryFile[bytes], on_disk: bool, dtype: np.dtype[np.generic]) -> np.ndarray:
    file.flush()
    file.seek(0)
    if not on_disk:
        return np.frombuffer(file.read(), dtype=dtype)
    with os.fdopen(os.dup(file.fileno()), "rb") as plain:  # NumPy wants a file that it knows
        return np.memmap(plain, dtype=dtype, mode="r")

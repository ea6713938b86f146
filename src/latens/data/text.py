"""Text in: documents that are strings, or files read block by block, so that none has to fit into memory.

Read as text, a file is UTF-8: its byte order mark is removed and its line ends become ``\\n``, as Python does it. Read
as bytes it stays as it is. Strings stay as they are in any case. Files may be gzipped.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, ClassVar, TypeAlias

import numpy as np

from latens.data.gzipped import open_bytes
from latens.errors import DataError, setting
from latens.schema import TextSchema
from latens.schema.characters import utf8

__all__ = ["BLOCK", "Document", "TextSource", "learn_text"]

# Bytes read, and characters yielded, in one go.
BLOCK = 2**20

# A text, the content of a file, or where a file is.
Document: TypeAlias = str | bytes | Path


@dataclass(frozen=True, eq=False)
class TextSource:
    """Documents to learn from, each read on its own and as often as it is wanted.

    Args:
        documents: Strings, contents of files as bytes, or paths of files.
        lines: They are short entries, each of which a newline ends: a list of strings, or a table's column.
        labels: Carried columns by name, each (n,); never learned from.
        ids: (n,) names of the documents: paths, the index of a frame.
        name: What messages call it.
        column: The table's column that held them.

    Raises:
        DataError: There is no document, or all of them are empty.

    Example:
        >>> source = TextSource(("To be", "or not"), lines=True)
        >>> len(source), source[1], list(source.blocks())
        (2, 'or not', [(0, 'To be'), (1, 'or not')])
    """

    kind: ClassVar[str] = "text"

    documents: tuple[Document, ...]
    lines: bool = False
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    ids: np.ndarray | None = None
    name: str = "text"
    column: str | None = None

    def __post_init__(self) -> None:
        if not any(map(_size, self.documents)):
            raise DataError(f"{self.name}: is empty; give it some text")

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, document: int) -> str:
        return "".join(self.document_blocks(document))

    @property
    def terminator(self) -> str:
        """What ends each document: a newline for short entries, nothing for texts."""
        return "\n" if self.lines else ""

    def title(self, document: int) -> str:
        """What messages call a document."""
        given = self.documents[document]
        if self.ids is not None:
            return str(self.ids[document])
        if isinstance(given, Path):
            return given.name
        return self.name if len(self) == 1 else f"{self.name}: document {document} (counted from 0)"

    def texts(self) -> Iterator[str]:
        """The documents one after the other, each as a whole."""
        return (self[document] for document in range(len(self)))

    def blocks(self) -> Iterator[tuple[int, str]]:
        """Every document's number with its text, in blocks of at most about a million characters.

        Raises:
            DataError: A file is not UTF-8, or cannot be read.
        """
        return ((document, block) for document in range(len(self)) for block in self.document_blocks(document))

    def byte_blocks(self) -> Iterator[tuple[int, bytes]]:
        """The same as bytes: of files as they stand, of strings as UTF-8.

        Raises:
            DataError: A file cannot be read.
        """
        return ((document, block) for document in range(len(self)) for block in self.document_bytes(document))

    def document_blocks(self, document: int) -> Iterator[str]:
        """The blocks of one document."""
        given = self.documents[document]
        if isinstance(given, str):
            return (given[start : start + BLOCK] for start in range(0, len(given), BLOCK))
        title = self.title(document)
        return _decoded(_read(given, title), title)

    def document_bytes(self, document: int) -> Iterator[bytes]:
        """The blocks of one document, as bytes."""
        given = self.documents[document]
        title = self.title(document)
        if isinstance(given, str):
            return (utf8(given[start : start + BLOCK], title, start) for start in range(0, len(given), BLOCK))
        return _read(given, title)

    def take(self, rows: np.ndarray) -> TextSource:
        """The given documents (integers or a mask) with everything that is carried along."""
        return replace(
            self,
            documents=tuple(self.documents[row] for row in np.arange(len(self))[rows]),
            labels={name: column[rows] for name, column in self.labels.items()},
            ids=None if self.ids is None else self.ids[rows],
        )

    def label(self) -> np.ndarray | None:
        """The first label column, or None."""
        return next(iter(self.labels.values()), None)


def learn_text(
    source: TextSource,
    *,
    tokens: str = "characters",
    lower: bool = True,
    unknown: str = "error",
    vocabulary_size: int = 1024,
) -> TextSchema:
    """The vocabulary of a whole corpus; see `TextSchema.learn`.

    Example:
        >>> learn_text(TextSource(("To be", "or not"), lines=True)).characters
        ('t', 'o', ' ', 'b', 'e', '\\n', 'r', 'n')
    """
    return TextSchema.learn(
        _ended_blocks(source),
        tokens=tokens,
        lower=lower,
        unknown=unknown,
        vocabulary_size=vocabulary_size,
        lines=source.lines,
        column=source.column,
    )


def _ended_blocks(source: TextSource) -> Iterator[str]:
    for document in range(len(source)):
        yield from source.document_blocks(document)
        yield source.terminator


def _size(document: Document) -> int:
    return document.stat().st_size if isinstance(document, Path) else len(document)


def _read(document: bytes | Path, title: str) -> Iterator[bytes]:
    """The content in blocks; what a gzip file unpacks to may be large, but not beyond all reason."""
    with _opened(document, title) as file:
        while block := file.read(BLOCK):
            yield block


@contextmanager
def _opened(document: bytes | Path, title: str) -> Iterator[BinaryIO]:
    if isinstance(document, bytes):
        yield io.BytesIO(document)
        return
    try:
        with open_bytes(document, title) as file:
            yield file
    except OSError as error:
        raise DataError(f"{title}: cannot be read ({error.strerror or error}); check its permissions") from error


def _decoded(blocks: Iterator[bytes], title: str) -> Iterator[str]:
    """UTF-8 without its byte order mark, all line ends as newlines, whatever the blocks cut in two."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    offset, marked = 0, True
    for content in _and_the_end(blocks):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            raise _not_utf8(title, offset - pending + error.start, error.object[error.start]) from error
        offset += len(content)
        if marked and text:
            text, marked = text.removeprefix("\ufeff"), False
        text = newlines.decode(text, final=not content)
        if text:
            yield text


def _and_the_end(blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield from blocks
    yield b""


def _not_utf8(title: str, offset: int, byte: int) -> DataError:
    # A text in UTF-16 begins with FF FE or FE FF, which begins no text in UTF-8, and hardly one in a code page.
    encoding = "UTF-16" if offset == 0 and byte in (0xFE, 0xFF) else "WINDOWS-1252"
    return DataError(
        f"{title}: byte 0x{byte:02x} at offset {offset:,} is not UTF-8; convert the file "
        f"(iconv -f {encoding} -t UTF-8), or learn its bytes with {setting('tokens', 'bytes')}"
    )

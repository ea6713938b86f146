"""The lines of a text, which are what a report looks at: a file of a million characters is one document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from latens.data import TextSource

__all__ = ["passages", "readable"]

# Lines that are looked through, from the beginning of each document on.
_MOST = 200_000
# Characters of a line that count.
_LONGEST = 1000


def passages(source: TextSource, *, as_bytes: bool) -> TextSource:
    """Of files each line that is not blank, under the number of its line; short entries stay as they are.

    Args:
        source: Documents.
        as_bytes: The model reads bytes, which need not be text.

    Example:
        >>> found = passages(TextSource(("To be\\n\\nor not",)), as_bytes=False)
        >>> found.documents, found.ids.tolist()
        (('To be', 'or not'), ['line 1', 'line 3'])
    """
    if source.lines:
        return source
    lines = [*islice(_lines(source, as_bytes), _MOST)]
    rows = np.array([document for document, _, _ in lines], dtype=np.int64)
    names = np.array([name for _, name, _ in lines], dtype=object)
    return replace(
        source,
        documents=tuple(content for _, _, content in lines),
        lines=True,
        labels={name: column[rows] for name, column in source.labels.items()},
        ids=names,
    )


def _lines(source: TextSource, as_bytes: bool) -> Iterator[tuple[int, str, str | bytes]]:
    for document in range(len(source)):
        where = "line" if len(source) == 1 else f"{source.title(document)}, line"
        content = b"".join(source.document_bytes(document)) if as_bytes else source[document]
        ends: list[str] | list[bytes] = content.split(b"\n") if isinstance(content, bytes) else content.split("\n")
        for number, line in enumerate(ends, start=1):
            if line.strip():
                yield document, f"{where} {number:,}", line[:_LONGEST]


def readable(content: object) -> str:
    """A document in characters; bytes that are none are U+FFFD."""
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)

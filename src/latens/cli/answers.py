"""A model's answers to more rows than fit into memory: asked for block by block, written as they come.

Imported when a verb has something to ask, because it imports NumPy and Arrow.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol, TypeAlias

import numpy as np

from latens.cli.sheets import Said
from latens.cli.verbs import Shared
from latens.columns import arrow, arrow_type, of_type

__all__ = ["Asking", "Counted", "ItemRows", "Reached", "Rows", "SourceRows", "Taken", "block_rows", "checksum"]

# Numbers handed to the model at a time, and rows at most: memory stays bounded and the bar moves.
_BLOCK_NUMBERS = 1 << 23
_BLOCK_ROWS = 1 << 18
# Texts, sequences and lines, which are read side by side.
_BLOCK_ITEMS = 1024

Counted: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Taken:
    """Some rows, one after the other.

    Args:
        start: The number of the first.
        content: m of them, as the model takes them: a source, or a list.
        labels: Carried columns of m, by name.
        ids: (m,) names, or None.
        count: m.
        weight: What a bar moves by.
    """

    start: int
    content: Any
    labels: Mapping[str, Any]
    ids: Any
    count: int
    weight: int

    def __len__(self) -> int:
        return self.count


class Rows(Protocol):
    """The role: rows that are read once, from the first to the last.

    `size` is how many to read at a time, `count` how many there are, if that is known, `total` what the weights of all
    of them add up to.
    """

    size: int
    count: int | None
    total: int

    def read(self, count: int) -> Taken | None:
        """The next rows, `count` or fewer; None at the end."""
        ...


@dataclass(frozen=True, eq=False)
class Asking:
    """What a verb asks of rows.

    Args:
        rows: That it is asked of.
        ask: What is said of some of them.
        add: What was counted so far and what was counted of some more rows, together; JSON's own types.
        doing: In a word, for the bar.
    """

    rows: Rows
    ask: Callable[[Taken], Said]
    doing: str
    add: Callable[[Counted, Counted], Counted] = field(default=lambda before, more: {**before, **more})

    def taken(self, advance: Callable[[int], None], limit: int | None = None) -> Iterator[Taken]:
        """Rows that nobody was asked of yet, block by block.

        Args:
            advance: Hears of the weight of each block.
            limit: Rows to take; None takes all.
        """
        left = math.inf if limit is None else limit
        while left > 0 and (taken := self.rows.read(int(min(self.rows.size, left)))):
            yield taken
            advance(taken.weight)
            left -= len(taken)

    def answer(self, taken: Taken, reached: Reached, write: Callable[[Said], object] | None) -> Reached:
        """Ask about some rows and write the answer; nothing of it is held when the next rows are read.

        Without `write` another process answers, and counts.
        """
        counted = reached.counted
        if write is not None:
            said = self.ask(taken)
            write(said)
            counted = self.add(counted, said.counted)
        checksums = None if reached.checksums is None else checksum(taken, reached.checksums)
        return Reached(reached.rows + len(taken), counted, checksums)

    def counted(self, shared: Shared) -> Reached:
        """What is counted over all rows, of which each process asks its own blocks; nothing is written."""
        reached, group = Reached(), shared.group
        with shared.bar(self.rows.total, self.doing) as advance:
            for number, taken in enumerate(self.taken(advance)):
                reached = self.answer(taken, reached, _unwritten if group.share.deals(number) else None)
        counted: Counted = {}
        for told in group.each(reached.counted):
            counted = self.add(counted, told) if told else counted
        return replace(reached, counted=counted)


def _unwritten(said: Said) -> None:
    """Where only what is counted matters."""


@dataclass(frozen=True)
class Reached:
    """How far the answers have come.

    Args:
        rows: That were answered.
        counted: Over these.
        checksums: Of these, where somebody will ask whether they are the same.
    """

    rows: int = 0
    counted: Counted = field(default_factory=dict)
    checksums: Mapping[str, int] | None = None


def block_rows(source: Any) -> int:
    """Rows of a source to handle at a time: a function of the size of one."""
    numbers = getattr(source, "n_features", None)
    return _BLOCK_ITEMS if numbers is None else max(1, min(_BLOCK_ROWS, _BLOCK_NUMBERS // numbers))


class SourceRows:
    """The rows of a source, its documents or its sequences; what they carry along is of one type in every block.

    Args:
        source: Of any kind; of one that is not in memory no more than a block is read at a time.
    """

    def __init__(self, source: Any) -> None:
        self.source, self.size = source, block_rows(source)
        self.count: int | None = len(source)
        self.total, self._at = len(source), 0
        self._labels = {name: arrow_type(column) for name, column in source.labels.items()}
        self._ids = None if source.ids is None else arrow_type(source.ids)

    def read(self, count: int) -> Taken | None:
        start, stop = self._at, min(self._at + count, len(self.source))
        if start == stop:
            return None
        self._at = stop
        source = self.source
        labels = {name: of_type(name, source.labels[name][start:stop], kind) for name, kind in self._labels.items()}
        ids = None if source.ids is None else of_type("id", source.ids[start:stop], self._ids)
        return Taken(start, _part(source, start, stop), labels, ids, stop - start, stop - start)


def _part(source: Any, start: int, stop: int) -> Any:
    """Rows that stand together: a slice, which what is not in memory reads best; of blank texts, which are no source,
    a list."""
    rows = range(start, stop)
    if source.kind == "text" and not any(next(iter(source.document_bytes(row)), b"") for row in rows):
        return [""] * len(rows)
    if not hasattr(source, "n_features"):
        return source.take(np.array(rows))
    return replace(
        source,
        values=source.values[start:stop],
        labels={name: column[start:stop] for name, column in source.labels.items()},
        ids=None if source.ids is None else source.ids[start:stop],
        groups=None,
    )


class ItemRows:
    """What is read one by one: lines of texts.

    Args:
        items: Each with what it carries along.
        take: Rows out of a list of them, given the number of the first.
        total: What the weights add up to, about.
    """

    def __init__(self, items: Iterable[Any], take: Callable[[int, list[Any]], Taken], total: int) -> None:
        self.size, self.total = _BLOCK_ITEMS, total
        self.count: int | None = None
        self._items, self._take, self._at = iter(items), take, 0

    def read(self, count: int) -> Taken | None:
        items = list(islice(self._items, count))
        if not items:
            return None
        taken = self._take(self._at, items)
        self._at += len(items)
        return taken


# ---- whether rows are the same ---------------------------------------------------------------------------------------


def checksum(taken: Taken, before: Mapping[str, int]) -> dict[str, int]:
    """Numbers that change with any row, label or id up to these; where blocks were cut makes no difference."""
    columns = {"rows": _rows_of(taken.content)}
    columns |= {f"label {name}": _cells(column) for name, column in taken.labels.items()}
    columns |= {} if taken.ids is None else {"id": _cells(taken.ids)}
    found = {}
    for name, contents in columns.items():
        found[name] = before.get(name, 0)
        for content in contents:
            found[name] = zlib.crc32(content, found[name])
    return found


def _cells(column: Any) -> Iterator[bytes]:
    """What a carried column holds."""
    return (f"{cell!r}\0".encode("utf-8", "surrogatepass") for cell in arrow(column).to_pylist())


def _rows_of(content: Any) -> Iterable[Any]:
    """What rows hold, as bytes."""
    values = None if hasattr(content, "offsets") else getattr(content, "values", None)
    if values is not None:
        return _items(values) if values.dtype == object else [np.ascontiguousarray(values).data.cast("B")]
    if hasattr(content, "document_bytes"):
        documents = (content.document_bytes(row) for row in range(len(content)))
        return (block for document in documents for block in (*document, b"\0"))
    return _items(content[row] for row in range(len(content)))


def _items(items: Iterable[Any]) -> Iterator[bytes]:
    for item in items:
        if isinstance(item, np.ndarray):
            yield repr((item.dtype.str, item.shape)).encode() + item.tobytes()
        else:
            yield f"{item!r}\0".encode("utf-8", "surrogatepass")

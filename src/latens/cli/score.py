"""``latens score``: what every line costs a model, and where it is surprised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from latens.cli.apply import asked_of, where
from latens.cli.models import load_model, open_for
from latens.cli.outputs import TABLES
from latens.cli.verbs import (
    Columns,
    LabelsOption,
    ModelArgument,
    Parting,
    Reading,
    Shared,
    SourceArgument,
    as_table,
    verb,
)
from latens.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from latens.cli.answers import Asking, Counted, Taken
    from latens.cli.sheets import Said
    from latens.data import EventSource, TextSource

__all__ = ["Line", "lines_of", "score"]

ScoresOption = Annotated[
    str | None,
    typer.Option("--output", "-o", help="Write them instead: .parquet, .csv, or parts into NAME/.", show_default=False),
]


class Line(NamedTuple):
    """What is scored: a line of a file, a row of a column, or a sequence.

    Args:
        name: Its number, counted from 1, or its id.
        where: It in words, for messages.
        content: A text, bytes as they stand for a model of bytes, or items.
        row: Of the source, whose labels are its own.
    """

    name: Any
    where: str
    content: Any
    row: int


@verb("latens score shakespeare.latens poems.txt -o scores.parquet", together=True)
def score(
    model: ModelArgument,
    source: SourceArgument,
    columns: Columns,
    parting: Parting,
    shared: Shared,
    labels: LabelsOption = None,
    output: ScoresOption = None,
) -> None:
    """Say how well each line was predicted.

    That is: of a file each line that is not blank, of a column each row, of events each sequence; from an empty state,
    in nats per item, with the most surprising item, its position (counted from 0) and what it cost.
    """
    target = None if output is None else parting.target(output, TABLES[:2], [model, source])
    if target is None and shared.group.several:
        raise ConfigError("what is printed is work for one process; give several a folder, as in -o scores/")
    estimator = load_model(model, shared, "score")
    data: Any = open_for(estimator, source, Reading(labels=labels), columns)
    rows: list[dict[str, Any]] = []
    asking = _asking(estimator, data, rows if target is None else None)
    if target is not None:
        from latens.cli.parts import write_answers

        written = write_answers(target, asking, asked_of("score", model, data), shared)
        summary = _summary(written.reached.counted)
        done = f"wrote {written.reached.rows:,} scores to {where(target.path, written)}; {_said(summary)}"
        shared.result(summary | written.facts | {"output": output}, done)
    else:
        summary = _summary(asking.counted(shared).counted)
        table = as_table([{**row, "most_surprising": _shown(row["most_surprising"])} for row in rows])
        shared.answer(summary | {"rows": rows}, f"{table}\n\n{_said(summary)}")


# ---- what is scored --------------------------------------------------------------------------------------------------


def _text_lines(source: TextSource) -> Iterator[Line]:
    """The rows of a column as they are; of files, whose lines are what is asked for, those that are not blank."""
    return _lines(source, lambda document: _split(source.document_blocks(document), "\n"))


def _byte_lines(source: TextSource) -> Iterator[Line]:
    """The same for a model of bytes, to which any file is readable."""
    return _lines(source, lambda document: _split(source.document_bytes(document), b"\n"))


def _lines(source: TextSource, lines: Callable[[int], Iterator[Any]]) -> Iterator[Line]:
    for document in range(len(source)):
        if source.lines:
            yield _row_of_column(source, document)
        else:
            yield from _not_blank(source, document, lines(document))


def _split(blocks: Iterable[Any], end: str | bytes) -> Iterator[Any]:
    """The lines of what comes in blocks, of which no more than one and a line are held."""
    begun: list[Any] = []
    for block in blocks:
        first, *others = block.split(end)
        begun.append(first)
        if others:
            yield end[:0].join(begun)
            yield from others[:-1]
            begun = others[-1:]
    yield end[:0].join(begun)


def _row_of_column(source: TextSource, document: int) -> Line:
    name = document + 1 if source.ids is None else source.ids[document]
    return Line(name, f"{source.name}: row {name}", source[document], document)


def _not_blank(source: TextSource, document: int, contents: Iterable[Any]) -> Iterator[Line]:
    title = source.title(document)
    for number, content in enumerate(contents, start=1):
        if content.strip():
            name = number if len(source) == 1 else f"{title}:{number}"
            yield Line(name, f"{title}: line {number}", content, document)


def _sequences(source: EventSource) -> Iterator[Line]:
    for row in range(len(source)):
        yield Line(row + 1 if source.ids is None else source.ids[row], source.title(row), source[row], row)


# By what a model reads.
_LINES: dict[str, Any] = {"text": _text_lines, "bytes": _byte_lines, "events": _sequences}


def lines_of(estimator: Any, source: Any) -> list[Line]:
    """What is scored of a source.

    Raises:
        DataError: There is nothing but blank lines.
    """
    return list(_some(_LINES[_reads(estimator.schema_)](source), source.name))


def _reads(schema: Any) -> str:
    """What a model reads, a key of `_LINES`."""
    return "bytes" if getattr(schema, "tokens", None) == "bytes" else str(schema.kind)


# ---- what is said ----------------------------------------------------------------------------------------------------


def _asking(estimator: Any, source: Any, kept: list[dict[str, Any]] | None) -> Asking:
    """The scores of all lines.

    Args:
        estimator: That scores.
        source: Of the lines.
        kept: Receives a row for each, if somebody wants them all.
    """
    from latens.cli.answers import Asking, ItemRows
    from latens.columns import arrow_type

    kinds = {name: arrow_type(column) for name, column in source.labels.items()}
    lines = _LINES[_reads(estimator.schema_)](source)
    rows = ItemRows(_some(lines, source.name), partial(_taken, source, kinds), _weight(source))
    return Asking(rows, partial(_ask, estimator, kept), "scoring", _add)


def _some(lines: Iterator[Line], name: str) -> Iterator[Line]:
    """The lines, if there are any."""
    first = next(lines, None)
    if first is None:
        raise DataError(f"{name}: holds nothing but blank lines; give it some text")
    yield first
    yield from lines


def _weight(source: Any) -> int:
    """Of all lines together, about: their characters, or the items of sequences."""
    if hasattr(source, "documents"):
        return sum(len(each) if isinstance(each, (str, bytes)) else each.stat().st_size for each in source.documents)
    return int(source.offsets[-1])


def _taken(source: Any, kinds: dict[str, Any], start: int, lines: list[Line]) -> Taken:
    from latens.cli.answers import Taken
    from latens.columns import of_type

    places = [line.row for line in lines]
    labels = {name: of_type(name, source.labels[name][places], kind) for name, kind in kinds.items()}
    return Taken(start, lines, labels, None, len(lines), sum(len(line.content) + 1 for line in lines))


def _ask(estimator: Any, kept: list[dict[str, Any]] | None, taken: Taken) -> Said:
    from latens.cli.sheets import Said
    from latens.columns import beside

    rows = _scored(estimator, taken.content)
    if kept is not None:
        kept.extend(rows)
    columns = _columns(estimator.schema_, rows)
    items = sum(row["items"] for row in rows)
    nats = sum(row["items"] * row["nats_per_item"] for row in rows if row["items"])
    counted = {"lines": len(rows), "items": items, "nats": nats}
    return Said({**columns, **beside(columns, taken.labels.items())}, None, counted)


def _columns(schema: Any, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows as columns, whose types are those of the first block in every block."""
    import pyarrow as pa

    whole = all(isinstance(item, int) for item in getattr(schema, "items", ("text",)))
    kinds = {
        "items": pa.int64(),
        "nats_per_item": pa.float64(),
        "most_surprising": pa.int64() if whole else pa.string(),
        "position": pa.int64(),
        "nats": pa.float64(),
    }
    cells = {name: [row[name] for row in rows] for name in rows[0]}
    if not whole:
        cells["most_surprising"] = [None if item is None else str(item) for item in cells["most_surprising"]]
    return {name: pa.array(column, kinds[name]) if name in kinds else column for name, column in cells.items()}


def _add(before: Counted, more: Counted) -> Counted:
    return {name: before.get(name, 0) + count for name, count in more.items()}


def _scored(estimator: Any, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """A row for each line."""
    schema = estimator.schema_
    ids = [_encoded(schema, line) for line in lines]
    costs = estimator.surprisal([line.content for line in lines])
    return [
        {"line": line.name, **_row(schema, items, nats)} for line, items, nats in zip(lines, ids, costs, strict=True)
    ]


def _encoded(schema: Any, line: Line) -> np.ndarray:
    """The ids of a line; what is unknown is refused, with the place where it is."""
    if isinstance(line.content, bytes):
        return schema.encode_bytes(line.content)  # type: ignore[no-any-return]
    return schema.encode(line.content, line.where)  # type: ignore[no-any-return]


def _row(schema: Any, ids: np.ndarray, nats: np.ndarray) -> dict[str, Any]:
    row = {"items": len(ids), "nats_per_item": None, "most_surprising": None, "position": None, "nats": None}
    if not len(ids):
        return row
    at = int(nats.argmax())
    item = next(iter(schema.decode(ids[at : at + 1])), None)
    most = {"most_surprising": item, "position": at, "nats": float(nats[at])}
    return row | {"nats_per_item": float(nats.mean())} | most


def _summary(counted: Counted) -> dict[str, Any]:
    """Over all items of all lines."""
    mean = counted["nats"] / counted["items"] if counted["items"] else math.nan
    facts = {"lines": counted["lines"], "items": counted["items"]}
    return facts | {"nats_per_item": mean, "bits_per_item": mean / math.log(2)}


def _said(summary: dict[str, Any]) -> str:
    nats, bits = summary["nats_per_item"], summary["bits_per_item"]
    return f"{nats:.4g} nats per item ({bits:.4g} bits) over {summary['items']:,} items"


def _shown(item: Any) -> str:
    """An item so that a space and a newline can be seen."""
    return repr(item) if isinstance(item, str) and (len(item) <= 1 or not item.isprintable()) else str(item)

"""``latens score``: what every line costs a model, and where it is surprised."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from latens.cli.models import load_model, open_for
from latens.cli.outputs import TABLES, check_output
from latens.cli.verbs import (
    Columns,
    ForceOption,
    LabelsOption,
    ModelArgument,
    Reading,
    Shared,
    SourceArgument,
    as_table,
    verb,
)
from latens.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from latens.data import EventSource, TextSource

__all__ = ["Line", "lines_of", "score"]

ScoresOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write them instead: .parquet or .csv.", show_default=False),
]

# Lines that are read side by side: the bar moves, and little memory is held.
_BLOCK = 1024


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


@verb("latens score shakespeare.latens poems.txt -o scores.parquet")
def score(
    model: ModelArgument,
    source: SourceArgument,
    columns: Columns,
    shared: Shared,
    labels: LabelsOption = None,
    output: ScoresOption = None,
    force: ForceOption = False,
) -> None:
    """Say how well each line was predicted.

    That is: of a file each line that is not blank, of a column each row, of events each sequence; from an empty state,
    in nats per item, with the most surprising item, its position (counted from 0) and what it cost.
    """
    if output is not None:
        check_output(output, force=force, inputs=[model, source], suffixes=TABLES[:2])
    estimator = load_model(model, shared, "score")
    data: Any = open_for(estimator, source, Reading(labels=labels), columns)
    lines = lines_of(estimator, data)
    rows = [row for block in shared.track(_blocks(lines), "scoring") for row in _scored(estimator, block)]
    summary = _summary(rows)
    if output is not None:
        places = [line.row for line in lines]
        _write(output, rows, {name: column[places] for name, column in data.labels.items()})
        shared.result(summary | {"output": str(output)}, f"wrote {len(rows):,} scores to {output}; {_said(summary)}")
    else:
        table = as_table([{**row, "most_surprising": _shown(row["most_surprising"])} for row in rows])
        shared.answer(summary | {"rows": rows}, f"{table}\n\n{_said(summary)}")


def _text_lines(source: TextSource) -> Iterator[Line]:
    """The rows of a column as they are; of files, whose lines are what is asked for, those that are not blank."""
    for document in range(len(source)):
        if source.lines:
            yield _row_of_column(source, document)
        else:
            yield from _not_blank(source, document, source[document].split("\n"))


def _byte_lines(source: TextSource) -> Iterator[Line]:
    """The same for a model of bytes, to which any file is readable."""
    for document in range(len(source)):
        if source.lines:
            yield _row_of_column(source, document)
        else:
            yield from _not_blank(source, document, b"".join(source.document_bytes(document)).split(b"\n"))


def _row_of_column(source: TextSource, document: int) -> Line:
    name = document + 1 if source.ids is None else source.ids[document]
    return Line(name, f"{source.name}: row {name}", source[document], document)


def _not_blank(source: TextSource, document: int, contents: Sequence[Any]) -> Iterator[Line]:
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
    lines = list(_LINES[_reads(estimator.schema_)](source))
    if not lines:
        raise DataError(f"{source.name}: holds nothing but blank lines; give it some text")
    return lines


def _reads(schema: Any) -> str:
    """What a model reads, a key of `_LINES`."""
    return "bytes" if getattr(schema, "tokens", None) == "bytes" else str(schema.kind)


def _blocks(lines: Sequence[Line]) -> list[Sequence[Line]]:
    return [lines[first : first + _BLOCK] for first in range(0, len(lines), _BLOCK)]


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


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Over all items of all lines."""
    items = sum(row["items"] for row in rows)
    nats = sum(row["items"] * row["nats_per_item"] for row in rows if row["items"])
    mean = nats / items if items else math.nan
    return {"lines": len(rows), "items": items, "nats_per_item": mean, "bits_per_item": mean / math.log(2)}


def _said(summary: dict[str, Any]) -> str:
    nats, bits = summary["nats_per_item"], summary["bits_per_item"]
    return f"{nats:.4g} nats per item ({bits:.4g} bits) over {summary['items']:,} items"


def _shown(item: Any) -> str:
    """An item so that a space and a newline can be seen."""
    return repr(item) if isinstance(item, str) and (len(item) <= 1 or not item.isprintable()) else str(item)


def _write(output: Path, rows: Sequence[dict[str, Any]], labels: dict[str, np.ndarray]) -> None:
    from latens.cli.writers import write_rows

    write_rows(output, {name: [row[name] for row in rows] for name in rows[0]}, labels)

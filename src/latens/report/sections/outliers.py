"""The rows that do not belong, each with a card that says why."""

from __future__ import annotations

from typing import Any

import numpy as np

from latens.analysis import OutlierScores, Reason
from latens.data import Source
from latens.report.blocks import Block, Card, Cards, Picture, Section, Table, Words, percent, quantity
from latens.report.cells import is_wide
from latens.report.charts import Line, draw_chart
from latens.report.portraits import extent_of, portrait
from latens.report.scatter import clipped
from latens.report.subject import Subject

__all__ = ["outliers"]

_CARDS, _CAUSES, _NEAREST = 6, 5, 3


def outliers(subject: Subject) -> Section | None:
    """Of an autoencoder, by its residuals and by the rows that are near."""
    if not subject.reconstructs or not subject.enough:
        return None
    found = subject.detected
    rows = found.ranked[:_CARDS]
    reasons = subject.detector.explain(subject.source.take(rows), top=_CAUSES, neighbours=_NEAREST)
    cards = [_card(subject, int(row), reason) for row, reason in zip(rows, reasons, strict=True)]
    ranks = np.arange(1, len(found.scores) + 1)
    lines = [Line("rows", ranks, found.scores[found.ranked])]
    lines.append(Line("threshold", ranks[[0, -1]], np.full(2, found.threshold), 1))
    chart = draw_chart(lines, across="rows, the strangest first", up="strangeness", names="{:,.0f}".format, whole=True)
    notes = [Words(note, "faint") for note in _notes(subject, found)]
    blocks: list[Block] = [Words(f"The {len(cards)} strangest:"), Cards(cards), chart, *notes]
    return Section("Outliers", f"{found.verdict}.", blocks)


def _notes(subject: Subject, found: OutlierScores) -> list[str]:
    rate = percent(found.false_alarm_rate)
    return [
        "A row is strange if the model cannot give it back, each cell measured by the error that is usual there, or if "
        "it stands far from its nearest rows. p is the chance that an ordinary row is at least as strange.",
        f"The threshold lets about {rate} of ordinary rows through as false alarms. It was learned from "
        f"{found.n_held_out:,} of these rows that the search for neighbours did not see; if the model itself was "
        "trained on them, new rows will look a little stranger than they.",
        *(
            ["So few rows cannot show a rate as small as this: the tail of their scores was extrapolated."]
            if found.extrapolated
            else []
        ),
    ]


def _card(subject: Subject, row: int, reason: Reason) -> Card:
    note = f"{'flagged' if reason.flagged else 'not flagged'}, {reason.chance}"
    words = ["It stands far from all others."] if reason.alone else []
    near = [number for number, _ in reason.nearest]
    if subject.kind == "images":
        return Card(subject.name(row), note, words, _portraits(subject, row, near))
    if near:
        words = [*words, f"Most like it: {', '.join(clipped(subject.name(number), 30) for number in near)}."]
    if is_wide(subject.source):
        return Card(subject.name(row), note, words, chart=_curve(subject, row))
    return Card(subject.name(row), note, words, tables=[_causes(reason)] if reason.causes else [])


def _causes(reason: Reason) -> Table:
    rows = [
        (clipped(cause.name, 30), _cell(cause.value), _cell(cause.expected), percent(cause.share))
        for cause in reason.causes
    ]
    return Table(("column", "is", "expected", "of the error"), rows, numeric=(3,))


def _cell(value: Any) -> str:
    return "missing" if value is None or str(value) in ("NaT", "<NA>") else quantity(value)


def _portraits(subject: Subject, row: int, near: list[int]) -> list[Picture]:
    """The image, what was expected, where they differ, and the nearest images."""
    source: Source = subject.source
    image = np.asarray(source.values[row], dtype=np.float64)
    made = np.asarray(subject.model.reconstruct(source.take(np.array([row])))[0], dtype=np.float64)
    difference = np.abs(image - made)
    extent = extent_of([image, *(np.asarray(source.values[number]) for number in near)])
    pictures = [
        portrait(image, extent, "as it is"),
        portrait(made, extent, "expected"),
        portrait(difference, (0.0, max(float(difference.max()), 1e-12)), "difference"),
    ]
    return pictures + [portrait(source.values[number], extent, f"like {subject.name(number)}") for number in near]


def _curve(subject: Subject, row: int) -> Any:
    part = subject.source.take(np.array([row]))
    places = np.arange(subject.source.n_features)
    made = np.asarray(subject.model.reconstruct(part))[0]
    lines = [Line("as it is", places, part.values[0]), Line("expected", places, made, 1)]
    return draw_chart(lines, across="column", up="value", size="small")

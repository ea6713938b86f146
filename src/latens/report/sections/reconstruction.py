"""Rows beside what the model makes of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from latens.report.blocks import Bar, Bars, Block, Card, Cards, Section, Strip, Strips, Table, Words, counted, quantity
from latens.report.cells import column_names, given, is_wide, reconstructed
from latens.report.charts import Line, draw_chart
from latens.report.portraits import extent_of, portrait
from latens.report.subject import Subject

__all__ = ["reconstruction"]

_IMAGES, _ROWS, _CURVES, _COLUMNS, _BARS = 9, 6, 4, 12, 12


def reconstruction(subject: Subject) -> Section | None:
    """Of an autoencoder."""
    if not subject.reconstructs:
        return None
    errors = subject.errors
    unit = "of a cell, after scaling" if subject.source.typed else "in the data's own units"
    verdict = (
        f"Mean squared error {unit}: {quantity(float(errors.mean()))} on average over {counted(len(subject), 'row')}, "
        f"{quantity(float(np.median(errors)))} for the middle one and {quantity(float(errors.max()))} for the worst."
    )
    blocks = _pictures(subject) if subject.kind == "images" else _table(subject)
    return Section("Reconstruction", verdict, blocks)


def _spread(subject: Subject, count: int) -> np.ndarray:
    """Rows from the best reconstructed to the worst, evenly by rank."""
    order = np.argsort(subject.errors, kind="stable")
    chosen: np.ndarray = order[np.unique(np.linspace(0, len(order) - 1, count).astype(int))]
    return chosen


def _pictures(subject: Subject) -> list[Block]:
    rows = _spread(subject, _IMAGES)
    part = subject.source.take(rows)
    made = subject.model.reconstruct(part)
    extent = extent_of(part.values)
    titles = [f"{subject.name(row)}, {quantity(float(subject.errors[row]))}" for row in rows]
    first = [portrait(image, extent, title) for image, title in zip(part.values, titles, strict=True)]
    second = [portrait(np.asarray(image), extent) for image in made]
    strips = [Strip("as it is", first), Strip("as the model gives it back", second)]
    said = "From the best reconstructed to the worst; under each image its name and its mean squared error."
    return [Strips(strips, said)]


def _table(subject: Subject) -> list[Block]:
    if is_wide(subject.source):
        return [_curves(subject)]
    blocks: list[Block] = [_by_column(subject)] if subject.source.n_features > 1 else []
    rows, names = _spread(subject, _ROWS), column_names(subject.source)
    there, made = given(subject.source, rows), reconstructed(subject, rows)
    shown = [
        (name, what, *cells[:_COLUMNS])
        for row, is_, says in zip(rows, there, made, strict=True)
        for name, what, cells in ((subject.name(row), "is", is_), ("", "model says", says))
    ]
    caption = "From the best reconstructed row to the worst"
    blocks.append(Table(("row", "", *names[:_COLUMNS]), shown, numeric=(), caption=caption))
    left_out = len(names) - _COLUMNS
    return blocks + (
        [Words(f"Shown are the first {_COLUMNS} columns; {left_out:,} more are left out.", "faint")] * (left_out > 0)
    )


def _by_column(subject: Subject) -> Bars:
    """Which columns are lost on the way."""
    errors = column_errors(subject)
    worst = np.argsort(-errors, kind="stable")[:_BARS]
    longest = max(float(errors.max()), np.finfo(float).tiny)
    names = column_names(subject.source)
    bars = [Bar(names[place], quantity(float(errors[place])), float(errors[place]) / longest) for place in worst]
    left_out = f", the {_BARS} worst of {len(names):,}" if len(names) > _BARS else ""
    return Bars(
        bars, f"What is lost of each column (1 is as much as knowing nothing of the row){left_out}; shorter is better"
    )


def column_errors(subject: Subject) -> np.ndarray:  # -> (d,)
    """The mean squared error of each column, over that of its mean; of a typed table as the model counts it."""
    model, source = subject.model, subject.source
    errors: Any = model.network_.errors(model._scaled(source)).reshape(len(source), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of which nothing is there
        lost = np.nan_to_num(np.nanmean(errors, axis=0, dtype=np.float64))
    if source.typed:
        return np.asarray(lost)
    spread = np.asarray(model._scaled(source), dtype=np.float64).reshape(len(source), -1).var(axis=0)
    return np.asarray(np.where(spread > 0, lost / np.where(spread > 0, spread, 1.0), 0.0))


def _curves(subject: Subject) -> Cards:
    """Wide rows as lines."""
    rows = _spread(subject, _CURVES)
    part = subject.source.take(rows)
    pairs = zip(rows, part.values, np.asarray(subject.model.reconstruct(part)), strict=True)
    places = np.arange(subject.source.n_features)
    cards = [
        Card(
            subject.name(row),
            f"mean squared error {quantity(float(subject.errors[row]))}",
            chart=draw_chart(
                [Line("as it is", places, is_), Line("the model's", places, made, 1)],
                across="column",
                up="value",
                size="small",
            ),
        )
        for row, is_, made in pairs
    ]
    return Cards(cards)

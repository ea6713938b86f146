"""What the data is: rows, columns, what is missing, how large things are, and the labels that were never learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from latens.data import EventSource, SeriesSource, Source, TextSource
from latens.plots.colours import label_name
from latens.report.blocks import Bar, Bars, Block, Section, Strip, Strips, Table, Words, counted, percent, quantity
from latens.report.fields import pictures_of
from latens.report.passages import readable
from latens.report.portraits import extent_of, portrait
from latens.report.scatter import clipped
from latens.report.subject import Subject

__all__ = ["data"]

_COLUMNS, _CLASSES, _PICTURES, _SHORT = 40, 12, 12, 40


def data(subject: Subject) -> Section:
    """Of any kind."""
    words, blocks = _KINDS[subject.kind](subject)
    more: list[Block] = [_labels(name, column) for name, column in subject.source.labels.items()]
    note = [Words("Labels are shown and never learned from.", "faint")] if more else []
    return Section("The data", words, [*blocks, *more, *note])


def _samples(subject: Subject) -> tuple[str, list[Block]]:
    return _pictures(subject) if subject.kind == "images" else _table(subject)


def _pictures(subject: Subject) -> tuple[str, list[Block]]:
    source: Source = subject.source
    shapes = {image.shape for image in source.values} if source.ragged else {source.shape}
    height, width, *channels = next(iter(shapes))
    size = f"{width} x {height} pixels" if len(shapes) == 1 else f"{len(shapes):,} different sizes"
    colour = counted(channels[0], "channel") if channels else "grey"
    pictures = pictures_of(source)
    assert pictures is not None
    low, high = (float(end([getattr(each, end.__name__)() for each in pictures])) for end in (min, max))
    words = f"{counted(subject.total, 'image')} of {size}, {colour}, values from {quantity(low)} to {quantity(high)}."
    return words, [Strips([Strip("Some of them", _some(subject, pictures))])]


def _some(subject: Subject, pictures: Any) -> list[Any]:
    chosen = np.unique(np.linspace(0, len(subject) - 1, _PICTURES).astype(int))
    shown = [np.asarray(pictures[row]) for row in chosen]
    label, extent = subject.source.label(), extent_of(shown)
    names = [subject.name(row) if label is None else label_name(label[row]) for row in chosen]
    return [portrait(image, extent, name) for image, name in zip(shown, names, strict=True)]


def _table(subject: Subject) -> tuple[str, list[Block]]:
    source: Source = subject.source
    values = source.values
    missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    gaps = f", {percent(missing / values.size)} of the cells missing" if missing else ", no cell missing"
    words = f"{counted(subject.total, 'row')} of {counted(source.n_features, 'column')}{gaps}."
    rows = [_column(source, place) for place in range(min(source.n_features, _COLUMNS))]
    table = Table(("column", "kind", "missing", "what it holds"), rows, numeric=(2,))
    left_out = source.n_features - _COLUMNS
    note = [Words(f"Shown are the first {_COLUMNS} columns; {left_out:,} more are like them.", "faint")]
    return words, [table, *(note if left_out > 0 else [])]


def _column(source: Source, place: int) -> tuple[str, str, str, str]:
    cells = np.asarray(source.values[:, place], dtype=np.float64)
    there = cells[~np.isnan(cells)]
    missing = percent(1 - len(there) / len(cells))
    if source.table is None:
        name = source.columns[place] if source.columns else f"column {place}"
        return clipped(name, _SHORT), "number", missing, _range(there)
    column = source.table.types[place]
    if not len(there):
        holds = "nothing"
    elif column.levels:
        holds = _frequent([column.levels[int(code)] if code >= 0 else "other" for code in there])
    elif column.timed:
        ends = column.series(np.array([there.min(), there.max()])).to_list()
        holds = f"{quantity(ends[0])} to {quantity(ends[1])}"
    else:
        holds = _range(there)
    return clipped(column.name, _SHORT), column.kind, missing, holds


def _range(there: np.ndarray) -> str:
    if not len(there):
        return "nothing"
    low, middle, high = (quantity(float(value)) for value in (there.min(), np.median(there), there.max()))
    return f"always {low}" if low == high else f"{low} to {high}, half below {middle}"


def _frequent(values: Sequence[Any]) -> str:
    counts = Counter(map(str, values))
    named = [f"{clipped(name, _SHORT)} {percent(n / len(values))}" for name, n in counts.most_common(4)]
    rest = len(counts) - len(named)
    return ", ".join(named) + (f", and {rest:,} more" if rest else "")


def _text(subject: Subject) -> tuple[str, list[Block]]:
    source: TextSource = subject.source
    lines = [readable(document) for document in source.documents]
    lengths = np.array(list(map(len, lines)))
    characters = Counter("".join(lines))
    words = (
        f"{counted(subject.total, 'line')} of text, half of them shorter than {quantity(float(np.median(lengths)))} "
        f"characters; {counted(len(characters), 'different character')}."
    )
    vocabulary = Words(f"The model reads {subject.model.schema_.describe()}.", "faint")
    return words, [vocabulary, _counts("The most frequent characters", Counter(map(_visible, characters.elements())))]


def _events(subject: Subject) -> tuple[str, list[Block]]:
    source: EventSource = subject.source
    lengths = np.diff(source.offsets)
    words = (
        f"{counted(subject.total, 'sequence')} of {quantity(float(lengths.min()))} to {quantity(float(lengths.max()))} "
        f"events, half of them shorter than {quantity(float(np.median(lengths)))}; "
        f"{counted(len(source.items), 'different event')}."
    )
    names = [str(source.items[code]) for code in source.codes]
    return words, [_counts("The most frequent events", Counter(names))]


def _series(subject: Subject) -> tuple[str, list[Block]]:
    source: SeriesSource = subject.source
    if source.image is not None:
        return _pixel_series(subject)
    lengths = np.diff(source.offsets)
    size = counted(int(lengths[0]), "step") if len(set(lengths.tolist())) == 1 else "different lengths"
    step = f", one step is {source.clock.step}" if source.clock.step else ""
    times = source.times(0, 0, int(lengths[0]))
    ends = "" if times is None else f", from {quantity(times[0])} to {quantity(times[-1])}"
    words = f"{subject.total:,} series of {size}{ends if len(source) == 1 else ''}{step}."
    names = subject.model.schema_.names[:_COLUMNS]
    rows = [(clipped(name, _SHORT), _range(source.values[:, place])) for place, name in enumerate(names)]
    return words, [Table(("column", "what it holds"), rows)]


def _pixel_series(subject: Subject) -> tuple[str, list[Block]]:
    height, width = subject.source.image[:2]
    pictures = pictures_of(subject.source)
    words = f"{counted(subject.total, 'image')} of {width} x {height} pixels, each read as a series, row by row."
    return words, [Strips([Strip("Some of them", _some(subject, pictures))])]


_KINDS: dict[str, Callable[[Subject], tuple[str, list[Block]]]] = {
    "table": _samples,
    "images": _samples,
    "text": _text,
    "events": _events,
    "series": _series,
}


def _labels(name: str, column: np.ndarray) -> Bars:
    return _counts(f"Label {clipped(name, _SHORT)}", Counter(map(label_name, np.asarray(column).tolist())))


def _counts(caption: str, counts: Counter[str]) -> Bars:
    """The most frequent of some names."""
    total, most = counts.total(), counts.most_common(_CLASSES)
    rest = len(counts) - len(most)
    bars = [Bar(clipped(name, _SHORT) or "(empty)", f"{n:,} ({percent(n / total)})", n / most[0][1]) for name, n in most]
    return Bars(bars, f"{caption}{f' (and {rest:,} more)' if rest else ''}")


def _visible(character: str) -> str:
    """A character so that a space can be seen."""
    return {" ": "space", "\t": "tab"}.get(character, character if character.isprintable() else f"U+{ord(character):04X}")

"""Rows that belong together, beside the same method on the raw input."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from latens.analysis import Clustering
from latens.analysis.words import telling
from latens.data import SeriesSource
from latens.report.blocks import (
    Block,
    Card,
    Cards,
    Chart,
    Picture,
    Section,
    Span,
    Table,
    Words,
    counted,
    percent,
    quantity,
)
from latens.report.cells import column_names, given, is_wide, sortable
from latens.report.charts import Line, draw_chart
from latens.report.passages import readable
from latens.report.portraits import extent_of, portrait, shaped
from latens.report.scatter import clipped
from latens.report.subject import Subject
from latens.schema import Column

__all__ = ["clusters", "set_apart"]

_SHOWN, _EXAMPLES, _COLUMNS, _EVENTS = 12, 5, 4, 25
_GLOSS = {
    "homogeneity": "1: each cluster is of one class",
    "nmi": "normalised mutual information with the classes",
    "ari": "adjusted Rand index with the classes: 0 is chance, 1 the same",
    "accuracy": "of the best match between clusters and classes",
    "silhouette": "1: far apart, 0: side by side; each in its own space",
    "stability": "adjusted Rand index between fits with different seeds",
}


def clusters(subject: Subject) -> Section | None:
    """By k-means, with a representative and examples of each."""
    if not subject.enough:
        return None
    both = subject.clusters
    found = both.codes
    names = [name for name, score in found.scores().items() if score is not None and name in _GLOSS]
    rows = [[name, *(_score(each.scores()[name]) for each in (both.codes, both.raw)), _GLOSS[name]] for name in names]
    table = Table(("score", *both.names, "what it means"), rows, numeric=(1, 2))
    cards = [_card(subject, found, cluster) for cluster in range(min(found.n_clusters, _SHOWN))]
    why = "as many as there are classes" if subject.classes is not None else "a number that was not looked for"
    note = (
        f"k-means with {counted(found.n_clusters, 'cluster')}, {why}. The first row of each cluster is the nearest to "
        "its centre, the others lie from there to its edge."
    )
    blocks: list[Block] = [table, Words(note, "faint"), Cards(cards)]
    return Section("Clusters", f"{both.verdict[0].upper()}{both.verdict[1:]}.", blocks)


def set_apart(subject: Subject, found: Clustering, cluster: int) -> list[str]:
    """What sets the rows of a cluster apart from all rows, in a few lines: classes, columns, words or events."""
    member, lines = found.labels == cluster, _mostly(subject, found, cluster)
    if subject.kind == "table" and not is_wide(subject.source):
        names = column_names(subject.source)
        return [*lines, *(f"{names[place]}: {said}" for place, said in _apart(subject, member))]
    if subject.kind not in _WORDS:
        return lines
    documents = [_WORDS[subject.kind](subject, row) for row in range(len(subject))]
    said = [f"{clipped(word, 30)} (in {percent(p)}, of all {percent(q)})" for word, p, q in telling(documents, member)]
    return [*lines, *said]


_WORD = re.compile(r"\w{2,}")
_WORDS: dict[str, Callable[[Subject, int], Iterable[Hashable]]] = {
    "text": lambda subject, row: _WORD.findall(readable(subject.source.documents[row]).lower()),
    "events": lambda subject, row: list(subject.source[row]),
}


def _score(value: float | None) -> str:
    return "none" if value is None or value != value else f"{value:.3f}"


def _card(subject: Subject, found: Clustering, cluster: int) -> Card:
    size = int(found.sizes[cluster])
    note = f"{subject.counted(size)}, {percent(size / len(subject))}"
    words = _mostly(subject, found, cluster)
    rows = found.examples(cluster, _EXAMPLES)
    if shaped(subject.source, 0) is not None:
        return Card(f"Cluster {cluster + 1}", note, words, _portraits(subject, rows))
    if subject.kind == "series":
        return Card(f"Cluster {cluster + 1}", note, words, chart=_lines(subject, rows))
    if subject.kind == "table":
        return _of_table(subject, found, cluster, Card(f"Cluster {cluster + 1}", note, words))
    return Card(f"Cluster {cluster + 1}", note, words, spans=_texts(subject, rows))


def _mostly(subject: Subject, found: Clustering, cluster: int) -> list[str]:
    """Which class most of its rows are of."""
    if subject.classes is None:
        return []
    counts = np.bincount(subject.classes.codes[found.labels == cluster])
    name = clipped(subject.classes.names[int(counts.argmax())], 40)
    return [f"{next(iter(subject.source.labels))}: {percent(float(counts.max() / counts.sum()))} are {name}."]


def _portraits(subject: Subject, rows: np.ndarray) -> list[Picture]:
    images = [np.asarray(shaped(subject.source, row)) for row in rows]
    extent = extent_of(images)
    return [portrait(image, extent, subject.name(row)) for image, row in zip(images, rows, strict=True)]


def _texts(subject: Subject, rows: np.ndarray) -> list[Span]:
    return [Span(f"{clipped(_TEXTS[subject.kind](subject, int(row)), 160)}\n") for row in rows]


def _document(subject: Subject, row: int) -> str:
    return readable(subject.source.documents[row])


def _sequence(subject: Subject, row: int) -> str:
    events: Sequence[object] = subject.source[row]
    return ", ".join(map(str, events[:_EVENTS])) + (", …" if len(events) > _EVENTS else "")


_TEXTS: dict[str, Callable[[Subject, int], str]] = {"text": _document, "events": _sequence}


def _lines(subject: Subject, rows: np.ndarray) -> Chart:
    source: SeriesSource = subject.source
    drawn = [
        Line(subject.name(row), np.arange(len(source[row])), source[row][:, 0], style)
        for style, row in enumerate(rows[:4])
    ]
    return draw_chart(drawn, across="step", up=clipped(subject.model.schema_.names[0], 30), size="small")


def _of_table(subject: Subject, found: Clustering, cluster: int, card: Card) -> Card:
    """The columns in which its rows differ most from all rows, and what its representative has there."""
    row = int(found.representatives[cluster])
    words = [*card.words, f"Typical of it: {clipped(subject.name(row), 40)}."]
    if is_wide(subject.source):
        values = subject.source.values
        places, member = np.arange(values.shape[1]), found.labels == cluster
        lines = [
            Line("this cluster's mean", places, values[member].mean(axis=0)),
            Line("mean of all", places, values.mean(axis=0), 2),
        ]
        return Card(card.title, card.note, words, chart=draw_chart(lines, across="column", up="value", size="small"))
    names, typical = column_names(subject.source), given(subject.source, [row])[0]
    rows = [(names[place], typical[place], said) for place, said in _apart(subject, found.labels == cluster)]
    return Card(card.title, card.note, words, tables=[Table(("column", "typical", "in this cluster"), rows)])


def _apart(subject: Subject, member: np.ndarray) -> list[tuple[int, str]]:
    """The columns that set the members apart, each with what is different there."""
    table = subject.source.table
    kinds = [None] * subject.source.n_features if table is None else list(table.types)
    cells = sortable(subject)
    found = [
        _categories(subject.source.values[:, place], member, kind.levels) if kind is not None and kind.levels
        else _numbers(cells[:, place], subject.source.values[:, place], member, kind)
        for place, kind in enumerate(kinds)
    ]  # fmt: skip
    order = np.argsort([-size for size, _ in found], kind="stable")[:_COLUMNS]
    return [(int(place), found[place][1]) for place in order]


def _numbers(scaled: np.ndarray, values: np.ndarray, member: np.ndarray, kind: Column | None) -> tuple[float, str]:
    there = ~np.isnan(scaled)
    if not (there & member).any() or not (spread := float(scaled[there].std())):
        return 0.0, "like everywhere"
    size = (float(scaled[there & member].mean()) - float(scaled[there].mean())) / spread
    ends = [float(np.median(values[rows])) for rows in (there & member, there)]
    said = [quantity(kind.series(np.array([end])).iloc[0] if kind is not None and kind.timed else end) for end in ends]
    return abs(size), f"half below {said[0]} (of all: {said[1]})"


def _categories(codes: np.ndarray, member: np.ndarray, levels: Sequence[object]) -> tuple[float, str]:
    there = codes >= 0
    if not (there & member).any():
        return 0.0, "like everywhere"
    shares = [
        np.bincount(codes[rows].astype(np.int64), minlength=len(levels)) / rows.sum()
        for rows in (there & member, there)
    ]
    most = int((shares[0] - shares[1]).argmax())
    mine, all_ = float(shares[0][most]), float(shares[1][most])
    return 2 * (mine - all_), f"{percent(mine)} {clipped(levels[most], 30)} (of all: {percent(all_)})"

"""What all panels of the page ask of a model and its rows: each thing computed once, when it is first wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from latens.analysis.neighbours import NearestRows
from latens.data import TextSource
from latens.estimators.grouping import applied_source
from latens.plots.pictures import image_range
from latens.report.cells import column_names, given, is_wide
from latens.report.fields import MOST, pictures_of
from latens.report.origin import Origin
from latens.report.passages import passages, readable
from latens.report.portraits import as_png, drawn_image
from latens.report.scatter import clipped
from latens.report.subject import Subject, subject_of
from latens.web.marks import Marks
from latens.web.planes import Plane

__all__ = ["FEWEST", "Explorer", "as_read", "fields"]

# Rows that make a map.
FEWEST = 3
# Rows that the page shows at most, and rows of which black and white are decided.
_MOST, _LOOKED_AT = 1_000_000, 2_000
# Characters of a field on a card.
_LONGEST = 400
_EVENTS = 60


@dataclass(frozen=True, eq=False)
class Explorer:
    """A model and the rows that the page shows.

    Args:
        subject: Both.
        path: Of the model's file; None if it has none.
        marks: What people said of rows.
    """

    subject: Subject
    path: Path | None
    marks: Marks

    @classmethod
    def of(cls, model: Any, X: Any, path: Path | None = None, seed: int = 0) -> Explorer:
        """Of the rows of X all, or a million by chance; where one takes long as many as can be read in a minute.

        Raises:
            DataError: X is not what the model was fitted on.
        """
        marks = Marks.beside(path)
        if model.network_name() not in ("linear", "deep", "wide"):
            return cls(subject_of(model, X, seed=seed, origin=Origin()), path, marks)
        source = applied_source(model, X)
        total = len(source)
        rows = np.arange(total)
        if total > _MOST:
            rows = np.sort(np.random.default_rng(seed).permutation(total)[:_MOST])
            source = source.take(rows)
        return cls(Subject(model, source, total, rows, Origin(), seed), path, marks)

    def __len__(self) -> int:
        return len(self.subject)

    def warm(self) -> None:
        """Compute what the first look at the page needs."""
        if len(self) >= FEWEST:
            _ = self.plane.points

    @cached_property
    def plane(self) -> Plane:
        """The rows on a map."""
        return Plane(self.subject)

    @property
    def model(self) -> Any:
        """Fitted."""
        return self.subject.model

    @property
    def source(self) -> Any:
        """The rows."""
        return self.subject.source

    # ---- rows ------------------------------------------------------------------------------------------------------

    def id(self, row: int) -> str:
        """What the source calls a row."""
        ids = self.source.ids
        return str(self.subject.rows[row]) if ids is None else clipped(ids[row])

    def card(self, row: int) -> dict[str, Any]:
        """A row in short: its name, its labels and fields, and what was said of it."""
        labels = [[clipped(name), clipped(_word(column[row]))] for name, column in self.source.labels.items()]
        return {
            "row": row,
            "id": self.id(row),
            "title": clipped(self.subject.name(row)),
            "fields": [*labels, *fields(self.source, row)],
            "marks": self.marks.of(self.id(row)),
            "picture": self.has_pictures,
        }

    @cached_property
    def index(self) -> NearestRows:
        """The codes, for their nearest."""
        return NearestRows(np.asarray(self.subject.codes, dtype=np.float64))

    def near(self, codes: np.ndarray, count: int, leave_out: np.ndarray | None = None) -> list[list[tuple[int, float]]]:
        """Of each code (m, k) the nearest rows and their distances, the nearest first."""
        most = min(count, len(self) - (leave_out is not None))
        if most < 1:
            return [[] for _ in codes]
        found = self.index.nearest(np.asarray(codes, dtype=np.float64), most, leave_out)
        pairs = zip(found.indices.tolist(), found.distances.tolist(), strict=True)
        return [list(zip(rows, distances, strict=True)) for rows, distances in pairs]

    # ---- pictures --------------------------------------------------------------------------------------------------

    @property
    def has_pictures(self) -> bool:
        """Rows are images."""
        return pictures_of(self.source) is not None

    @cached_property
    def extent(self) -> tuple[float, float]:
        """What black and white stand for."""
        pictures = pictures_of(self.source)
        assert pictures is not None
        some = np.linspace(0, len(self) - 1, min(len(self), _LOOKED_AT)).astype(np.int64)
        ends = [(float(pictures[row].min()), float(pictures[row].max())) for row in some]
        return image_range(np.array([min(low for low, _ in ends), max(high for _, high in ends)]))

    def image(self, row: int) -> np.ndarray:  # -> (h, w) or (h, w, c)
        """A row as an image, in the data's own units."""
        pictures = pictures_of(self.source)
        assert pictures is not None
        return np.asarray(pictures[row])

    def png(self, image: np.ndarray, side: int = 320) -> bytes:
        """An image in the data's own units as a file."""
        return as_png(drawn_image(image, self.extent, side))


def fields(source: Any, row: int) -> list[list[str]]:
    """The fields of one row as names and words: of a table its first 40 columns, a text, a sequence, a series."""
    if source.kind == "images":
        return []
    if source.kind == "table":
        if is_wide(source):
            return [["columns", f"{source.n_features:,}"]]
        return [list(pair) for pair in zip(column_names(source)[:MOST], given(source, [row])[0], strict=False)]
    if source.kind == "text":
        return [[source.column or "text", clipped(readable(source.documents[row]), _LONGEST)]]
    if source.kind == "events":
        shown = ", ".join(map(str, source[row][:_EVENTS]))
        return [["events", f"{len(source[row]):,}"], ["sequence", clipped(shown, _LONGEST)]]
    return [["steps", f"{len(source[row]):,}"]]


def as_read(model: Any, X: Any) -> Any:
    """New rows as the page's own are read: of a text its lines."""
    source = applied_source(model, X)
    return passages(source, as_bytes=model.schema_.tokens == "bytes") if isinstance(source, TextSource) else source


def _word(value: Any) -> str:
    return "missing" if value is None or value != value else str(value)

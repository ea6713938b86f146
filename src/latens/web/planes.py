"""The map: where rows are, and the columns that they can be coloured and searched by."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from latens.analysis import Map, fit_map
from latens.plots.colours import NEUTRAL, Classes, Quantity, read_labels
from latens.report.fields import fields_of
from latens.report.map_page import map_points
from latens.report.scatter import clipped, colour_scales
from latens.report.subject import Subject

__all__ = ["Column", "Plane"]

# Rows up to which everything is looked at before the page is shown.
_AT_ONCE = 5_000
# Of different texts, the share of the rows up to which they are classes; and how long a class's name may be.
_SHARE, _FEW, _LONGEST = 5, 20, 60
# Searches that are remembered.
_REMEMBERED = 256


@dataclass(frozen=True, eq=False)
class Column:
    """What points can be coloured by.

    Args:
        name: Shown.
        kind: ``"number"``, ``"class"``, or ``"text"``, which has too many values to be coloured.
        values: (n,) float32, or uint16 numbers of classes; None of texts.
        more: What is known of it: its ends, or its classes.
    """

    name: str
    kind: str
    values: np.ndarray | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "kind": self.kind, "lazy": False, **self.more}

    @classmethod
    def of(cls, name: str, values: np.ndarray) -> Column:
        """Whatever somebody knows of each row."""
        shown = clipped(name)
        if values.dtype.kind in "mM":
            values = values.astype(str)
        if values.dtype.kind not in "fiub" and len(set(values.tolist())) > max(_FEW, len(values) // _SHARE):
            return cls(shown, "text")
        read = read_labels(values, name=lambda key: clipped(key, _LONGEST) or "(empty)")
        return _of_classes(shown, read) if isinstance(read, Classes) else _of_numbers(shown, read)


def _of_numbers(name: str, read: Quantity) -> Column:
    values = read.values.astype(np.float32)
    there = values[np.isfinite(values)]
    ends = [float(there.min()), float(there.max())] if len(there) else [None, None]
    missing = len(values) - len(there)
    return Column(name, "number", values, {"low": ends[0], "high": ends[1], "missing": missing})


def _of_classes(name: str, read: Classes) -> Column:
    sizes = np.bincount(read.codes, minlength=len(read.names)).tolist()
    each = zip(read.names, read.colours, sizes, strict=True)
    classes = [{"name": label, "colour": colour, "size": size} for label, colour, size in each]
    return Column(name, "class", read.codes.astype(np.uint16), {"classes": classes})


class Plane:
    """The rows on a plane.

    Args:
        subject: Whose rows.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._read: dict[int, Column] = {}
        self._searches: OrderedDict[str, list[int]] = OrderedDict()

    @cached_property
    def place(self) -> Map:
        """Where they are."""
        return fit_map(self.subject.codes, random_state=self.subject.seed)

    @cached_property
    def points(self) -> np.ndarray:  # (n, 2) float32
        """The points."""
        return np.ascontiguousarray(map_points(self.place, self.place.points), dtype=np.float32)

    def placed(self, codes: np.ndarray) -> np.ndarray:  # (m, k) -> (m, 2)
        """Where new rows belong."""
        return map_points(self.place, self.place.place(codes))

    @cached_property
    def columns(self) -> dict[str, Callable[[], np.ndarray]]:
        """What is known of the rows, by name: labels, then what the model says, then their fields."""
        subject = self.subject
        known: dict[str, Callable[[], np.ndarray]] = {
            name: lambda column=column: np.asarray(column)  # type: ignore[misc]
            for name, column in subject.source.labels.items()
        }
        if subject.enough:
            known["cluster"] = lambda: np.array(
                [f"cluster {label + 1}" for label in subject.clusters.codes.labels], object
            )
            if subject.reconstructs:
                known["strangeness"] = lambda: subject.detected.scores
        known |= {subject.cost: lambda: subject.errors, "distortion": lambda: self.place.distortion}
        for name, values in self._fields.items():
            while name in known:
                name += "_"
            known[name] = lambda values=values: values  # type: ignore[misc]
        return known

    @cached_property
    def colour(self) -> str:
        """What points are coloured by at first: a label, if one has few enough values, or what each row costs."""
        labels = list(self.subject.source.labels)
        return next((name for i, name in enumerate(labels) if self.column(i).kind != "text"), self.subject.cost)

    def column(self, number: int) -> Column:
        """One of them, read.

        Raises:
            IndexError: There is none of this number.
        """
        name, values = list(self.columns.items())[number]
        if number not in self._read:
            self._read[number] = Column.of(name, values())
        return self._read[number]

    @property
    def described(self) -> dict[str, Any]:
        """As JSON: everything but the points; of many rows most columns only by name."""
        place, names = self.place, list(self.columns)
        measured, line = place.method != "umap", not place.axes[1]
        eager = {names.index(self.colour)} if self.colour in self.subject.source.labels else set()
        if len(self.subject) <= _AT_ONCE:
            eager |= {i for i, name in enumerate(names) if name not in ("cluster", "strangeness")}
        return {
            "n": len(self.subject),
            "axes": [place.axes[0], place.axes[1] or "(spread means nothing)"],
            "equal": measured == (measured and not line),
            "ticks": [measured, measured and not line],
            "verdict": self._verdict,
            "colour": clipped(self.colour),
            "plain": NEUTRAL,
            "scale": colour_scales(),
            "columns": [
                self.column(i).described if i in eager | set(self._read) else _unread(name)
                for i, name in enumerate(names)
            ],
        }

    @property
    def _verdict(self) -> str:
        if len(self.subject) > _AT_ONCE and "distortion" not in vars(self.place):
            return (
                f"{self.subject.counted(len(self.subject))}; colour by distortion to see how far the map can be trusted"
            )
        return self.place.verdict

    # ---- search ----------------------------------------------------------------------------------------------------

    def search(self, words: str) -> list[int]:
        """The rows whose id or one of whose texts holds the words, or one of whose numbers is it."""
        wanted = words.strip().lower()
        if wanted not in self._searches:
            found = [row for row, text in enumerate(self._texts) if wanted in text]
            self._searches[wanted] = sorted({*found, *self._equal(wanted)})
            while len(self._searches) > _REMEMBERED:
                self._searches.popitem(last=False)
        return self._searches[wanted]

    def known(self, words: str) -> list[int] | None:
        """What was found for the words before; None if nobody asked."""
        return self._searches.get(words.strip().lower())

    @cached_property
    def _texts(self) -> list[str]:
        """What can be searched of each row, in small letters."""
        source = self.subject.source
        ids = self.subject.rows if source.ids is None else source.ids
        parts = [map(str, np.asarray(ids).tolist())]
        known = [*source.labels.values(), *self._fields.values()]
        parts += [map(str, np.asarray(each).tolist()) for each in known if np.asarray(each).dtype.kind not in "fiu"]
        return ["\n".join(row).lower() for row in zip(*parts, strict=True)]

    def _equal(self, wanted: str) -> list[int]:
        try:
            number = float(wanted)
        except ValueError:
            return []
        known = [np.asarray(each) for each in (*self.subject.source.labels.values(), *self._fields.values())]
        rows = [np.flatnonzero(each == number).tolist() for each in known if each.dtype.kind in "fiu"]
        return [row for each in rows for row in each]

    @cached_property
    def _fields(self) -> dict[str, np.ndarray]:
        """What stands in the rows, by column."""
        return fields_of(self.subject.source)


def _unread(name: str) -> dict[str, Any]:
    return {"name": clipped(name), "kind": None, "lazy": True}

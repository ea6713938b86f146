"""Labels as colours: a class has one that can be told from its neighbours, a quantity a place on a scale."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from latens.plots.lettering import lettering

__all__ = ["NEUTRAL", "OTHER", "SCALE", "Classes", "Quantity", "label_name", "read_labels"]

# Tol, 2021, https://personal.sron.nl/~pault: "muted", told apart by colour-deficient eyes too, and a dark grey.
TEN = ("#cc6677", "#332288", "#ddcc77", "#117733", "#88ccee", "#882255", "#44aa99", "#999933", "#aa4499", "#555555")
NEUTRAL = "#3f90da"
OTHER = "#c8c8c8"
SCALE = "viridis"
_MOST_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Classes:
    """A categorical label.

    Args:
        names: Of the classes, in the order of the legend, ready to be drawn.
        colours: Of each, as matplotlib takes them.
        codes: (n,) the class of each row.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True, eq=False)
class Quantity:
    """A numeric label with more values than there are colours.

    Args:
        values: (n,) float64; NaN where it is missing.
    """

    values: np.ndarray


def read_labels(labels: np.ndarray, name: Callable[[str], str] = lettering) -> Classes | Quantity:
    """Classes for up to 20 distinct values or for names; a quantity for more numbers than that, or for fractions.

    Args:
        labels: (n,), any dtype.
        name: How a class is called in the legend, given what it is called in the data.

    Example:
        >>> read_labels(np.array(["b", "a", "b"])).codes.tolist()
        [1, 0, 1]
    """
    if labels.dtype.kind in "fiu" and _is_quantity(labels[np.isfinite(labels)]):
        values = labels.astype(np.float64)
        return Quantity(np.where(np.isfinite(values), values, np.nan))
    keys = [label_name(value) for value in labels.tolist()]
    counts = Counter(keys)
    kept = _kept(counts)
    number = {key: i for i, key in enumerate(kept)}
    codes = np.array([number.get(key, len(kept)) for key in keys], dtype=np.int64)
    rest = len(counts) - len(kept)
    names = [name(key) for key in kept] + [f"{rest} other classes"] * bool(rest)
    return Classes(tuple(names), _colours(len(kept), with_rest=bool(rest)), codes)


def _is_quantity(numbers: np.ndarray) -> bool:
    """Whether numbers measure something: there are many, or they have fractions."""
    return len(np.unique(numbers)) > _MOST_CLASSES or bool((numbers != np.rint(numbers)).any())


def label_name(value: object) -> str:
    """A class's name: 3.0 is 3, and what is missing says so."""
    if value is None or value != value:
        return "missing"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _kept(counts: Mapping[str, int]) -> list[str]:
    """The classes with a colour of their own: all, or the most frequent ones; in natural order."""
    if len(counts) <= _MOST_CLASSES:
        return _ordered(counts)
    frequent = sorted(counts, key=lambda name: (-counts[name], name))
    return _ordered(frequent[: _MOST_CLASSES - 1])


def _ordered(names: Iterable[str]) -> list[str]:
    """As a person sorts: numbers by value, "class 2" before "class 10"."""

    def place(name: str) -> list[tuple[bool, float, str]]:
        parts = re.split(r"(\d{1,15}(?:\.\d+)?)", name)  # words and numbers in turn, a word first
        signed = len(parts) == 3 and parts[0] == "-" and not parts[2]
        if signed:
            parts = ["", f"-{parts[1]}", ""]
        return [(i % 2 == 0 and bool(part), float(part) if i % 2 else 0.0, part) for i, part in enumerate(parts)]

    return sorted(names, key=place)


def _colours(n: int, *, with_rest: bool) -> tuple[str, ...]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    chosen = TEN[:n] if n <= len(TEN) else tuple(to_hex(colour) for colour in colormaps["tab20"].colors[:n])  # type: ignore[attr-defined]
    return (*chosen, OTHER) if with_rest else chosen

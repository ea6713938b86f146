"""What a report is made of: words, tables, charts, pictures and cards, all of them data that a template escapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

import numpy as np
from markupsafe import Markup

from latens.report.scatter import clipped

__all__ = [
    "Bar",
    "Bars",
    "Block",
    "Card",
    "Cards",
    "Chart",
    "Listing",
    "Picture",
    "Plane",
    "Section",
    "Span",
    "Strip",
    "Strips",
    "Table",
    "Words",
    "counted",
    "percent",
    "quantity",
]

# From here on a number is written with its thousands apart, and up to there not in powers of ten.
_GROUPED, _LARGEST = 10_000, 1e15
_LONGEST_CELL = 60


@dataclass(frozen=True)
class Words:
    """A paragraph.

    Args:
        text: Of it.
        tone: ``"verdict"``, ``"faint"``, ``"failed"``, or nothing.
    """

    kind: ClassVar[str] = "words"

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    Args:
        header: The columns.
        rows: As many cells in each.
        numeric: Columns that are aligned as numbers.
        caption: Above it.
    """

    kind: ClassVar[str] = "table"

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    caption: str = ""


@dataclass(frozen=True)
class Bar:
    """A number with its name.

    Args:
        name: What it is of.
        words: The number, written.
        share: Of the longest bar, in [0, 1].
        ours: It is the model's own.
    """

    name: str
    words: str
    share: float
    ours: bool = False


@dataclass(frozen=True)
class Bars:
    """Numbers as bars under each other."""

    kind: ClassVar[str] = "bars"

    bars: Sequence[Bar]
    caption: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing as SVG, with what its lines are.

    Args:
        drawing: The element.
        legend: The style and the name of each line and band.
    """

    kind: ClassVar[str] = "chart"

    drawing: Markup
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Picture:
    """An image.

    Args:
        source: A data URI.
        width: Pixels of the page.
        height: The same.
        says: Under it, and to whoever does not see it.
    """

    source: str
    width: int
    height: int
    says: str


@dataclass(frozen=True)
class Strip:
    """Pictures in a row, under a title."""

    title: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Strips:
    """Rows of pictures."""

    kind: ClassVar[str] = "strips"

    strips: Sequence[Strip]
    caption: str = ""


@dataclass(frozen=True)
class Span:
    """A piece of a text.

    Args:
        text: Of it.
        level: 0 for none, 1 for surprising, 2 for very surprising.
    """

    text: str
    level: int = 0


@dataclass(frozen=True)
class Card:
    """One row of data, or one group of them.

    Args:
        title: Its name.
        note: Beside the name.
        words: Sentences.
        pictures: Of it.
        spans: Its text.
        tables: Of its cells.
        chart: Of its values.
    """

    title: str
    note: str = ""
    words: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    spans: Sequence[Span] = ()
    tables: Sequence[Table] = ()
    chart: Chart | None = None


@dataclass(frozen=True)
class Cards:
    """Cards beside each other where there is room."""

    kind: ClassVar[str] = "cards"

    cards: Sequence[Card]


@dataclass(frozen=True)
class Listing:
    """Lines to copy."""

    kind: ClassVar[str] = "listing"

    text: str
    caption: str = ""


@dataclass(frozen=True)
class Plane:
    """Where the page's script draws a scatter.

    Args:
        data: What it draws, as `scatter_data` gives it.
    """

    kind: ClassVar[str] = "plane"

    data: dict[str, Any]


Block: TypeAlias = Words | Table | Bars | Chart | Strips | Cards | Listing | Plane


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Args:
        title: Its heading.
        verdict: What it found, in a sentence; stands in the contents, too.
        blocks: What it shows.
    """

    title: str
    verdict: str
    blocks: Sequence[Block]


def quantity(value: object) -> str:
    """A cell's value as a person writes it.

    Example:
        >>> [quantity(value) for value in (9_900_000.0, 0.123456, 3.0, None, "Ulm", True)]
        ['9,900,000', '0.1235', '3', 'missing', 'Ulm', 'True']
    """
    if value is None or value != value:
        return "missing"
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        return _number(float(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == datetime.min.time() else f"{value:%Y-%m-%d %H:%M}"
    return clipped(value, _LONGEST_CELL) or "(empty)"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if _GROUPED <= abs(value) < _LARGEST:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def counted(n: int, noun: str) -> str:
    """A number of things.

    Example:
        >>> counted(1, "row"), counted(10_000, "row")
        ('1 row', '10,000 rows')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


def percent(share: float) -> str:
    """A share as per cent; what is small does not become nothing.

    Example:
        >>> percent(0.25), percent(0.0004), percent(0.0)
        ('25 %', 'under 0.1 %', '0 %')
    """
    if 0 < share < 0.001:
        return "under 0.1 %"
    if share in (0.0, 1.0) or 0.1 <= share < 0.99:
        return f"{100 * share:.0f} %"
    return f"{min(100 * share, 99.9):.1f}".removesuffix(".0") + " %"

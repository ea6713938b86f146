"""Steps of a series as a person calls them."""

from __future__ import annotations

import re
from collections.abc import Callable

from latens.data import SeriesSource
from latens.report.blocks import quantity

__all__ = ["across_of", "step_words", "times_of"]

# What pandas calls a step of time; what is not here keeps its name.
_UNITS = {
    "D": "day",
    "B": "working day",
    "W": "week",
    "h": "hour",
    "min": "minute",
    "s": "second",
    "ms": "millisecond",
    **dict.fromkeys(("M", "MS", "ME"), "month"),
    **dict.fromkeys(("Q", "QS", "QE"), "quarter"),
    **dict.fromkeys(("Y", "YS", "YE"), "year"),
}


def step_words(step: str) -> str:
    """A pandas frequency in words.

    Example:
        >>> step_words("D"), step_words("15min"), step_words("W-SUN")
        ('a day', '15 minutes', 'a week')
    """
    found = re.fullmatch(r"(\d*)([A-Za-z]+)(?:-[A-Z]+)?", step)
    unit = _UNITS.get(found[2]) if found else None
    if found is None or unit is None:
        return step
    return f"{found[1]} {unit}s" if found[1] not in ("", "1") else f"{'an' if unit == 'hour' else 'a'} {unit}"


def across_of(source: SeriesSource) -> str:
    """What lies along a series."""
    return "step" if source.clock.step is None else f"time (a step is {step_words(source.clock.step)})"


def times_of(source: SeriesSource, row: int, count: int) -> Callable[[float], str]:
    """How the steps of a series are called: by their time, or else by their number."""
    times = source.times(row, 0, count)
    if times is None:
        return quantity
    return lambda place: quantity(times[int(place)]) if 0 <= place < len(times) else ""

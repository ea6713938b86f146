"""Lines and bands as SVG of our own, in the page's colours: readable on light paper, on dark, and on a telephone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latens.report.blocks import Chart, quantity
from latens.report.page import fragment

__all__ = ["Band", "Line", "draw_chart"]

# The drawing's own units; a page makes it as wide as there is room.
_SIZES = {"full": (640.0, 280.0), "small": (360.0, 220.0)}
_LEFT, _RIGHT, _TOP, _BOTTOM = {"full": 84.0, "small": 60.0}, 14.0, 34.0, 54.0
_TICKS = 5
# Of a letter on a telephone, where letters are larger than the drawing.
_LETTER = {"full": 10.5, "small": 9.0}
# More points than this along a line are no more to be seen: of each bin the least and the most are kept.
_BINS = 400
# Above this factor between the ends, a scale of powers is easier to read.
_FAR = 10.0


@dataclass(frozen=True, eq=False)
class Line:
    """Places joined by a line.

    Args:
        name: In the legend; empty for none.
        x: (n,).
        y: (n,); NaN leaves a gap.
        style: 0 to 3: its colour and its dashes.
        dots: Mark the places.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    style: int = 0
    dots: bool = False


@dataclass(frozen=True, eq=False)
class Band:
    """What lies between two lines; without heights, the whole height of the picture.

    Args:
        name: In the legend; empty for none.
        x: (n,).
        low: (n,), or None.
        high: (n,), or None.
        style: 0 to 3: its colour.
    """

    name: str
    x: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    style: int = 0


@dataclass(frozen=True)
class _Box:
    """Where lines are drawn."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class _Scale:
    """Numbers as places of the drawing."""

    low: float
    high: float
    first: float
    last: float
    log: bool = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        low, high = (math.log(end) if self.log else end for end in (self.low, self.high))
        along = np.log(values) if self.log else np.asarray(values, dtype=np.float64)
        return np.asarray(self.first + (along - low) / (high - low) * (self.last - self.first))

    @property
    def ticks(self) -> list[float]:
        return _powers(self.low, self.high) if self.log else _round_steps(self.low, self.high)


def draw_chart(
    lines: Sequence[Line],
    bands: Sequence[Band] = (),
    *,
    across: str,
    up: str,
    log: bool = False,
    names: Callable[[float], str] = quantity,
    whole: bool = False,
    size: str = "full",
) -> Chart:
    """A chart of lines over bands.

    Args:
        lines: At least one.
        bands: Beneath them.
        across: What x is, with its unit.
        up: What y is, with its unit.
        log: A scale of powers upwards, if the numbers are positive and far apart.
        names: How a place along x is called.
        whole: Only whole numbers along x have a name.
        size: ``"full"``, or ``"small"`` for a card.

    Example:
        >>> chart = draw_chart([Line("loss", np.arange(3), np.array([3.0, 2.0, 1.0]))], across="epoch", up="loss")
        >>> "<svg" in chart.drawing, chart.legend
        (True, [('line s0', 'loss')])
    """
    width, height = _SIZES[size]
    box = _Box(_LEFT[size], width - _RIGHT, _TOP, height - _BOTTOM)
    x, y = _scales(lines, bands, log, box)
    ticks = [(tick, names(tick)) for tick in x.ticks if not whole or tick == round(tick)]
    content = {
        "size": size,
        "width": width,
        "height": height,
        "box": box,
        "across": across,
        "up": up,
        "x_ticks": [{"at": _place(x, tick), "text": text} for tick, text in _spaced(ticks, box, _LETTER[size])],
        "y_ticks": [{"at": _place(y, tick), "text": quantity(tick)} for tick in y.ticks],
        "bands": [{"style": band.style, "path": _outline(band, x, y, box)} for band in bands],
        "lines": [{"style": line.style, "path": _path(line, x, y), "dots": _dots(line, x, y)} for line in lines],
    }
    legend = [(f"band s{band.style}", band.name) for band in bands if band.name]
    legend = [(f"line s{line.style}", line.name) for line in lines if line.name] + legend
    return Chart(fragment("chart.html", content), legend)


def _spaced(ticks: list[tuple[float, str]], box: _Box, letter: float) -> list[tuple[float, str]]:
    """As many ticks as have room for their names."""
    while len(ticks) > 2 and letter * sum(len(text) + 2 for _, text in ticks) > box.right - box.left:
        ticks = ticks[::2]
    return ticks


def _scales(lines: Sequence[Line], bands: Sequence[Band], log: bool, box: _Box) -> tuple[_Scale, _Scale]:
    heights = [line.y for line in lines] + [end for band in bands for end in (band.low, band.high) if end is not None]
    x, y = _ends([line.x for line in lines] + [band.x for band in bands]), _ends(heights)
    log = log and y[0] > 0 and y[1] > _FAR * y[0]
    margin = 0.0 if log else 0.04 * (y[1] - y[0])
    low = 0.0 if not log and 0 <= y[0] < 0.3 * y[1] else y[0] - margin
    across = _Scale(*_apart(*x), box.left, box.right)
    return across, _Scale(*_apart(low, y[1] + margin), box.bottom, box.top, log)


def _ends(parts: Sequence[np.ndarray]) -> tuple[float, float]:
    values = np.concatenate([np.ravel(part) for part in parts])
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two ends that are not the same, to whatever precision numbers of this size have."""
    least = 1e-9 * max(abs(low), abs(high)) or 1.0
    return (low, high) if high - low > least else (low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2)


def _round_steps(low: float, high: float) -> list[float]:
    raw = (high - low) / _TICKS
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= raw * (1 - 1e-9))
    return [float(f"{k * step:.12g}") for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _powers(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high < 500 * low else (1,)
    found = [step * 10.0**power for power in powers for step in steps]
    return [tick for tick in found if low <= tick <= high]


def _place(scale: _Scale, tick: float) -> float:
    return round(float(scale(np.array([tick]))[0]), 1)


def _path(line: Line, x: _Scale, y: _Scale) -> str:
    """Joined places; a gap begins a new piece."""
    along, heights = _thinned(np.asarray(line.x, dtype=np.float64), np.asarray(line.y, dtype=np.float64))
    seen = np.isfinite(heights)
    begins = seen & ~np.concatenate([[False], seen[:-1]])
    places = zip(x(along), y(np.where(seen, heights, 1.0)), seen, begins, strict=True)
    return "".join(f"{'M' if begin else 'L'}{px:.1f} {py:.1f}" for px, py, there, begin in places if there)


def _dots(line: Line, x: _Scale, y: _Scale) -> list[tuple[float, float]]:
    if not line.dots or len(line.x) > _BINS // 8:
        return []
    there = np.isfinite(line.y)
    pairs = zip(x(line.x[there]), y(line.y[there]), strict=True)
    return [(round(float(px), 1), round(float(py), 1)) for px, py in pairs]


def _outline(band: Band, x: _Scale, y: _Scale, box: _Box) -> str:
    along = x(np.asarray(band.x, dtype=np.float64))
    if band.low is None or band.high is None:
        left, right = along.min(), max(along.max(), along.min() + 1.0)
        return f"M{left:.1f} {box.top}H{right:.1f}V{box.bottom}H{left:.1f}Z"
    there = [*zip(along, y(band.high), strict=True)]
    back = [*zip(along, y(band.low), strict=True)][::-1]
    return f"M{'L'.join(f'{px:.1f} {py:.1f}' for px, py in there + back)}Z"


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a long line the least and the most of each bin, in their order."""
    if len(x) <= 2 * _BINS:
        return x, y
    kept: list[Any] = []
    for part in np.array_split(np.arange(len(x)), _BINS):
        seen = part[np.isfinite(y[part])]
        kept += sorted({seen[y[seen].argmin()], seen[y[seen].argmax()]}) if len(seen) else [part[0]]
    return x[kept], y[kept]

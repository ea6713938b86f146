"""A series to forecast: the oil temperature of ETTh1, hour by hour."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from latens.data import open_source
from latens.data.series import SeriesSource
from latens.errors import DataError

__all__ = ["HORIZON", "QUICK", "SEASON", "Hours", "HoursSize", "load_hours"]

_FILE = Path("timeseries", "ETTh1.csv.gz")
# Twelve months to learn from, four that are left out, four to be judged on.
_LEARNED, _JUDGED = 8640, (11520, 14400)
_LOOK_BACK = 336
HORIZON, SEASON = 96, 24


@dataclass(frozen=True)
class HoursSize:
    """How much of it: hours to learn from, and from one forecast to the next."""

    learned: int = _LEARNED
    every: int = 1


QUICK = HoursSize(learned=1000, every=SEASON * 10)


@dataclass(frozen=True, eq=False)
class Hours:
    """A series in standardised units, and the forecasts that are asked for.

    Args:
        name: The data set's.
        learned: (T,).
        past: (m, 336), what a forecast may look at.
        future: (m, 96), what came.
    """

    name: str
    learned: np.ndarray
    past: np.ndarray
    future: np.ndarray

    def describe(self) -> dict[str, str | int]:
        """What a result has to say about its data."""
        return {"name": self.name, "hours": len(self.learned), "forecasts": len(self.past), "horizon": HORIZON}


def load_hours(quick: bool) -> Hours:
    """The oil temperature; in the quick form, where it is not here, a daily cycle made up.

    Raises:
        DataError: It is wanted whole and is not here.
    """
    path = Path(os.environ.get("LATENS_DATA", ""), _FILE)
    size = QUICK if quick else HoursSize()
    if path.is_file():
        source = open_source(path, kind="series", columns=["OT"])
        assert isinstance(source, SeriesSource)
        name, values = "ETTh1", source[0][:, 0]
    elif quick:
        name, values = "a made-up daily cycle", _made_up(_JUDGED[1])
    else:
        raise DataError(f"{_FILE.name} is not here; put it into {_FILE.parent} of the folder that LATENS_DATA names")
    learned = values[:_LEARNED]
    values = (values - learned.mean()) / learned.std()
    begin, end = _JUDGED
    both = sliding_window_view(values[begin - _LOOK_BACK : end], _LOOK_BACK + HORIZON)[:: size.every]
    return Hours(name, values[: size.learned], both[:, :_LOOK_BACK], both[:, _LOOK_BACK:])


def _made_up(hours: int) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=hours)
    return np.asarray(np.sin(np.arange(hours) * 2 * np.pi / SEASON) + 0.3 * noise)

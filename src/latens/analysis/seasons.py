"""The season of a series: what its step of time suggests, and what its autocorrelation says of it."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["season_of"]

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": _MINUTE, "h": _HOUR, "D": _DAY}
# What repeats in the world: a minute, an hour, a day, a week, a year.
_CYCLES = (_MINUTE, _HOUR, _DAY, 7 * _DAY, 365 * _DAY)
_MONTHS = {"MS": 1, "ME": 1, "QS": 3, "QE": 3}
# Least autocorrelation of a season, and the most steps that one is looked for in.
_LEAST, _MOST_STEPS = 0.2, 4096
# By which the autocorrelation has to fall before a season and rise again: less is chance.
_DEPTH = 0.1
# Peaks this far below the highest are as high: of a season and its multiples the shortest is meant.
_LEVEL = 0.05


def season_of(values: np.ndarray, step: str | None = None) -> int:
    """Steps after which a series is most like itself; 1 if it has no season.

    A cycle that its step of time suggests (a day of hours, a year of months) is looked at first; it counts where the
    autocorrelation of the detrended series has a peak.

    Args:
        values: (T, d), or (T,).
        step: A pandas frequency, ``"h"``, ``"15min"``, ``"MS"``.

    Example:
        >>> season_of(np.sin(2 * np.pi * np.arange(240) / 24))
        24
        >>> season_of(np.arange(100.0))
        1
    """
    likeness = _autocorrelation(values.reshape(len(values), -1))
    suggested = [lag for lag in _suggested(step) if lag < len(likeness)]
    for lags in (suggested, range(2, len(likeness))):
        peaks = [lag for lag in lags if _is_peak(likeness, lag)]
        if peaks:
            highest = max(likeness[lag] for lag in peaks)
            return min(lag for lag in peaks if likeness[lag] >= highest - _LEVEL)
    return 1


def _suggested(step: str | None) -> list[int]:
    found = re.fullmatch(r"(\d*)([A-Za-z]+)", step or "")
    if found is None:
        return []
    count, unit = int(found[1] or 1), found[2]
    if unit in _MONTHS:
        months = count * _MONTHS[unit]
        return [12 // months] if 12 % months == 0 and months < 12 else []
    if unit == "B":
        return [5]
    seconds = count * _SECONDS.get(unit, 0.0)
    return [round(cycle / seconds) for cycle in _CYCLES if seconds and cycle % seconds == 0 and cycle > seconds]


def _autocorrelation(values: np.ndarray) -> np.ndarray:  # (T, d) -> (lags,), the mean over columns that vary
    n = len(values)
    line = np.stack([np.ones(n), np.linspace(-1.0, 1.0, n)], axis=1)
    rest = values - line @ np.linalg.lstsq(line, values, rcond=None)[0]
    rest = rest[:, rest.std(axis=0) > 1e-9 * np.abs(values).max(axis=0)]
    lags = min(n // 2, _MOST_STEPS)
    if not rest.size or lags < 3:
        return np.zeros(0)
    power = np.abs(np.fft.rfft(rest, 2 * n, axis=0)) ** 2
    covariance = np.fft.irfft(power, axis=0)[:lags] / np.arange(n, n - lags, -1)[:, None]
    return np.asarray((covariance / covariance[0]).mean(axis=1))


def _is_peak(likeness: np.ndarray, lag: int) -> bool:
    """Higher than from half of the lag on to a quarter beyond it, and clearly higher than somewhere before."""
    around = likeness[max(lag // 2, 1) : lag + max(lag // 4, 1) + 1]
    valley = likeness[1:lag].min(initial=1.0)
    return bool(likeness[lag] >= max(_LEAST, around.max()) and valley < likeness[lag] - _DEPTH)

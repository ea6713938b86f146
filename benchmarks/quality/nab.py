"""Anomalies in three NAB series, found by what a step costs an autoregressive model, beside a rolling z-score.

Run as ``python benchmarks/quality/nab.py``. Of each series the first 15 % (NAB's probation) are learned from; the last
quarter of these is held out, and calibrates both scores at one false-alarm rate. A labelled window is found if a step
in it is flagged; false alarms are flagged steps outside of all windows after the probation, per 1,000 such steps. The
z-score is that of a value among those of the day before it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

import latens
from latens.analysis import Calibration

SEEDS = (0, 1, 2)
RATES = (0.001, 0.01)
PROBATION, HELD_OUT = 0.15, 0.25
RECIPE: dict[str, Any] = {"hidden_size": 64, "likelihood": "mixture:3", "max_epochs": 30, "verbose": 0}
NO_DATA = "LATENS_DATA names no folder; set it to the folder that holds timeseries/nab"


def read(name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Values (T,), which labelled window each step is in (-1 for none), and the steps of a day."""
    folder = Path(os.environ.get("LATENS_DATA") or sys.exit(NO_DATA), "timeseries", "nab")
    frame = pd.read_csv(folder / f"{name}.csv.gz", parse_dates=["timestamp"])
    windows = json.loads((folder / "anomaly_windows.json").read_text())[f"{name}.csv"]
    inside = np.full(len(frame), -1)
    for number, (start, end) in enumerate(windows):
        inside[frame["timestamp"].between(pd.Timestamp(start), pd.Timestamp(end)).to_numpy()] = number
    step = frame["timestamp"].diff().mode()[0]
    return frame["value"].to_numpy(float), inside, int(pd.Timedelta("1D") / step)


def z_scores(values: np.ndarray, day: int) -> np.ndarray:
    """Distance from the mean of the day before, in its deviations; 0 in the first day."""
    before = pd.Series(values).shift(1).rolling(day)
    return ((values - before.mean()).abs() / before.std().clip(lower=1e-9)).fillna(0.0).to_numpy()


def alarms(flagged: np.ndarray, inside: np.ndarray, after: int) -> tuple[int, float]:
    """Windows with a flagged step, and false alarms per 1,000 steps."""
    outside = (inside < 0) & (np.arange(len(inside)) >= after)
    return len(set(inside[flagged]) - {-1}), 1000 * float(flagged[outside].mean())


def judge(name: str, seeds: Sequence[int]) -> list[str]:
    """The lines of one series."""
    values, inside, day = read(name)
    after = int(PROBATION * len(values))
    held_out = slice(after - int(HELD_OUT * after), after)
    z = z_scores(values, day)
    usual = Calibration.of(z[held_out])
    detectors = []
    for seed in seeds:
        model = latens.SeriesAutoregressor(random_state=seed, **RECIPE)
        detectors.append(latens.OutlierDetector(model, validation_fraction=HELD_OUT).fit(values[:after]))
    scores = [-detector.score_samples(values) for detector in detectors]
    lines = []
    for rate in RATES:
        ours = [
            alarms(score > detector.calibration_.threshold(rate), inside, after)
            for score, detector in zip(scores, detectors, strict=True)
        ]
        lines.append(_line(name, "autoregressor", rate, ours, inside))
        lines.append(_line(name, "rolling z-score", rate, [alarms(z > usual.threshold(rate), inside, after)], inside))
    return lines


def _line(name: str, method: str, rate: float, found: Sequence[tuple[int, float]], inside: np.ndarray) -> str:
    windows, false = (median(values) for values in zip(*found, strict=True))
    every = ", ".join(f"{w} and {f:.2f}" for w, f in found) if len(found) > 1 else ""
    return f"{name:<36} {method:<16} {rate:<6g} {windows:.0f} of {inside.max() + 1:<4} {false:>8.2f}   {every}"


def main() -> None:
    sys.stdout.write(f"{'series':<36} {'score':<16} {'rate':<6} windows  false alarms per 1,000; every seed\n")
    for name in ("nyc_taxi", "machine_temperature_system_failure", "art_daily_jumpsup"):
        sys.stdout.write("\n".join(judge(name, SEEDS)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""One recipe, and one model for all horizons, on ETTh1 against plain forecasts and NLinear, three seeds.

Run as ``python benchmarks/quality/etth1.py``. Hourly rows: 12 months to learn from, 4 to choose by, 4 to judge by
(8640/2880/2880), standardised by the first part. Every forecast looks back 336 hours; forecasts start at every hour of
the last part, none is dropped. The errors are means over all windows, steps and columns, in standardised units. The
multivariate model is one network that reads each of the seven columns as a series of its own.

The recipe was chosen by the 4 months in the middle: ``python benchmarks/quality/etth1.py validation`` prints these.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import latens
from latens.analysis import fit_linear, last_value, seasonal_naive

SEEDS = (0, 1, 2)
HORIZONS = (96, 192, 336, 720)
LOOK_BACK, SEASON = 336, 24
LEARNED = 8640
PARTS = {"validation": (8640, 11520), "test": (11520, 14400)}
TARGETS = {"univariate": ["OT"], "multivariate": ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]}
RECIPE: dict[str, Any] = {
    "likelihood": "mse",
    "patch": 336,
    "chunk": 1,
    "relative": True,
    "n_layers": 1,
    "hidden_size": 64,
    "dropout": 0.5,
    "batch_size": 64,
    "max_epochs": 3,
    "scaling": "none",  # standardised already
    "validation_fraction": 0.0,
}
# Zeng et al., 2023, https://arxiv.org/abs/2205.13504, tables 2 and 4: MSE, MAE by horizon.
PUBLISHED = {
    "univariate": ((0.053, 0.177), (0.069, 0.204), (0.081, 0.226), (0.080, 0.226)),
    "multivariate": ((0.374, 0.394), (0.408, 0.415), (0.429, 0.427), (0.440, 0.453)),
}
# The ridge of the solved NLinear, chosen by the middle part.
PENALTY = 0.01


@dataclass(frozen=True)
class Errors:
    """Of a forecast at one horizon."""

    mse: float
    mae: float

    def __str__(self) -> str:
        return f"{self.mse:.4f} {self.mae:.4f}"


def columns(target: str) -> list[np.ndarray]:
    """The columns of a target, each (14400,), standardised by the part to learn from."""
    folder = os.environ.get("LATENS_DATA") or sys.exit("LATENS_DATA names no folder; set it to the one of timeseries")
    path = Path(folder, "timeseries", "ETTh1.csv.gz")
    values = latens.open_source(path, kind="series", columns=TARGETS[target])[0][: PARTS["test"][1]]
    learned = values[:LEARNED]
    return list(((values - learned.mean(axis=0)) / learned.std(axis=0)).T)


def windows(column: np.ndarray, part: str, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Every past of a part, (m, 336), and what came after it, (m, H)."""
    begin, end = PARTS[part]
    both = sliding_window_view(column[begin - LOOK_BACK : end], LOOK_BACK + horizon)
    return both[:, :LOOK_BACK], both[:, LOOK_BACK:]


def errors(
    series: Sequence[np.ndarray], part: str, horizon: int, forecast: Callable[[np.ndarray], np.ndarray]
) -> Errors:
    """Of a forecast, a function from pasts (m, 336) to futures (m, H)."""
    missed = []
    for column in series:
        past, future = windows(column, part, horizon)
        missed.append(forecast(past) - future)
    return Errors(float(np.square(missed).mean()), float(np.abs(missed).mean()))


def plain(series: Sequence[np.ndarray], part: str, horizon: int) -> dict[str, Errors]:
    """Those of the plain forecasts, and of NLinear solved."""
    line = fit_linear([column[:LEARNED] for column in series], LOOK_BACK, horizon, PENALTY)
    forecasts: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "last value": lambda past: last_value(past[..., None], horizon)[..., 0],
        "seasonal naive": lambda past: seasonal_naive(past[..., None], horizon, SEASON)[..., 0],
        "NLinear, solved": line.predict,
    }
    return {name: errors(series, part, horizon, forecast) for name, forecast in forecasts.items()}


def fit(series: Sequence[np.ndarray], seed: int, **settings: Any) -> latens.SeriesAutoregressor:
    """The recipe's model of some columns."""
    model = latens.SeriesAutoregressor(**RECIPE | settings, random_state=seed, verbose=0)
    return model.fit([column[:LEARNED] for column in series])


def ours(model: latens.SeriesAutoregressor, series: Sequence[np.ndarray], part: str, horizon: int) -> Errors:
    """Those of a model rolled out to a horizon."""
    return errors(series, part, horizon, lambda past: model.rollout(list(past), horizon)[..., 0])


def main(part: str = "test") -> None:
    for target in TARGETS:
        series = columns(target)
        started = time.monotonic()
        models = [fit(series, seed) for seed in SEEDS]
        seconds = (time.monotonic() - started) / len(SEEDS)
        sys.stdout.write(f"\n{target}, {part} part; one fit took {seconds:.0f} s\n")
        sys.stdout.write("horizon  forecast         MSE    MAE     all seeds (MSE)\n")
        for horizon, published in zip(HORIZONS, PUBLISHED[target], strict=True):
            found = [ours(model, series, part, horizon) for model in models]
            rows = {name: (str(each), "") for name, each in plain(series, part, horizon).items()}
            if part == "test":
                rows["NLinear, published"] = (f"{published[0]:.3f}  {published[1]:.3f}", "")
            middle = Errors(median(each.mse for each in found), median(each.mae for each in found))
            rows["latens, median"] = (str(middle), " ".join(f"{each.mse:.4f}" for each in found))
            for name, (figures, seeds) in rows.items():
                sys.stdout.write(f"{horizon:<8} {name:<18} {figures:<15} {seeds}".rstrip() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

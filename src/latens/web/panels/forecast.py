"""What comes after a series: the mean of possible futures, how far they spread, and some of them."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from latens.report.scatter import clipped
from latens.web.answers import Answer, there
from latens.web.explorer import Explorer
from latens.web.work import Work

__all__ = ["applies", "router"]

# Bands by their quantiles, the widest first, and steps of the past that are shown.
_BANDS = ((0.05, 0.95), (0.25, 0.75))
_PAST, _PATHS = 4, 20
_LEAST = 50


def applies(explorer: Explorer) -> bool:
    """The model goes on with series."""
    return explorer.subject.kind == "series" and hasattr(explorer.model, "forecast")


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["forecast"])

    @routes.get("/forecast/{row}")
    async def forecast(
        row: int,
        horizon: Annotated[int, Query(ge=1, le=2_000)] = 48,
        paths: Annotated[int, Query(ge=2, le=500)] = 100,
        seed: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    ) -> Answer:
        """The futures of one series."""
        there(row, len(explorer))
        return Answer(await work.ask(_forecast, explorer, row, horizon, paths, seed, doing="drawing futures"))

    return routes


def _forecast(explorer: Explorer, row: int, horizon: int, paths: int, seed: int) -> dict[str, Any]:
    part = explorer.source.take(np.array([row]))
    levels = sorted({0.5, *(level for band in _BANDS for level in band)})
    found = explorer.model.forecast(part, horizon, n_paths=paths, quantiles=levels, random_state=seed)
    found = found[0] if isinstance(found, list) else found
    values = np.asarray(explorer.source[row], dtype=np.float64).reshape(len(explorer.source[row]), -1)
    past = values[-max(_LEAST, _PAST * horizon) :]
    quantile = dict(zip(levels, found.quantiles, strict=True))
    return {
        "names": [clipped(name, 40) for name in found.columns],
        "history": {"at": np.arange(len(values) - len(past), len(values)), "values": past.T},
        "future": {
            "at": np.arange(len(values), len(values) + horizon),
            "mean": found.mean.T,
            "median": quantile[0.5].T,
            "bands": [
                {"low": low, "high": high, "lower": quantile[low].T, "upper": quantile[high].T} for low, high in _BANDS
            ],
        },
        "paths": np.swapaxes(found.paths[:_PATHS], 1, 2),
        "times": None if found.times is None else [str(time) for time in found.times],
    }

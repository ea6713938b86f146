"""The panels of the page, in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter

from latens.web.explorer import Explorer
from latens.web.panels import clean, clusters, forecast, generate, items, map, outliers, training
from latens.web.work import Work

__all__ = ["PANELS", "Panel"]


@dataclass(frozen=True)
class Panel:
    """The role.

    Args:
        applies: Whether a model and rows have it.
        router: Its routes.
    """

    applies: Callable[[Explorer], bool]
    router: Callable[[Explorer, Work], APIRouter]


PANELS = {
    "map": Panel(map.applies, map.router),
    "item": Panel(items.applies, items.router),
    "outliers": Panel(outliers.applies, outliers.router),
    "clusters": Panel(clusters.applies, clusters.router),
    "clean": Panel(clean.applies, clean.router),
    "generate": Panel(generate.applies, generate.router),
    "forecast": Panel(forecast.applies, forecast.router),
    "training": Panel(training.applies, training.router),
}

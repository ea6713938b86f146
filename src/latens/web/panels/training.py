"""How the fit went, or goes: its curves, read again from the run folder each time they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from latens.errors import ModelFileError
from latens.history import History
from latens.persistence import read_header
from latens.report.scatter import clipped
from latens.runs import checkpoints_in, step_of
from latens.web.answers import Answer
from latens.web.explorer import Explorer
from latens.web.work import Work

__all__ = ["applies", "router"]

_SETTINGS = 60


def applies(explorer: Explorer) -> bool:
    """It was fitted."""
    return hasattr(explorer.model, "history_")


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["training"])

    @routes.get("/training")
    async def training() -> Answer:
        """The curves of a fit that goes on beside the model's file, else those of the model."""
        return Answer(await work.ask(_training, explorer))

    return routes


def _training(explorer: Explorer) -> dict[str, Any]:
    running = None if explorer.path is None else _running(Path(f"{explorer.path}.run"))
    history, step = running or (explorer.model.history_, None)
    settings = explorer.model.get_params(deep=False)
    return {
        "columns": list(history.columns),
        "rows": list(zip(*history.columns.values(), strict=True)),
        "live": running is not None,
        "step": step,
        "referee": explorer.model.referee_.verdict,
        "settings": [[name, clipped(value, 120)] for name, value in [*settings.items()][:_SETTINGS]],
    }


def _running(folder: Path) -> tuple[History, int] | None:
    """What the newest checkpoint says, if there is one that can be read."""
    for path in reversed(checkpoints_in(folder)):
        try:
            header = read_header(path)
            columns = {name: tuple(column) for name, column in header["history"].items()}
            return History(columns), step_of(path)
        except (ModelFileError, LookupError, TypeError, AttributeError, OSError):
            continue
    return None

"""What the page is told first: the model, the rows, which panels there are, and the key to write with."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from latens import __version__
from latens.report.scatter import clipped
from latens.web.answers import Answer
from latens.web.explorer import Explorer
from latens.web.keys import Keys
from latens.web.work import Work

__all__ = ["about"]

_COLUMNS = 200


def about(explorer: Explorer, keys: Keys, work: Work, panels: list[str]) -> APIRouter:
    """The routes that belong to no panel."""
    router = APIRouter()
    facts = {"version": __version__, "panels": panels, **_facts(explorer)}

    @router.get("/health")
    async def health() -> Answer:
        """Whether the server answers."""
        return Answer({"status": "ok"})

    @router.get("/api/about")
    async def said(request: Request) -> Answer:
        """The model and the rows; the key goes into X-Latens-Key of whatever writes."""
        return Answer({"key": keys.write_key(request.scope["state"]["session"]), **facts})

    @router.get("/api/progress")
    async def progress() -> Answer:
        """What the model is busy with."""
        return Answer({"doing": work.doing})

    return router


def _facts(explorer: Explorer) -> dict[str, Any]:
    subject, model, source = explorer.subject, explorer.model, explorer.source
    name = "a model" if explorer.path is None else explorer.path.name
    columns = [clipped(column) for column in (getattr(source, "columns", None) or ())[:_COLUMNS]]
    return {
        "title": clipped(f"{source.name} by {name}"),
        "model": {
            "name": clipped(name),
            "kind": model.network_name(),
            "estimator": type(model).__name__,
            "n_components": model.n_components_,
            "facts": [["verdict", model.referee_.verdict]],
        },
        "source": {
            "name": clipped(source.name),
            "kind": source.kind,
            "n": len(subject),
            "total": subject.total,
            "noun": subject.noun,
            "columns": columns,
            "labels": [clipped(label) for label in source.labels],
            "sampled": subject.sampled,
        },
        "cost": subject.cost,
        "marks": True,
    }

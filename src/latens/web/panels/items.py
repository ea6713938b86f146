"""One row: what went in, what came out, what is left over, how strange that is, and what is near it."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Response

from latens.analysis.outliers import Reason, shown
from latens.report.scatter import clipped
from latens.web.answers import Answer, picture, there
from latens.web.explorer import Explorer
from latens.web.pictures import residual_png
from latens.web.work import Work

__all__ = ["applies", "bars", "router"]

_NEAREST, _BARS = 8, 12
# Items of a sequence, and steps of a series, that are shown.
_ITEMS, _STEPS = 2_000, 2_000

PICTURES = ("input", "reconstruction", "residual")


def applies(explorer: Explorer) -> bool:
    """There is a row."""
    return len(explorer) > 0


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["item"])

    @routes.get("/items/{row}")
    async def item(row: int) -> Answer:
        """All that is known of a row."""
        return Answer(
            await work.ask(_item, explorer, there(row, len(explorer)), doing="comparing the row with all others")
        )

    @routes.get("/items/{row}/{which}")
    async def drawn(row: int, which: Literal["input", "reconstruction", "residual"]) -> Response:
        """Of an image, a PNG."""
        if not (explorer.has_pictures and (explorer.subject.reconstructs or which == "input")):
            raise HTTPException(404, "rows of this kind have no such picture")
        return picture(await work.ask(_drawn, explorer, there(row, len(explorer)), which))

    return routes


def _item(explorer: Explorer, row: int) -> dict[str, Any]:
    subject = explorer.subject
    part = explorer.source.take(np.array([row]))
    reason = _reason(explorer, part)
    found: dict[str, Any] = {
        "card": explorer.card(row),
        "error": -float(np.asarray(explorer.model.score_samples(part))[0]),
        "cost": subject.cost,
        "score": None if reason is None else reason.score,
        "p_value": None if reason is None else reason.p_value,
        "flagged": None if reason is None else reason.flagged,
        "words": _words(explorer, row, reason),
        "bars": None if reason is None or subject.reads else bars(reason),
        "pictures": None,
        "surprisal": _surprisal(explorer, row) if subject.kind in ("text", "events") else None,
        "series": _series(explorer, row) if subject.kind == "series" else None,
        "nearest": _nearest(explorer, row),
    }
    if explorer.has_pictures:
        found["pictures"] = PICTURES if subject.reconstructs else PICTURES[:1]
    return found


def _reason(explorer: Explorer, part: Any) -> Reason | None:
    """Why the row is as strange as it is, where there are rows enough to say what is usual."""
    if not (explorer.subject.enough and explorer.subject.reconstructs):
        return None
    found: Reason = explorer.subject.detector.explain(part, top=_BARS, neighbours=0)[0]
    return found


def bars(reason: Reason) -> list[dict[str, Any]]:
    """The cells that carry most of the error."""
    return [
        {
            "name": clipped(cause.name, 80),
            "value": clipped(shown(cause.value), 80),
            "expected": None if cause.expected is None else clipped(shown(cause.expected), 80),
            "share": cause.share,
        }
        for cause in reason.causes
    ]


def _words(explorer: Explorer, row: int, reason: Reason | None) -> str:
    subject = explorer.subject
    title = clipped(subject.name(row), 80)
    if reason is None:
        return _beside_others(explorer, row, title)
    if reason.alone:
        why = " It stands far from all others."
    elif reason.causes:
        why = f" What is off: {clipped('; '.join(cause.words for cause in reason.causes[:3]), 300)}."
    else:
        why = ""
    verdict = "strange" if reason.flagged else "ordinary"
    chance = f"{reason.chance}: the chance that an ordinary {subject.noun} is at least as strange"
    return f"{title} is {verdict} ({chance}).{why}"


def _beside_others(explorer: Explorer, row: int, title: str) -> str:
    """What a row costs, and how many cost less."""
    errors, cost = explorer.subject.errors, explorer.subject.cost
    said = f"{title}: {cost} {errors[row]:.4g}"
    if len(errors) < 2:
        return f"{said}."
    less, others = int((errors < errors[row]).sum()), len(errors) - 1
    if less == others:
        return f"{said}, more than any other."
    return f"{said}, more than {math.floor(100 * less / others)}% of the others."


def _nearest(explorer: Explorer, row: int) -> list[dict[str, Any]]:
    near = explorer.near(explorer.subject.codes[[row]], _NEAREST, np.array([row]))[0]
    return [
        {"row": other, "id": explorer.id(other), "distance": distance, "picture": explorer.has_pictures}
        for other, distance in near
    ]


def _surprisal(explorer: Explorer, row: int) -> dict[str, Any]:
    """What each item of a sequence cost."""
    model = explorer.model
    content = explorer.source.documents[row] if explorer.subject.kind == "text" else explorer.source[row]
    nats = np.asarray(model.surprisal(content))[:_ITEMS]
    return {"items": pieces(model.schema_, content)[: len(nats)], "nats": nats}


def pieces(schema: Any, content: Any) -> list[str]:
    """The items of a sequence, each as a text."""
    ids = schema.encode_bytes(content) if isinstance(content, bytes) else schema.encode(content, "the text")
    return [str(item) for item in _decoded(schema, ids)]


def _decoded(schema: Any, ids: np.ndarray) -> list[Any]:
    return [next(iter(schema.decode(ids[i : i + 1])), "") for i in range(len(ids))]


def _series(explorer: Explorer, row: int) -> dict[str, Any]:
    """The end of a series, and what each step cost."""
    values = np.asarray(explorer.source[row], dtype=np.float64)
    first = max(0, len(values) - _STEPS)
    nats = np.asarray(explorer.subject.surprisals[row])
    costs = np.full(len(values), np.nan)
    costs[len(values) - len(nats) :] = nats[-len(values) :] if len(nats) else costs[:0]
    return {
        "names": [clipped(name, 40) for name in explorer.model.schema_.names],
        "steps": np.arange(first, len(values)),
        "values": values[first:].reshape(len(values) - first, -1).T,
        "nats": costs[first:],
    }


def _drawn(explorer: Explorer, row: int, which: str) -> bytes:
    image = explorer.image(row)
    if which == "input":
        return explorer.png(image)
    made = np.asarray(explorer.model.reconstruct(explorer.source.take(np.array([row])))[0], dtype=np.float64)
    made = made.reshape(image.shape)
    return explorer.png(made) if which == "reconstruction" else residual_png(image - made)

"""The rows that do not belong, at a rate of false alarms that can be moved, and what people say of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from latens.web.answers import Answer, downloaded, there
from latens.web.explorer import Explorer
from latens.web.panels.items import bars
from latens.web.work import Work

__all__ = ["applies", "router"]

_CAUSES = 5
_DOING = "judging all rows"
_RATES = np.geomspace(1e-5, 0.5, 120)


class Mark(BaseModel):
    """What somebody says of a row; null takes it back."""

    row: int
    mark: Literal["fine", "strange"] | None


def applies(explorer: Explorer) -> bool:
    """The model gives rows back, and there are rows enough to say what is usual."""
    return explorer.subject.enough and explorer.subject.reconstructs


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["outliers"])

    @routes.get("/outliers")
    async def outliers(
        rate: Annotated[float, Query(gt=0, le=0.5)] = 0.001,
        start: Annotated[int, Query(ge=0)] = 0,
        count: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Answer:
        """The strangest rows, and what the threshold of a rate flags."""
        return Answer(await work.ask(_outliers, explorer, rate, start, count, doing=_DOING))

    @routes.get("/outliers/curve")
    async def curve() -> Answer:
        """Of each rate how many rows are flagged, and how many of them by false alarm."""
        return Answer(await work.ask(_curve, explorer, doing=_DOING))

    @routes.post("/marks")
    async def mark(said: Mark) -> Answer:
        """Say that a row is fine or strange."""
        row = there(said.row, len(explorer))
        await work.ask(explorer.marks.set, explorer.id(row), said.mark)
        return Answer({"row": row, "mark": said.mark})

    @routes.get("/marks")
    async def marks() -> Answer:
        """All that was said."""
        return Answer({"marks": await work.ask(_marks, explorer)})

    @routes.get("/marks/export")
    async def export(form: Literal["csv", "parquet"] = "csv") -> Response:
        """The same as a file."""
        said = await work.ask(_marks, explorer)
        columns = {name: np.array([each[name] for each in said], dtype=object) for name in ("id", "mark", "when")}
        return downloaded(columns, "marks", form)

    return routes


def _outliers(explorer: Explorer, rate: float, start: int, count: int) -> dict[str, Any]:
    subject = explorer.subject
    found, detector = subject.detected, subject.detector.at_rate(rate)
    expected = rate * len(subject)
    flagged = int((found.scores > -detector.offset_).sum())
    rows = found.ranked[start : start + count]
    reasons = detector.explain(explorer.source.take(rows), top=_CAUSES, neighbours=0) if len(rows) else []
    return {
        "n": len(subject),
        "threshold": -detector.offset_,
        "flagged": flagged,
        "expected_false_alarms": expected,
        "extrapolated": detector.calibration_.extrapolated(rate),
        "held_out": len(detector.calibration_),
        "verdict": f"{flagged:,} of {subject.counted(len(subject))} flagged; about {expected:.3g} by false alarm",
        "cards": [
            {
                "card": explorer.card(int(row)),
                "score": reason.score,
                "p_value": reason.p_value,
                "flagged": reason.flagged,
                "words": reason.chance + (", far from all others" if reason.alone else ""),
                "bars": bars(reason),
            }
            for row, reason in zip(rows, reasons, strict=True)
        ],
    }


def _curve(explorer: Explorer) -> dict[str, Any]:
    subject = explorer.subject
    scores = np.sort(subject.detected.scores)
    thresholds = np.array([-subject.detector.at_rate(float(rate)).offset_ for rate in _RATES])
    flagged = len(scores) - np.searchsorted(scores, thresholds, side="right")
    return {"rates": _RATES, "flagged": flagged, "expected": _RATES * len(scores)}


def _marks(explorer: Explorer) -> list[dict[str, Any]]:
    """The marks, with the number of the row where it is among these."""
    said = explorer.marks.all()
    wanted = {each["id"] for each in said}
    rows = {name: row for row in range(len(explorer)) if (name := explorer.id(row)) in wanted} if wanted else {}
    return [{"row": rows.get(each["id"]), **each} for each in said]

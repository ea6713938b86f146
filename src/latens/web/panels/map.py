"""The map: its points and colours, cards of rows, search, what is chosen as a file, and new rows among the old."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from latens.columns import columns_of
from latens.data import TextSource
from latens.report.fields import fields_of
from latens.web.answers import Answer, binary, downloaded, picture, there
from latens.web.explorer import FEWEST, Explorer, fields
from latens.web.given import Given, given_rows
from latens.web.planes import Column
from latens.web.work import Work

__all__ = ["applies", "router"]

_NEAREST = 5


class Selection(BaseModel):
    """Rows to write into a file."""

    rows: list[int] = Field(min_length=1, max_length=1_000_000)
    form: Literal["csv", "parquet"] = "csv"


def applies(explorer: Explorer) -> bool:
    """There are enough rows to have a place each."""
    return len(explorer) >= FEWEST


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes, plane = APIRouter(tags=["map"]), explorer.plane

    async def column(number: int) -> Column:
        there_are = len(plane.columns)
        if not 0 <= number < there_are:
            raise HTTPException(404, f"column={number} is none of the {there_are}")
        return await work.ask(plane.column, number, doing="reading the colours of all rows")

    @routes.get("/map")
    async def described() -> Answer:
        """The map without its points."""
        return Answer(await work.ask(lambda: plane.described))

    @routes.get("/map/points")
    async def points() -> Response:
        """float32, n × 2."""
        return binary(await work.ask(lambda: plane.points))

    @routes.get("/columns/{number}")
    async def column_of(number: int) -> Answer:
        """What is known of a column."""
        return Answer((await column(number)).described)

    @routes.get("/columns/{number}/values")
    async def values_of(number: int) -> Response:
        """float32 numbers, or uint16 numbers of classes; n."""
        found = await column(number)
        if found.values is None:
            raise HTTPException(404, f"column {found.name!r} has too many different values to colour by")
        return binary(found.values)

    _add_rows(routes, explorer)
    _add_search(routes, explorer, work)
    return routes


def _add_rows(routes: APIRouter, explorer: Explorer) -> None:
    """What is shown of a row when it is pointed at."""

    @routes.get("/rows/{row}")
    async def card(row: int) -> Answer:
        """A row in short."""
        return Answer(explorer.card(there(row, len(explorer))))

    @routes.get("/rows/{row}/picture")
    async def thumbnail(row: int, size: Annotated[int, Query(ge=8, le=640)] = 96) -> Response:
        """Of an image, a PNG."""
        if not explorer.has_pictures:
            raise HTTPException(404, "rows of this kind have no pictures")
        return picture(explorer.png(explorer.image(there(row, len(explorer))), size))


def _add_search(routes: APIRouter, explorer: Explorer, work: Work) -> None:
    """Rows that are looked for, chosen, or new."""
    plane = explorer.plane

    @routes.get("/search")
    async def search(
        text: Annotated[str, Query(max_length=1000)],
        limit: Annotated[int, Query(ge=1, le=100_000)] = 200,
        by: Literal["fields", "meaning"] = "fields",
    ) -> Answer:
        """Rows by what they hold, or the nearest by their codes."""
        if by == "meaning":
            found = await work.ask(_meant, explorer, text, limit)
            return Answer({"rows": found, "total": len(found), "how": "meaning"})
        known = plane.known(text)
        rows = await work.ask(plane.search, text, doing="searching") if known is None else known
        return Answer({"rows": rows[:limit], "total": len(rows), "how": "ids and fields"})

    @routes.post("/selection")
    async def selection(chosen: Selection) -> Response:
        """Rows as a file, with where they are on the map."""
        rows = np.array([there(row, len(explorer)) for row in chosen.rows])
        columns = await work.ask(_columns, explorer, rows)
        return downloaded(columns, f"{explorer.source.name}-selection", chosen.form)

    @routes.post("/place")
    async def place(given: Given) -> Answer:
        """New rows among the old."""
        return Answer(await work.ask(_placed, explorer, given))


def _meant(explorer: Explorer, text: str, limit: int) -> list[int]:
    if not isinstance(explorer.source, TextSource):
        raise HTTPException(400, "by=meaning is for a model of text; search ids and fields")
    code = explorer.model.transform([text])
    return [row for row, _ in explorer.near(code, limit)[0]]


def _columns(explorer: Explorer, rows: np.ndarray) -> dict[str, Any]:
    source = explorer.source.take(rows)
    ids = {} if source.ids is not None else {"row": explorer.subject.rows[rows]}
    found = fields_of(source)
    points = explorer.plane.points[rows]
    marks = np.array([explorer.marks.of(explorer.id(int(row))) for row in rows], dtype=object)
    return ids | columns_of(found, list(found), source, {"x": points[:, 0], "y": points[:, 1], "mark": marks})


def _placed(explorer: Explorer, given: Given) -> dict[str, Any]:
    source, noun = given_rows(explorer, given), explorer.subject.noun
    codes = explorer.model.transform(source)
    return {
        "points": explorer.plane.placed(codes),
        "cards": [
            {"id": None, "title": f"new {noun} {row + 1}", "fields": fields(source, row)} for row in range(len(source))
        ],
        "nearest": explorer.near(codes, _NEAREST),
        "scores": explorer.subject.detector.detect(source).scores if _judged(explorer) else None,
        "errors": -np.asarray(explorer.model.score_samples(source)),
    }


def _judged(explorer: Explorer) -> bool:
    """A detector was made already, so that new rows can be judged in a moment."""
    return "detector" in vars(explorer.subject)

"""What the model makes of noise: a row, the row with something done to it, and what the model gives back."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import Field

from latens.corruptions import corrupt, resolve_corruption
from latens.errors import choice
from latens.report.cells import column_names, words_of
from latens.web.answers import Answer, picture, there
from latens.web.explorer import Explorer
from latens.web.given import Given, given_rows
from latens.web.work import Work

__all__ = ["applies", "router"]

_COLUMNS, _REMEMBERED = 200, 64


@dataclass(frozen=True)
class Noise:
    """A corruption with one level that can be moved.

    Args:
        name: In CORRUPTIONS.
        title: Shown.
        levels: Lowest, highest, step, and where it begins.
        unit: Of the level.
        images: Only of these.
    """

    name: str
    title: str
    levels: tuple[float, float, float, float]
    unit: str
    images: bool = False


_NOISES = (
    Noise("gaussian", "Gaussian noise", (0.0, 2.0, 0.05, 0.5), "standard deviation, after scaling"),
    Noise("masking", "Hidden values", (0.0, 0.95, 0.05, 0.3), "share of the values"),
    Noise("dropout", "Dropout", (0.0, 0.95, 0.05, 0.3), "share of the values"),
    Noise("swap", "Swapped with other rows", (0.0, 0.95, 0.05, 0.15), "share of the values"),
    Noise("salt-and-pepper", "Salt and pepper", (0.0, 0.95, 0.05, 0.2), "share of the pixels", images=True),
    Noise("speckle", "Speckle", (0.0, 2.0, 0.05, 0.5), "standard deviation, of each value's own size", images=True),
    Noise("block", "A hidden block", (0.05, 0.95, 0.05, 0.3), "share of the side", images=True),
    Noise("blur", "Blur", (0.1, 5.0, 0.1, 1.0), "standard deviation in pixels", images=True),
    Noise("rotation", "Rotation", (0.0, 90.0, 5.0, 20.0), "degrees at most", images=True),
)
Kind = Annotated[str, Query(max_length=40)]
Level = Annotated[float, Query(ge=0, le=1000)]
Seed = Annotated[int, Query(ge=0, lt=2**31)]


class GivenNoise(Given):
    """A new row, and what is to be done to it; null leaves it as it is."""

    noise: str | None = Field(None, max_length=40)
    level: float = Field(0.5, ge=0, le=1000)
    seed: int = Field(0, ge=0, lt=2**31)


def applies(explorer: Explorer) -> bool:
    """The model gives back tables or images."""
    return explorer.subject.reconstructs and explorer.subject.kind in ("table", "images")


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["clean"])

    @lru_cache(maxsize=_REMEMBERED)
    def three(row: int, noise: str, level: float, seed: int) -> Three:  # asked three times for its pictures
        return _three(explorer, explorer.source, row, (noise, level, seed))

    @routes.get("/noises")
    async def noises() -> Answer:
        """What can be done to a row."""
        return Answer({"noises": [_described(noise) for noise in _NOISES if _suits(noise, explorer)]})

    @routes.get("/clean/{row}")
    async def cleaned(row: int, noise: Kind = "gaussian", level: Level = 0.5, seed: Seed = 0) -> Answer:
        """A row in three states, and how far two of them are from the first."""
        found = await work.ask(three, there(row, len(explorer)), noise, level, seed)
        return Answer({"pictures": explorer.has_pictures, **_said(explorer, found)})

    @routes.get("/clean/{row}/{which}")
    async def drawn(
        row: int,
        which: Literal["input", "corrupted", "cleaned"],
        noise: Kind = "gaussian",
        level: Level = 0.5,
        seed: Seed = 0,
    ) -> Response:
        """One of the three, of an image; a PNG."""
        if not explorer.has_pictures:
            raise HTTPException(404, "rows of this kind have no pictures")
        found = await work.ask(three, there(row, len(explorer)), noise, level, seed)
        return picture(explorer.png(found.image(which)))

    @routes.post("/clean")
    async def given(new: GivenNoise) -> Answer:
        """The same of a new row."""
        return Answer(await work.ask(_given, explorer, new))

    return routes


@dataclass(frozen=True, eq=False)
class Three:
    """A row as it is, with something done to it, and as the model gives it back.

    Args:
        input, corrupted, cleaned: Arrays (1, *shape) or frames of a row, in the data's units.
        errors: Mean squared distance of the other two from the input, after scaling; None of columns of many kinds.
    """

    input: Any
    corrupted: Any
    cleaned: Any
    errors: dict[str, float] | None

    def image(self, which: str) -> np.ndarray:
        """One of the three as an image."""
        return np.asarray(getattr(self, which)[0], dtype=np.float64)


def _three(explorer: Explorer, source: Any, row: int, how: tuple[str | None, float, int]) -> Three:
    model, part = explorer.model, source.take(np.array([row]))
    if part.values.dtype == object:  # images of several sizes: one of them has one
        part = replace(part, values=np.asarray(part.values[0])[None])
    noisy = part if how[0] is None else replace(part, values=_corrupted(explorer, source, row, how))
    made = model.reconstruct(noisy)
    errors = None
    if not part.typed:
        clean, before = (np.asarray(model._scaled(each), dtype=np.float64) for each in (part, noisy))
        after = np.asarray(model.network_.reconstruct(model._scaled(noisy)), dtype=np.float64)
        errors = {"corrupted": _distance(before, clean), "cleaned": _distance(after, clean)}
    if part.table is None:
        return Three(part.values, noisy.values, made, errors)
    before, after = (part.table.frame(each.values, part.columns) for each in (part, noisy))
    return Three(before, after, made, errors)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.nanmean((one.reshape(other.shape) - other) ** 2))


def _corrupted(explorer: Explorer, source: Any, row: int, how: tuple[str | None, float, int]) -> np.ndarray:
    name, level, seed = how
    choice("noise", name, [noise.name for noise in _NOISES if _suits(noise, explorer)])
    leaf = resolve_corruption(f"{name}:{level:g}")
    assert leaf is not None
    return np.asarray(corrupt(source, explorer.model.schema_, leaf, seed=seed, rows=np.array([row]))[0])[None]


def _suits(noise: Noise, explorer: Explorer) -> bool:
    return explorer.has_pictures or not noise.images


def _described(noise: Noise) -> dict[str, Any]:
    return {"name": noise.name, "title": noise.title, "levels": noise.levels, "unit": noise.unit}


def _said(explorer: Explorer, found: Three) -> dict[str, Any]:
    """Of a table the cells of the three, side by side."""
    if explorer.has_pictures:
        return {"errors": found.errors}
    names = column_names(explorer.source)
    cells = [words_of(each)[0] for each in (found.input, found.corrupted, found.cleaned)]
    rows = zip(names, *cells, strict=True)
    columns = [dict(zip(("name", "input", "corrupted", "cleaned"), row, strict=True)) for row in rows]
    return {"columns": columns[:_COLUMNS], "errors": found.errors}


def _given(explorer: Explorer, new: GivenNoise) -> dict[str, Any]:
    source = given_rows(explorer, new)
    found = _three(explorer, source, 0, (new.noise, new.level, new.seed))
    said: dict[str, Any] = {"pictures": None, "columns": None, **_said(explorer, found)}
    if explorer.has_pictures:
        files = {which: explorer.png(found.image(which)) for which in ("input", "corrupted", "cleaned")}
        said["pictures"] = {which: base64.b64encode(png).decode("ascii") for which, png in files.items()}
    return said

"""The page's server as an application: its panels, its files, and what becomes of errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from latens import __version__
from latens.errors import LatensError, OutOfMemory
from latens.web.about import about
from latens.web.answers import Answer
from latens.web.explorer import Explorer
from latens.web.guard import Guard
from latens.web.keys import Keys
from latens.web.panels import PANELS
from latens.web.work import Full, Work

__all__ = ["create_app"]

_LONGEST = 500


def create_app(explorer: Explorer, keys: Keys, port: int) -> FastAPI:
    """The application.

    Args:
        explorer: The model and the rows.
        keys: Who may ask.
        port: At which it is asked, on this machine.
    """
    work = Work()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        work.close()

    app = FastAPI(
        title="latens",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        default_response_class=Answer,
        lifespan=lifespan,
    )
    shown = {name: panel for name, panel in PANELS.items() if panel.applies(explorer)}
    for panel in shown.values():
        app.include_router(panel.router(explorer, work), prefix="/api")
    app.include_router(about(explorer, keys, work, list(shown)))
    static = files("latens.web").joinpath("static")
    app.mount("/static", StaticFiles(directory=str(static)), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(str(static.joinpath("index.html")), media_type="text/html; charset=utf-8")

    for kind, answer in _ERRORS.items():
        app.add_exception_handler(kind, answer)
    app.add_middleware(Guard, keys=keys, port=port)
    return app


def _line(code: int, error: object, **headers: str) -> Answer:
    return Answer({"error": " ".join(str(error).split())[:_LONGEST]}, code, headers)


async def _refused(request: Request, error: Any) -> Answer:
    return _line(error.status_code, error.detail, **(error.headers or {}))


async def _misunderstood(request: Request, error: Any) -> Answer:
    first = error.errors()[0]
    return _line(422, f"{'.'.join(map(str, first['loc'][1:])) or 'the body'}: {first['msg']}")


async def _full(request: Request, error: Exception) -> Answer:
    return _line(503, "the model is busy with other questions; ask again in a second", **{"Retry-After": "1"})


async def _faulty(request: Request, error: Exception) -> Answer:
    return _line(503 if isinstance(error, OutOfMemory) else 400, error)


# What nobody expected the guard tells, here and on the terminal.
_ERRORS: dict[Any, Any] = {
    HTTPException: _refused,
    RequestValidationError: _misunderstood,
    Full: _full,
    LatensError: _faulty,
}

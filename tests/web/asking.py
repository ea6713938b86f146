"""Applications asked over the ASGI interface itself, with headers that no client would send."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from latens.web.guard import Guard
from latens.web.keys import Keys

PORT = 8123
Pairs = Sequence[tuple[str, str]]
App = Callable[..., Awaitable[None]]
Found = TypeVar("Found")


def run(asking: Coroutine[Any, Any, Found]) -> Found:
    """What a coroutine gives, in a thread of its own: a browser that is open in this one keeps a loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asking).result()


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    body: bytes = b""

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


async def ask(
    app: App,
    path: str,
    headers: Iterable[tuple[str, str | bytes]] = (),
    *,
    method: str = "GET",
    query: str = "",
    chunks: Sequence[bytes] = (),
    pause: float = 0.0,
    leave: asyncio.Event | None = None,
) -> Answer:
    """One request.

    Args:
        app: Of ASGI.
        path: Decoded, as servers hand it over.
        headers: Names in lower case.
        method: Of HTTP.
        query: After the question mark.
        chunks: Of the body, in which None does not end.
        pause: Seconds before each chunk.
        leave: Set when the asker goes; else it stays.
    """
    answer, left = Answer(), list(chunks)
    stays = leave or asyncio.Event()

    async def receive() -> dict[str, Any]:
        if left:
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}
        if not chunks and not answer.status and not begun:
            begun.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        await stays.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.names = [name.decode() for name, _ in message["headers"]]
            answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    begun: list[bool] = []
    encoded = [
        (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1")) for name, value in headers
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "root_path": "",
        "query_string": query.encode(),
        "headers": encoded,
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", PORT),
        "state": {},
    }
    await app(scope, receive, send)
    return answer


def routes_of(app: Any) -> set[tuple[str, str]]:
    """Every method and path that an application answers, a 0 for each parameter."""
    described = app.openapi()["paths"] if hasattr(app, "openapi") else {}
    found = {(method.upper(), path) for path, methods in described.items() for method in methods}
    for route in app.routes:
        if isinstance(route, Mount):
            found |= {("GET", f"{route.path}/style.css"), ("GET", f"{route.path}/none")}
        elif isinstance(route, Route):
            found |= {(method, route.path) for method in route.methods or ()}
    return {(method, re.sub(r"\{[^}]*\}", "0", path)) for method, path in found}


class Toy:
    """A guarded application of each kind of route, which counts what reaches it.

    Args:
        keys: Its own ones if left out, with a session that is open.
        limits: Of the guard.
    """

    def __init__(self, keys: Keys | None = None, **limits: Any) -> None:
        self.asked: list[str] = []
        self.ended: list[str] = []
        self.release = asyncio.Event()
        self.keys = keys or Keys.new(PORT)
        self.session = "" if keys else self.keys.exchange(self.keys.invitation) or ""
        post = {"methods": ["POST"]}
        self.app = Starlette(
            routes=[
                Route("/", self.plain),
                Route("/api/plain", self.plain),
                Route("/api/key", self.key),
                Route("/api/rows/{row}", self.plain),
                Route("/api/echo", self.echo, **post),
                Route("/api/waits", self.waits),
                Route("/api/streams", self.streams),
                Route("/api/fails", self.fails),
                Route("/api/drops", self.drops),
                Route("/api/lets-in", self.lets_in),
            ]
        )
        self.app.add_middleware(Guard, keys=self.keys, port=self.keys.port, **limits)
        self.guarded = self.app

    def headers(self, *more: tuple[str, str]) -> list[tuple[str, str]]:
        """Of the page itself."""
        own = [("host", f"127.0.0.1:{PORT}"), ("cookie", f"{self.keys.cookie}={self.session}")]
        return [*own, *more]

    def writing(self, *more: tuple[str, str]) -> list[tuple[str, str]]:
        key = self.keys.write_key(self.session)
        return self.headers(("content-type", "application/json"), ("x-latens-key", key), *more)

    async def plain(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return PlainTextResponse("plain", headers={"Server": "toy"})

    async def key(self, request: Request) -> Response:
        return PlainTextResponse(self.keys.write_key(request.state.session))

    async def echo(self, request: Request) -> Response:
        body = await request.body()
        self.asked.append(f"{len(body)} bytes")
        return JSONResponse({"length": len(body), "session": request.state.session})

    async def waits(self, request: Request) -> Response:
        self.asked.append("waits")
        try:
            await self.release.wait()
        finally:
            self.ended.append("waits")
        return PlainTextResponse("waited")

    async def streams(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[str]:
            try:
                for i in range(1000):
                    yield f"{i}\n"
                    await asyncio.sleep(0.01)
                    if self.release.is_set():
                        return
            finally:
                self.ended.append("streams")

        return StreamingResponse(pieces())

    async def fails(self, request: Request) -> Response:
        raise ValueError("secret \x1b[31m detail")

    async def drops(self, request: Request) -> Response:
        raise MemoryError("out of memory")

    async def lets_in(self, request: Request) -> Response:
        return PlainTextResponse(
            "x", headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "public", "X-Frame-Options": "ALLOW"}
        )

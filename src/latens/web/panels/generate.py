"""Text and events drawn one item after the other, what could come next, and what each item of a text costs."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from threading import Event
from typing import Any

import numpy as np
import torch
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from latens.errors import LatensError
from latens.sampling import build_filters
from latens.sampling.generation import next_log_probs
from latens.web.answers import Answer
from latens.web.explorer import Explorer
from latens.web.panels.items import pieces
from latens.web.work import Work

__all__ = ["applies", "router"]

_LIKELIEST, _COLOURED = 40, 20_000


class Prompt(BaseModel):
    """What was so far, and how the next item is drawn."""

    prompt: str = Field("", max_length=100_000)
    temperature: float = Field(0.75, ge=0, le=10)
    top_k: int | None = Field(None, ge=1, le=1_000_000)
    top_p: float | None = Field(None, gt=0, le=1)
    min_p: float | None = Field(None, ge=0, le=1)

    @property
    def filters(self) -> dict[str, Any]:
        """As `generate` takes them."""
        return {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p, "min_p": self.min_p}


class Continuation(Prompt):
    """How much, and by which seed."""

    n: int = Field(300, ge=1, le=5_000)
    seed: int = Field(0, ge=0, lt=2**31)


class Passage(BaseModel):
    """A text to be read."""

    text: str = Field(min_length=1, max_length=200_000)


def applies(explorer: Explorer) -> bool:
    """The model writes."""
    return explorer.model.network_name() in ("text", "events")


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["generate"])

    @routes.post("/next")
    async def following(prompt: Prompt) -> Answer:
        """The likeliest next items."""
        return Answer(await work.ask(_next, explorer, prompt))

    @routes.post("/generate")
    async def generate(how: Continuation) -> StreamingResponse:
        """Pieces of text, a JSON line each, as they are drawn."""
        begun = await work.ask(_begun, explorer, how)  # what is wrong with a prompt is told before anything is sent
        return StreamingResponse(_streamed(begun, how, work), media_type="application/x-ndjson")

    @routes.post("/surprisal")
    async def surprisal(passage: Passage) -> Answer:
        """What each item of a text costs the model, in nats."""
        return Answer(await work.ask(_surprisal, explorer, passage.text))

    return routes


def _items(explorer: Explorer, prompt: str) -> Any:
    """A prompt as the model reads it: of events, the items between commas."""
    if explorer.subject.kind == "text":
        return prompt
    known = {str(item): item for item in explorer.model.schema_.items}
    words = [word.strip() for word in prompt.split(",") if word.strip()]
    return [known.get(word, word) for word in words]


def _next(explorer: Explorer, prompt: Prompt) -> dict[str, Any]:
    schema = explorer.model.schema_
    ids = schema.encode(_items(explorer, prompt.prompt), "the prompt")
    state = explorer.model._read([ids])
    plain = next_log_probs(state.said)[0].exp().cpu()
    drawn = torch.softmax(build_filters(**prompt.filters)(state.said.double(), state.seen), dim=-1)[0].cpu()
    order = torch.argsort(drawn, descending=True, stable=True)[:_LIKELIEST].tolist()
    names = [next(iter(schema.decode(np.array([item]))), None) for item in order]
    there = plain[plain > 0]
    return {
        "items": [
            {"text": "(end or unknown)" if name is None else str(name), "probability": drawn[i], "plain": plain[i]}
            for i, name in zip(order, names, strict=True)
        ],
        "entropy": float(-(there * there.log()).sum()),
    }


def _begun(explorer: Explorer, how: Continuation) -> Iterator[Any]:
    length = {"max_new_tokens" if explorer.subject.kind == "text" else "max_new_items": how.n}
    items = _items(explorer, how.prompt)
    return iter(explorer.model.generate(items, random_state=how.seed, stream=True, **length, **how.filters))


async def _streamed(pieces: Iterator[Any], how: Continuation, work: Work) -> AsyncIterator[bytes]:
    """The pieces, drawn in the model's thread; nobody draws on for a reader who has gone."""
    stop, loop = Event(), asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes | None] = asyncio.Queue()

    def draw() -> None:
        try:
            for line in _lines(pieces, how, stop):
                loop.call_soon_threadsafe(arrived.put_nowait, line)
        finally:
            loop.call_soon_threadsafe(arrived.put_nowait, None)

    drawing = asyncio.ensure_future(work.ask(draw))
    try:
        while (line := await arrived.get()) is not None:
            yield line
        await drawing
    finally:
        stop.set()
        drawing.cancel()


def _lines(pieces: Iterator[Any], how: Continuation, stop: Event) -> Iterator[bytes]:
    drawn = 0
    try:
        for piece in pieces:
            if stop.is_set():
                return
            drawn += 1
            yield _line({"text": str(piece)})
    except LatensError as error:
        yield _line({"error": " ".join(str(error).split())})
        return
    yield _line({"done": True, "items": drawn, "seed": how.seed})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


def _surprisal(explorer: Explorer, text: str) -> dict[str, Any]:
    content = _items(explorer, text)
    nats = np.asarray(explorer.model.surprisal(content), dtype=np.float64)
    mean = float(nats.mean()) if len(nats) else math.nan
    items = pieces(explorer.model.schema_, content)
    shown = min(len(nats), _COLOURED)
    return {"items": items[:shown], "nats": nats[:shown], "mean": mean, "bits": mean / math.log(2)}

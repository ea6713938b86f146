"""S27: what the text model writes, how much of it is copied, and what carrying the state saves."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from latens.analysis import longest_copy
from latens.estimators.text import TextAutoregressor
from latens.plots import plot_errors
from latens.reproduce import texts
from latens.reproduce.bench import Bench
from latens.reproduce.rows import Line, Row, Table
from latens.sampling import build_filters, generate

__all__ = ["GENERATION_ROW", "WAYS", "refed"]

# The ways of drawing a character that are shown.
WAYS: dict[str, dict[str, Any]] = {
    "temperature 1": {"temperature": 1.0},
    "temperature 0.75": {"temperature": 0.75},
    "temperature 0.05": {"temperature": 0.05},
    "greedy": {"temperature": 0.0},
    "top-p 0.9": {"temperature": 1.0, "top_p": 0.9},
}
_CHARACTERS = 500
# Lengths at which the clock is read.
_PLACES = 10
_TEMPERATURE = 0.75
_KINDS = ("carried", "re-fed")


def _length(bench: Bench) -> int:
    """Characters to generate."""
    return texts.QUICK.generated if bench.quick else _CHARACTERS


# ---- samples ---------------------------------------------------------------------------------------------------------


def _samples(bench: Bench) -> dict[str, dict[str, Any]]:
    """A continuation in each way, with the longest run in it that stands in the training text."""

    def measure() -> dict[str, dict[str, Any]]:
        model = bench.writer("S25")
        return {way: _sample(model, bench, settings) for way, settings in WAYS.items()}

    what = {"ways": WAYS, "prompt": bench.text.prompt, "characters": _length(bench)}
    found: dict[str, dict[str, Any]] = bench.measured("S27 samples", ["S25"], what, measure)
    return found


def _sample(model: TextAutoregressor, bench: Bench, settings: dict[str, Any]) -> dict[str, Any]:
    length, seed = _length(bench), bench.seeds[0]
    text = model.generate(bench.text.prompt, max_new_tokens=length, random_state=seed, stop=(), **settings)
    copied = longest_copy(text, bench.text.content.lower())
    return {"text": text, "copied": copied.length, "share": copied.share, "at_least": copied.at_least}


# ---- seconds ---------------------------------------------------------------------------------------------------------


def _seconds(bench: Bench) -> dict[str, Any]:
    """Until the n-th character was there, with the state carried and with the prefix read again for each."""
    length = _length(bench)
    places = [length * (i + 1) // _PLACES for i in range(_PLACES)]

    def measure() -> dict[str, Any]:
        model, given = bench.writer("S25"), (bench.text.prompt, length, bench.seeds[0])
        runs = {"carried": _clocked(carried, model, *given), "re-fed": _clocked(refed, model, *given)}
        found: dict[str, Any] = {kind: [clock[place - 1] for place in places] for kind, (clock, _) in runs.items()}
        return found | {"places": places, "same": runs["carried"][1] == runs["re-fed"][1]}

    what = {"prompt": bench.text.prompt, "places": places}
    found: dict[str, Any] = bench.measured("S27 seconds", ["S25"], what, measure)
    return found


def _clocked(way: Any, model: TextAutoregressor, prompt: str, length: int, seed: int) -> tuple[list[float], str]:
    """When each character was there, and all of them."""
    started, pieces, clock = time.monotonic(), [], []
    for piece in way(model, prompt, length, seed):
        pieces.append(piece)
        clock += [round(time.monotonic() - started, 4)] * len(piece)  # characters come in stretches
    return clock, "".join(pieces)


def carried(model: TextAutoregressor, prompt: str, length: int, seed: int) -> Any:
    """With the state carried on, O(n): as `latens` generates."""
    settings: dict[str, Any] = {"temperature": _TEMPERATURE, "random_state": seed, "stop": ()}
    return model.generate(prompt, max_new_tokens=length, stream=True, **settings)


def refed(model: TextAutoregressor, prompt: str, length: int, seed: int) -> Any:
    """The same characters in O(n²): for each, everything before it is read from the start, as was published."""
    network, begun = model.network_.network, model.read(prompt)
    prefix = torch.from_numpy(model.schema_.encode(prompt).astype("int64"))[None].to(begun.said.device)

    def step(items: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:  # (1,), (1, T) -> (1, V), (1, T + 1)
        read = torch.cat([before, items[:, None]], dim=1)
        return network(read)[0][:, -1], read

    start: dict[str, Any] = {"sequence": begun.keys, "first": begun.steps, "seen": begun.seen}
    filters = build_filters(temperature=_TEMPERATURE)
    for drawn in generate(step, prefix, begun.said, max_new=length, filters=filters, seed=seed, **start):
        yield model.schema_.decode(drawn.ids.cpu().numpy())


# ---- the row ---------------------------------------------------------------------------------------------------------


def _lines(bench: Bench) -> list[Line]:
    """S27: samples, and the time that they take."""
    samples, seconds = _samples(bench), _seconds(bench)
    if not bench.drawn("S27", "seconds", ["S25"]):
        curves = {f"state {kind}" if kind == "carried" else "prefix re-fed": seconds[kind] for kind in _KINDS}
        title = "S27: seconds until the n-th character"
        figure = plot_errors(seconds["places"], curves, across="characters", title=title, measured="seconds")
        bench.draw("S27", "seconds", figure)
    longest = ", ".join(f"{way}: {sample['copied']}" for way, sample in samples.items())
    words = (
        f"after {bench.text.prompt!r}, below; longest run that stands in the training text, in characters: {longest}"
    )
    return [Line("S27", "Generation from the GRU of S25", words=words), _speed(seconds)]


def _speed(seconds: dict[str, Any]) -> Line:
    ours, other = (seconds[kind][-1] for kind in _KINDS)
    same = "the same text both ways" if seconds["same"] else "the texts part where rounding decides a draw"
    words = (
        f"{ours:.3g} s with the state carried, {other:.3g} s with the prefix re-fed, {other / ours:.1f} times as long; "
        f"{same}; published, for 500 characters: under 1 s and 45 to 50 s"
    )
    return Line("S27", f"Seconds for {seconds['places'][-1]} characters, O(n) against O(n²)", words=words)


def _tables(bench: Bench) -> list[Table]:
    return [_sample_table(bench), _seconds_table(_seconds(bench))]


def _sample_table(bench: Bench) -> Table:
    samples = _samples(bench)
    at_least = next(iter(samples.values()))["at_least"]
    header = ("drawn with", "longest copy", f"share in copies of {at_least} or more", "text")
    rows = tuple(
        (way, str(sample["copied"]), f"{100 * sample['share']:.0f} %", sample["text"])
        for way, sample in samples.items()
    )
    return Table(f"S27: what the GRU of S25 writes after {bench.text.prompt!r}", header, rows, written=True)


def _seconds_table(seconds: dict[str, Any]) -> Table:
    header = ("", *map(str, seconds["places"]))
    rows = tuple((kind, *(f"{value:.3g}" for value in seconds[kind])) for kind in _KINDS)
    return Table("S27: seconds until the n-th character", header, rows)


GENERATION_ROW = Row(("S25",), _lines, (("S27", "seconds"),), _tables, about="sequences")

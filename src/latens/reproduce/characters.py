"""S23 to S26: a text as characters, as chunks, and learned; what the loss is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

from latens.data.sequences import Windows, aligned_windows, plain_windows
from latens.data.text import learn_text
from latens.plots import plot_errors
from latens.reproduce.bench import Bench
from latens.reproduce.recipes import PUBLISHED_STEPS
from latens.reproduce.rows import Line, Row, fit_line

__all__ = ["CHUNKS_ROW", "CORPUS_ROW", "GRU_ROW", "LOSS_ROW", "TEXT_RECIPE_ROW"]


def _row(names: Sequence[str], lines: Callable[[Bench], list[Line]], *subjects: tuple[str, str]) -> Row:
    return Row(tuple(names), lines, (*((name, "history") for name in names), *subjects), about="sequences")


# ---- S23 -------------------------------------------------------------------------------------------------------------


def _corpus(bench: Bench) -> list[Line]:
    """S23: the vocabulary, and whether the way back gives the text again."""
    text = bench.text
    schema = learn_text(text.source())
    lowered = text.content.lower()
    same = "gives the text again" if schema.decode(schema.encode(text.content)) == lowered else "LOSES TEXT"
    words = (
        f"{len(text.content):,} characters, {schema.n_items} different ones ({len(set(text.content))} before "
        f"lower-casing), by first appearance: {_shown(schema.characters or ())}; encoding and decoding {same}"
    )
    return [Line("S23", f"Corpus and vocabulary: {text.name}", words=words)]


def _shown(characters: Sequence[str]) -> str:
    """Characters side by side, those that are no mark with their escapes."""
    return " ".join("space" if character == " " else json.dumps(character)[1:-1] for character in characters)


# ---- S24 -------------------------------------------------------------------------------------------------------------


def _chunks(bench: Bench) -> list[Line]:
    """S24: how the text is cut, and the network of S25 on both cuts."""
    content = bench.text.content
    full, rest = divmod(len(content) - 1, PUBLISHED_STEPS)
    words = {
        "plain": f"{full:,} chunks of {PUBLISHED_STEPS} and a masked rest of {rest}",
        "newline": f"{_aligned_starts(content):,} of them start where a line does",
    }
    lines = [
        Line(
            "S24", f"Chunks, {align}", words=f"{len(windows):,} windows: {words[align]}; {_coverage(windows, content)}"
        )
        for align, windows in _cuts(content).items()
    ]
    return [*lines, *(fit_line(bench, "S24", name) for name in ("S25", "S24 newline"))]


def _cuts(content: str) -> dict[str, Windows]:
    """The windows that the text is read in, by how they are aligned."""
    whole = np.array([0, len(content)])
    return {
        "plain": plain_windows(whole, PUBLISHED_STEPS),
        "newline": aligned_windows(whole, PUBLISHED_STEPS, _line_starts(content)),
    }


def _line_starts(content: str) -> np.ndarray:
    return np.flatnonzero(np.frombuffer(content.encode("utf-32-le"), dtype=np.uint32) == ord("\n")) + 1


def _aligned_starts(content: str) -> int:
    return int(np.isin(_cuts(content)["newline"].start, [0, *_line_starts(content)]).sum())


def _coverage(windows: Windows, content: str) -> str:
    """How often the characters are scored."""
    edges = np.zeros(len(content) + 1, dtype=np.int64)
    np.add.at(edges, windows.first, 1)
    np.add.at(edges, windows.stop, -1)
    times = edges.cumsum()[:-1]
    if (times == 1).all():
        return f"each of {len(content):,} characters is scored once"
    return f"characters are scored {times.min()} to {times.max()} TIMES"


# ---- S25 -------------------------------------------------------------------------------------------------------------


def _fits(row: str, *names: str) -> Callable[[Bench], list[Line]]:
    return lambda bench: [fit_line(bench, row, name) for name in names]


# ---- S26 -------------------------------------------------------------------------------------------------------------


def _loss(bench: Bench) -> list[Line]:
    """S26: the cross-entropy at every step of a chunk, whose sum was published and whose mean is learned from."""
    steps = np.array(bench.measured("S26", ["S25"], PUBLISHED_STEPS, lambda: _by_step(bench).tolist()))
    if not bench.drawn("S26", "steps", ["S25"]):
        title = f"S26: cross-entropy at each step of a chunk, seed {bench.seeds[0]}"
        places = range(1, len(steps) + 1)
        curve = {"the trained GRU of S25": steps.tolist()}
        bench.draw("S26", "steps", plot_errors(places, curve, across="step", title=title, measured="nats"))
    words = (
        f"after training, over full chunks: {steps.sum():.1f} nats summed over {len(steps)} steps are a mean of "
        f"{steps.mean():.4f} nats ({steps.mean() / np.log(2):.4f} bits) per character; the first step costs "
        f"{steps[0]:.3f} nats, the last {len(steps) // 2} {steps[-(len(steps) // 2) :].mean():.3f} each"
    )
    return [Line("S26", "Loss over time: the mean that is minimised and the sum that was published", words=words)]


def _by_step(bench: Bench) -> np.ndarray:  # -> (T,)
    """The mean cost over chunks of what each step predicts; each chunk begins with an empty state."""
    model = bench.writer("S25")
    ids = model.schema_.encode(bench.text.content)
    chunks = [ids[i : i + PUBLISHED_STEPS + 1] for i in range(0, len(ids) - PUBLISHED_STEPS, PUBLISHED_STEPS)]
    return np.asarray(np.mean(model.network_.costs(chunks), axis=0)[1:])


CORPUS_ROW = Row((), _corpus, about="sequences")
CHUNKS_ROW = _row(("S25", "S24 newline"), _chunks)
GRU_ROW = _row(("S25", "S25 LSTM"), _fits("S25", "S25", "S25 LSTM"))
LOSS_ROW = _row(("S25",), _loss, ("S26", "steps"))
TEXT_RECIPE_ROW = _row(("R25",), _fits("R25", "R25"))

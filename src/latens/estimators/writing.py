"""What is generated, while it is written and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from latens.estimators.states import SequenceState
from latens.estimators.stepping import Stretch
from latens.sampling import StopStrings
from latens.schema import TextSchema
from latens.schema.events import Item

__all__ = ["GeneratedEvents", "GeneratedText", "Writer", "grouped", "streamed"]


@dataclass(frozen=True, eq=False)
class GeneratedText:
    """A continuation with what is known of it.

    Args:
        text: Without the prompt.
        ids: (T,) int64, the items that were drawn, a stop string's among them.
        log_probs: (T,) float64, nats that the model itself gives each, whatever the filters and the temperature.
        state: Where the sequence stands after the last of them.
    """

    text: str
    ids: np.ndarray
    log_probs: np.ndarray
    state: SequenceState


@dataclass(frozen=True, eq=False)
class GeneratedEvents:
    """A continuation of a sequence with what is known of it.

    Args:
        items: Without the prompt and without the end; None stands for the unknown item.
        ids: (T,) int64, the items that were drawn, the end among them where it came.
        log_probs: (T,) float64, nats that the model itself gives each, whatever the filters and the temperature.
    """

    items: list[Item | None]
    ids: np.ndarray
    log_probs: np.ndarray


def grouped(found: Sequence[Any], copies: int, *, alone: bool) -> Any:
    """Continuations in the form of what was asked for: a list for each prompt of which there are copies.

    Args:
        found: Of every prompt in turn, all its copies.
        copies: Of each prompt.
        alone: One prompt was given by itself, not in a list.

    Example:
        >>> grouped(["a1", "a2", "b1", "b2"], copies=2, alone=False), grouped(["a1"], copies=1, alone=True)
        ([['a1', 'a2'], ['b1', 'b2']], 'a1')
    """
    each = list(found) if copies == 1 else [list(found[i : i + copies]) for i in range(0, len(found), copies)]
    return each[0] if alone else each


class Writer:
    """One text being written: its items, what of it can be shown, and whether it has ended.

    Args:
        schema: What items stand for.
        stops: Strings that end a text.
        row: Its place among the rows that draw.
    """

    def __init__(self, schema: TextSchema, stops: str | Sequence[str], row: int) -> None:
        self._decoder, self._stops, self._row = schema.decoder(), StopStrings(stops), row
        self._shown: list[str] = []
        self._fresh = ""
        self.ids: list[int] = []
        self.log_probs: list[float] = []
        self.ended = False
        self.before: SequenceState | None = None
        self.state: SequenceState | None = None

    def write(self, stretch: Stretch) -> str:
        """Take the items of a stretch up to the text's end; what can be shown that was not."""
        if self.ended:
            return self.piece()
        items, self.before = stretch.ids[self._row].tolist(), stretch.before
        apart = bool(self._stops.stops)  # which of the items ends the text matters only then
        pieces = [self._decoder.feed(item) for item in items] if apart else [self._decoder.feed_all(items)]
        count = self._stops.first_end(pieces)
        for piece in ["".join(pieces)] if count is None else pieces[:count]:
            shown, self.ended = self._stops.feed(piece)
            self._fresh += shown
        self.ids += items[:count]
        self.log_probs += stretch.log_probs[self._row, :count].tolist()
        return self.piece()

    def since(self, begun: SequenceState) -> tuple[Tensor, Tensor, np.ndarray]:
        """The state (L, 1, S) and what was said (1, V) before the last stretch, and the items (K,) after it."""
        before, row = self.before or begun, slice(self._row, self._row + 1)
        items = self.ids[before.steps - begun.steps :]
        return before.state[:, row], before.said[row], np.array(items, dtype=np.int64)

    def piece(self) -> str:
        """What can be shown and was not."""
        piece, self._fresh = self._fresh, ""
        self._shown.append(piece)
        return piece

    def finish(self) -> str:
        """What was held back, now that nothing follows."""
        if not self.ended:
            piece, stopped = self._stops.feed(self._decoder.flush())
            self._fresh += piece + ("" if stopped else self._stops.rest())
        return self.piece()

    def result(self, details: bool) -> Any:
        text = "".join(self._shown)
        if not details or self.state is None:
            return text
        return GeneratedText(text, np.array(self.ids, dtype=np.int64), np.array(self.log_probs), self.state)


def streamed(pieces: Iterator[Sequence[Any]], results: Callable[[], Any], single: bool) -> Generator[Any, None, Any]:
    """The pieces of one text, or those of each step together; what it returns is what was written."""
    for each in pieces:
        yield each[0] if single else each
    return results()

"""What is generated, while it is written and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from latens.estimators.states import SequenceState
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
    """One text being written: its items, what of it can be shown, and whether it has ended."""

    def __init__(self, schema: TextSchema, stops: str | Sequence[str]) -> None:
        self._decoder, self._stops = schema.decoder(), StopStrings(stops)
        self._shown: list[str] = []
        self._fresh = ""
        self.ids: list[int] = []
        self.log_probs: list[float] = []
        self.ended = False
        self.before: Any = None
        self.state: SequenceState | None = None

    def write(self, item: int) -> bool:
        """Take the next item, unless the text has ended; whether it has now."""
        if not self.ended:
            self.ids.append(item)
            piece, self.ended = self._stops.feed(self._decoder.feed(item))
            self._fresh += piece
        return self.ended

    def judge(self, log_prob: float, before: Tensor) -> None:
        """The log-probability of the item that was written last, and the state that it was drawn from."""
        if len(self.log_probs) < len(self.ids):
            self.log_probs.append(log_prob)
            self.before = before

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

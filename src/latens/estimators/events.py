"""The estimator over event logs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from latens.data import open_source
from latens.data.corpora import Corpus
from latens.data.events import EventSource, encode_events, learn_events
from latens.errors import ConfigError, DataError, whole
from latens.estimators.autoregressor import Autoregressor
from latens.estimators.stepping import Stretch, stretches
from latens.estimators.writing import GeneratedEvents, grouped
from latens.schema import EventSchema
from latens.schema.events import Item, as_item
from latens.seeds import resolve_seed

__all__ = ["EventAutoregressor"]


class EventAutoregressor(Autoregressor):
    r"""A recurrent network that predicts the next event of a sequence from all before it, its end included.

    .. math:: \ell = -\frac{1}{N} \sum_t \log p(x_t \mid x_1, \dots, x_{t-1})

    The network is that of `TextAutoregressor`; a sequence ends with an item of its own, which is predicted like any
    other and at which generation stops.

    Args:
        cell: ``"gru"`` or ``"lstm"``.
        n_layers: Cells on top of each other.
        hidden_size: Numbers in a cell's output, and in a sequence's vector.
        embedding_size: Numbers in an item's embedding.
        dropout: Share of each layer's inputs lost in training, the same along a window.
        unknown: An item met after the fit: ``"error"``, ``"drop"``, or ``"token"``, an item of its own.
        chunk: Items of a training window; longer sequences are cut.
        carry_state: Each training window goes on with the state that the one before it left.
        max_epochs: Passes over the training sequences.
        batch_size: Windows a step.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient; ``"auto"`` is 2 / chunk; None for none.
        clip_norm: Bound on the gradient's norm, or None.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
        validation_fraction: Share of the items held out, in [0, 1): the last sequences.
        early_stopping: Stop when the held-out loss has not improved for `patience` epochs, and keep the best weights.
        patience: Epochs.
        random_state: Seed of the weights, the order and the dropout.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Example:
        >>> log = [["login", "search", "buy"], ["login", "search", "search", "leave"]] * 20
        >>> model = EventAutoregressor(hidden_size=8, chunk=8, max_epochs=2, verbose=0).fit(log)
        >>> model.transform(log[:3]).shape, len(model.surprisal(log[0]))
        ((3, 8), 3)
    """

    schema_: EventSchema

    def __init__(
        self,
        cell: str = "gru",
        n_layers: int = 2,
        hidden_size: int = 128,
        embedding_size: int = 32,
        dropout: float = 0.0,
        unknown: str = "error",
        chunk: int = 250,
        carry_state: bool = False,
        max_epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        schedule: str = "constant",
        clip_value: float | str | None = "auto",
        clip_norm: float | None = None,
        precision: str = "32-true",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 5,
        random_state: Any = 0,
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.cell, self.n_layers = cell, n_layers
        self.hidden_size, self.embedding_size, self.dropout = hidden_size, embedding_size, dropout
        self.unknown = unknown
        self.chunk, self.carry_state = chunk, carry_state
        self.max_epochs, self.batch_size = max_epochs, batch_size
        self.learning_rate, self.weight_decay, self.schedule = learning_rate, weight_decay, schedule
        self.clip_value, self.clip_norm, self.precision = clip_value, clip_norm, precision
        self.validation_fraction = validation_fraction
        self.early_stopping, self.patience = early_stopping, patience
        self.random_state, self.device, self.verbose = random_state, device, verbose

    def network_name(self) -> str:
        return "events"

    def _open(self, X: Any) -> EventSource:
        if isinstance(X, EventSource):
            return X
        source = open_source(X, **(self.schema_.reading() if hasattr(self, "schema_") else {"kind": "events"}))
        assert isinstance(source, EventSource)
        return source

    def _learn_schema(self, source: EventSource) -> EventSchema:
        return learn_events(source, unknown=self.unknown)

    def _corpus(self, source: EventSource, ended: bool) -> Corpus:
        return encode_events(source, self.schema_, ended)

    def surprisal(self, sequence: Sequence[Item] | Sequence[Sequence[Item]]) -> Any:
        """What each item of a sequence costs, in nats: (T,) float64, the first item from an empty state.

        Args:
            sequence: Items, or a list of sequences, which gives a list.
        """
        check_is_fitted(self)
        sequences, alone = _sequences(sequence)
        costs = self.network_.costs([self.schema_.encode(each) for each in sequences])
        return costs[0] if alone else costs

    def generate(
        self,
        prompt: Sequence[Item] | Sequence[Sequence[Item]] = (),
        *,
        max_new_items: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical: float | None = None,
        repetition_penalty: float | None = None,
        stop: Item | Sequence[Item] | None = None,
        n: int = 1,
        random_state: Any = 0,
        stream: bool = False,
        details: bool = False,
    ) -> Any:
        """Continue a sequence until its end; the continuation comes without the prompt and without the end.

        Args:
            prompt: Items, or a list of sequences, which gives a list of continuations.
            max_new_items: At most.
            temperature: Divides the logits; 0 takes the likeliest item always.
            top_k, top_p, min_p, typical, repetition_penalty: Filters, off unless given; see `latens.sampling`.
            stop: An item, or several, that end a sequence as its own end does, and are not part of it.
            n: Continuations of each prompt; more than one gives a list for each.
            random_state: Seed of the draws.
            stream: Return an iterator over the items of one sequence. What it returns at its end (the value of
                ``yield from``) is what is returned without `stream`.
            details: Return `GeneratedEvents` instead of lists of items.

        Raises:
            DataError: The prompt holds an item that the model does not know.
            ConfigError: An argument is out of range.
        """
        check_is_fitted(self)
        sequences, alone = _sequences(prompt)
        begun = self._read([self.schema_.encode(each, "prompt") for each in sequences]).fork(whole("n", n, at_least=1))
        settings: dict[str, Any] = {"top_k": top_k, "top_p": top_p, "min_p": min_p, "typical": typical}
        settings |= {"temperature": temperature, "repetition_penalty": repetition_penalty}
        length, seed = whole("max_new_items", max_new_items, at_least=0), resolve_seed(random_state)
        ends = self._ends(stop)
        drawn = stretches(self.network_, begun, length, settings, seed)
        rows = [_Row(row, ends) for row in range(len(begun))]

        def results() -> Any:
            return grouped([self._generated(each, details) for each in rows], n, alone=alone)

        if stream:
            return self._streamed(drawn, rows, results)
        for _ in _written(drawn, rows):
            pass
        return results()

    def _ends(self, stop: Any) -> list[int]:
        """The ids that a sequence ends at."""
        stops = list(stop) if isinstance(stop, (list, tuple)) else [] if stop is None else [stop]
        places = self.schema_.places([as_item(item, "stop") for item in stops]).tolist()
        if -1 in places:
            listed = ", ".join(map(repr, self.schema_.items[:12]))
            raise ConfigError(f"stop={stops[places.index(-1)]!r:.50} is not known; use one of {listed}")
        return [self.schema_.end, *places]

    def _streamed(
        self, drawn: Iterator[Stretch], rows: Sequence[_Row], results: Callable[[], Any]
    ) -> Generator[Item | None, None, Any]:
        shown = 0
        for _ in _written(drawn, rows):
            items = self._items(rows[0])
            yield from items[shown:]
            shown = len(items)
        return results()

    def _items(self, row: _Row) -> list[Item | None]:
        return self.schema_.decode([place for place in row.ids if place not in row.ends])

    def _generated(self, row: _Row, details: bool) -> Any:
        items = self._items(row)
        if not details:
            return items
        return GeneratedEvents(items, np.array(row.ids, dtype=np.int64), np.array(row.log_probs))


class _Row:
    """A sequence being continued, up to one of the ids that end it."""

    def __init__(self, place: int, ends: Sequence[int]) -> None:
        self.place, self.ends = place, ends
        self.ids: list[int] = []
        self.log_probs: list[float] = []
        self.ended = False

    def write(self, stretch: Stretch) -> None:
        """Take the items of a stretch, unless it has ended."""
        if not self.ended:
            ids = stretch.ids[self.place]
            found = np.flatnonzero(np.isin(ids, self.ends))
            self.ended = len(found) > 0
            count = int(found[0]) + 1 if self.ended else len(ids)
            self.ids += ids[:count].tolist()
            self.log_probs += stretch.log_probs[self.place, :count].tolist()


def _written(drawn: Iterator[Stretch], rows: Sequence[_Row]) -> Iterator[None]:
    """After each stretch, until every row has ended."""
    for stretch in drawn:
        for row in rows:
            row.write(stretch)
        yield
        if all(row.ended for row in rows):
            return


def _sequences(given: Any) -> tuple[list[Any], bool]:
    """Sequences as a list, and whether one was given alone."""
    if isinstance(given, str):
        raise DataError(f"sequence: {given!r:.50} is text; give a list of items, or use TextAutoregressor")
    if not isinstance(given, Iterable):
        raise DataError(f"sequence: {given!r:.50} is no list; give a list of items")
    listed = list(given)
    nested = [isinstance(each, (list, tuple, np.ndarray)) for each in listed]
    if listed and all(nested):
        return listed, False
    if any(nested):
        raise DataError("sequence: items and sequences side by side; give a list of items, or of lists")
    return [listed], True

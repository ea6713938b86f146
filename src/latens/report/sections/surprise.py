"""The lines and sequences that surprise the model most, with what is surprising in them marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from latens.report.blocks import Block, Card, Cards, Section, Span, Words, counted, quantity
from latens.report.portraits import extent_of, portrait, shaped
from latens.report.scatter import clipped
from latens.report.subject import Subject

__all__ = ["surprise"]

_CARDS, _ORDINARY = 6, 2
# A line of fewer characters has no mean to speak of, and of more items only the beginning is shown.
_SHORTEST, _LONGEST = {"text": 12, "events": 1, "series": 1}, 400
# Shares of all items that are marked, and strongly marked.
_MARKED, _STRONGLY = 0.05, 0.01


def surprise(subject: Subject) -> Section | None:
    """Of text, of events, and of images read pixel by pixel."""
    if not subject.reads or (subject.kind == "series" and subject.source.image is None):
        return None
    costs = subject.surprisals
    order = _order(costs, _SHORTEST[subject.kind])
    worst, best = order[:_CARDS], order[::-1][: min(_ORDINARY, max(0, len(order) - _CARDS))]
    every = np.concatenate(costs)
    levels = tuple(float(level) for level in np.quantile(every, (1 - _MARKED, 1 - _STRONGLY)))
    unit = _unit(subject)
    verdict = (
        f"{quantity(float(every.mean()))} nats per {unit} on average; {subject.name(int(order[0]))} is the most "
        f"surprising {subject.noun}, with {quantity(float(costs[order[0]].mean()))}."
    )
    blocks: list[Block] = [Words(_legend(subject, unit, levels), "faint")]
    blocks.append(Cards([_card(subject, int(row), levels, unit) for row in worst]))
    if len(best):
        blocks += [
            Words("For comparison, what surprises it least:"),
            Cards([_card(subject, int(row), levels, unit) for row in best]),
        ]
    return Section("Most surprising", verdict, blocks)


def _unit(subject: Subject) -> str:
    """What an item is."""
    if subject.kind != "text":
        return {"events": "event", "series": "pixel"}[subject.kind]
    return {"characters": "character", "bytes": "byte", "bpe": "byte pair"}[subject.model.schema_.tokens]


def _order(costs: Sequence[np.ndarray], shortest: int) -> np.ndarray:
    """Rows by their mean, the most surprising first; those with a mean to speak of, if there are some."""
    long = [row for row, each in enumerate(costs) if len(each) >= shortest]
    rows = np.array(long or [row for row, each in enumerate(costs) if len(each)], dtype=np.int64)
    means = np.array([costs[row].mean() for row in rows])
    return rows[np.argsort(-means, kind="stable")]


def _legend(subject: Subject, unit: str, levels: tuple[float, ...]) -> str:
    if subject.kind == "series":
        return "What a pixel costs is minus the logarithm of the density that the model gave to it, in nats."
    return (
        f"What was expected with a chance of 37 % costs a nat, with 5 % three nats. Of all {unit}s the most surprising "
        f"5 % are marked (above {quantity(levels[0])} nats), the most surprising 1 % darker "
        f"(above {quantity(levels[1])})."
    )


def _card(subject: Subject, row: int, levels: tuple[float, ...], unit: str) -> Card:
    costs = subject.surprisals[row]
    note = f"{quantity(float(costs.mean()))} nats per {unit}, {counted(len(costs), unit)}"
    label = subject.source.label()
    words = [] if label is None else [f"{next(iter(subject.source.labels))}: {clipped(label[row], 40)}"]
    image = shaped(subject.source, row)
    if image is not None:
        return Card(subject.name(row), note, words, [portrait(image, extent_of([image]))])
    ids = subject.model._sequences(subject.source.take(np.array([row])))[0]
    return Card(
        clipped(subject.name(row), 80), note, words, spans=_marked(_PIECES[subject.kind](subject, ids), costs, levels)
    )


def _marked(pieces: Sequence[str], costs: np.ndarray, levels: tuple[float, ...]) -> list[Span]:
    """The text in runs of one level."""
    spans: list[Span] = []
    for piece, cost in zip(pieces[:_LONGEST], costs, strict=False):
        level = sum(bool(cost > least) for least in levels)
        if spans and spans[-1].level == level:
            spans[-1] = Span(spans[-1].text + piece, level)
        else:
            spans.append(Span(piece, level))
    return spans + [Span(" …")] * (len(pieces) > _LONGEST)


def _text_pieces(subject: Subject, ids: np.ndarray) -> list[str]:
    """What each item adds to the text: nothing but with the last byte of a character."""
    decoder = subject.model.schema_.decoder()
    return [_visible(decoder.feed(int(item))) for item in ids]


def _event_pieces(subject: Subject, ids: np.ndarray) -> list[str]:
    return [f"{clipped(item, 60)} " for item in subject.model.schema_.decode(ids)]


_PIECES: dict[str, Callable[[Subject, Any], list[str]]] = {"text": _text_pieces, "events": _event_pieces}


def _visible(text: str) -> str:
    """What moves the text of its own accord stands as its number."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"[{ord(c):X}]" for c in text)

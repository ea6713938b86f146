"""What the model writes by itself, and how much of it stands in the data word for word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

from latens.analysis import longest_copy
from latens.report.blocks import Block, Card, Cards, Section, Span, Strip, Strips, Words, counted, percent
from latens.report.passages import readable
from latens.report.portraits import extent_of, portrait
from latens.report.scatter import clipped
from latens.report.subject import Subject

__all__ = ["samples"]

_TEXTS, _LINES, _LENGTH, _TEMPERATURE = 3, 8, 300, 0.75
_EVENTS, _MOST_EVENTS, _IMAGES = 8, 60, 8
# Characters from which on a run counts as copied.
_COPIED = 50


def samples(subject: Subject) -> Section | None:
    """Of text, events, and images that are read as series."""
    if not subject.reads or (subject.kind == "series" and subject.source.image is None):
        return None
    return _KINDS[subject.kind](subject)


def _texts(subject: Subject) -> Section:
    lines = subject.model.schema_.lines
    n = _LINES if lines else _TEXTS
    found = subject.model.generate(
        "" if lines else "\n" * _knows_newline(subject),
        n=n,
        max_new_tokens=_LENGTH,
        temperature=_TEMPERATURE,
        random_state=subject.seed,
    )
    corpus = _lowered(subject, "\n".join(readable(document) for document in subject.source.documents))
    copies = [longest_copy(text, corpus, at_least=_COPIED) for text in found]
    longest = max(range(n), key=lambda i: copies[i].length)
    run = found[longest][copies[longest].start : copies[longest].start + copies[longest].length]
    copied = float(np.average([copy.share for copy in copies], weights=[max(len(text), 1) for text in found]))
    verdict = (
        f"Of {counted(n, 'text')} that it wrote, the longest run that stands in these lines as it is has "
        f"{counted(copies[longest].length, 'character')}; {percent(copied)} lies in runs of {_COPIED} or more."
    )
    cards = [
        Card(
            f"Text {i + 1}",
            f"longest copy: {counted(copy.length, 'character')}",
            spans=[Span(text.strip("\n") or "(nothing)")],
        )
        for i, (text, copy) in enumerate(zip(found, copies, strict=True))
    ]
    blocks: list[Block] = [
        Cards(cards),
        Words(f"The longest copy: “{clipped(run, 200)}”.", "faint"),
        Words(_settings(subject), "faint"),
    ]
    return Section("What it writes", verdict, blocks)


def _knows_newline(subject: Subject) -> bool:
    """A text begins where a line does, if the model has seen lines."""
    schema = subject.model.schema_
    return schema.tokens != "characters" or "\n" in schema.characters


def _lowered(subject: Subject, text: str) -> str:
    return text.lower() if subject.model.schema_.lower else text


def _settings(subject: Subject) -> str:
    return f"Drawn at temperature {_TEMPERATURE:g} with seed {subject.seed}; the same seed gives the same texts."


def _events(subject: Subject) -> Section:
    found = subject.model.generate((), n=_EVENTS, max_new_items=_MOST_EVENTS, random_state=subject.seed)
    there = {tuple(subject.source[row]) for row in range(len(subject))}
    known = sum(tuple(sequence) in there for sequence in found)
    verdict = (
        f"Of {counted(len(found), 'sequence')} that it drew, {known:,} stand{'s' * (known == 1)} in the data as drawn."
    )
    cards = [
        Card(f"Sequence {i + 1}", counted(len(each), "event"), spans=[Span(_listed(each))])
        for i, each in enumerate(found)
    ]
    note = f"Drawn at temperature 1 with seed {subject.seed}, of at most {_MOST_EVENTS} events."
    return Section("What it draws", verdict, [Cards(cards), Words(note, "faint")])


def _listed(sequence: Iterable[Any]) -> str:
    return ", ".join(clipped(event, 60) for event in islice(sequence, _MOST_EVENTS)) or "(empty)"


def _images(subject: Subject) -> Section:
    found = subject.model.generate(_IMAGES, random_state=subject.seed)
    extent = extent_of([subject.source.values])
    strip = Strip("Drawn pixel by pixel", [portrait(np.asarray(image), extent) for image in found])
    return Section(
        "What it draws", f"{counted(len(found), 'image')} from nothing, with seed {subject.seed}.", [Strips([strip])]
    )


_KINDS: dict[str, Callable[[Subject], Section]] = {"text": _texts, "events": _events, "series": _images}

"""What the experiments with text read: the published data sets, or, for a quick look, this package's own words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np

from latens.data import open_source
from latens.data.datasets import held
from latens.data.text import TextSource

__all__ = ["QUICK", "QuickTexts", "Text", "Titles", "load_text", "load_titles"]

_TEXT, _TITLES = "shakespear-karpathy-100k", "ag-news"
_OWN = "docstrings of latens"
_AG_TOPICS = {1: "world", 2: "sports", 3: "business", 4: "science and technology"}
# Parts of the package that are topics of their own.
_TOPICS = ("analysis", "data", "plots", "sampling")


@dataclass(frozen=True)
class QuickTexts:
    """How much is left of an experiment in the quick form."""

    characters: int = 8000
    titles: int = 240
    max_epochs: int = 2
    generated: int = 60


QUICK = QuickTexts()


@dataclass(frozen=True, eq=False)
class Text:
    """One long text.

    Args:
        name: The data set's.
        content: All of it.
        prompt: What generation begins with.
    """

    name: str
    content: str
    prompt: str

    def source(self) -> TextSource:
        """As estimators take it."""
        return TextSource((self.content,), name=self.name)

    def describe(self) -> dict[str, str | int]:
        """What a result has to say about its data."""
        return {"name": self.name, "characters": len(self.content)}


@dataclass(frozen=True, eq=False)
class Titles:
    """Short texts, each on one topic.

    Args:
        name: The data set's.
        titles: (n,).
        topics: (n,), never learned from.
    """

    name: str
    titles: tuple[str, ...]
    topics: np.ndarray

    def source(self) -> TextSource:
        """As estimators take it, without the topics."""
        return TextSource(self.titles, lines=True, name=self.name)

    def describe(self) -> dict[str, str | int]:
        """What a result has to say about its data."""
        return {"name": self.name, "titles": len(self.titles), "characters": sum(map(len, self.titles))}


def load_text(quick: bool) -> Text:
    """The published text; in the quick form its beginning, or as much of the package's own words if it is not here.

    Raises:
        DataError: The text is wanted whole and is not here.
    """
    if quick and not held(_TEXT):
        return Text(_OWN, "\n".join(sentence for _, sentence in _own())[: QUICK.characters], prompt="The ")
    source = open_source(f"dataset:{_TEXT}")
    assert isinstance(source, TextSource)
    return Text(_TEXT, source[0][: QUICK.characters if quick else None], prompt="KING" if quick else "EMILIA:")


def load_titles(quick: bool) -> Titles:
    """The titles of AG News; in the quick form some of them, or sentences about parts of this package.

    Raises:
        DataError: All are wanted, and they are not here.
    """
    if quick and not held(_TITLES):
        found = [(topic, sentence) for topic, sentence in _own() if topic in _TOPICS]
        # Evenly from all of them, so that every topic is among them
        rows = np.linspace(0, len(found) - 1, min(QUICK.titles, len(found))).astype(int)
        return Titles(_OWN, tuple(found[row][1] for row in rows), np.array([found[row][0] for row in rows]))
    source = open_source(f"dataset:{_TITLES}")
    assert isinstance(source, TextSource)
    n = QUICK.titles if quick else len(source)
    topics = np.array([_AG_TOPICS[int(label)] for label in source.labels["label"][:n]])
    return Titles(_TITLES, tuple(map(str, source.labels["title"][:n])), topics)


def _own() -> Iterator[tuple[str, str]]:
    """The first sentence of each docstring of this package, after the part that it belongs to."""
    for topic, module in _modules(files("latens"), ""):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (words := ast.get_docstring(node)):
                yield topic, " ".join(words.split("\n\n")[0].split())


def _modules(folder: Traversable, topic: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _modules(entry, topic or entry.name)
        elif entry.name.endswith(".py"):
            yield topic, entry

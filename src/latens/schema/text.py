"""What was learned about text: which items it is made of, and what becomes of characters that were not there."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from latens.errors import ConfigError, DataError, choice, whole
from latens.schema.byte_pairs import learn_pairs, pair_encoder, pair_pieces
from latens.schema.characters import Encoder, character_encoder, distinct, lowered, lowered_bytes, utf8
from latens.schema.items import MOST_ITEMS, UNKNOWN, check_fields, check_ids, smallest

__all__ = ["TOKENS", "Decoder", "TextSchema"]

TOKENS = ("characters", "bytes", "bpe")

_FIELDS = frozenset({"kind", "tokens", "lower", "unknown", "characters", "model", "lines", "column"})
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ON_UNKNOWN = {
    "error": "a character that was not there is an error",
    "drop": "a character that was not there is dropped",
    "token": "a character that was not there is the unknown item",
}


@dataclass(frozen=True)
class TextSchema:
    """The vocabulary of a text: the bijection between its items and the ids 0 to V - 1.

    Args:
        tokens: ``"characters"``; ``"bytes"`` of UTF-8, or of any file; or ``"bpe"``, byte pairs. Only characters can be
            unknown.
        lower: Everything is lower-cased first, character by character; of bytes only the letters A to Z.
        unknown: What becomes of a character that was not there: ``"error"``, ``"drop"``, or ``"token"``, an item of its
            own whose id is V - 1.
        characters: For ``tokens="characters"``, in the order of their first appearance.
        model: For ``tokens="bpe"``, the byte-pair model as JSON, as the library `tokenizers` writes it.
        lines: It was learned from short entries, each ended by a newline.
        column: The table's column that held the text.

    Raises:
        ConfigError: One of them is no such thing, or they do not go together.

    Example:
        >>> schema = TextSchema.learn(["Hello, ", "world"])
        >>> schema.encode("Hold").tolist()
        [0, 3, 2, 8]
        >>> schema.decode([0, 3, 2, 8])
        'hold'
    """

    kind: ClassVar[str] = "text"

    tokens: str = "characters"
    lower: bool = True
    unknown: str = "error"
    characters: tuple[str, ...] = ()
    model: str | None = None
    lines: bool = False
    column: str | None = None

    def __post_init__(self) -> None:
        choice("tokens", self.tokens, TOKENS)
        choice("unknown", self.unknown, UNKNOWN)
        _check_switches(lower=self.lower, lines=self.lines)
        if self.column is not None and not isinstance(self.column, str):
            raise ConfigError(f"column={self.column!r} is no name; use the name of a column, or None")
        if (self.tokens == "characters") != bool(self.characters) or (self.tokens == "bpe") != (self.model is not None):
            raise ConfigError(
                f"tokens={self.tokens!r} does not go with these characters and this model; "
                "use characters for characters, a model for bpe, and neither for bytes"
            )
        _check_characters(self.characters)
        self._pieces  # noqa: B018  # a byte-pair model is checked by taking it apart

    @classmethod
    def learn(
        cls,
        blocks: Iterable[str],
        *,
        tokens: str = "characters",
        lower: bool = True,
        unknown: str = "error",
        vocabulary_size: int = 1024,
        lines: bool = False,
        column: str | None = None,
    ) -> TextSchema:
        """The vocabulary of a whole text.

        Args:
            blocks: The text in pieces of any length.
            tokens: ``"characters"``, ``"bytes"`` or ``"bpe"``.
            lower: Lower-case everything.
            unknown: ``"error"``, ``"drop"`` or ``"token"``.
            vocabulary_size: Items of ``"bpe"``, at least the 256 bytes; a small text gives fewer.
            lines: Each entry is ended by a newline, which is an item even where no block holds it.
            column: Where in a table it was.

        Raises:
            ConfigError: An argument is out of range.
            DataError: There is no text.
            MissingExtra: ``"bpe"`` without the library `tokenizers`.
        """
        choice("tokens", tokens, TOKENS)
        _check_switches(lower=lower, lines=lines)
        characters: tuple[str, ...] = ()
        model = None
        if tokens == "characters":
            characters = _learn_characters(blocks, lower, lines)
        elif tokens == "bpe":
            size = whole("vocabulary_size", vocabulary_size, at_least=256)
            model = learn_pairs(_checked(blocks, lower), size)
        return cls(tokens, lower, unknown, characters, model, lines, column)

    @property
    def n_items(self) -> int:
        """V, the unknown item included where there is one."""
        return len(self._pieces)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Of the ids: the smallest of uint8, uint16 and int32."""
        return smallest(self.n_items)

    @cached_property
    def _pieces(self) -> tuple[bytes, ...]:
        """The UTF-8 of each item; of bytes and byte pairs it may be a part of a character."""
        if self.tokens == "bytes":
            return tuple(bytes([byte]) for byte in range(256))
        if self.tokens == "bpe":
            return pair_pieces(self.model)
        more = (_REPLACEMENT,) if self.unknown == "token" else ()
        return tuple(character.encode() for character in (*self.characters, *more))

    @cached_property
    def _encode(self) -> Encoder:
        if self.tokens == "bytes":
            return lambda text, where, start: self.encode_bytes(utf8(text, where, start))
        if self.tokens == "characters":
            return character_encoder(self.characters, self.lower, self.unknown)
        return _pair_ids(pair_encoder(str(self.model)), self.lower)

    def __getstate__(self) -> dict[str, object]:
        """What it was made of: what is worked out anew, closures among it, does not travel to other processes."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def encode(self, text: str, where: str = "text", start: int = 0) -> np.ndarray:  # -> (n,) of self.dtype
        """The ids of a text.

        Args:
            text: The text.
            where: What messages call it.
            start: Characters that lie before it in there; a message counts positions from 0.

        Raises:
            DataError: A character is unknown and ``unknown="error"``.
        """
        return self._encode(text, where, start).astype(self.dtype, copy=False)

    def encode_bytes(self, content: bytes) -> np.ndarray:  # -> (n,) uint8
        """The ids of bytes as they stand, which need not be UTF-8.

        Raises:
            ConfigError: The items are not bytes.
        """
        if self.tokens != "bytes":
            raise ConfigError(f'tokens={self.tokens!r} reads text; use encode, or tokens="bytes" at fit')
        return np.frombuffer(lowered_bytes(content) if self.lower else content, dtype=np.uint8)

    def decode(self, ids: np.ndarray | Sequence[int]) -> str:
        """The text of some ids. U+FFFD stands for the unknown item, and for bytes that are no character.

        Raises:
            ConfigError: An id is out of range.
        """
        places = check_ids(ids, self.n_items).tolist()
        return b"".join(map(self._pieces.__getitem__, places)).decode("utf-8", "replace")

    def decoder(self) -> Decoder:
        """A new `Decoder`, for ids that come one by one."""
        return Decoder(self._pieces)

    def describe(self) -> str:
        """In words.

        Example:
            >>> TextSchema.learn(["abc"]).describe()
            '3 characters, lower-cased; a character that was not there is an error'
        """
        noun = {"characters": "characters", "bytes": "bytes", "bpe": "byte pairs"}[self.tokens]
        count = len(self.characters) or self.n_items
        case = ", lower-cased" if self.lower else ""
        unknown = f"; {_ON_UNKNOWN[self.unknown]}" if self.characters else ""
        return f"{count:,} {noun}{case}{unknown}"

    def reading(self) -> dict[str, Any]:
        """How `open_source` has to read data of this schema."""
        return {"kind": self.kind, "column": self.column}

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return {
            "kind": self.kind,
            "tokens": self.tokens,
            "lower": self.lower,
            "unknown": self.unknown,
            "characters": "".join(self.characters),
            "model": self.model,
            "lines": self.lines,
            "column": self.column,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> TextSchema:
        """The inverse of `to_json`; everything is checked, because a file can say anything.

        Raises:
            ConfigError: It is no such schema.
        """
        given = check_fields(fields, _FIELDS, "TextSchema")
        choice("kind", given.pop("kind"), (cls.kind,))
        if not isinstance(given["characters"], str):
            raise ConfigError("schema: its characters are no text; use TextSchema.to_json")
        if len(given["characters"]) > MOST_ITEMS:
            raise ConfigError(f"schema: more than {MOST_ITEMS:,} characters; use TextSchema.to_json")
        return cls(**given | {"characters": tuple(given["characters"])})


class Decoder:
    """Text from ids that come one by one, never with half of a character.

    Args:
        pieces: The UTF-8 of each item.

    Example:
        >>> decoder = TextSchema(tokens="bytes").decoder()
        >>> [decoder.feed(byte) for byte in "aß".encode()], decoder.flush()
        (['a', '', 'ß'], '')
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, item: int) -> str:
        """The text that is complete with this item; often empty for bytes.

        Raises:
            ConfigError: It is no id.
        """
        return self._decoder.decode(self._pieces[int(check_ids([item], len(self._pieces))[0])])

    def feed_all(self, items: Sequence[int]) -> str:
        """The same for several items at once."""
        pieces = self._pieces
        return self._decoder.decode(b"".join([pieces[item] for item in check_ids(items, len(pieces)).tolist()]))

    def flush(self) -> str:
        """What is left at the end: U+FFFD for a character that never became complete."""
        return self._decoder.decode(b"", final=True)


def _pair_ids(encode: Callable[[str], list[int]], lower: bool) -> Encoder:
    def ids(text: str, where: str, start: int) -> np.ndarray:
        utf8(text, where, start)  # refuses half a surrogate pair in our words
        return np.array(encode(lowered(text) if lower else text), dtype=np.int32)

    return ids


def _checked(blocks: Iterable[str], lower: bool) -> Iterator[str]:
    """The blocks as they are learned from, whole characters only."""
    for block in blocks:
        utf8(block, "text")
        yield lowered(block) if lower else block


def _learn_characters(blocks: Iterable[str], lower: bool, lines: bool) -> tuple[str, ...]:
    found = distinct(lowered(block) if lower else block for block in blocks)
    if not found:
        raise DataError("text: is empty; give it some text to learn from")
    return (*found, "\n") if lines and "\n" not in found else found


def _check_switches(**switches: object) -> None:
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise ConfigError(f"{name}={value!r} is neither yes nor no; use True or False")


def _check_characters(characters: object) -> None:
    if not isinstance(characters, tuple) or not all(isinstance(c, str) and len(c) == 1 for c in characters):
        raise ConfigError("characters: not all are single characters; use a tuple of them")
    if len(set(characters)) < len(characters):
        raise ConfigError("characters: one is there twice; use each once")
    if any("\ud800" <= character <= "\udfff" for character in characters):
        raise ConfigError("characters: one is half of a surrogate pair; use whole characters")

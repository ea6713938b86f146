"""Text as numbers: code points and bytes, without a loop over the characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

import numpy as np

from latens.errors import DataError, setting
from latens.schema.items import settled

__all__ = ["character_encoder", "code_points", "distinct", "lowered", "lowered_bytes", "utf8"]

# (text, what messages call it, its position in there) -> ids
Encoder = Callable[[str, str, int], np.ndarray]


def lowered(text: str) -> str:
    """Lower case, character by character.

    `str.lower` looks around in one case: a capital sigma at the end of a word becomes the final form. Here it never
    does, so that a text means the same as a whole and in blocks.

    Example:
        >>> lowered("ΟΔΟΣ"), "ΟΔΟΣ".lower()
        ('οδοσ', 'οδος')
    """
    return text.replace("Σ", "σ").lower()


def lowered_bytes(content: bytes) -> bytes:
    """Lower case of the letters A to Z; other bytes may be anything."""
    return content.lower()


def utf8(text: str, where: str, start: int = 0) -> bytes:
    """The bytes of a text.

    Raises:
        DataError: It holds half of a surrogate pair, which is no character.
    """
    return _encoded(text, "utf-8", where, start)


def code_points(text: str, where: str, start: int = 0) -> np.ndarray:  # -> (n,) uint32
    """The code points of a text.

    Raises:
        DataError: It holds half of a surrogate pair, which is no character.

    Example:
        >>> code_points("aß", "text").tolist()
        [97, 223]
    """
    return np.frombuffer(_encoded(text, "utf-32-le", where, start), dtype="<u4")


def _encoded(text: str, encoding: str, where: str, start: int) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        half = text[error.start]
        raise DataError(
            f"{where}: character {half!r} at position {start + error.start} is half of a surrogate pair; "
            'repair it with text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")'
        ) from error


def distinct(blocks: Iterable[str]) -> tuple[str, ...]:
    """The characters of a text in the order of their first appearance.

    Raises:
        DataError: One is half of a surrogate pair.

    Example:
        >>> distinct(["hello ", "world"])
        ('h', 'e', 'l', 'o', ' ', 'w', 'r', 'd')
    """
    seen: dict[str, None] = {}
    for block in blocks:
        new = set(block).difference(seen)
        if any("\ud800" <= character <= "\udfff" for character in new):
            utf8(block, "text")  # says where
        seen.update(dict.fromkeys(sorted(new, key=block.index)))
    return tuple(seen)


def character_encoder(characters: Sequence[str], lower: bool, unknown: str) -> Encoder:
    """What gives a text's ids: the places of its characters among `characters`, int32."""
    known = code_points("".join(characters), "characters")
    # One more than the highest code point: everything above it is unknown too.
    places = np.full(int(known.max()) + 2, -1, dtype=np.int32)
    places[known] = np.arange(len(known))

    def encode(text: str, where: str, start: int) -> np.ndarray:
        codes = code_points(lowered(text) if lower else text, where, start)
        ids = places[np.minimum(codes, len(places) - 1)]
        return settled(ids, unknown, len(known), lambda at: _unknown(text, lower, where, start, at))

    return encode


def _unknown(text: str, lower: bool, where: str, start: int, at: int) -> DataError:
    """The error for what is at `at` after lower-casing, where one character may have become two."""
    if lower:
        ends = accumulate(len(lowered(character)) for character in text)
        at = next(i for i, end in enumerate(ends) if end > at)
    return DataError(
        f"{where}: character {text[at]!r} at position {start + at} was not in the text that the model learned from; "
        f'replace it, or fit with {setting("unknown", "drop")} or "token"'
    )

"""Byte pairs: items that are frequent strings of bytes, so that every text can be written with them.

Training and encoding are those of the library `tokenizers`; of its model only the vocabulary and the merges are kept in
use, so a model file has no say in how text is split. Decoding needs no library.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from latens.errors import ConfigError, MissingExtra
from latens.schema.items import MOST_ITEMS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["learn_pairs", "pair_encoder", "pair_pieces"]

_OWN = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))


@cache
def _alphabet() -> dict[str, int]:
    """The byte behind each character of the model: itself if it shows, else the next free one from U+0100 on."""
    others = [byte for byte in range(256) if byte not in _OWN]
    return {chr(byte): byte for byte in _OWN} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


def learn_pairs(blocks: Iterable[str], vocabulary_size: int) -> str:
    """Byte-level byte-pair encoding (Sennrich et al., 2016, https://doi.org/10.18653/v1/P16-1162).

    Args:
        blocks: The text.
        vocabulary_size: Items, at least the 256 bytes; a small text gives fewer than it is asked for.

    Returns:
        The model as JSON, as `tokenizers` writes it.

    Raises:
        MissingExtra: `tokenizers` is not installed.
    """
    tokenizers = _tokenizers()
    tokenizer = _byte_level(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        initial_alphabet=sorted(_alphabet()),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(iter(blocks), trainer)
    return str(tokenizer.to_str())


def pair_encoder(model: str) -> Callable[[str], list[int]]:
    """What gives a text's ids.

    Raises:
        MissingExtra: `tokenizers` is not installed.
    """
    fields = json.loads(model)["model"]
    merges = [(left, right) for left, right in fields["merges"]]
    tokenizer = _byte_level(_tokenizers().models.BPE(fields["vocab"], merges))
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)


def _byte_level(model: Any) -> Tokenizer:
    tokenizers = _tokenizers()
    tokenizer: Tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def _tokenizers() -> ModuleType:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtra.of("tokenizers", "text") from error
    return tokenizers


def pair_pieces(model: object) -> tuple[bytes, ...]:
    """The bytes of every item of a model, which is checked on the way: it may come from a stranger's file.

    Raises:
        ConfigError: It is no byte-level byte-pair model.
    """
    vocabulary, merges = _fields(model)
    by_id = sorted(vocabulary, key=vocabulary.__getitem__)
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        _refuse("its ids are not 0, 1, 2, …")
    pieces = tuple(_bytes(token) for token in by_id)
    if not _alphabet().keys() <= vocabulary.keys():
        _refuse("it lacks some of the 256 bytes")
    for left, right in merges:
        if not {left, right, left + right} <= vocabulary.keys():
            _refuse("it merges what is no item")
    return pieces


def _fields(model: object) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The vocabulary and the merges, each of the right type."""
    if not isinstance(model, str):
        _refuse("it is no text")
    try:
        fields = json.loads(model)["model"]
        kind, vocabulary, merges = fields["type"], fields["vocab"], fields["merges"]
    except (ValueError, TypeError, KeyError, RecursionError):
        _refuse("it cannot be read")
    if kind != "BPE" or not isinstance(vocabulary, dict) or not isinstance(merges, list):
        _refuse("it has another form")
    if len(vocabulary) > MOST_ITEMS or any(type(place) is not int for place in vocabulary.values()):
        _refuse("its ids are no numbers, or there are too many")
    return vocabulary, list(_pairs(merges))


def _pairs(merges: list[object]) -> Iterator[tuple[str, str]]:
    for pair in merges:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) and part for part in pair):
            _refuse("its merges are no pairs")
        yield pair[0], pair[1]


def _bytes(token: str) -> bytes:
    alphabet = _alphabet()
    if not token or not alphabet.keys() >= set(token):
        _refuse(f"{token[:40]!r} is no string of bytes")
    return bytes(alphabet[character] for character in token)


def _refuse(reason: str) -> NoReturn:
    raise ConfigError(f"model: {reason}; use the byte-pair model of a TextSchema that was learned")

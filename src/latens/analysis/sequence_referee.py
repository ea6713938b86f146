"""The referee of every sequence model: what does the network predict that counting does not?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from latens.analysis.ngrams import Documents, ngram_nats, unigram_nats, xz_nats
from latens.errors import finite

__all__ = ["SequenceReferee", "judge_sequences"]

# Costs within this share of each other are called level: less than the spread between seeds.
_LEVEL = 0.01
_ORDER = 5
# Nats per item that are none: of a text that says one thing all the time.
_NOTHING = 1e-6


@dataclass(frozen=True)
class SequenceReferee:
    """A model's cost per item beside those of a unigram, a 5-gram and xz.

    Args:
        rows: ``"held-out"``, or ``"training"`` if nothing was held out.
        n_items: Items that were predicted.
        model_nats: The model's cross-entropy, nats per item.
        unigram_nats: That of single items with add-one smoothing.
        ngram_nats: That of the interpolated 5-gram.
        xz_nats: What these items add to the training text under xz; None where there is no text.
        characters_per_item: Of text the mean length of an item: 1 of characters, more of word pieces; the bits are
            then bits per character. None for items that are no text.
    """

    rows: str
    n_items: int
    model_nats: float
    unigram_nats: float
    ngram_nats: float
    xz_nats: float | None = None
    characters_per_item: float | None = None

    @property
    def model_bits(self) -> float:
        """The model's bits per character, or per item where items are no text; so the others."""
        return self._bits(self.model_nats)

    @property
    def unigram_bits(self) -> float:
        """The unigram's."""
        return self._bits(self.unigram_nats)

    @property
    def ngram_bits(self) -> float:
        """The 5-gram's."""
        return self._bits(self.ngram_nats)

    @property
    def xz_bits(self) -> float | None:
        """Those of xz, if there is a text."""
        return None if self.xz_nats is None else self._bits(self.xz_nats)

    @property
    def rival(self) -> str:
        """What to use where the network gains nothing: the 5-gram, or the unigram where that predicts better."""
        return "unigram" if self.unigram_nats < self.ngram_nats else f"{_ORDER}-gram"

    @property
    def rival_nats(self) -> float:
        """The rival's cost."""
        return max(min(self.unigram_nats, self.ngram_nats), 0.0)

    @property
    def ratio(self) -> float:
        """The model's cost over the rival's: below one, the network earned its place. NaN if the rival's is zero."""
        return self.model_nats / self.rival_nats if self.rival_nats > 0 else float("nan")

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        if abs(self.ratio - 1) <= _LEVEL or max(self.model_nats, self.rival_nats) < _NOTHING:
            return f"level with a {self.rival}: {self._figures(model_first=True)}"
        if self.ratio < 1:
            gain = 100 * (1 - self.ratio)
            return f"predicts better than a {self.rival} by {gain:.1f} %: {self._figures(model_first=True)}"
        gain = 100 * (1 - 1 / self.ratio) if self.ratio > 1 else 100.0
        return f"use the {self.rival}: it predicts better by {gain:.1f} %, {self._figures(model_first=False)}"

    def _bits(self, nats: float) -> float:
        return nats / math.log(2.0) / (self.characters_per_item or 1.0)

    def _figures(self, model_first: bool) -> str:
        unit = "item" if self.characters_per_item is None else "character"
        n = round(self.n_items * (self.characters_per_item or 1.0))
        rival = self._bits(self.rival_nats)
        first, second = (self.model_bits, rival) if model_first else (rival, self.model_bits)
        plain = {"unigram": self.unigram_bits, f"{_ORDER}-gram": self.ngram_bits}
        del plain[self.rival]
        shown = plain if self.xz_bits is None else {"xz": self.xz_bits, **plain}
        others = ", ".join(f"{name} {bits:.3g}" for name, bits in shown.items())
        return (
            f"{first:.3g} bits per {unit} against {second:.3g} ({others}) on {n:,} {self.rows} {unit}{'s' * (n != 1)}"
        )


def judge_sequences(
    train: Documents,
    held_out: Documents,
    model_nats: float,
    n_items: int,
    *,
    texts: tuple[bytes, bytes] | None = None,
    characters_per_item: float | None = None,
) -> SequenceReferee:
    """Count the training items and compare on the held-out ones (on the training items if there are none).

    Args:
        train: What the model learned from.
        held_out: What it did not see; it may be empty.
        model_nats: The model's cross-entropy in nats per item on the items of comparison, first items included.
        n_items: Size of the vocabulary.
        texts: The text of `train` and of `held_out`, for xz; None leaves it out.
        characters_per_item: Of text the mean length of an item in the items of comparison.

    Raises:
        ConfigError: model_nats is negative or not finite, or characters_per_item is not above zero.
        DataError: There are no items, or one is beyond the vocabulary.

    Example:
        >>> from latens.analysis.ngrams import documents
        >>> train, held_out = documents([[0, 1, 2] * 50]), documents([[0, 1, 2] * 5])
        >>> judge_sequences(train, held_out, model_nats=1.0, n_items=3).verdict
        'use the 5-gram: it predicts better by 92.6 %, 0.107 bits per item against 1.44 (unigram 1.58)
        on 15 held-out items'
    """
    finite("model_nats", model_nats, at_least=0.0)
    if characters_per_item is not None:
        finite("characters_per_item", characters_per_item, at_least=1e-6)
    rows, judged = ("held-out", held_out) if len(held_out) else ("training", train)
    return SequenceReferee(
        rows,
        len(judged),
        float(model_nats),
        unigram_nats(train, judged, n_items),
        ngram_nats(train, judged, n_items, _ORDER),
        None if texts is None else _xz_nats(*texts, held_out, train),
        characters_per_item,
    )


def _xz_nats(text: bytes, held_out_text: bytes, held_out: Documents, train: Documents) -> float:
    """Of training items the whole text's cost: after itself a text costs nothing."""
    return xz_nats(text, held_out_text, len(held_out)) if len(held_out) else xz_nats(b"", text, len(train))

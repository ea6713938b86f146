"""What the referee says of a sequence model."""

from __future__ import annotations

import math

import numpy as np
import pytest

from latens.analysis import SequenceReferee, judge_sequences
from latens.analysis.ngrams import documents, ngram_nats, unigram_nats, xz_nats
from latens.errors import ConfigError, DataError

BIT = math.log(2)


def text() -> tuple[bytes, bytes]:
    letters = np.random.default_rng(0).choice(list(b"eeeetttaaoo   "), 4000).astype(np.uint8).tobytes()
    return letters[:3000], letters[3000:]


def of(data: bytes):
    return documents(np.frombuffer(data, np.uint8))


class TestVerdict:
    @pytest.mark.parametrize(
        ("referee", "verdict"),
        [
            (
                SequenceReferee("held-out", 111_540, 2.21 * BIT, 4.8 * BIT, 2.9 * BIT, 3.4 * BIT, 1.0),
                "predicts better than a 5-gram by 23.8 %: 2.21 bits per character against 2.9 (xz 3.4, unigram 4.8) "
                "on 111,540 held-out characters",
            ),
            (
                SequenceReferee("held-out", 1000, 8.0 * BIT, 10 * BIT, 6.0 * BIT, None, 4.0),
                "use the 5-gram: it predicts better by 25.0 %, 1.5 bits per character against 2 (unigram 2.5) "
                "on 4,000 held-out characters",
            ),
            (
                SequenceReferee("training", 1, 1.005 * BIT, 2 * BIT, BIT),
                "level with a 5-gram: 1 bits per item against 1 (unigram 2) on 1 training item",
            ),
            (
                SequenceReferee("held-out", 5, BIT, 0.0, 0.0),
                "use the 5-gram: it predicts better by 100.0 %, 0 bits per item against 1 (unigram 0) "
                "on 5 held-out items",
            ),
            (
                SequenceReferee("held-out", 500, 2.51 * BIT, 2.37 * BIT, 2.78 * BIT),
                "use the unigram: it predicts better by 5.6 %, 2.37 bits per item against 2.51 (5-gram 2.78) "
                "on 500 held-out items",
            ),
            (
                SequenceReferee("held-out", 500, 1e-9, 0.0, 0.0, 0.1),
                "level with a 5-gram: 1.44e-09 bits per item against 0 (xz 0.144, unigram 0) on 500 held-out items",
            ),
        ],
    )
    def test_is_one_sentence(self, referee, verdict):
        assert referee.verdict == verdict

    def test_bits_are_per_character_where_there_are_some(self):
        referee = SequenceReferee("held-out", 10, 4 * BIT, 8 * BIT, 6 * BIT, 2 * BIT, characters_per_item=2.0)
        bits = (referee.model_bits, referee.unigram_bits, referee.ngram_bits, referee.xz_bits)
        assert bits == pytest.approx((2, 4, 3, 1))
        assert referee.ratio == pytest.approx(2 / 3)


class TestJudge:
    def test_counts_training_and_compares_on_what_was_held_out(self):
        train, held_out = text()
        referee = judge_sequences(of(train), of(held_out), 1.5, 256, texts=(train, held_out), characters_per_item=1)
        assert (referee.rows, referee.n_items, referee.model_nats) == ("held-out", 1000, 1.5)
        assert referee.unigram_nats == unigram_nats(of(train), of(held_out), 256)
        assert referee.ngram_nats == ngram_nats(of(train), of(held_out), 256, order=5)
        assert referee.xz_nats == xz_nats(train, held_out, 1000)
        assert "on 1,000 held-out characters" in referee.verdict

    def test_compares_on_training_items_if_nothing_was_held_out(self):
        train, _ = text()
        referee = judge_sequences(of(train), of(b""), 1.5, 256, texts=(train, b""))
        assert (referee.rows, referee.n_items) == ("training", 3000)
        assert referee.xz_nats == xz_nats(b"", train, 3000)

    def test_without_a_text_there_is_no_xz(self):
        train, held_out = text()
        referee = judge_sequences(of(train), of(held_out), 1.5, 256)
        assert referee.xz_nats is None
        assert referee.xz_bits is None
        assert "xz" not in referee.verdict

    def test_refuses_nonsense(self):
        train, held_out = map(of, text())
        with pytest.raises(ConfigError, match=r"model_nats=nan is out of range"):
            judge_sequences(train, held_out, float("nan"), 256)
        with pytest.raises(ConfigError, match=r"characters_per_item=0 is out of range"):
            judge_sequences(train, held_out, 1.0, 256, characters_per_item=0)
        with pytest.raises(DataError, match=r"train: item 0 is .* use ids from 0 to 3"):
            judge_sequences(train, held_out, 1.0, 4)

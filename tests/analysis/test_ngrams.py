"""Counting, against arithmetic by hand and against the definition written out."""

from __future__ import annotations

import lzma
import math
from collections import Counter
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.analysis import ngrams
from latens.analysis.ngrams import documents, ngram_nats, ngram_surprisals, unigram_nats, xz_nats
from latens.errors import ConfigError, DataError


def by_definition(train: list[list[int]], held_out: list[list[int]], n_items: int, order: int) -> list[float]:
    """Witten and Bell's interpolation, a dictionary a context."""
    followers: dict[tuple[int, ...], Counter] = {}
    for document in train:
        for t, item in enumerate(document):
            for length in range(min(order - 1, t) + 1):
                followers.setdefault(tuple(document[t - length : t]), Counter())[item] += 1

    def probability(context: tuple[int, ...], item: int) -> float:
        lower = probability(context[1:], item) if context else 1 / n_items
        seen = followers.get(context)
        return (seen[item] + len(seen) * lower) / (seen.total() + len(seen)) if seen else lower

    return [
        -math.log(probability(tuple(document[max(0, t - order + 1) : t]), item))
        for document in held_out
        for t, item in enumerate(document)
    ]


SEQUENCES = st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=5)


class TestNgram:
    @settings(max_examples=200, deadline=None)
    @given(SEQUENCES, SEQUENCES, st.integers(1, 6))
    def test_is_its_definition(self, train, held_out, order):
        if not any(held_out):
            return
        ours = ngram_surprisals(documents(train), documents(held_out), n_items=5, order=order)
        assert np.allclose(ours, by_definition(train, held_out, 5, order), rtol=1e-12)

    def test_by_hand(self):
        train, held_out = documents([[0, 1, 0, 2]]), documents([[0, 1]])
        # Unigrams: 0 twice of 4, three kinds, base 1/3. Then of 0's two followers one is 1, with two kinds.
        first = (2 + 3 / 3) / (4 + 3)
        second = (1 + 2 * (1 + 3 / 3) / 7) / (2 + 2)
        assert np.allclose(np.exp(-ngram_surprisals(train, held_out, 3, order=2)), [first, second])

    @pytest.mark.parametrize("context", [[], [0], [1, 2, 0, 1], [3, 3, 3, 3], [4, 0, 1]])
    def test_probabilities_sum_to_one_over_the_vocabulary(self, context):
        train = documents([np.random.default_rng(0).integers(0, 4, 200)])
        n_items = 6
        costs = ngram_surprisals(train, documents([[*context, item] for item in range(n_items)]), n_items)
        last = costs.reshape(n_items, -1)[:, -1]
        assert np.exp(-last).sum() == pytest.approx(1.0, abs=1e-12)

    def test_an_item_that_training_never_had_has_a_finite_cost(self):
        train, held_out = documents([[0, 1, 0, 1]]), documents([[0, 7, 1]])
        assert np.isfinite(ngram_surprisals(train, held_out, n_items=8)).all()
        assert math.isfinite(unigram_nats(train, held_out, n_items=8))

    def test_without_training_every_item_is_equally_likely(self):
        assert ngram_nats(documents([]), documents([[0, 3]]), n_items=4) == pytest.approx(math.log(4))

    def test_contexts_do_not_cross_the_start_of_a_document(self):
        apart, together = documents([[0, 1], [2, 3]]), documents([[0, 1, 2, 3]])
        held_out = documents([[1, 2]])
        assert ngram_nats(apart, held_out, 4) > ngram_nats(together, held_out, 4)
        split = documents([[1], [2]])
        assert ngram_surprisals(together, split, 4)[1] > ngram_surprisals(together, held_out, 4)[1]

    def test_finds_a_rule_that_unigrams_cannot(self):
        cycle = np.tile(np.arange(10), 200)
        train, held_out = documents(cycle), documents(cycle[:500])
        assert unigram_nats(train, held_out, 10) == pytest.approx(math.log(10), rel=1e-3)
        assert ngram_nats(train, held_out, 10) < 0.05

    def test_is_quick(self):
        random = np.random.default_rng(0)
        train, held_out = documents(random.integers(0, 60, 300_000)), documents(random.integers(0, 60, 30_000))
        start = perf_counter()
        ngram_nats(train, held_out, 60)
        assert perf_counter() - start < 5

    def test_large_vocabularies(self):
        ids = np.random.default_rng(0).zipf(1.3, 20_000) % 50_000
        assert 0 < ngram_nats(documents(ids), documents(ids[:1000]), 50_000) < math.log(50_000)


def test_unigrams_by_hand():
    cost = unigram_nats(documents([[0, 0, 1]]), documents([[0], [2]]), n_items=3)
    assert cost == pytest.approx(-(math.log(3 / 6) + math.log(1 / 6)) / 2)


class TestDocuments:
    def test_a_list_is_an_array_with_offsets(self):
        listed, flat = documents([[1, 2], [], [3]]), documents(np.array([1, 2, 3]), np.array([0, 2, 2, 3]))
        assert np.array_equal(listed.ids, flat.ids)
        assert np.array_equal(listed.offsets, flat.offsets)
        assert flat.places().tolist() == [0, 1, 0]

    @pytest.mark.parametrize("offsets", [[], [0], [0, 2], [1, 3], [0, 2, 1, 3]])
    def test_offsets_rise_from_none_to_all(self, offsets):
        with pytest.raises(DataError, match=r"offsets=.* of 3 ids; give n \+ 1 numbers that rise from 0 to 3"):
            documents(np.array([1, 2, 3]), np.array(offsets))

    @pytest.mark.parametrize("ids", [np.zeros((2, 2), dtype=int), np.array([0.5]), [[0.5], [1]]])
    def test_ids_are_whole_numbers(self, ids):
        with pytest.raises(DataError, match=r"ids of shape .* give whole numbers in one dimension"):
            documents(ids)


class TestXz:
    def test_is_the_difference_of_two_sizes(self, monkeypatch):
        train, held_out = b"all the world is a stage " * 9, b"and all the men and women merely players"
        ours = xz_nats(train, held_out, len(held_out))
        sizes = [len(lzma.compress(t, lzma.FORMAT_ALONE)) for t in (train + held_out, train)]
        assert ours == pytest.approx(8 * math.log(2) * (sizes[0] - sizes[1]) / len(held_out), rel=0.1)
        monkeypatch.setattr(ngrams, "_LONGEST_TEXT", 10)
        assert xz_nats(train, held_out, len(held_out)) > ours

    def test_what_was_there_before_costs_little(self):
        text = np.random.default_rng(0).integers(97, 123, 3000, dtype=np.uint8).tobytes()
        assert xz_nats(text, text[:500], 500) < 0.2 < xz_nats(b"", text[:500], 500)

    def test_needs_something_to_compress(self):
        with pytest.raises(DataError, match=r"0 bytes held out as 0 items"):
            xz_nats(b"abc", b"", 0)


class TestErrors:
    @pytest.mark.parametrize("cost", [unigram_nats, ngram_nats])
    def test_name_the_item(self, cost):
        with pytest.raises(DataError, match=r"held_out: item 2 is 5; use ids from 0 to 4"):
            cost(documents([[0, 1]]), documents([[0, 1], [5]]), 5)
        with pytest.raises(DataError, match=r"train: item 0 is -1; use ids"):
            cost(documents([[-1, 1]]), documents([[0, 1]]), 5)
        with pytest.raises(DataError, match=r"held_out: 0 items; give some"):
            cost(documents([[0, 1]]), documents([[]]), 5)
        with pytest.raises(ConfigError, match=r"n_items=0 is out of range"):
            cost(documents([[0, 1]]), documents([[0]]), 0)

    def test_the_order_is_at_least_one(self):
        with pytest.raises(ConfigError, match=r"order=0 is out of range"):
            ngram_nats(documents([[0]]), documents([[0]]), 1, order=0)

"""The longest run of a sample in a corpus, against looking for every run."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.analysis import longest_copy
from latens.errors import ConfigError, DataError


def by_looking(sample: str, corpus: str, at_least: int) -> tuple[int, int, int, float]:
    """Length, start, place and share by the definition."""
    runs = [(length, start) for length in range(len(sample), 0, -1) for start in range(len(sample) - length + 1)]
    length, start = next(((n, at) for n, at in runs if sample[at : at + n] in corpus), (0, 0))
    copied = {i for n, at in runs if n >= at_least and sample[at : at + n] in corpus for i in range(at, at + n)}
    place = corpus.find(sample[start : start + length]) if length else 0
    return length, start, place, len(copied) / len(sample) if sample else 0.0


@settings(max_examples=400, deadline=None)
@given(st.text("ab", max_size=16), st.text("abc", max_size=40), st.integers(1, 6))
def test_is_what_looking_for_every_run_finds(sample, corpus, at_least):
    copy = longest_copy(sample, corpus, at_least=at_least)
    assert (copy.length, copy.start, copy.place, copy.share) == by_looking(sample, corpus, at_least)
    assert copy.at_least == at_least


@pytest.mark.parametrize("length", [1, 2, 3, 31, 32, 33, 63, 64, 65, 100])
def test_every_length_is_exact(length):
    run = np.arange(length)
    sample, corpus = np.concatenate([[1000], run, [1001]]), np.concatenate([run[::-1] + 2000, run, [3000]])
    copy = longest_copy(sample, corpus, at_least=length)
    assert (copy.length, copy.start, copy.place) == (length, 1, length)
    assert copy.share == pytest.approx(length / (length + 2))


def test_a_sample_that_is_all_copied():
    copy = longest_copy("not to be", "to be or not to be", at_least=9)
    assert (copy.length, copy.start, copy.place, copy.share) == (9, 0, 9, 1.0)


def test_texts_bytes_and_ids_say_the_same():
    sample, corpus = "wäre die nicht", "sein oder nicht sein"
    assert longest_copy(sample, corpus).length == len(" nicht")
    ids = [np.array([ord(letter) for letter in text]) for text in (sample, corpus)]
    assert longest_copy(*ids, at_least=3) == longest_copy(sample, corpus, at_least=3)
    assert longest_copy(b"abc", b"xxbcx").length == 2


@pytest.mark.parametrize(("sample", "corpus"), [("", "abc"), ("abc", ""), ("", ""), ("abc", "xyz")])
def test_nothing_in_common_is_no_copy(sample, corpus):
    copy = longest_copy(sample, corpus)
    assert (copy.length, copy.share) == (0, 0.0)


def test_is_quick():
    random = np.random.default_rng(0)
    corpus = random.integers(0, 60, 1_000_000)
    mixed = np.concatenate([random.integers(0, 60, 5_000), corpus[700_000:705_000]])
    start = perf_counter()
    copy = longest_copy(mixed, corpus)
    assert perf_counter() - start < 10
    assert copy.length - 5_000 in range(10)
    assert copy.share == pytest.approx(0.5, abs=0.01)


def test_a_corpus_of_one_letter_is_no_harder():
    copy = longest_copy("a" * 3000, "a" * 2000, at_least=2001)
    assert (copy.length, copy.share) == (2000, 0.0)


def test_refuses_nonsense():
    with pytest.raises(ConfigError, match=r"at_least=0 is out of range; use a whole number >= 1"):
        longest_copy("a", "a", at_least=0)
    with pytest.raises(DataError, match=r"sample is a text and corpus is of type ndarray; give two texts"):
        longest_copy("a", np.arange(3))
    with pytest.raises(DataError, match=r"corpus of shape \(2,\) \(float64\); give a text or whole numbers"):
        longest_copy(np.arange(3), np.array([0.5, 1.0]))

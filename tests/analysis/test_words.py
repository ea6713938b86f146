from __future__ import annotations

import numpy as np
import pytest

from latens.analysis.words import lsa, tf_idf, weigh_items, weigh_words
from latens.errors import DataError


def test_words_that_say_nothing_are_left_out_and_rare_ones_weigh_more():
    weights = tf_idf(["the stocks rise", "the stocks fall"]).toarray()
    assert weights.shape == (2, 3)
    assert weights[0].max() > weights[0][weights[0] > 0].min()


def test_other_texts_are_read_in_the_same_words():
    weigh = weigh_words(["stocks rise", "team wins"])
    assert weigh(["team sinks"]).shape == (1, 4)


def test_items_are_words_of_any_kind():
    weigh = weigh_items([["log in", "buy"], ["log in", 3]])
    assert weigh([["buy", "buy"]]).toarray().max() == pytest.approx(1.0)


@pytest.mark.parametrize("texts", [["the of"], [""]])
def test_no_word_at_all(texts):
    with pytest.raises(DataError, match="titles: holds no word to count; give it text with words in it"):
        weigh_words(texts, "titles")


def test_fewer_numbers_of_unit_length():
    few = lsa(tf_idf(["stocks rise", "stocks fall", "team wins", "team loses again"]), seed=0, n_components=2)
    assert few.shape == (4, 2)
    assert np.allclose(np.linalg.norm(few, axis=1), 1)

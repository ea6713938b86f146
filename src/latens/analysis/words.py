"""Documents as counted words: the simple method that every vector of a text has to beat."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from latens.errors import DataError

__all__ = ["lsa", "telling", "tf_idf", "weigh_items", "weigh_words"]

# Numbers a document is left with, at most.
_COMPONENTS = 100


def weigh_words(texts: Iterable[str], name: str = "text") -> Callable[[Iterable[str]], Any]:
    """The function that weighs words by how rare they are among these texts: n texts -> (n, words) sparse.

    Words are read as they usually are: in lower case, English stop words left out. Texts of nothing but such words, or
    of words that were not there, are rows of zeros.

    Args:
        texts: To learn from.
        name: What messages call them.

    Raises:
        DataError: They hold no word.

    Example:
        >>> weigh_words(["stocks rise", "stocks fall"])(["rise", "sink"]).toarray().sum(axis=1).tolist()
        [1.0, 0.0]
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    return _learned(TfidfVectorizer(stop_words="english"), texts, name)


def weigh_items(sequences: Iterable[Sequence[Hashable]], name: str = "events") -> Callable[[Iterable[Any]], Any]:
    """The same of sequences of items, whose order is lost as that of words is."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return _learned(TfidfVectorizer(analyzer=lambda items: [*map(repr, items)]), sequences, name)


def tf_idf(texts: Sequence[str]) -> Any:  # -> (n, words), sparse
    """Texts as weighed words of their own.

    Example:
        >>> tf_idf(["stocks rise", "team wins"]).shape
        (2, 4)
    """
    return weigh_words(texts)(texts)


def telling(
    documents: Sequence[Iterable[Hashable]], member: np.ndarray, count: int = 8
) -> list[tuple[Any, float, float]]:
    r"""The words or items that set some documents apart, by how much they say about which these are.

    .. math:: p \log \frac{p}{q}

    where p is the share of the members that hold the word and q that of all documents.

    Args:
        documents: n, each as its words or items.
        member: (n,) bool.
        count: At most so many.

    Returns:
        Each with p and q, the most telling first; a word of a single member tells nothing.

    Example:
        >>> telling([["a", "b"], ["a", "b"], ["a", "c"], ["a"]], np.array([True, True, False, False]))
        [('b', 1.0, 0.5)]
    """
    all_, mine = Counter[Any](), Counter[Any]()
    for words, inside in zip(documents, member.tolist(), strict=True):
        distinct = set(words)
        all_.update(distinct)
        if inside:
            mine.update(distinct)
    members, n = max(1, int(member.sum())), len(documents)
    shares = [(word, held / members, all_[word] / n) for word, held in mine.items() if held > 1]
    weighed = [(p * math.log(p / q), word, p, q) for word, p, q in shares if p > q]
    weighed.sort(key=lambda each: (-each[0], str(each[1])))
    return [(word, p, q) for _, word, p, q in weighed[:count]]


def lsa(counted: Any, seed: int, n_components: int = _COMPONENTS) -> np.ndarray:  # (n, words) -> (n, k)
    """The same in fewer numbers, of unit length (Deerwester et al., 1990).

    Args:
        counted: (n, words), sparse.
        seed: Of the randomised method.
        n_components: k, at most; never more than there are directions.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    components = max(1, min(n_components, min(counted.shape) - 1))
    return np.asarray(normalize(TruncatedSVD(components, random_state=seed).fit_transform(counted)))


def _learned(vectoriser: Any, given: Iterable[Any], name: str) -> Callable[[Iterable[Any]], Any]:
    try:
        vectoriser.fit(given)
    except ValueError as error:  # scikit-learn's "empty vocabulary"
        raise DataError(f"{name}: holds no word to count; give it text with words in it") from error
    return lambda texts: vectoriser.transform(texts)

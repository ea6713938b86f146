"""Titles clustered without their topics, and how well the clusters agree with these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from latens.estimators.reading import POOLINGS
from latens.estimators.text import TextAutoregressor
from latens.reproduce.texts import Titles

__all__ = ["CLUSTERS", "COUNTED", "agreement", "clusters_found"]

CLUSTERS = 4
# Words counted, and the same in fewer numbers (latent semantic analysis), of unit length.
COUNTED = ("TF-IDF", "LSA")
_LSA_COMPONENTS = 100
# Density means little among 128 numbers: HDBSCAN is given as many principal components as this.
_COMPONENTS = 10
_HDBSCAN = {"min_cluster_size": 25, "min_samples": 5}
# Titles among which the silhouette is taken: it compares all pairs.
_SILHOUETTE_ROWS = 2000


def clusters_found(model: TextAutoregressor, titles: Titles, seed: int) -> dict[str, Any]:
    """What k-means and HDBSCAN make of a model's vectors, by pooling, and k-means of counted words.

    Args:
        model: Fitted.
        titles: To cluster; their topics judge, and choose nothing.
        seed: Of k-means.
    """
    found = {
        pooling: _of_vectors(model.transform(titles.source(), pooling), titles.topics, seed) for pooling in POOLINGS
    }
    counted = _tf_idf(titles.titles)
    for name, vectors in zip(COUNTED, (counted, _lsa(counted, seed)), strict=True):
        found[name] = {"k-means": agreement(titles.topics, _k_means(vectors, seed))}
    return found


def agreement(topics: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
    r"""How well clusters agree with topics that they were not told.

    .. math:: \mathrm{NMI} = \frac{2 I(T; C)}{H(T) + H(C)}, \qquad \mathrm{accuracy} = \max_\pi \frac{1}{n} \sum_i
              [t_i = \pi(c_i)]

    The maximum over one-to-one assignments is found as Kuhn (1955, https://doi.org/10.1002/nav.3800020109) did.

    Args:
        topics: (n,).
        clusters: (n,), in numbers of any kind.

    Example:
        >>> agreement(np.array(["a", "a", "b", "b"]), np.array([1, 1, 0, 1]))["accuracy"]
        0.75
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(topics, clusters)
    rows, columns = linear_sum_assignment(table, maximize=True)
    accuracy = float(table[rows, columns].sum() / len(topics))
    return {"nmi": float(normalized_mutual_info_score(topics, clusters)), "accuracy": accuracy}


def _of_vectors(vectors: np.ndarray, topics: np.ndarray, seed: int) -> dict[str, Any]:
    """Of one pooling: the silhouette of its k-means, which needs no topics, and the agreement of both ways."""
    from sklearn.metrics import silhouette_score

    clusters = _k_means(vectors, seed)
    rows = min(_SILHOUETTE_ROWS, len(vectors))
    silhouette = float(silhouette_score(vectors, clusters, sample_size=rows, random_state=seed))
    dense = _hdbscan(vectors)
    return {
        "silhouette": silhouette,
        "k-means": agreement(topics, clusters),
        "HDBSCAN": agreement(topics, dense),
        "dense_clusters": len(set(dense.tolist()) - {-1}),
        "noise": float((dense == -1).mean()),
    }


def _k_means(vectors: Any, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(CLUSTERS, n_init=10, random_state=seed).fit_predict(vectors))


def _hdbscan(vectors: np.ndarray) -> np.ndarray:
    """Clusters of any number; what lies in none is -1 (Campello et al., 2013)."""
    from sklearn.cluster import HDBSCAN
    from sklearn.decomposition import PCA

    components = min(_COMPONENTS, *vectors.shape)
    few = PCA(components, svd_solver="full").fit_transform(vectors.astype(np.float64))
    return np.asarray(HDBSCAN(**_HDBSCAN, copy=True).fit_predict(few))


def _lsa(counted: Any, seed: int) -> np.ndarray:
    """Deerwester et al., 1990."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    components = min(_LSA_COMPONENTS, min(counted.shape) - 1)
    return np.asarray(normalize(TruncatedSVD(components, random_state=seed).fit_transform(counted)))


def _tf_idf(titles: Sequence[str]) -> Any:
    """Words as they are usually counted: lower case, English stop words left out."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(stop_words="english").fit_transform(titles)

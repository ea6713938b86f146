"""Titles clustered without their topics, and how well the clusters agree with these."""

from __future__ import annotations

from typing import Any

import numpy as np

from latens.analysis import Agreement, find_clusters
from latens.analysis.words import lsa, tf_idf
from latens.estimators.reading import POOLINGS
from latens.estimators.text import TextAutoregressor
from latens.reproduce.texts import Titles

__all__ = ["CLUSTERS", "COUNTED", "clusters_found"]

CLUSTERS = 4
# Words counted, and the same in fewer numbers (latent semantic analysis), of unit length.
COUNTED = ("TF-IDF", "LSA")
# Titles in a dense group at least.
_SMALLEST = 25


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
    counted = tf_idf(titles.titles)
    for name, vectors in zip(COUNTED, (counted, lsa(counted, seed)), strict=True):
        clustering = find_clusters(vectors, "kmeans", CLUSTERS, truth=titles.topics, seed=seed, n_fits=1)
        found[name] = {"k-means": _scores(clustering.agreement)}
    return found


def _of_vectors(vectors: np.ndarray, topics: np.ndarray, seed: int) -> dict[str, Any]:
    """Of one pooling: the silhouette of its k-means, which needs no topics, and the agreement of both ways."""
    near = find_clusters(vectors, "kmeans", CLUSTERS, truth=topics, seed=seed, n_fits=1)
    dense = find_clusters(vectors, "hdbscan", truth=topics, seed=seed, smallest=min(_SMALLEST, len(vectors)))
    return {
        "silhouette": near.silhouette,
        "k-means": _scores(near.agreement),
        "HDBSCAN": _scores(dense.agreement),
        "dense_clusters": dense.n_clusters,
        "noise": dense.noise,
    }


def _scores(agreement: Agreement | None) -> dict[str, float]:
    assert agreement is not None  # topics were given
    return {"nmi": agreement.nmi, "accuracy": agreement.accuracy}

"""Clusters of what a model has encoded, beside those of the data without the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from latens.analysis.clusters import ClusterComparison, compare_clusters
from latens.analysis.manifold import unfolded
from latens.errors import ConfigError, choice
from latens.estimators.encoding import SampleEncoder
from latens.estimators.plain import plain_input
from latens.seeds import resolve_seed

__all__ = ["ON", "applied_source", "cluster", "encoded"]

# What is clustered: the codes as they are, or laid out by their neighbours.
ON = ("codes", "map")
_MAP_OF = {"codes": "", "map": "map of the "}


def cluster(
    model: Any,
    X: Any,
    method: str = "kmeans",
    k: int | None = None,
    *,
    on: str = "codes",
    truth: Any = None,
    pooling: str | None = None,
    smallest: int | None = None,
    n_fits: int = 5,
    random_state: Any = 0,
) -> ClusterComparison:
    """Cluster the codes of a model, and the raw input by the same method.

    Of text the raw input is counted words (TF-IDF), of events counted items, of series their steps, or a summary of
    them where they differ in length; all else is what the network is given.

    Args:
        model: Fitted, of any kind.
        X: What its `transform` takes, n rows.
        method: ``"kmeans"``, ``"minibatch"``, ``"hdbscan"`` or ``"gmm"``; see `latens.analysis.find_clusters`.
        k: Clusters; 10 if None. HDBSCAN finds out itself.
        on: ``"codes"``, or ``"map"``: both are laid out by UMAP in 10 numbers first (needs the extra ``umap``).
        truth: (n,) classes to hold the clusters against; if None the first label of X, unless most rows have one of
            their own, as of an identifier. Never learned from.
        pooling: Of text, events and series, as `transform` takes it.
        smallest: Of HDBSCAN, rows in a cluster at least.
        n_fits: Fits with different seeds, which say how stable the clusters are.
        random_state: The first seed.

    Raises:
        ConfigError: A setting that cannot work, such as more clusters than rows.
        DataError: X is not what the model was fitted on, or has one row.
        MissingExtra: ``on="map"`` without umap-learn.

    Example:
        >>> from latens import Autoencoder
        >>> X = np.random.default_rng(0).normal(size=(60, 4)) + np.repeat([[0.0], [8.0]], 30, axis=0)
        >>> ae = Autoencoder(n_components=2, max_epochs=2, verbose=0).fit(X)
        >>> both = cluster(ae, X, k=2)
        >>> both.codes.n_clusters, both.raw.sizes.tolist()
        (2, [30, 30])
    """
    choice("on", on, ON)
    seed = resolve_seed(random_state) % 2**31  # scikit-learn takes no larger ones
    source = applied_source(model, X)
    plain = plain_input(model, source)
    codes, raw = encoded(model, source, pooling), plain.rows(source)
    if on == "map":
        codes, raw = unfolded(codes, seed), unfolded(raw, seed)
    truth = _classes(source.label()) if truth is None else np.asarray(truth)
    names = f"{_MAP_OF[on]}codes", f"{_MAP_OF[on]}raw input ({plain.words})"
    how: dict[str, Any] = {"truth": truth, "seed": seed, "n_fits": n_fits, "smallest": smallest}
    return compare_clusters(codes, raw, method, k, names=names, **how)


def _classes(label: np.ndarray | None) -> np.ndarray | None:
    """A label that says what kind a row is of; None for names and measures of single rows."""
    if label is None or len(np.unique(label.astype(str))) > len(label) / 2:
        return None
    return label


def applied_source(model: Any, X: Any) -> Any:
    """X as a source of the kind that the model was fitted on."""
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    return model._applied_source(X) if isinstance(model, SampleEncoder) else model._open(X)


def encoded(model: Any, source: Any, pooling: str | None = None) -> np.ndarray:  # -> (n, k)
    """The codes of a source's rows.

    Raises:
        ConfigError: Pooling for a model that reads no sequences.
    """
    if pooling is not None and isinstance(model, SampleEncoder):
        raise ConfigError(f"pooling={pooling!r} goes with models of text, events and series; leave it out")
    return np.asarray(model.transform(source) if pooling is None else model.transform(source, pooling))

"""Rows that belong together: clusters, what each looks like, and whether they can be relied on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.analysis.agreement import NOISE, Agreement, agreement
from latens.analysis.partitions import METHODS, SEEDLESS, Partition
from latens.errors import ConfigError, DataError, choice, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ClusterComparison", "Clustering", "compare_clusters", "different_rows", "find_clusters"]

# Rows among which the silhouette is taken: it compares all pairs.
_SILHOUETTE_ROWS = 2000
# Of HDBSCAN: a cluster holds at least so many rows, and at least this share of them.
_LEAST, _SHARE = 5, 0.01
# Differences of a score below this are none.
_LEVEL = 0.01


@dataclass(frozen=True, eq=False)
class Clustering:
    """What a method made of some rows.

    Args:
        method: A key of `METHODS`.
        labels: (n,) int64, the cluster of each row: 0 is the largest one, -1 stands for none.
        strength: (n,) float64, how well a row lies in its cluster: by `measure`.
        measure: ``"distance"`` from the centre (k-means), or the ``"probability"`` to belong to it.
        representatives: (k,) int64, the row of each cluster that lies nearest to its centre.
        silhouette: Over the rows in a cluster, of more than 2,000 a sample; NaN for fewer than two clusters.
        agreements: With the true classes, one for each fit, that of `labels` first; empty if no classes were given.
        stability: Mean adjusted Rand index between fits of different seeds; None where no seed has a say or there was
            one fit.
    """

    method: str
    labels: np.ndarray
    strength: np.ndarray
    measure: str
    representatives: np.ndarray
    silhouette: float
    agreements: tuple[Agreement, ...] = ()
    stability: float | None = None

    @property
    def n_clusters(self) -> int:
        """How many were found."""
        return len(self.representatives)

    @property
    def sizes(self) -> np.ndarray:  # (k,)
        """Rows in each cluster."""
        return np.bincount(self.labels[self.labels != NOISE], minlength=self.n_clusters)

    @property
    def silhouette_rows(self) -> int:
        """Rows that the silhouette is taken of."""
        return min(int(self.sizes.sum()), _SILHOUETTE_ROWS)

    @property
    def noise(self) -> float:
        """The share of rows in no cluster."""
        return float(np.mean(self.labels == NOISE))

    @property
    def agreement(self) -> Agreement | None:
        """That of `labels`."""
        return self.agreements[0] if self.agreements else None

    @property
    def deterministic(self) -> bool:
        """No seed has a say in it."""
        return self.method in SEEDLESS

    def scores(self) -> dict[str, float | None]:
        """The figures by name, those alone that there are."""
        found: dict[str, float | None] = {"clusters": self.n_clusters, "noise": self.noise}
        if self.agreement is None:
            found["silhouette"] = self.silhouette
        else:
            names = ("homogeneity", "nmi", "ari", "accuracy")
            found |= {name: getattr(self.agreement, name) for name in names}
        return found | {"stability": self.stability}

    def examples(self, cluster: int, count: int) -> np.ndarray:  # -> (at most count,)
        """Rows of a cluster: its representative, and others evenly from those that lie well in it to its edge."""
        members = np.flatnonzero(self.labels == cluster)
        typical = self.strength[members] if self.measure == "distance" else -self.strength[members]
        others = members[np.argsort(typical, kind="stable")]
        others = others[others != self.representatives[cluster]]
        places = np.linspace(0, len(others) - 1, min(count - 1, len(others))).astype(int)
        return np.concatenate([self.representatives[cluster : cluster + 1], others[places]])

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame with a row for each row: its cluster and how well it lies in it."""
        import pandas as pd

        return pd.DataFrame({"cluster": self.labels, self.measure: self.strength})


def find_clusters(
    x: Any,
    method: str = "kmeans",
    k: int | None = None,
    *,
    truth: np.ndarray | None = None,
    seed: int = 0,
    n_fits: int = 5,
    smallest: int | None = None,
) -> Clustering:
    r"""Find rows that belong together.

    ``kmeans`` and ``minibatch`` put each row to the nearest of k centres (Lloyd, 1982,
    https://doi.org/10.1109/TIT.1982.1056489), ``gmm`` to the likeliest of k normal distributions, ``hdbscan`` where the
    rows are dense, as many clusters as there are, and none for the rest (Campello et al., 2013,
    https://doi.org/10.1007/978-3-642-37456-2_14). HDBSCAN sees the first 10 principal components, for density means
    little among more, the mixture the first 32. It is fitted with several seeds; the labels are those of `seed`.

    Args:
        x: (n, d), dense or a SciPy sparse matrix, scaled: distances are taken as they are.
        method: A key of `METHODS`.
        k: Clusters; 10 if None. HDBSCAN finds out itself.
        truth: (n,) classes to hold the clusters against, of any dtype; never learned from.
        seed: The first one; the others follow.
        n_fits: Fits with different seeds, which the stability compares.
        smallest: Of HDBSCAN, rows in a cluster at least; 1 % of all if None, but 5.

    Raises:
        ConfigError: An unknown method, or more clusters than there are different rows.
        DataError: Fewer than two rows, or NaN.

    Example:
        >>> x = np.array([[0.0], [0.1], [5.0], [5.1], [5.2]])
        >>> find_clusters(x, k=2).labels.tolist()
        [1, 1, 0, 0, 0]
    """
    x = _checked(x)
    fit, size = METHODS[choice("method", method, METHODS)], _size(x, method, k, smallest)
    seeds = [seed + i for i in range(1 if method in SEEDLESS else whole("n_fits", n_fits, at_least=1))]
    fits = [by_size(fit(x, size, each)) for each in seeds]
    found = fits[0]
    return Clustering(
        method=method,
        labels=found.labels,
        strength=found.strength,
        measure=found.measure,
        representatives=_representatives(found),
        silhouette=_silhouette(x, found.labels, seed),
        agreements=() if truth is None else tuple(agreement(truth, each.labels) for each in fits),
        stability=_stability([each.labels for each in fits]),
    )


# ---- beside the raw input --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ClusterComparison:
    """The same method on learned codes and on the raw input.

    Args:
        codes: Of the codes.
        raw: Of the input, scaled.
        shared: Adjusted Rand index between the two.
        names: What the two are.
    """

    codes: Clustering
    raw: Clustering
    shared: float
    names: tuple[str, str] = ("codes", "raw input")

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        if not self.codes.agreements:
            return self._without_classes()
        ours, theirs = (np.array([each.ari for each in found.agreements]) for found in (self.codes, self.raw))
        figures = f"ARI {_spread(ours)} against {_spread(theirs)}"
        gain = float(ours.mean() - theirs.mean())
        if abs(gain) <= max(_LEVEL, float(ours.std()), float(theirs.std())):
            return f"clusters of the {self.names[0]} are no better than those of the {self.names[1]}, {figures}"
        which = "better" if gain > 0 else "worse"
        return f"clusters of the {self.names[0]} are {which} than those of the {self.names[1]}, {figures}"

    def _without_classes(self) -> str:
        """Silhouettes of different spaces are no competition: nothing but classes can say which clusters are right."""
        return (
            f"without labels nothing says which clusters are right; those of the {self.names[0]} and of the "
            f"{self.names[1]} agree by an ARI of {self.shared:.2f} (silhouette {_figure(self.codes.silhouette)} and "
            f"{_figure(self.raw.silhouette)}, each in its own space)"
        )

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame with a row for each of the two."""
        import pandas as pd

        return pd.DataFrame([self.codes.scores(), self.raw.scores()], index=list(self.names))


def compare_clusters(
    codes: Any,
    raw: Any,
    method: str = "kmeans",
    k: int | None = None,
    *,
    names: tuple[str, str] = ("codes", "raw input"),
    **how: Any,
) -> ClusterComparison:
    """Cluster codes, and the raw input by the same method.

    Args:
        codes: (n, d).
        raw: (n, D), the same rows, scaled; dense or sparse.
        method, k, how: As for `find_clusters`.
        names: What to call the two.

    Raises:
        ConfigError, DataError: As `find_clusters`; or the rows are not as many.

    Example:
        >>> x = np.array([[0.0, 9.0], [0.1, 1.0], [5.0, 3.0], [5.1, 8.0]])
        >>> compare_clusters(x[:, :1], x, k=2, truth=np.array([0, 0, 1, 1])).codes.agreement.accuracy
        1.0
    """
    if codes.shape[0] != raw.shape[0]:
        raise DataError(f"{codes.shape[0]} codes beside {raw.shape[0]} rows of raw input; give the same rows")
    ours, theirs = (find_clusters(x, method, k, **how) for x in (codes, raw))
    return ClusterComparison(ours, theirs, _rand(ours.labels, theirs.labels), names)


def _spread(scores: np.ndarray) -> str:
    return f"{scores.mean():.3f} ± {scores.std():.3f}" if len(scores) > 1 else f"{scores[0]:.3f}"


def _figure(score: float) -> str:
    return "none" if np.isnan(score) else f"{score:.2f}"


# ---- checks ----------------------------------------------------------------------------------------------------------


def _checked(x: Any) -> Any:
    """Rows to cluster: float64 if dense, else as they are."""
    if getattr(x, "ndim", 0) != 2 or 0 in x.shape:
        raise DataError(f"rows of shape {getattr(x, 'shape', None)} cannot be clustered; give numbers of shape (n, d)")
    if x.shape[0] < 2:
        raise DataError("1 row cannot be clustered; give at least 2")
    numbers = x if isinstance(x, np.ndarray) else x.data
    if not np.isfinite(numbers).all():
        raise DataError("the rows to cluster hold NaN or infinity; fill or leave out what is missing")
    return x.astype(np.float64) if isinstance(x, np.ndarray) else x.tocsr()


def _size(x: Any, method: str, k: int | None, smallest: int | None) -> int:
    """What a method is given beside the rows: how many clusters, or how many rows one of them has at least."""
    n = x.shape[0]
    if method not in SEEDLESS:
        if smallest is not None:
            raise ConfigError(f"smallest={smallest} goes with method='hdbscan'; leave it out, or say how many with k")
        wanted = whole("k", 10 if k is None else k, at_least=2)
        _check_different(x, wanted, given=k is not None)
        return wanted
    if k is not None:
        raise ConfigError(f"k={k}: {method} finds out how many clusters there are; leave it out, or use smallest")
    least = whole("smallest", min(n, max(_LEAST, round(_SHARE * n))) if smallest is None else smallest, at_least=2)
    if least > n:
        raise ConfigError(f"smallest={least} exceeds the {n} rows; use smallest<={n}")
    return least


def _check_different(x: Any, k: int, given: bool) -> None:
    """Refuse more clusters than there are different rows."""
    n, different = x.shape[0], different_rows(x, k)
    if different == k:
        return
    of = f"{n} rows" if different == n else f"{different} different row{'s' * (different != 1)} (of {n})"
    way_out = f"use k<={different}" if different > 1 else "rows that are all the same have no clusters"
    raise ConfigError(f"k={k}{'' if given else ' (the default)'} exceeds the {of}; {way_out}")


def different_rows(x: Any, most: int) -> int:
    """How many different rows there are, dense or sparse; it stops to count at `most`."""
    seen: set[bytes] = set()
    for row in _rows_as_bytes(x):
        seen.add(row)
        if len(seen) == most:
            break
    return len(seen)


def _rows_as_bytes(x: Any) -> Iterator[bytes]:
    if isinstance(x, np.ndarray):
        yield from (row.tobytes() for row in x + 0.0)  # minus zero is zero
        return
    for start, stop in zip(x.indptr, x.indptr[1:], strict=False):
        yield x.indices[start:stop].tobytes() + x.data[start:stop].tobytes()


# ---- what is said of clusters ----------------------------------------------------------------------------------------


def by_size(found: Partition) -> Partition:
    """The same clusters numbered from the largest to the smallest, so that a number means something; none is empty."""
    counts = np.bincount(found.labels[found.labels >= 0], minlength=len(found.centres))
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    places = np.full(len(counts) + 1, NOISE)  # the last one for -1
    places[order] = np.arange(len(order))
    return Partition(places[found.labels], found.strength, found.measure, found.centres[order], found.x)


def _representatives(found: Partition) -> np.ndarray:  # -> (k,)
    """Of each cluster the row nearest to its centre."""
    rows = np.empty(len(found.centres), dtype=np.int64)
    for cluster, centre in enumerate(found.centres):
        members = np.flatnonzero(found.labels == cluster)
        rows[cluster] = members[np.argmin(_squares(found.x[members], centre))]
    return rows


def _squares(x: Any, centre: np.ndarray) -> np.ndarray:  # (m, d), (d,) -> (m,)
    from sklearn.metrics.pairwise import euclidean_distances

    return np.asarray(euclidean_distances(x, centre[None], squared=True)[:, 0])


def _silhouette(x: Any, labels: np.ndarray, seed: int) -> float:
    """NaN where there are not two clusters, or each row is one."""
    from sklearn.metrics import silhouette_score

    rows = np.flatnonzero(labels >= 0)
    if len(rows) > _SILHOUETTE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _SILHOUETTE_ROWS, replace=False))
    if not 2 <= len(np.unique(labels[rows])) < len(rows):
        return float("nan")
    return float(silhouette_score(x[rows], labels[rows]))


def _stability(fits: list[np.ndarray]) -> float | None:
    pairs = [_rand(one, other) for one, other in combinations(fits, 2)]
    return float(np.mean(pairs)) if pairs else None


def _rand(one: np.ndarray, other: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))

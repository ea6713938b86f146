"""How well clusters agree with classes that they were never told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latens.errors import DataError

__all__ = ["NOISE", "Agreement", "agreement", "known_classes"]

# The label of a row that lies in no cluster.
NOISE = -1


@dataclass(frozen=True)
class Agreement:
    """Clusters against classes; every score is 1 where they are the same partition.

    Args:
        homogeneity: Whether each cluster holds one class only; it cannot fall when clusters are split.
        nmi: Normalised mutual information.
        ari: Adjusted Rand index: 0 is what chance gives.
        accuracy: Share of rows in the right cluster when each class is given at most one, as well as can be.
        n_rows: Rows whose class is known.
        n_classes: Different ones.
    """

    homogeneity: float
    nmi: float
    ari: float
    accuracy: float
    n_rows: int
    n_classes: int


def agreement(truth: np.ndarray, labels: np.ndarray) -> Agreement:
    r"""Four measures of how well clusters agree with classes.

    .. math:: \mathrm{homogeneity} = 1 - \frac{H(T \mid C)}{H(T)}, \qquad
              \mathrm{NMI} = \frac{2 I(T; C)}{H(T) + H(C)}, \qquad
              \mathrm{accuracy} = \max_\pi \frac{1}{n} \sum_i [t_i = \pi(c_i)]

    The maximum over one-to-one assignments is found as Kuhn (1955, https://doi.org/10.1002/nav.3800020109) did; ARI is
    that of Hubert & Arabie (1985, https://doi.org/10.1007/BF01908075). Rows in no cluster are one more cluster to the
    first three and wrong to the accuracy, so that leaving the hard rows out gains nothing.

    Args:
        truth: (n,) classes of any dtype; rows whose class is missing (NaN, None) do not count.
        labels: (n,) whole numbers, -1 for no cluster.

    Raises:
        DataError: Not one class a row, or no class is known.

    Example:
        >>> agreement(np.array(["a", "a", "b", "b"]), np.array([1, 1, 0, 1])).accuracy
        0.75
    """
    from sklearn.metrics import adjusted_rand_score, homogeneity_score, normalized_mutual_info_score

    classes = known_classes(truth, len(labels))
    there = classes >= 0
    if not there.any():
        raise DataError(f"truth: none of {len(labels)} rows has a class; leave it out, or name another column")
    classes, found = classes[there], np.asarray(labels)[there]
    return Agreement(
        homogeneity=float(homogeneity_score(classes, found)),
        nmi=float(normalized_mutual_info_score(classes, found)),
        ari=float(adjusted_rand_score(classes, found)),
        accuracy=_matched(classes, found),
        n_rows=len(classes),
        n_classes=len(np.unique(classes)),
    )


def known_classes(truth: np.ndarray, n: int) -> np.ndarray:  # -> (n,) int64
    """Classes as numbers from 0 in the order of their names; -1 where nothing is known.

    Raises:
        DataError: Not one a row.

    Example:
        >>> known_classes(np.array(["b", None, "a"], dtype=object), 3).tolist()
        [1, -1, 0]
    """
    import pandas as pd

    array = np.asarray(truth)
    if array.shape != (n,):
        raise DataError(f"truth of shape {array.shape} for {n} rows; give one class a row, of shape ({n},)")
    codes = pd.Categorical(pd.Series(array).astype(object)).codes
    return np.asarray(codes, dtype=np.int64)


def _matched(classes: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows in the cluster that the best assignment gives their class."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    there = labels != NOISE
    if not there.any():
        return 0.0
    table = contingency_matrix(classes[there], labels[there])
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / len(labels))

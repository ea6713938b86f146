"""Maps: a code of any size as a place on a plane, where new rows can be put without moving the old ones."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from latens.analysis.principal import principal_components
from latens.errors import ConfigError, DataError, MissingExtra, choice, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METHODS", "Map", "fit_map"]

METHODS = ("auto", "code", "pca", "umap")

# Numbers in a block of distances between new rows and old ones.
_BLOCK = 1 << 22
# Of squared lengths, more than what rounding does to a squared distance that a matrix product gave.
_SLACK = 1e-10
# Of a distance on the map: what rounding does to it.
_ROUNDING = 1e-9
# A plane goes through any three points.
_FLAT = 3


@dataclass(frozen=True, eq=False)
class Map:
    r"""Rows as points on a plane.

    A new row with code z is put among the old ones, none of which moves. Where a direction of the plane is one of the
    code's, it goes to its projection; on a UMAP it goes to an average of the points :math:`y_j` of its k nearest old
    rows, whose codes are :math:`d_j` away and that of the next one is :math:`R` (Franke & Nielson, 1980,
    https://doi.org/10.1002/nme.1620151110):

    .. math:: y(z) = \frac{\sum_j w_j y_j}{\sum_j w_j}, \qquad w_j = \Bigl(\frac{1}{d_j} - \frac{1}{R}\Bigr)^2

    An old row goes to where it is, a neighbour comes and goes without a jump, and a row's place depends on its own code
    and on the map alone.

    Args:
        codes: (n, k) float64, of the rows on the map.
        points: (n, 2) float64, where they are.
        method: ``"code"``, ``"pca"`` or ``"umap"``.
        axes: What the two directions are, in words; the second is empty for codes of one number.
        neighbours: Near rows that distortion, UMAP and the places of new rows go by, at most.
        mean: (k,) float64, what is subtracted from a code before it is projected.
        directions: (2, k) float64, whose products with it are its place; None on a UMAP.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(50, 3))
        >>> place = fit_map(codes, "pca")
        >>> bool(np.array_equal(place.place(codes[:5]), place.points[:5]))
        True
    """

    codes: np.ndarray
    points: np.ndarray
    method: str
    axes: tuple[str, str]
    neighbours: int = 15
    mean: np.ndarray | None = None
    directions: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.points)

    def place(self, codes: np.ndarray) -> np.ndarray:  # (m, k) -> (m, 2)
        """Where rows with these codes are.

        Raises:
            DataError: They are no finite (m, k) array of the map's k.
        """
        return self._place(self._like_ours(codes))

    def _place(self, codes: np.ndarray) -> np.ndarray:
        if self.mean is not None and self.directions is not None:
            return _projected(codes, self.mean, self.directions)
        near, away = _nearest(codes, self.codes, min(self.neighbours + 1, len(self)))
        weights = _weights(away, has_next=len(self) > self.neighbours)
        return np.asarray((weights[:, :, None] * self.points[near[:, : weights.shape[1]]]).sum(axis=1))

    @cached_property
    def counted(self) -> int:
        """How many near rows a distortion is a share of: `neighbours`, and at most half of the other rows."""
        return min(self.neighbours, max(1, (len(self) - 1) // 2), len(self) - 1)

    @cached_property
    def distortion(self) -> np.ndarray:  # (n,)
        r"""The share of a row's near rows that are not near it on the map, from 0 to 1.

        .. math:: \frac{1}{k} \bigl|\{ j \in N_k(i) : \lVert y_i - y_j \rVert > r_k(i) \}\bigr|

        where :math:`N_k(i)` holds the k other rows whose codes are nearest, and :math:`r_k(i)` is how far the k-th
        nearest point is on the map; k is `counted`. A single row has none, and no distortion.
        """
        if not self.counted:
            return np.zeros(len(self))
        from sklearn.neighbors import NearestNeighbors

        centred = self.codes - self.codes.mean(axis=0)
        near = NearestNeighbors(n_neighbors=self.counted).fit(centred).kneighbors(return_distance=False)
        tree = NearestNeighbors(n_neighbors=self.counted, algorithm="kd_tree").fit(self.points)
        return _share_apart(self.points, self.points[near], tree.kneighbors()[0][:, -1])

    def distortion_of(self, codes: np.ndarray) -> np.ndarray:  # (m, k) -> (m,)
        """Of new rows the same: the share of the old rows near by their codes that are not near them on the map.

        Raises:
            DataError: They are no finite (m, k) array of the map's k.
        """
        codes = self._like_ours(codes)
        points = self._place(codes)
        count = max(self.counted, 1)
        near, _ = _nearest(codes, self.codes, count)
        _, away = _nearest(points, self.points, count)
        return _share_apart(points, self.points[near], away[:, -1])

    @property
    def verdict(self) -> str:
        """How far the map can be trusted, in one sentence."""
        if not self.counted:
            return "a map of 1 row distorts nothing"
        kept = 100 * (1 - float(self.distortion.mean()))
        whose = f"{self.counted} nearest rows" if self.counted > 1 else "nearest row"
        return f"of a row's {whose} by code, {kept:.0f} % are its nearest on the map too"

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame with a row for each: ``x``, ``y`` and ``distortion``."""
        import pandas as pd

        return pd.DataFrame({"x": self.points[:, 0], "y": self.points[:, 1], "distortion": self.distortion})

    def _like_ours(self, codes: np.ndarray) -> np.ndarray:
        checked = _checked(codes)
        if checked.shape[1] != self.codes.shape[1]:
            raise DataError(
                f"codes of shape {checked.shape} for a map of codes of {self.codes.shape[1]}; "
                "encode the rows with the model that the map was made with"
            )
        return checked


def fit_map(codes: np.ndarray, method: str = "auto", *, neighbours: int = 15, random_state: int = 0) -> Map:
    """A plane for codes: themselves if they have two numbers, else the directions in which they vary most, or UMAP.

    UMAP (McInnes, Healy & Melville, 2018, https://arxiv.org/abs/1802.03426) starts from the principal components, and
    rows with the same code have the same place. Three codes that differ, or fewer, are put in their own plane.

    Args:
        codes: (n, k), finite numbers.
        method: ``"code"`` for one or two numbers as they are, ``"pca"``, ``"umap"``; ``"auto"`` is the first where that
            is possible, and else the second.
        neighbours: Of a row, at least 2: UMAP keeps so many close, and the distortion is counted among so many.
        random_state: Seed of UMAP, which is random.

    Raises:
        DataError: The codes are no finite (n, k) array.
        ConfigError: An unknown method, codes of more than two numbers for ``"code"``, an argument out of range.
        MissingExtra: UMAP is not installed.

    Example:
        >>> fit_map(np.random.default_rng(0).normal(size=(50, 2))).verdict
        "of a row's 15 nearest rows by code, 100 % are its nearest on the map too"
    """
    codes = _checked(codes)
    choice("method", method, METHODS)
    whole("neighbours", neighbours, at_least=2)
    whole("random_state", random_state, at_least=0)
    if method == "umap":
        return Map(codes, _umap(codes, neighbours, random_state), method, ("UMAP 1", "UMAP 2"), neighbours)
    return _linear(codes, method, neighbours)


def _checked(codes: np.ndarray) -> np.ndarray:
    array = np.asarray(codes)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiub":
        raise DataError(f"codes of shape {array.shape} and dtype {array.dtype} cannot be mapped; give numbers (n, k)")
    array = np.ascontiguousarray(array, dtype=np.float64)
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise DataError(f"codes hold NaN or infinity in row {row}; leave such rows out of the map")
    return array


def _linear(codes: np.ndarray, method: str, neighbours: int) -> Map:
    size = codes.shape[1]
    if method == "code" and size > 2:
        raise ConfigError(f'method=\'code\' with codes of {size} numbers; use method="pca" or method="umap"')
    if size <= 2 and method != "pca":
        mean, directions = np.zeros(size), np.eye(2, size)
        points = _projected(codes, mean, directions)
        return Map(codes, points, "code", ("code 1", "code 2" if size == 2 else ""), neighbours, mean, directions)
    mean, directions = _principal(codes)
    points = _projected(codes, mean, directions)
    return Map(codes, points, "pca", _principal_axes(codes, points), neighbours, mean, directions)


def _principal(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # -> (k,), (2, k)
    """The mean and the two principal directions, each with its largest number positive; zero where there is none."""
    found = principal_components(codes, min(2, codes.shape[1]))
    largest = np.take_along_axis(found.components, np.abs(found.components).argmax(axis=1)[:, None], axis=1)
    directions = np.zeros((2, codes.shape[1]))
    directions[: len(found.components)] = found.components * np.where(largest < 0, -1.0, 1.0)
    return found.mean, directions


def _principal_axes(codes: np.ndarray, points: np.ndarray) -> tuple[str, str]:
    size = codes.shape[1]
    whole_variance = max(float(codes.var(axis=0).sum()), np.finfo(float).tiny)
    of = f"of {size} code{'s' * (size != 1)}"
    names = [
        f"principal component {i + 1} {of} ({100 * variance / whole_variance:.0f} % of variance)"
        for i, variance in enumerate(points.var(axis=0))
    ]
    return names[0], names[1] if size > 1 else ""


def _projected(codes: np.ndarray, mean: np.ndarray, directions: np.ndarray) -> np.ndarray:  # (m, k) -> (m, 2)
    # Summed row by row: a matrix product may round differently for another number of rows
    centred = codes - mean
    return np.stack([(centred * direction).sum(axis=1) for direction in directions], axis=1)


def _umap(codes: np.ndarray, neighbours: int, seed: int) -> np.ndarray:  # (n, k) -> (n, 2)
    different, place = np.unique(codes, axis=0, return_inverse=True)
    mean, directions = _principal(different)
    points = _projected(different, mean, directions)
    if len(different) > _FLAT:
        points = _umap_of_different(different - mean, points, neighbours, seed)
    return points[place.reshape(-1)]


def _umap_of_different(codes: np.ndarray, start: np.ndarray, neighbours: int, seed: int) -> np.ndarray:
    # In float32, as UMAP computes: without the common scale, large and small codes would be zero or infinite there
    scale = max(float(np.abs(codes).max()), np.finfo(float).tiny)
    return laid_out(
        np.asarray(codes / scale, dtype=np.float32),
        n_neighbors=min(neighbours, len(codes) - 1),
        init=_spread(start / scale, seed),
        random_state=seed,
    )


def laid_out(x: Any, **settings: Any) -> np.ndarray:  # (n, d) -> (n, k) float64
    """UMAP of the rows, on one thread, as a seed asks for; PyTorch has as many afterwards as before.

    Raises:
        MissingExtra: umap-learn is not installed.
    """
    # Where it is parallel, numba sets the number of threads for everybody; here it is put back
    with threadpool_limits(1, user_api="openmp"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)  # nobody asked for it
        try:
            from umap import UMAP
        except ImportError as error:
            raise MissingExtra.of("umap-learn", "umap") from error
        return np.asarray(UMAP(n_jobs=1, **settings).fit_transform(x), dtype=np.float64)


def _spread(start: np.ndarray, seed: int) -> np.ndarray:
    """The start with noise where it has no second direction: UMAP divides by how wide it is in each."""
    flat = np.ptp(start, axis=0) == 0
    return np.where(flat, np.random.default_rng(seed).normal(size=start.shape), start)


def _share_apart(points: np.ndarray, near: np.ndarray, radius: np.ndarray) -> np.ndarray:  # (m, 2), (m, k, 2), (m,)
    """Of each point the share of its near rows' points that are further away than a radius."""
    away = np.sqrt(np.square(near - points[:, None]).sum(axis=2))
    return np.asarray((away > radius[:, None] * (1 + _ROUNDING)).mean(axis=1))


def _nearest(new: np.ndarray, old: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:  # -> (m, k), (m, k)
    """The rows of `old` nearest to each new one, and how far they are; of equally far ones the first.

    What is found for a row does not depend on the rows beside it: a matrix product proposes, the differences decide.
    """
    centre = old.mean(axis=0)
    old, new = old - centre, new - centre
    squares = np.square(old).sum(axis=1)
    rows, distances = np.empty((len(new), k), dtype=np.int64), np.empty((len(new), k))
    step = max(1, _BLOCK // len(old))
    for start in range(0, len(new), step):
        block = new[start : start + step]
        rough = squares - 2 * block @ old.T
        slack = _SLACK * (np.square(block).sum(axis=1) + squares.max())
        for i, row in enumerate(block):
            rows[start + i], distances[start + i] = _nearest_to(row, old, rough[i], float(slack[i]), k)
    return rows, distances


def _nearest_to(
    row: np.ndarray, old: np.ndarray, rough: np.ndarray, slack: float, k: int
) -> tuple[np.ndarray, np.ndarray]:
    candidates = np.flatnonzero(rough <= np.partition(rough, k - 1)[k - 1] + slack)
    away = np.sqrt(np.square(old[candidates] - row).sum(axis=1))
    chosen = np.argsort(away, kind="stable")[:k]
    return candidates[chosen], away[chosen]


def _weights(away: np.ndarray, *, has_next: bool) -> np.ndarray:  # (m, k[+1]) -> (m, k), rows sum to 1
    """Of the nearest rows; the distance in the last column, where it is that of the next one, is where weight ends."""
    own, end = (away[:, :-1], away[:, -1:]) if has_next else (away, np.full((len(away), 1), np.inf))
    first = own[:, :1]
    # In units of the first distance, so that nothing overflows; a row that is there already is itself
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(first > 0, np.square(first / own - first / end), own == 0)
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, weights, 1.0) / np.where(total > 0, total, own.shape[1]))

"""Whether tiles are put in their order, beside what chance does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["OrderAccuracy", "judge_orders"]


@dataclass(frozen=True)
class OrderAccuracy:
    """How much of a shuffled image is put where it belongs.

    A tile is in its place if what belongs there looks the same: nobody can tell two white tiles from each other.

    Args:
        tiles: Of an image, K.
        positions: Share of tiles in their places.
        orders: Share of images with every tile in its place.
        chance_positions: What a random order has of the first, on these images: 1/K if no tiles are alike.
        chance_orders: What it has of the second: 1/K! if no tiles are alike.
        rows: ``"held-out"``, ``"training"`` if nothing was held out, or ``"given"``.
        n_rows: Images.
    """

    tiles: int
    positions: float
    orders: float
    chance_positions: float
    chance_orders: float
    rows: str
    n_rows: int

    @property
    def ratio(self) -> float:
        """Tiles out of place over what chance misplaces: below one, something was learned. NaN if all look alike."""
        missed = 1.0 - self.chance_positions
        return (1.0 - self.positions) / missed if missed > 0 else float("nan")

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        tiles = f"{_percent(self.positions)} of {self.tiles} tiles in place (chance {_percent(self.chance_positions)})"
        whole = f"{_percent(self.orders)} of images whole (chance {_percent(self.chance_orders)})"
        return f"puts {tiles} and {whole} on {self.n_rows:,} {self.rows} image{'s' * (self.n_rows != 1)}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def judge_orders(scores: np.ndarray, alike: np.ndarray, rows: str = "given") -> OrderAccuracy:
    r"""Put each tile in a place of its own so that the scores add up to the most, and count what is right.

    .. math:: \hat\pi = \arg\max_{\pi} \sum_s a_{s \pi(s)}

    It is an assignment (Kuhn, 1955, https://doi.org/10.1002/nav.3800020109): the best place of each slot alone could
    be taken twice.

    Args:
        scores: (n, R, K, K), of each image in R orders, of the tile in each slot for each place; in order r the slot s
            shows tile (s + r) mod K.
        alike: (n, K, K), which tiles look the same; 1 on the diagonal.
        rows: What the images are; see `OrderAccuracy`.

    Example:
        >>> judge_orders(np.eye(3)[None, None], np.eye(3)[None]).orders
        1.0
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and only puzzles need it

    n, turns, tiles, _ = scores.shape
    same = alike.astype(bool)
    right = np.empty((n, turns, tiles), dtype=bool)
    for turn in range(turns):
        shown = (np.arange(tiles) + turn) % tiles
        for row in range(n):
            _, place = linear_sum_assignment(scores[row, turn], maximize=True)
            right[row, turn] = same[row, shown, place]
    return OrderAccuracy(
        tiles=tiles,
        positions=float(right.mean()),
        orders=float(right.all(axis=2).mean()),
        chance_positions=float(same.mean()),
        chance_orders=float(np.mean([_chance(each) for each in same])),
        rows=rows,
        n_rows=n,
    )


def _chance(same: np.ndarray) -> float:  # (K, K) bool
    """The share of all orders that give the image back: alike tiles may change places."""
    counts = np.unique(same, axis=0, return_counts=True)[1]
    return math.prod(math.factorial(int(count)) for count in counts) / math.factorial(len(same))

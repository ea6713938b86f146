"""How large a code has to be: errors by size beside exact PCA's, and the units that do no work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Size", "Sweep", "idle_units"]

# A unit whose codes vary less than this share of the liveliest one's is dead.
_DEAD = 1e-3
# Two units whose codes correlate more than this say the same.
_SAME = 0.995
# A step to the next size that gains less than this share of the error is not worth taking.
_WORTH = 0.1


@dataclass(frozen=True)
class Size:
    """A model of one size.

    Args:
        n_components: Numbers in its code.
        error: On held-out rows, as the referee measures it.
        pca_error: Exact PCA's on the same rows with as many components; NaN where PCA would only copy.
        dead: The units of the code, counted from 0, that never change.
        collapsed: Those that repeat an earlier unit.
        seconds: The fit took.
    """

    n_components: int
    error: float
    pca_error: float
    dead: tuple[int, ...]
    collapsed: tuple[int, ...]
    seconds: float

    @property
    def faults(self) -> str:
        """The units that do no work, in words; empty if all do."""
        named = (("dead", self.dead), ("collapsed", self.collapsed))
        return "; ".join(f"{what}: {', '.join(map(str, units))}" for what, units in named if units)


@dataclass(frozen=True)
class Sweep:
    """The sizes that were tried, the smallest first.

    Args:
        sizes: At least one.
    """

    sizes: tuple[Size, ...]

    @property
    def best(self) -> Size:
        """The smallest size beyond which the next one gains less than a tenth of the error."""
        for size, following in zip(self.sizes, self.sizes[1:], strict=False):
            if following.error > (1 - _WORTH) * size.error:
                return size
        return self.sizes[-1]

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        best = self.best
        if best is self.sizes[-1] and len(self.sizes) > 1:
            return f"the error still falls at n = {best.n_components}; try larger codes"
        return f"n = {best.n_components}: the next larger code gains less than {100 * _WORTH:.0f} % of its error"


def idle_units(codes: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The units of a code that never change, and those that repeat an earlier one up to sign and scale.

    Args:
        codes: (m, n).

    Example:
        >>> t = np.linspace(0, 1, 5)
        >>> idle_units(np.stack([t, t * 0 + 3, -2 * t], axis=1))
        ((1,), (2,))
    """
    spread = codes.std(axis=0, dtype=np.float64)
    dead = spread <= _DEAD * max(float(spread.max(initial=0.0)), np.finfo(np.float64).tiny)
    scaled = (codes - codes.mean(axis=0)) / np.where(dead, 1.0, spread)
    alike = np.abs(scaled.T @ scaled / len(codes)) > _SAME
    repeats = [bool(np.any(alike[i, :i] & ~dead[:i])) and not dead[i] for i in range(len(dead))]
    return _places(dead), _places(repeats)


def _places(chosen: Sequence[bool] | np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.flatnonzero(chosen))

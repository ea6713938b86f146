"""Rows laid out by their neighbours, before they are clustered."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from latens.analysis.maps import laid_out
from latens.errors import DataError

__all__ = ["unfolded"]

# Those of McConville et al., 2020: clusters are to be found, not to be looked at.
_NEIGHBOURS = 20
_COMPONENTS = 10


def unfolded(x: Any, seed: int, n_components: int = _COMPONENTS) -> np.ndarray:  # (n, d) -> (n, k) float64
    """UMAP of the rows, packed as closely as it goes.

    McInnes et al., 2018, https://doi.org/10.21105/joss.00861.

    Twenty neighbours, no least distance and ten numbers are the settings under which McConville et al. (2020,
    https://doi.org/10.1109/ICPR48806.2021.9413131) cluster codes.

    Args:
        x: (n, d), dense or sparse.
        seed: Of the layout; one thread, so that it alone decides.
        n_components: k.

    Raises:
        MissingExtra: umap-learn is not installed.
        DataError: There are too few rows to have 20 neighbours.
    """
    if x.shape[0] <= _NEIGHBOURS + n_components:
        least = _NEIGHBOURS + n_components + 1
        raise DataError(
            f"{x.shape[0]} rows are too few to be laid out by neighbours; use at least {least}, or the codes"
        )
    with warnings.catch_warnings():
        # It announces that graphs in several pieces are laid out piece by piece
        warnings.filterwarnings("ignore", module=r"umap|sklearn\.manifold|numba")
        how: dict[str, Any] = {"n_neighbors": _NEIGHBOURS, "n_components": n_components, "min_dist": 0.0}
        return laid_out(x, **how, random_state=seed, verbose=False)

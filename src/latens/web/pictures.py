"""Pictures that only the page has."""

from __future__ import annotations

import numpy as np

from latens.report.portraits import as_png

__all__ = ["residual_png"]

_SIDE = 320


def residual_png(residual: np.ndarray) -> bytes:  # (h, w) or (h, w, c)
    """What is left over: red where the input is brighter than expected, blue where darker."""
    from matplotlib import colormaps
    from PIL import Image

    grey = residual if residual.ndim == 2 else residual.mean(axis=2)
    most = float(np.abs(grey).max()) or 1.0
    colours = colormaps["RdBu_r"](0.5 + 0.5 * grey / most)[:, :, :3]
    drawn = Image.fromarray(np.rint(255 * colours).astype(np.uint8))
    drawn.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    return as_png(drawn)

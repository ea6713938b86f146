"""Corrupting data outside of a fit: a whole source, in and out in its own units."""

from __future__ import annotations

import numpy as np
import torch

from latens.corruptions.role import Corruption, on_cells
from latens.schema import Samples, Schema
from latens.seeds import Pool, keyed

__all__ = ["corrupt"]

# Rows at a time: masks and draws are as large as the data.
_CHUNK = 1024


def corrupt(
    source: Samples,
    schema: Schema,
    corruption: Corruption,
    *,
    seed: int = 0,
    rows: np.ndarray | None = None,
    device: torch.device | None = None,
) -> np.ndarray:
    """What the first epoch of a fit with this seed would see in place of the source's rows.

    A value that the corruption leaves alone keeps its bits; the others are not held to the range of the data.

    Args:
        source: n samples in the user's units.
        schema: Learned from it: levels are in its scaled units.
        corruption: What is done.
        seed: Of the draws.
        rows: (m,) int64, which rows; None for all. A row's noise does not depend on which others are asked for.
        device: Where to calculate; None for the CPU.

    Returns:
        (m, *shape): float64 for float64 values, float32 otherwise.

    Raises:
        ConfigError: The corruption is not for data of this shape.
    """
    values = source.values
    index = torch.arange(len(values)) if rows is None else torch.from_numpy(rows.astype(np.int64))
    scaled = schema.scale_values(values)
    # MPS has no float64
    dtype = torch.float32 if device is not None and device.type == "mps" else None
    clean = torch.from_numpy(np.array(scaled)).to(device, dtype)
    pool = Pool(clean, torch.arange(len(clean), device=clean.device))
    table = schema.table
    numbers = None if table is None else [i for i, column in enumerate(table.types) if column.numeric]
    parts = []
    for part in torch.split(index.to(clean.device), _CHUNK):
        x = clean[part]
        random = keyed(seed, 0, part, pool).stream("corruption")
        corrupted = corruption(x, random) if numbers is None else on_cells(corruption, x, random, numbers)
        own, changed = values[part.cpu().numpy()].astype(scaled.dtype), (corrupted != x).cpu().numpy()
        parts.append(np.where(changed, schema.unscale_values(corrupted.cpu().numpy().astype(scaled.dtype)), own))
    return np.concatenate(parts)

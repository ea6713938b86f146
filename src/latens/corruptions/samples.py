"""Corrupting data outside of a fit: a whole source, in and out in its own units."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from latens.corruptions.role import Corruption, on_cells
from latens.schema import Samples, Schema
from latens.seeds import Keyed, Pool, keyed

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
) -> Any:
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
        (m, *shape): float64 for float64 values, float32 otherwise; a list of images where they differ in size.

    Raises:
        ConfigError: The corruption is not for data of this shape.
    """
    chosen = np.arange(len(source.values)) if rows is None else rows.astype(np.int64)
    where = torch.device("cpu") if device is None else device
    if source.values.dtype == object:  # images of different sizes: one at a time, without others to take values from
        images = [(source.values[row][None], torch.tensor([int(row)], device=where)) for row in chosen]
        return [_corrupted(image, schema, corruption, keyed(seed, 0, index))[0] for image, index in images]
    pool = _pool(source.values, schema, where) if getattr(corruption, "exchanges", False) else None
    parts = [chosen[start : start + _CHUNK] for start in range(0, len(chosen), _CHUNK)]
    keys = [keyed(seed, 0, torch.from_numpy(part).to(where), pool) for part in parts]
    pairs = zip(parts, keys, strict=True)
    return np.concatenate([_corrupted(source.values[part], schema, corruption, key) for part, key in pairs])


def _pool(values: np.ndarray, schema: Schema, device: torch.device) -> Pool:
    scaled = _on_device(schema.scale_values(values), device)
    return Pool(scaled, torch.arange(len(scaled), device=device))


def _on_device(scaled: np.ndarray, device: torch.device) -> Tensor:
    # MPS has no float64
    return torch.from_numpy(np.array(scaled)).to(device, torch.float32 if device.type == "mps" else None)


def _corrupted(values: np.ndarray, schema: Schema, corruption: Corruption, random: Keyed) -> np.ndarray:
    """Rows (m, *shape) in the user's units; those values that stay keep their bits."""
    scaled = schema.scale_values(values)
    x, random = _on_device(scaled, random.index.device), random.stream("corruption")
    table = schema.table
    numbers = [] if table is None else [i for i, column in enumerate(table.types) if column.numeric]
    corrupted = corruption(x, random) if table is None else on_cells(corruption, x, random, numbers)
    own, changed = values.astype(scaled.dtype), (corrupted != x).cpu().numpy()
    return np.where(changed, schema.unscale_values(corrupted.cpu().numpy().astype(scaled.dtype)), own)

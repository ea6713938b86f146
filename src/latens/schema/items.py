"""What vocabularies share: numbers for items, and what becomes of an item that was not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latens.errors import ConfigError, DataError

__all__ = ["MOST_ITEMS", "UNKNOWN", "check_fields", "check_ids", "settled", "smallest"]

UNKNOWN = ("error", "drop", "token")
# As many as Unicode has code points: what a file says beyond that is nonsense.
MOST_ITEMS = 0x110000


def smallest(n_items: int) -> np.dtype[np.generic]:
    """The smallest of uint8, uint16 and int32 that holds the ids 0 to `n_items` - 1.

    Example:
        >>> [str(smallest(n)) for n in (256, 257, 65_537)]
        ['uint8', 'uint16', 'int32']
    """
    return np.dtype(np.uint8 if n_items <= 2**8 else np.uint16 if n_items <= 2**16 else np.int32)


def settled(ids: np.ndarray, unknown: str, n_known: int, refuse: Callable[[int], DataError]) -> np.ndarray:
    """The ids with those below 0, which stand for unknown items, settled as `unknown` says.

    Args:
        ids: (n,) integers.
        unknown: ``"error"``, ``"drop"`` (they are left out), or ``"token"`` (they become the id `n_known`).
        n_known: Items that are known.
        refuse: The error for the first unknown one, given its position.
    """
    new = ids < 0
    if not new.any():
        return ids
    if unknown == "error":
        raise refuse(int(new.argmax()))
    return ids[~new] if unknown == "drop" else np.where(new, n_known, ids)


def check_ids(ids: object, n_items: int) -> np.ndarray:
    """`ids` as a flat array of integers in [0, n_items).

    Raises:
        ConfigError: They are no whole numbers, or one is out of range.

    Example:
        >>> check_ids([0, 3], n_items=4).tolist()
        [0, 3]
    """
    array = np.asarray(ids).reshape(-1)
    if not array.size:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ConfigError(f"ids of {array.dtype} are no items; use whole numbers from 0 to {n_items - 1}")
    outside = (array < 0) | (array >= n_items)
    if outside.any():
        raise ConfigError(f"ids={array[outside][0]} is out of range; use whole numbers from 0 to {n_items - 1}")
    return array


def check_fields(fields: object, names: frozenset[str], of: str) -> dict[str, Any]:
    """`fields` as a dictionary with exactly these names.

    Raises:
        ConfigError: It is no mapping, or a name is missing or not known.
    """
    given = dict(fields) if isinstance(fields, Mapping) else {}
    strange = sorted(map(str, names ^ given.keys()))
    if strange:
        raise ConfigError(f"schema: {strange[0]!r} is missing or not known; use what {of}.to_json gives")
    return given

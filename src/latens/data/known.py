"""What is found out about one column of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.schema import Column

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Known", "LeftOut", "Where", "first_present"]

# A row (from 0) in words, for messages.
Where = Callable[[int], str]


@dataclass(frozen=True, eq=False)
class Known:
    """A column to learn from and its cells, (n,) float64, float32 or uint8."""

    column: Column
    cells: np.ndarray


@dataclass(frozen=True)
class LeftOut:
    """A column not to learn from, and why, in words."""

    name: str
    reason: str


def first_present(series: pd.Series[Any]) -> int:
    """The first row with something in it."""
    return int(np.asarray(series.notna()).argmax())

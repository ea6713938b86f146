"""Who hears how long work is going: a function that takes one line at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Report", "silent"]

Report: TypeAlias = Callable[[str], None]


def silent(line: str) -> None:
    """Nobody listens.

    Example:
        >>> silent("epoch 1 of 10")
    """

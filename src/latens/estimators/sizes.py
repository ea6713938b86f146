"""Sizes that follow from the data when the user says "auto"."""

from __future__ import annotations

import math

from latens.errors import ConfigError, whole

__all__ = ["code_size"]


def code_size(n_components: int | str, n_features: int, wide: bool = False) -> int:
    """The numbers in a code: as asked, or min(32, ⌈D/2⌉), or 2D for the wide network.

    Raises:
        ConfigError: It is neither "auto" nor a whole number >= 1.

    Example:
        >>> code_size("auto", 9), code_size("auto", 9, wide=True), code_size(3, 9)
        (5, 18, 3)
    """
    if n_components == "auto":
        return 2 * n_features if wide else min(32, math.ceil(n_features / 2))
    if isinstance(n_components, str):
        raise ConfigError(f'n_components={n_components!r} is no size; use a whole number >= 1 or "auto"')
    return whole("n_components", n_components, at_least=1)

"""Results as the types that JSON has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["json_types"]


def json_types(value: Any) -> Any:
    """The value with only JSON's types in it: null for what is no finite number.

    Example:
        >>> json_types({1: (float("nan"), "a")})
        {'1': [None, 'a']}
    """
    if isinstance(value, Mapping):
        return {str(key): json_types(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_types(inner) for inner in value]
    if hasattr(value, "tolist"):
        return json_types(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)

"""Kernels whose package may be missing: everything works without them, more slowly, and says so once."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from types import ModuleType

__all__ = ["optional"]


@cache
def optional(module: str, package: str) -> ModuleType | None:
    """A module of kernels; None, said once, where the package that it needs cannot be imported.

    Args:
        module: With its full name.
        package: What to install.

    Example:
        >>> optional("latens.kernels.aligned", "torch").__name__
        'latens.kernels.aligned'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        _say_once(package, str(error))
        return None


@cache
def _say_once(package: str, error: str) -> None:
    words = f"without {package} this is several times slower ({error}); pip install {package}"
    warnings.warn(words, RuntimeWarning, stacklevel=4)

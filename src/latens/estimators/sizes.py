"""The size of a code: what "auto" means, and how to find one by trying."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sklearn.base import clone

from latens.analysis import Size, Sweep, idle_units
from latens.data import open_source
from latens.errors import ConfigError, whole

if TYPE_CHECKING:
    from latens.estimators.reconstruction import Reconstructor

__all__ = ["code_size", "sweep"]


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


def _silent(line: str) -> None:
    """Nobody listens."""


def sweep(estimator: Reconstructor, X: Any, sizes: Sequence[int], report: Callable[[str], None] = _silent) -> Sweep:
    """Fit a model of each size to the same rows, and say how good they are and which of their units do no work.

    Args:
        estimator: An unfitted one, with every setting but `n_components`; it is left as it is.
        X: What `fit` takes.
        sizes: The values of `n_components` to try.
        report: Hears one line at a time.

    Raises:
        ConfigError: No sizes, or one that the estimator cannot have.
        DataError: The data cannot be learned from.

    Example:
        >>> import numpy as np
        >>> from latens import Autoencoder
        >>> X = np.random.default_rng(0).normal(size=(60, 6))
        >>> [size.n_components for size in sweep(Autoencoder(max_epochs=1, verbose=0), X, [1, 3]).sizes]
        [1, 3]
    """
    chosen = sorted({whole("n_components", size, at_least=1) for size in sizes})
    if not chosen:
        raise ConfigError("n_components=[] leaves nothing to try; give some sizes, such as 2,4,8,16,32")
    source = open_source(X)
    return Sweep(tuple(_try(estimator, source, size, report) for size in chosen))


def _try(estimator: Reconstructor, source: Any, n_components: int, report: Callable[[str], None]) -> Size:
    model = clone(estimator).set_params(n_components=n_components).fit(source)
    referee = model.referee_
    dead, collapsed = idle_units(model.transform(source))
    pca_error = referee.pca_error if n_components < referee.n_features else float("nan")
    seconds = model.history_["seconds"][-1]
    size = Size(n_components, referee.model_error, pca_error, dead, collapsed, seconds)
    report(f"n = {n_components}: error {size.error:.4g}, exact PCA {pca_error:.4g}, {seconds:.1f} s")
    return size

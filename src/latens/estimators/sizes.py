"""The size of a code: what "auto" means, and how to find one by trying."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from latens.analysis import Size, Sweep, idle_units
from latens.data import Source, open_samples
from latens.data.splits import everything
from latens.errors import ConfigError, choice, finite, whole
from latens.models.autoencoders import OUTPUTS, taper_widths, wide_widths
from latens.reports import Report, silent
from latens.schema import Schema

if TYPE_CHECKING:
    from latens.estimators.encoding import SampleEncoder

__all__ = ["block_style", "code_size", "dense_widths", "output_of", "sweep", "whole_widths"]

_LAYERS = 100
# Of a code, to be tried where nobody says which.
_SIZES = (2, 4, 8, 16, 32)


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


def dense_widths(hidden: str | Sequence[int], features: int, code: int) -> list[int]:
    """Hidden widths between the data and the code: as listed, or those that "taper" or "wide" means.

    Raises:
        ConfigError: Neither, or a taper towards more components than features.

    Example:
        >>> dense_widths("taper", 784, 2), dense_widths([50], 784, 2)
        ([392, 261, 196], [50])
    """
    if not isinstance(hidden, str):
        return whole_widths(hidden)
    if choice("hidden", hidden, ("taper", "wide")) == "wide":
        return wide_widths(features)
    if code > features:
        raise ConfigError(
            f'n_components={code} exceeds the {features} input features; use n_components<={features} or hidden="wide"'
        )
    return taper_widths(features, code)


def whole_widths(
    widths: Sequence[int], way_out: str = 'use "taper", "wide", or a list such as [500, 250]', name: str = "hidden"
) -> list[int]:
    """A list of whole numbers >= 1.

    Raises:
        ConfigError: It is none, or too long.
    """
    if not isinstance(widths, (list, tuple, np.ndarray)):
        raise ConfigError(f"{name}={widths!r} gives no widths; {way_out}")
    if len(widths) > _LAYERS:
        raise ConfigError(f"{name} has {len(widths)} layers; use at most {_LAYERS}")
    return [whole(name, width, at_least=1) for width in widths]


def output_of(output: str, schema: Schema) -> str:
    """The output's activation: as asked, or for "auto" sigmoid for data bounded in [0, 1], else linear."""
    if choice("output", output, ("auto", *OUTPUTS)) == "auto":
        return "sigmoid" if schema.bounded else "linear"
    return output


def block_style(estimator: Any) -> dict[str, Any]:
    """The arguments of `Block` that an estimator's settings mean."""
    dropout = finite("dropout", estimator.dropout, at_least=0.0, at_most=0.999)
    return {"activation": estimator.activation, "batch_norm": bool(estimator.batch_norm), "dropout": dropout}


def sweep(estimator: SampleEncoder, X: Any, sizes: Sequence[int] | None = None, report: Report = silent) -> Sweep:
    """Fit a model of each size to the same rows, and say how good they are and which of their units do no work.

    Args:
        estimator: An unfitted one, with every setting but `n_components`; it is left as it is.
        X: What `fit` takes.
        sizes: The values of `n_components` to try; None tries 2, 4, 8, 16 and 32, as far as the data allow them.
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
    if not hasattr(estimator, "reconstruction_error"):
        raise ConfigError(
            f"estimator={type(estimator).__name__} reconstructs nothing, so no size of its code has an error; "
            f"use Autoencoder (--model deep)"
        )
    source = open_samples(X)
    return Sweep(tuple(_try(estimator, source, size, report) for size in _chosen_sizes(estimator, source, sizes)))


def _chosen_sizes(estimator: SampleEncoder, source: Source, sizes: Sequence[int] | None) -> list[int]:
    """Checked before any time is spent on a fit.

    Raises:
        ConfigError: There are none, or one cannot be.
    """
    chosen = sorted({whole("n_components", size, at_least=1) for size in (_SIZES if sizes is None else sizes)})
    if not chosen:
        raise ConfigError("n_components=[] leaves nothing to try; give some sizes, such as 2,4,8,16,32")
    sized = estimator._sized(source)
    schema = estimator._learn_schema(sized, estimator._summary(sized, everything(len(source))))
    possible: list[int] = []
    for size in chosen:
        try:
            clone(estimator).set_params(n_components=size).network_config(schema)
        except ConfigError:
            if sizes is not None or not possible:
                raise
        else:
            possible.append(size)
    return possible


def _try(estimator: SampleEncoder, source: Any, n_components: int, report: Report) -> Size:
    model = clone(estimator).set_params(n_components=n_components).fit(source)
    referee = model.referee_
    dead, collapsed = idle_units(model.transform(source))
    pca_error = referee.pca_error if n_components < referee.n_features else float("nan")
    seconds = model.history_["seconds"][-1]
    size = Size(n_components, referee.model_error, pca_error, dead, collapsed, seconds)
    report(f"n = {n_components}: error {size.error:.4g}, exact PCA {pca_error:.4g}, {seconds:.1f} s")
    return size

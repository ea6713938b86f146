"""Sizes that follow from the data when the user says "auto"."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from latens.errors import ConfigError, choice, whole
from latens.models.autoencoders import OUTPUTS, taper_widths, wide_widths
from latens.schema import Schema

__all__ = ["code_size", "dense_widths", "output_of", "whole_widths"]

_LAYERS = 100


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
    widths: Sequence[int], way_out: str = 'use "taper", "wide", or a list such as [500, 250]'
) -> list[int]:
    """A list of whole numbers >= 1.

    Raises:
        ConfigError: It is none, or too long.
    """
    if not isinstance(widths, (list, tuple, np.ndarray)):
        raise ConfigError(f"hidden={widths!r} gives no widths; {way_out}")
    if len(widths) > _LAYERS:
        raise ConfigError(f"hidden has {len(widths)} layers; use at most {_LAYERS}")
    return [whole("hidden", width, at_least=1) for width in widths]


def output_of(output: str, schema: Schema) -> str:
    """The output's activation: as asked, or for "auto" sigmoid for data bounded in [0, 1], else linear."""
    if choice("output", output, ("auto", *OUTPUTS)) == "auto":
        return "sigmoid" if schema.bounded else "linear"
    return output

"""Every corruption by its name, and what a name with levels, a saved config or a function stands for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from latens.corruptions.camera import Blur, Rotation
from latens.corruptions.noise import GaussianNoise, Poisson, SaltAndPepper, Speckle
from latens.corruptions.occlusion import Block, Dropout, Masking, Span
from latens.corruptions.pages import Stains
from latens.corruptions.placement import Affine
from latens.corruptions.role import Corruption, Custom
from latens.corruptions.tables import Swap
from latens.errors import ConfigError, choice

__all__ = ["CORRUPTIONS", "corruption_config", "resolve_corruption"]

CORRUPTIONS: dict[str, type[Corruption]] = {
    "gaussian": GaussianNoise,
    "dropout": Dropout,
    "masking": Masking,
    "salt-and-pepper": SaltAndPepper,
    "speckle": Speckle,
    "poisson": Poisson,
    "block": Block,
    "span": Span,
    "blur": Blur,
    "stains": Stains,
    "rotation": Rotation,
    "affine": Affine,
    "swap": Swap,
}


def resolve_corruption(value: object) -> Corruption | None:
    """The corruption meant by an instance, a name with levels, a saved config, a function, or None.

    Example:
        >>> resolve_corruption("gaussian:0.3")
        GaussianNoise(std=0.3, mean=0.0)
        >>> resolve_corruption({"name": "masking", "probability": 0.1})
        Masking(probability=0.1, value=0.0)
    """
    if value is None or isinstance(value, Corruption):
        return value
    if isinstance(value, str):
        name, *levels = value.split(":")
        return _build(name, [_number(value, level) for level in levels], {})
    if isinstance(value, Mapping):
        return _build(value.get("name"), [], {key: level for key, level in value.items() if key != "name"})
    if callable(value):
        return Custom(value)
    raise ConfigError(f"corruption={value!r} is no corruption; use one of {', '.join(CORRUPTIONS)}, or a function")


def corruption_config(corruption: Corruption | None) -> dict[str, Any] | None:
    """What a model file keeps of a corruption: its name and settings; a user's function is not kept."""
    names = {leaf: name for name, leaf in CORRUPTIONS.items()}
    if corruption is None or type(corruption) not in names:
        return None
    return {"name": names[type(corruption)], **asdict(cast(Any, corruption))}


def _build(name: object, levels: list[float], settings: dict[str, Any]) -> Corruption:
    leaf = CORRUPTIONS[choice("corruption", name, CORRUPTIONS)]
    try:
        return leaf(*levels, **settings)
    except TypeError as error:
        fields = ", ".join(inspect.signature(leaf).parameters)
        raise ConfigError(
            f"corruption={name!r} does not take {levels or settings}; its settings are {fields}"
        ) from error


def _number(corruption: str, text: str) -> float:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise ConfigError(
            f"corruption={corruption!r}: {text!r} is not a number; use for example gaussian:0.5"
        ) from None

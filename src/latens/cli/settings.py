"""``--model`` and ``--set name=value``: the road from the shell to every argument of an estimator."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from latens.errors import ConfigError, choice

__all__ = ["ESTIMATORS", "SEQUENCES", "build_estimator", "parse_settings", "parse_value"]

# The estimator behind each of MODELS, and what makes it that model.
ESTIMATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("LinearAutoencoder", {}),
    "deep": ("Autoencoder", {}),
    "wide": ("Autoencoder", {"hidden": "wide"}),
    "convolutional": ("ConvAutoencoder", {}),
    "asymmetric": ("ConvAutoencoder", {"encoder": "dense"}),
    "jigsaw": ("JigsawEncoder", {}),
    "text": ("TextAutoregressor", {}),
    "events": ("EventAutoregressor", {}),
    "series": ("SeriesAutoregressor", {}),
}

# The models that read items in their order; each learns from data of the kind of its own name.
SEQUENCES = ("text", "events", "series")

# Not "none", which is the name of a scaling.
_WORDS = {"None": None, "True": True, "False": False}


def build_estimator(model: str, words: Sequence[str], defaults: Mapping[str, Any]) -> Any:
    """The unfitted estimator of a model's name and ``name=value`` words.

    Args:
        model: A key of `MODELS`.
        words: As typed after ``--set``.
        defaults: What stands where the words say nothing.

    Raises:
        ConfigError: No such model or setting.
    """
    import latens

    name, fixed = ESTIMATORS[choice("--model", model, ESTIMATORS)]
    estimator = getattr(latens, name)
    parameters = inspect.signature(estimator).parameters
    settings = parse_settings(words, {name: parameter.default for name, parameter in parameters.items()})
    return estimator(**{**fixed, **defaults, **settings})


def parse_settings(words: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in ``name=value`` words; the last one of a name stands.

    Args:
        words: As typed.
        defaults: The names there are, with their defaults.

    Raises:
        BadParameter: A word has no ``=``.
        ConfigError: There is no such name, or a switch is neither true nor false.

    Example:
        >>> parse_settings(["hidden=500,250", "tied=true"], {"hidden": "taper", "tied": False})
        {'hidden': [500, 250], 'tied': True}
    """
    settings = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise typer.BadParameter(f"{word!r} is not name=value, as in --set n_components=2")
        name = choice("setting", name.strip().replace("-", "_"), defaults)
        value = parse_value(text.strip())
        if isinstance(defaults[name], bool) and not isinstance(value, bool):
            raise ConfigError(f"{name}={text!r} is neither true nor false; use --set {name}=true or {name}=false")
        # hidden=250 means one hidden layer.
        settings[name] = [value] if name.endswith("hidden") and type(value) is int else value
    return settings


def parse_value(text: str) -> Any:
    """JSON where it is JSON, a list of whole numbers between commas, None, True and False, else the text.

    Example:
        >>> [parse_value(text) for text in ("2", "1e-3", "gaussian:0.5", "64,32", "None", "auto")]
        [2, 0.001, 'gaussian:0.5', [64, 32], None, 'auto']
    """
    if text in _WORDS:
        return _WORDS[text]
    sizes = text.split(",")
    if len(sizes) > 1 and all(size.strip().isdecimal() for size in sizes):
        return [int(size) for size in sizes]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

"""A fitted estimator as one file's header and tensors."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latens import __version__, persistence
from latens.corruptions import Corruption, corruption_config, resolve_corruption
from latens.errors import ConfigError

__all__ = ["MODEL", "SCHEMA", "save"]

# Prefixes of the tensors' names in a file.
SCHEMA = "schema."
MODEL = "model."


def save(
    estimator: Any, path: str | Path, detector: tuple[dict[str, Any], dict[str, torch.Tensor]] | None = None
) -> None:
    """Write a fitted estimator; see `SampleEncoder.save`.

    Args:
        estimator: Fitted.
        path: Of the file.
        detector: What a detector around it adds; see `latens.estimators.detector_files`.
    """
    if not type(estimator).__module__.startswith("latens."):
        raise ConfigError(
            f"{type(estimator).__name__} is a class of your own, which no file can rebuild; save its base"
        )
    network = estimator.network_.network
    params = estimator.get_params(deep=False)
    header = {
        "kind": "model",
        "latens": __version__,
        "torch": torch.__version__,
        "estimator": type(estimator).__name__,
        "model": estimator.network_name(),
        "config": network.config,
        "params": {name: _plain(value) for name, value in params.items()},
        "custom_corruption": _is_custom(params.get("corruption")),
        "schema": estimator.schema_.to_json(),
        "feature_names": _names(estimator),
        "history": {name: list(column) for name, column in estimator.history_.columns.items()},
        "referee": asdict(estimator.referee_),
    }
    tensors = {f"{MODEL}{name}": tensor for name, tensor in network.state_dict().items()}
    arrays = estimator.schema_.arrays() if hasattr(estimator.schema_, "arrays") else {}  # a vocabulary has none
    for name, array in arrays.items():
        tensors[f"{SCHEMA}{name}"] = torch.from_numpy(np.array(array, dtype=np.float64))
    more, theirs = detector or (None, {})
    persistence.write(path, header if more is None else header | {"detector": more}, tensors | theirs)


def _names(estimator: Any) -> list[str] | None:
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _is_custom(corruption: object) -> bool:
    return corruption is not None and corruption_config(resolve_corruption(corruption)) is None


def _plain(value: Any) -> Any:
    """A constructor argument as JSON; what JSON cannot hold is left out."""
    if isinstance(value, Corruption) or callable(value):
        return corruption_config(resolve_corruption(value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else None

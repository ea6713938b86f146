"""An estimator from one file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latens import persistence
from latens.analysis import Referee
from latens.corruptions import resolve_corruption
from latens.devices import resolve_device
from latens.errors import LatensError, ModelFileError
from latens.estimators.autoencoder import Autoencoder
from latens.estimators.convolutional import ConvAutoencoder
from latens.estimators.linear import LinearAutoencoder
from latens.estimators.reconstruction import Reconstructor
from latens.estimators.saving import MODEL, SCHEMA
from latens.history import History
from latens.models import skeleton, with_weights
from latens.persistence import TensorInfo
from latens.schema import Schema

__all__ = ["ESTIMATORS", "load"]

ESTIMATORS: dict[str, Callable[..., Reconstructor]] = {
    "Autoencoder": Autoencoder,
    "LinearAutoencoder": LinearAutoencoder,
    "ConvAutoencoder": ConvAutoencoder,
}


def load(path: str | Path, device: str = "auto") -> Reconstructor:
    """The estimator in a model file, ready to use.

    Nothing in the file is executed or imported: its model must be in the registry, and its tensors must be exactly
    those that the model has, before one of them is read.

    Args:
        path: What `save` wrote.
        device: Where to compute.

    Raises:
        ModelFileError: The file is missing, truncated, foreign, altered, or from a newer latens.
        ConfigError: This machine has no such device.

    Example:
        >>> load("no-such-file.latens")
        Traceback (most recent call last):
        latens.errors.ModelFileError: no-such-file.latens: no such file; name a model file that latens saved
    """
    resolve_device(device)
    file = persistence.read(path, expect=lambda header, infos: _expect(path, header, infos))
    try:
        estimator = _restore(file.header, file.tensors, device)
    except (LatensError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelFileError(f"{path}: its header does not describe a model ({error}); take another copy") from error
    if file.header.get("custom_corruption"):
        warnings.warn(
            f"{path}: its corruption was a function of yours, which a file does not keep; "
            f"set corruption=... before fitting again",
            UserWarning,
            stacklevel=2,
        )
    return estimator


def _restore(header: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], device: str) -> Reconstructor:
    estimator = ESTIMATORS[header["estimator"]](**{**header["params"], "device": device})
    if "corruption" in header["params"]:
        estimator.set_params(corruption=resolve_corruption(header["params"]["corruption"]))
    arrays = {name: tensors[f"{SCHEMA}{name}"].numpy() for name in ("offset", "scale")}
    estimator.schema_ = Schema.from_json(header["schema"], **arrays)
    weights = {name.removeprefix(MODEL): tensor for name, tensor in tensors.items() if name.startswith(MODEL)}
    estimator._keep(with_weights(header["model"], header["config"], weights))
    estimator.n_features_in_ = estimator.schema_.n_features
    if header["feature_names"] is not None:
        estimator.feature_names_in_ = np.asarray(header["feature_names"], dtype=object)
    estimator.history_ = History({name: tuple(column) for name, column in header["history"].items()})
    estimator.referee_ = Referee(**header["referee"])
    estimator.resumed_from_step_ = None
    return estimator


def _expect(path: str | Path, header: Mapping[str, Any], infos: TensorInfo) -> None:
    """Refuse what is no model of ours, by names and exact shapes, before any tensor is read."""
    if header.get("kind") != "model":
        raise ModelFileError(f"{path}: a {header.get('kind')!r}, not a model; name the file that fit's -o wrote")
    if header.get("estimator") not in ESTIMATORS:
        raise ModelFileError(f"{path}: estimator {header.get('estimator')!r} is not known to this latens; upgrade it")
    try:
        network = skeleton(header["model"], header["config"])
        sizes = [size for size in header["schema"]["shape"] if size is not None]
        features = int(np.prod(sizes, dtype=np.float64))
    except (LatensError, KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ModelFileError(f"{path}: its header does not describe a model ({error}); take another copy") from error
    expected = persistence.describe({f"{MODEL}{name}": tensor for name, tensor in network.state_dict().items()})
    found = {name: info for name, info in infos.items() if name.startswith(MODEL)}
    if expected != found:
        raise ModelFileError(f"{path}: its tensors are not those of its model ({_difference(expected, found)})")
    allowed = (("F64", ()), ("F64", (features,)))
    others = {name: info for name, info in infos.items() if name not in found}
    if set(others) != {f"{SCHEMA}offset", f"{SCHEMA}scale"} or any(info not in allowed for info in others.values()):
        raise ModelFileError(f"{path}: its schema's tensors are not those of its data; take another copy")


def _difference(expected: TensorInfo, found: TensorInfo) -> str:
    name = min(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    return f"{name}: expected {expected.get(name)}, found {found.get(name)}"

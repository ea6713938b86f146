"""An estimator from one file."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from latens import persistence
from latens.analysis import ForecastReferee, OrderAccuracy, Referee
from latens.analysis.sequence_referee import SequenceReferee
from latens.corruptions import resolve_corruption
from latens.devices import resolve_device
from latens.errors import LatensError, ModelFileError, choice
from latens.estimators.autoencoder import Autoencoder
from latens.estimators.convolutional import ConvAutoencoder
from latens.estimators.detector_files import DETECTOR, check_detector, restore_detector
from latens.estimators.events import EventAutoregressor
from latens.estimators.jigsaw import JigsawEncoder
from latens.estimators.linear import LinearAutoencoder
from latens.estimators.outliers import OutlierDetector
from latens.estimators.saving import MODEL, SCHEMA
from latens.estimators.series import SeriesAutoregressor
from latens.estimators.text import TextAutoregressor
from latens.history import History
from latens.models import skeleton, with_weights
from latens.persistence import TensorInfo
from latens.schema import EventSchema, Schema, SeriesSchema, TextSchema

__all__ = ["ESTIMATORS", "load"]

ESTIMATORS: dict[str, Callable[..., Any]] = {
    "Autoencoder": Autoencoder,
    "LinearAutoencoder": LinearAutoencoder,
    "ConvAutoencoder": ConvAutoencoder,
    "JigsawEncoder": JigsawEncoder,
    "TextAutoregressor": TextAutoregressor,
    "EventAutoregressor": EventAutoregressor,
    "SeriesAutoregressor": SeriesAutoregressor,
}

# The estimator that learns of no model but its own, of the same kind of data as others.
_JIGSAW = JigsawEncoder.__name__

# The models that read sequences; each has an estimator and a kind of data of its own.
_SEQUENCES = {"TextAutoregressor": "text", "EventAutoregressor": "events", "SeriesAutoregressor": "series"}

# What a file of a kind holds where it is a vocabulary, instead of a `Schema` and a `Referee`.
_VOCABULARIES: dict[str, Any] = {"text": TextSchema, "events": EventSchema}

# Characters of a network's arguments as JSON: a hundred layers need 2,000; a skeleton costs up to 12 kB a character.
_LONGEST = 3000


def load(path: str | Path, device: str = "auto") -> Any:
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
    _check_numbers(path, file.tensors)
    with _describing(path):
        estimator = _restore(file.header, file.tensors, device)
        if file.header.get("detector") is not None:
            estimator = restore_detector(OutlierDetector(), estimator, file.header["detector"], file.tensors)
    if file.header.get("custom_corruption"):
        warnings.warn(
            f"{path}: its corruption was a function of yours, which a file does not keep; "
            f"set corruption=... before fitting again",
            UserWarning,
            stacklevel=2,
        )
    return estimator


def _restore(header: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], device: str) -> Any:
    estimator = ESTIMATORS[header["estimator"]](**{**header["params"], "device": device})
    if "corruption" in header["params"]:
        estimator.set_params(corruption=resolve_corruption(header["params"]["corruption"]))
    weights = {name.removeprefix(MODEL): tensor for name, tensor in tensors.items() if name.startswith(MODEL)}
    network = with_weights(header["model"], header["config"], weights)
    kind = header["schema"]["kind"]
    if kind in _VOCABULARIES:
        estimator.schema_ = _VOCABULARIES[kind].from_json(header["schema"])
    elif kind == SeriesSchema.kind:
        estimator.schema_ = SeriesSchema.from_json(header["schema"], **_arrays(tensors))
    else:
        _restore_samples(estimator, header, tensors)
    estimator._keep(network)
    estimator.history_ = History({name: tuple(column) for name, column in header["history"].items()})
    estimator.referee_ = _referee_of(header)(**header["referee"])
    estimator.resumed_from_step_ = None
    return estimator


def _restore_samples(estimator: Any, header: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
    estimator.schema_ = Schema.from_json(header["schema"], **_arrays(tensors))
    estimator.n_features_in_ = len(header["feature_names"] or ()) or estimator.schema_.n_features
    if header["feature_names"] is not None:
        estimator.feature_names_in_ = np.asarray(header["feature_names"], dtype=object)


def _arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensors[f"{SCHEMA}{name}"].numpy() for name in ("offset", "scale")}


def _referee_of(header: Mapping[str, Any]) -> type[Any]:
    kind = header["schema"]["kind"]
    if header["estimator"] == _JIGSAW:
        return OrderAccuracy
    if kind == SeriesSchema.kind:
        return ForecastReferee
    return SequenceReferee if kind in _VOCABULARIES else Referee


def _expect(path: str | Path, header: Mapping[str, Any], infos: TensorInfo) -> None:
    """Refuse what is no model of ours, by names and exact shapes, before any tensor is read."""
    kind, estimator = header.get("kind"), header.get("estimator")
    if kind != "model":
        raise ModelFileError(f"{path}: a {kind!r:.100}, not a model; name the file that fit's -o wrote")
    if not isinstance(estimator, str) or estimator not in ESTIMATORS:
        raise ModelFileError(f"{path}: estimator {estimator!r:.100} is not known to this latens; upgrade it")
    found = {name: info for name, info in infos.items() if name.startswith(MODEL)}
    with _describing(path):
        _check_header(header, found)
        judging = _judging(header, infos)
        network = skeleton(header["model"], header["config"])
    expected = persistence.describe({f"{MODEL}{name}": tensor for name, tensor in network.state_dict().items()})
    if expected != found:
        raise ModelFileError(f"{path}: its tensors are not those of its model ({_difference(expected, found)})")
    others = {name: info for name, info in infos.items() if name not in found and name not in judging}
    if not _fits(header, others):
        raise ModelFileError(f"{path}: its schema's tensors are not those of its data; take another copy")


def _judging(header: Mapping[str, Any], infos: TensorInfo) -> TensorInfo:
    """The tensors of the detector around the model, if there is one."""
    if header.get("detector") is None:
        return {}
    found = {name: info for name, info in infos.items() if name.startswith(DETECTOR)}
    check_detector(OutlierDetector(), header["detector"], found)
    return found


def _fits(header: Mapping[str, Any], tensors: TensorInfo) -> bool:
    """Whether a schema's tensors are those that it has."""
    schema = header["schema"]
    if schema["kind"] in _VOCABULARIES:
        return not tensors
    if schema["kind"] == SeriesSchema.kind:
        width = ("F64", (header["config"]["n_features"],))
        return dict(tensors) == {f"{SCHEMA}offset": width, f"{SCHEMA}scale": width}
    allowed = (("F64", ()), ("F64", (_fixed(schema["shape"]),)))
    return set(tensors) == {f"{SCHEMA}offset", f"{SCHEMA}scale"} and all(info in allowed for info in tensors.values())


@contextmanager
def _describing(path: str | Path) -> Iterator[None]:
    """What goes wrong in here is the fault of the header, but for want of memory."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (LatensError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError) as error:
        words = " ".join(str(error).split())  # PyTorch's go on for pages
        raise ModelFileError(
            f"{path}: its header does not describe a model ({words:.400}); take another copy"
        ) from error


def _check_header(header: Mapping[str, Any], tensors: TensorInfo) -> None:
    """Refuse, before anything is built from it, what would grow beyond the file, and what `latens info` cannot show."""
    config = {name: value for name, value in header["config"].items() if name != "cells"}
    for name, value in {"model": header["model"], "config": config}.items():
        if len(json.dumps(value)) > _LONGEST:
            raise ValueError(f"{name} is longer than {_LONGEST} characters")
    if not isinstance(header["params"], dict):
        raise ValueError("params are no object")
    widest = max((size for _, shape in tensors.values() for size in shape), default=0)
    kind = choice("kind", header["schema"]["kind"], ("table", "images", *_SEQUENCES.values()))
    _check_together(header, kind, len(tensors))
    if kind in _VOCABULARIES:
        _check_vocabulary(header, widest)
    elif kind == SeriesSchema.kind:
        _check_series(header, widest)
    else:
        _check_samples(header, widest)
    _check_history(header["history"])
    _check_referee(header["referee"], _referee_of(header))


def _check_together(header: Mapping[str, Any], kind: str, tensors: int) -> None:
    """Refuse an estimator of other data or another model, and more layers than there are tensors for."""
    wanted = _SEQUENCES.get(header["estimator"])
    if (wanted or kind) != kind or (wanted is None and kind in _SEQUENCES.values()):
        raise ValueError(f"data of kind {kind!r} is not what {header['estimator']} learns from")
    if (wanted or header["model"]) != header["model"] or (wanted is None and header["model"] in _SEQUENCES.values()):
        raise ValueError(f"model={header['model']!r} is none of {header['estimator']}")
    if (header["estimator"] == _JIGSAW) != (header["model"] == "jigsaw"):
        raise ValueError(f"model={header['model']!r} is none of {header['estimator']}")
    if header["estimator"] == _JIGSAW and header.get("detector") is not None:
        raise ValueError(f"a detector around {_JIGSAW}, which reconstructs nothing")
    layers = header["config"].get("n_layers", 1)
    if not _is_size(layers) or layers > tensors:
        raise ValueError(f"{layers!r:.20} layers, and {tensors} tensors")


def _check_vocabulary(header: Mapping[str, Any], widest: int) -> None:
    items = _VOCABULARIES[header["schema"]["kind"]].from_json(header["schema"]).n_items
    if items != header["config"]["n_items"] or items > widest:
        raise ValueError(f"a vocabulary of {items} items, and no network for it")


def _check_series(header: Mapping[str, Any], widest: int) -> None:
    """Of as many columns as the network has; what the schema says is checked with units of that size."""
    features = header["config"]["n_features"]
    if not _is_size(features) or features > widest:
        raise ValueError(f"series of {features!r:.20} columns, and no tensor so wide")
    SeriesSchema.from_json(header["schema"], np.zeros(features), np.ones(features))


def _check_samples(header: Mapping[str, Any], widest: int) -> None:
    schema = header["schema"]
    plain = {name: schema[name] for name in ("kind", "shape", "dtype", "scaling")}
    if len(json.dumps(plain)) > _LONGEST:
        raise ValueError(f"schema is longer than {_LONGEST} characters")
    features = _check_schema(schema)
    # Of a jigsaw, whose tensors are of the size of a tile, nothing is made of the size of an image.
    if header["estimator"] == _JIGSAW and (schema["kind"], schema["shape"]) != ("images", header["config"]["shape"]):
        raise ValueError(f"a network for images of shape {header['config']['shape']!r:.100}")
    if header["estimator"] != _JIGSAW and features > widest:
        raise ValueError(f"samples of {features} numbers, and no tensor so wide")
    # A table's names are also those of columns that were left out.
    _check_names("feature_names", header["feature_names"], features if schema["table"] is None else None)
    cells = header["config"].get("cells")
    if cells is not None and len(cells["columns"]) != features:
        raise ValueError(f"{len(cells['columns'])} columns of cells for {features} features")


def _check_schema(schema: Mapping[str, Any]) -> int:
    """The numbers in a sample."""
    shape, labels, table = schema["shape"], schema["label_names"], schema["table"]
    free = schema["kind"] == "images"  # whose height and width may be any
    if not 1 <= len(shape) <= 3 or not all(_is_size(size) or (free and size is None) for size in shape):
        raise ValueError(f"shape={shape!r:.100}")
    features = _fixed(shape)
    if table is not None and len(table["types"]) != features:
        raise ValueError(f"{len(table['types'])} types for {features} features")
    _check_names("columns", schema["columns"], features)
    _check_names("label_names", labels, len(labels))
    return features


def _is_size(size: object) -> bool:
    return type(size) is int and size >= 1


def _fixed(shape: Sequence[int | None]) -> int:
    """The numbers in a sample, or in a pixel where sizes are free."""
    return math.prod(size for size in shape if size is not None)


def _check_names(what: str, names: object, n: int | None) -> None:
    if names is None:
        return
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{what} are no list of names")
    if n is not None and len(names) != n:
        raise ValueError(f"{len(names)} {what} for {n} features")


def _check_history(history: Mapping[str, Any]) -> None:
    lengths = {len(column) if isinstance(column, list) else -1 for column in history.values()}
    if len(lengths) > 1 or -1 in lengths:
        raise ValueError("history's columns are no lists of one length")
    if not all(_is_number(value) for column in history.values() for value in column):
        raise ValueError("history holds something else than finite numbers")
    missing = {"step", "seconds", "train_loss"} - set(history)
    if history and missing:
        raise ValueError(f"history has no column {min(missing)!r}")


def _check_referee(referee: Mapping[str, Any], described: type[Any]) -> None:
    """Of the types that it declares."""
    for field in fields(described):
        value, (kind, *more) = referee[field.name], str(field.type).split(" | ")
        wrong = (kind == "str" and not isinstance(value, str)) or (kind == "int" and type(value) is not int)
        wrong = wrong or (kind == "float" and not _is_number(value))
        if wrong and not (value is None and more):
            raise ValueError(f"referee's {field.name}={value!r:.100}")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(cast(float, value))


def _check_numbers(path: str | Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Refuse weights that answer nothing but NaN, and a scale that cannot be divided by."""
    for name, tensor in tensors.items():
        # The extremes are NaN where one number is, and need no memory beside the tensor.
        if tensor.is_floating_point() and not all(map(torch.isfinite, tensor.aminmax())):
            raise ModelFileError(f"{path}: tensor {name!r} holds NaN or infinity; take another copy")
    scale = tensors.get(f"{SCHEMA}scale")
    least = 1.0 if scale is None else float(scale.min())
    if least <= 0:
        raise ModelFileError(f"{path}: the scale of its data holds {least:g}; take another copy")


def _difference(expected: TensorInfo, found: TensorInfo) -> str:
    name = min(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    return f"{name}: expected {expected.get(name)}, found {found.get(name)}"

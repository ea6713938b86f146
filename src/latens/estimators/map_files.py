"""A map as one safe file, so that rows that come later can be put on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latens import __version__, persistence
from latens.analysis import Map
from latens.analysis.maps import METHODS
from latens.errors import ModelFileError
from latens.persistence import TensorInfo

__all__ = ["load_map", "save_map"]


def save_map(place: Map, path: str | Path, model: str | None = None) -> None:
    """Write the map's codes and points; nothing in it can run.

    Args:
        place: The map.
        path: Of the file.
        model: The digest of the model that the codes are from.

    Raises:
        OutputError: The path cannot be written.

    Example:
        >>> import tempfile
        >>> from latens.analysis import fit_map
        >>> place = fit_map(np.arange(12.0).reshape(4, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_map(place, Path(folder, "four.map"))
        ...     bool(np.array_equal(load_map(Path(folder, "four.map")).points, place.points))
        True
    """
    header = {
        "kind": "map",
        "latens": __version__,
        "method": place.method,
        "axes": list(place.axes),
        "neighbours": place.neighbours,
        "model": model,
    }
    arrays = {name: getattr(place, name) for name in ("codes", "points", "mean", "directions")}
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items() if array is not None}
    persistence.write(path, header, tensors)


def load_map(path: str | Path, model: str | None = None) -> Map:
    """The map in a file.

    Args:
        path: Of a file that `save_map` wrote.
        model: The digest of the model that new codes are from; None asks nothing.

    Raises:
        ModelFileError: It is no map, damaged, or its codes are from another model.
    """
    file = persistence.read(path, lambda header, tensors: _check(path, header, tensors))
    header = file.header
    if None not in (model, header["model"]) and model != header["model"]:
        raise ModelFileError(f"{path}: a map of another model's codes; use the model that it was made with")
    arrays: dict[str, np.ndarray] = {name: tensor.numpy() for name, tensor in file.tensors.items()}
    return Map(**arrays, method=header["method"], axes=tuple(header["axes"]), neighbours=header["neighbours"])


def _check(path: str | Path, header: Mapping[str, Any], tensors: TensorInfo) -> None:
    if header.get("kind") != "map":
        raise ModelFileError(f"{path}: no map; give it a file that latens map --save-map wrote")
    linear = header.get("method") != "umap"
    n, size = (*tensors.get("codes", ("", ()))[1], 0, 0)[:2]
    wanted: dict[str, tuple[int, ...]] = {"codes": (n, size), "points": (n, 2)}
    wanted |= {"mean": (size,), "directions": (2, size)} if linear else {}
    if not _is_described(header) or dict(tensors) != {name: ("F64", shape) for name, shape in wanted.items()} or not n:
        raise ModelFileError(f"{path}: not the header and the arrays of a map; take another copy")


def _is_described(header: Mapping[str, Any]) -> bool:
    axes, neighbours, model = header.get("axes"), header.get("neighbours"), header.get("model")
    return (
        header.get("method") in METHODS[1:]
        and isinstance(axes, list)
        and len(axes) == 2
        and all(isinstance(name, str) for name in axes)
        and type(neighbours) is int
        and neighbours >= 2
        and (model is None or isinstance(model, str))
    )

"""latens learns from data that nobody has labelled.

``import latens`` costs nothing: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latens.corruptions import (
        Affine,
        Block,
        Blur,
        Dropout,
        GaussianNoise,
        Masking,
        Poisson,
        Rotation,
        SaltAndPepper,
        Span,
        Speckle,
        Stains,
        Swap,
    )
    from latens.data import Source, open_source
    from latens.estimators import (
        Autoencoder,
        ConvAutoencoder,
        EventAutoregressor,
        LinearAutoencoder,
        OutlierDetector,
        SeriesAutoregressor,
        TextAutoregressor,
        cluster,
        load,
        probe,
        sweep,
    )
    from latens.export import export_onnx
    from latens.history import History
    from latens.index import Index

__version__ = "0.1.0"

_HOMES = {
    "Affine": "latens.corruptions",
    "Autoencoder": "latens.estimators",
    "Block": "latens.corruptions",
    "Blur": "latens.corruptions",
    "ConvAutoencoder": "latens.estimators",
    "Dropout": "latens.corruptions",
    "EventAutoregressor": "latens.estimators",
    "GaussianNoise": "latens.corruptions",
    "History": "latens.history",
    "Index": "latens.index",
    "LinearAutoencoder": "latens.estimators",
    "Masking": "latens.corruptions",
    "OutlierDetector": "latens.estimators",
    "Poisson": "latens.corruptions",
    "Rotation": "latens.corruptions",
    "SaltAndPepper": "latens.corruptions",
    "SeriesAutoregressor": "latens.estimators",
    "Source": "latens.data",
    "Span": "latens.corruptions",
    "Speckle": "latens.corruptions",
    "Stains": "latens.corruptions",
    "Swap": "latens.corruptions",
    "TextAutoregressor": "latens.estimators",
    "cluster": "latens.estimators",
    "export_onnx": "latens.export",
    "load": "latens.estimators",
    "open_source": "latens.data",
    "probe": "latens.estimators",
    "sweep": "latens.estimators",
}

__all__ = [
    "Affine",
    "Autoencoder",
    "Block",
    "Blur",
    "ConvAutoencoder",
    "Dropout",
    "EventAutoregressor",
    "GaussianNoise",
    "History",
    "Index",
    "LinearAutoencoder",
    "Masking",
    "OutlierDetector",
    "Poisson",
    "Rotation",
    "SaltAndPepper",
    "SeriesAutoregressor",
    "Source",
    "Span",
    "Speckle",
    "Stains",
    "Swap",
    "TextAutoregressor",
    "__version__",
    "cluster",
    "export_onnx",
    "load",
    "open_source",
    "probe",
    "sweep",
]


# Parts of the package whose own names users call: `latens.data.images_to_blocks` needs no second import.
_ROOMS = ("analysis", "corruptions", "data", "plots", "report", "sampling")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"latens.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'latens' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_ROOMS})

"""latens learns from data that nobody has labelled.

``import latens`` costs nothing: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latens.corruptions import Dropout, GaussianNoise, Masking, SaltAndPepper
    from latens.data import Source, open_source
    from latens.estimators import Autoencoder, ConvAutoencoder, LinearAutoencoder, load
    from latens.history import History

__version__ = "0.1.0"

_HOMES = {
    "Autoencoder": "latens.estimators",
    "ConvAutoencoder": "latens.estimators",
    "Dropout": "latens.corruptions",
    "GaussianNoise": "latens.corruptions",
    "History": "latens.history",
    "LinearAutoencoder": "latens.estimators",
    "Masking": "latens.corruptions",
    "SaltAndPepper": "latens.corruptions",
    "Source": "latens.data",
    "load": "latens.estimators",
    "open_source": "latens.data",
}

__all__ = [
    "Autoencoder",
    "ConvAutoencoder",
    "Dropout",
    "GaussianNoise",
    "History",
    "LinearAutoencoder",
    "Masking",
    "SaltAndPepper",
    "Source",
    "__version__",
    "load",
    "open_source",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'latens' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

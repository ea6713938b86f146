"""The public face: estimators with scikit-learn's manners."""

from __future__ import annotations

from typing import TypeAlias

from latens.estimators.autoencoder import Autoencoder
from latens.estimators.convolutional import ConvAutoencoder
from latens.estimators.events import EventAutoregressor
from latens.estimators.grouping import cluster
from latens.estimators.jigsaw import JigsawEncoder
from latens.estimators.linear import LinearAutoencoder
from latens.estimators.loading import load
from latens.estimators.outliers import OutlierDetector
from latens.estimators.probing import probe
from latens.estimators.series import SeriesAutoregressor
from latens.estimators.sizes import sweep
from latens.estimators.text import TextAutoregressor

# Who gives back what it encodes.
AnyAutoencoder: TypeAlias = Autoencoder | LinearAutoencoder | ConvAutoencoder

__all__ = [
    "AnyAutoencoder",
    "Autoencoder",
    "ConvAutoencoder",
    "EventAutoregressor",
    "JigsawEncoder",
    "LinearAutoencoder",
    "OutlierDetector",
    "SeriesAutoregressor",
    "TextAutoregressor",
    "cluster",
    "load",
    "probe",
    "sweep",
]

"""The public face: estimators with scikit-learn's manners."""

from __future__ import annotations

from latens.estimators.autoencoder import Autoencoder
from latens.estimators.convolutional import ConvAutoencoder
from latens.estimators.linear import LinearAutoencoder
from latens.estimators.loading import load
from latens.estimators.sizes import sweep

__all__ = ["Autoencoder", "ConvAutoencoder", "LinearAutoencoder", "load", "sweep"]

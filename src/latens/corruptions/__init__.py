"""Corruptions x → x̃ that a denoising autoencoder learns to undo; active in training only.

The loss compares the reconstruction with the clean x, so copying the input is no solution even when the code is wider
than the data (Vincent et al., 2008, https://doi.org/10.1145/1390156.1390294). A corruption knows nothing of models,
epochs or devices; randomness comes in as an argument, so the same row gets the same noise on any worker or resume.
Levels are in the units the model sees, that is after scaling.
"""

from __future__ import annotations

from latens.corruptions.camera import Blur, Rotation
from latens.corruptions.noise import GaussianNoise, Poisson, SaltAndPepper, Speckle
from latens.corruptions.occlusion import Block, Dropout, Masking, Span
from latens.corruptions.pages import Stains
from latens.corruptions.placement import Affine
from latens.corruptions.registry import CORRUPTIONS, corruption_config, resolve_corruption
from latens.corruptions.role import Corruption, Custom, on_cells
from latens.corruptions.samples import corrupt
from latens.corruptions.tables import Swap

__all__ = [
    "CORRUPTIONS",
    "Affine",
    "Block",
    "Blur",
    "Corruption",
    "Custom",
    "Dropout",
    "GaussianNoise",
    "Masking",
    "Poisson",
    "Rotation",
    "SaltAndPepper",
    "Span",
    "Speckle",
    "Stains",
    "Swap",
    "corrupt",
    "corruption_config",
    "on_cells",
    "resolve_corruption",
]

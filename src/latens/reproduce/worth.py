"""What codes of digits are worth to who has no labels, or few: clusters and probes, of codes and of pixels alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from latens.analysis import Clustering, Probe, ProbeCurve, find_clusters, principal_components, probe_features
from latens.analysis.manifold import unfolded
from latens.reproduce.digits import Digits

__all__ = ["FEW", "WAYS", "clusters_of", "curve_of", "few", "few_labels", "flat", "plain_features", "probes_of"]

# What is clustered, and how: rows as they are, or laid out by their neighbours first.
WAYS: dict[str, tuple[str, str]] = {
    "k-means": ("rows", "kmeans"),
    "HDBSCAN": ("rows", "hdbscan"),
    "UMAP, k-means": ("map", "kmeans"),
    "UMAP, Gaussian mixture": ("map", "gmm"),
    "UMAP, HDBSCAN": ("map", "hdbscan"),
}
# Labels where there is one figure for all budgets, if there are so many images.
FEW = 100
# Draws of labelled images, and how many where the images are so few that there is only something to look at.
_DRAWS, _QUICK_DRAWS, _FEW = 10, 3, 10_000


def clusters_of(rows: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, dict[str, Any]]:
    """The scores of each of `WAYS`, as JSON holds them.

    Args:
        rows: (n, d) codes or pixels.
        labels: (n,), which judge and choose nothing but how many clusters there are.
        seed: Of what is random in it.
    """
    given = {"rows": rows, "map": unfolded(rows, seed)}
    found = {way: _clustered(given[of], method, labels, seed) for way, (of, method) in WAYS.items()}
    return {
        way: {"clusters": each.n_clusters, "noise": each.noise, **asdict(each.agreements[0])}
        for way, each in found.items()
    }


def _clustered(rows: np.ndarray, method: str, labels: np.ndarray, seed: int) -> Clustering:
    k = None if method == "hdbscan" else len(np.unique(labels))
    return find_clusters(rows, method, k, truth=labels, seed=seed, n_fits=1)


def probes_of(features: dict[str, tuple[np.ndarray, np.ndarray]], digits: Digits, seed: int = 0) -> dict[str, Any]:
    """Probes on features of the training and the test images, as JSON holds them; see `curve_of`."""
    draws = _DRAWS if len(digits.train) > _FEW else _QUICK_DRAWS
    curve = probe_features(features, digits.train_labels, digits.test_labels, n_draws=draws, seed=seed)
    return asdict(curve)


def few(digits: Digits) -> int:
    """`FEW`, or half of the training images where these are few."""
    return min(FEW, len(digits.train) // 2)


def few_labels(features: tuple[np.ndarray, np.ndarray], digits: Digits) -> float:
    """Mean accuracy of the linear probe on a `few` labels.

    Args:
        features: Of the training and the test images, (n, d) and (m, d).
        digits: The images.
    """
    draws = _DRAWS if len(digits.test) >= _FEW else _QUICK_DRAWS
    labels, budget = (digits.train_labels, digits.test_labels), few(digits)
    curve = probe_features({"codes": features}, *labels, budgets=[budget], n_draws=draws)
    return curve.of("codes", "linear", budget).mean


def curve_of(*found: dict[str, Any]) -> ProbeCurve:
    """Several results of `probes_of` on the same images as one."""
    probes = [Probe(**each | {"accuracies": tuple(each["accuracies"])}) for part in found for each in part["probes"]]
    sizes = {name: found[0][name] for name in ("n_train", "n_test", "n_classes")}
    return ProbeCurve(tuple(probes), **sizes, left_out=tuple(found[0]["left_out"]))


def flat(images: np.ndarray) -> np.ndarray:  # (n, h, w) -> (n, h·w)
    """Images as rows of pixels."""
    return images.reshape(len(images), -1)


def plain_features(digits: Digits, n_components: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pixels, and as many principal components as a code has numbers, of training and test images."""
    pixels = flat(digits.train), flat(digits.test)
    if n_components >= min(pixels[0].shape):
        return {"raw": pixels}
    principal = principal_components(pixels[0], n_components)
    train, test = ((part - principal.mean) @ principal.components.T for part in pixels)
    return {"raw": pixels, "PCA": (train, test)}

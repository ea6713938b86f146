"""How well digits that were never seen are told from those that were."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from latens.analysis import nearest
from latens.estimators.outliers import OutlierDetector
from latens.estimators.reconstruction import Reconstructor
from latens.reproduce.digits import Digits

__all__ = ["ANGLES", "DETECTOR", "RESIDUAL", "auroc_of_unknown", "errors_by_digit", "found_by", "pixels_found"]

# What is asked of a model, by the name that tables give it.
RESIDUAL, DETECTOR = "reconstruction error", "OutlierDetector around it"
DISTANCES, ANGLES = "distance of codes", "angle between codes"
# Neighbours whose mean distance counts, as many as the detector asks.
_NEIGHBOURS = 3


def errors_by_digit(model: Reconstructor, digits: Digits) -> list[float]:
    """The mean squared error of the test images of each digit, in order."""
    errors = model.reconstruction_error(digits.test)
    return [float(errors[digits.test_labels == digit].mean()) for digit in np.unique(digits.test_labels)]


def found_by(model: Reconstructor, digits: Digits) -> dict[str, dict[str, float]]:
    """The AUROC of unknown digits against the rest, by kind of evidence."""
    detector = OutlierDetector(FrozenEstimator(model), random_state=0, verbose=0).fit(digits.train)
    codes = model.transform(digits.train), model.transform(digits.test)
    scores = {
        RESIDUAL: model.reconstruction_error(digits.test),
        DETECTOR: -detector.score_samples(digits.test),
        DISTANCES: _distances(*codes, "euclidean"),
        ANGLES: _distances(*codes, "cosine"),
    }
    return {name: auroc_of_unknown(each, digits) for name, each in scores.items()}


def pixels_found(digits: Digits) -> dict[str, float]:
    """The same of the distance between the images themselves."""
    flat = [images.reshape(len(images), -1) for images in (digits.train, digits.test)]
    return auroc_of_unknown(_distances(flat[0], flat[1], "euclidean"), digits)


def _distances(known: np.ndarray, asked: np.ndarray, distance: str) -> np.ndarray:
    return np.asarray(nearest(known, asked, min(_NEIGHBOURS, len(known)), distance=distance).distances.mean(axis=1))


def auroc_of_unknown(scores: np.ndarray, digits: Digits) -> dict[str, float]:
    """Of all digits that are not among the training images, and of each alone, against those that are."""
    known = np.isin(digits.test_labels, digits.train_labels)
    alone = {str(digit): digits.test_labels == digit for digit in np.unique(digits.test_labels[~known])}
    return {name: _auroc(scores, strange, known) for name, strange in ({"all": ~known} | alone).items()}


def _auroc(scores: np.ndarray, strange: np.ndarray, known: np.ndarray) -> float:
    judged: Mapping[str, np.ndarray] = {"truth": strange[strange | known], "score": scores[strange | known]}
    return float(roc_auc_score(judged["truth"], judged["score"]))

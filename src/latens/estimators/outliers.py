"""The estimator that finds the rows that do not belong, and keeps its promise about false alarms."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from latens.analysis.calibration import Calibration, benjamini_hochberg, false_alarm_rate
from latens.analysis.evidence import Standard, loudest, ordinary_rows
from latens.analysis.outliers import OutlierScores, Reason
from latens.corruptions import GaussianNoise
from latens.data import split
from latens.errors import ConfigError, DataError, finite, whole
from latens.estimators.autoencoder import Autoencoder
from latens.estimators.autoregressor import Autoregressor
from latens.estimators.detector_files import detector_parts
from latens.estimators.encoding import SampleEncoder
from latens.estimators.explaining import reasons
from latens.estimators.fitting import Run, all_or_nothing
from latens.estimators.lessons import FEWEST, Lesson, sequence_lesson
from latens.estimators.reconstruction import Reconstructor
from latens.estimators.saving import save
from latens.estimators.witnesses import ReconstructionWitness, chosen_evidence, standards_of, strangeness
from latens.models.cells import Cells
from latens.seeds import resolve_seed

__all__ = ["OutlierDetector"]

# Share of the rows that the default network does not learn from: the strangest ones.
_TRIM = 0.4
# Steps that the default network takes, and passes at least and at most.
_STEPS, _PASSES = 1500, (8, 200)


class OutlierDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Finds the rows that do not belong, with a threshold that keeps its false alarms.

    .. math:: s(x) = \max_e w_e \, \frac{\log d_e(x) - q_{e,50}}{q_{e,95} - q_{e,50}}

    Two kinds of evidence speak, the louder is heard: the residual of a denoising autoencoder, each column over its
    usual error, and the distance to the nearest rows. The autoencoder learns from the most ordinary 60 % of the rows,
    so that it does not learn what outliers look like. A part of the rows is held out from all of this; their scores
    are what a new row is compared with (conformal p-values, Bates et al., 2023, https://arxiv.org/abs/2104.08279).

    Args:
        estimator: An estimator of latens to use instead, unfitted; in scikit-learn's `FrozenEstimator` a fitted one. An
            autoregressor judges texts, sequences and series by what they cost it, and one series step by step.
        false_alarm_rate: Of rows like those of the fit, the share that may be flagged: in (0, 0.5].
        evidence: ``"auto"``, ``"residual"``, ``"neighbours"``, or a list of these.
        trim: Share of the rows, the strangest, that weights are not learned from; ``"auto"`` is 0.4, and 0 for an
            estimator that was given.
        max_epochs: Passes of the default network; ``"auto"`` for about 1,500 steps.
        batch_size: Of the default network.
        learning_rate: Of the default network.
        validation_fraction: Share of the rows held out to calibrate on, in (0, 1).
        early_stopping: Of the default network.
        random_state: Seed of the split, the weights, the order and the noise.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Attributes after `fit`:
        estimator_: The fitted estimator.
        calibration_: The scores of the held-out rows.
        offset_: The least score of a row that is not flagged.
        strangest_: The strangeness of the strangest row that was learned from.
        trimmed_: The numbers of the rows that were set aside as strange.
        held_out_: The numbers of the rows that were calibrated on.
        n_features_in_, feature_names_in_: As scikit-learn has them.

    Raises:
        DataError: On `fit`: the data cannot be learned from.
        ConfigError: On `fit`: a setting that cannot work.

    Example:
        >>> random = np.random.default_rng(0)
        >>> X = np.r_[random.normal(size=(300, 4)), [[9.0, -9.0, 9.0, -9.0]]]
        >>> detector = OutlierDetector(false_alarm_rate=0.01, max_epochs=5, verbose=0).fit(X)
        >>> bool(detector.detect(X).flagged[-1]), detector.detect(X).extrapolated  # 30 held-out rows show no 1 %
        (True, True)
        >>> print(detector.explain(X[-1:], top=1, neighbours=0)[0].words)  # doctest: +ELLIPSIS
        row 0 (flagged, p ...). feature 3 is -9 where ... was expected (...)
    """

    calibration_: Calibration
    offset_: float
    strangest_: float
    trimmed_: np.ndarray
    held_out_: np.ndarray

    def __init__(
        self,
        estimator: Any = None,
        false_alarm_rate: float = 0.001,
        evidence: Any = "auto",
        trim: float | str = "auto",
        max_epochs: int | str = "auto",
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        random_state: Any = 0,
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.estimator = estimator
        self.false_alarm_rate = false_alarm_rate
        self.evidence = evidence
        self.trim = trim
        self.max_epochs, self.batch_size, self.learning_rate = max_epochs, batch_size, learning_rate
        self.validation_fraction, self.early_stopping = validation_fraction, early_stopping
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    # ---- learning ----------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is ordinary, and what a held-out row scores.

        Args:
            X: What the estimator takes: an array, a frame, a path, images; of an autoregressor a list of texts or of
                sequences, or one series.
            y: Ignored.
        """
        false_alarm_rate(self.false_alarm_rate)
        with all_or_nothing(self):
            self._fit(X)
        return self

    def _fit(self, X: Any) -> None:
        evidence, seed = chosen_evidence(self.evidence), resolve_seed(self.random_state)
        finite("validation_fraction", self.validation_fraction, at_least=1e-9, at_most=0.9)
        estimator, fitted = self._begun(seed), isinstance(self.estimator, FrozenEstimator)
        if isinstance(estimator, Autoregressor):
            lesson = sequence_lesson(estimator, X, self.validation_fraction, seed, fitted=fitted)
        else:
            lesson = self._samples(estimator, X, evidence, seed)
        self.estimator_, self.witness_ = lesson.estimator, lesson.witness
        self.held_out_, self.trimmed_ = lesson.held_out, lesson.trimmed
        self.remember_columns()
        self.standards_: dict[str, Standard] = standards_of(lesson.usual, evidence)
        self.calibration_ = Calibration.of(loudest(lesson.unseen, self.standards_))
        self.strangest_ = float(loudest(lesson.usual, self.standards_).max())
        self.offset_ = self._offset(self.false_alarm_rate)

    def _offset(self, rate: float) -> float:
        """Minus the threshold; where that is extrapolated, no further than the strangest row that was learned from."""
        threshold = self.calibration_.threshold(rate)
        # Of rows that are all alike none is strange.
        if self.calibration_.extrapolated(rate) and self.strangest_ > self.calibration_.scores[0]:
            threshold = min(threshold, float(np.nextafter(self.strangest_, -np.inf)))
        return -threshold

    def _samples(self, estimator: Any, X: Any, evidence: dict[str, float], seed: int) -> Lesson:
        # Its neighbours are among all rows, so that all rows have to be in memory.
        source = estimator._open(X, fitting=not hasattr(estimator, "schema_")).in_memory()
        if len(source) < FEWEST:
            are = "samples are" if len(source) != 1 else "sample is"
            raise DataError(
                f"{source.name}: {len(source)} {are} too few to tell which is strange; give at least {FEWEST}"
            )
        learned, held_out = split(len(source), self.validation_fraction, seed)
        part = source.take(learned)
        ordinary, unseen = self._learn(estimator, part, seed)
        witness = ReconstructionWitness.of(estimator, part, unseen, evidence, learned)
        distances = witness.distances(part), witness.distances(source.take(held_out))
        return Lesson(estimator, witness, *distances, held_out, np.delete(learned, ordinary))

    def remember_columns(self) -> None:
        """Know the columns as the estimator does."""
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))

    def _begun(self, seed: int) -> Any:
        """The estimator to fit, or the fitted one."""
        given = getattr(self.estimator, "estimator", self.estimator)  # within a FrozenEstimator
        if isinstance(given, SampleEncoder) and not isinstance(given, Reconstructor):
            raise ConfigError(f"estimator={type(given).__name__} reconstructs nothing; use Autoencoder or None")
        if isinstance(self.estimator, FrozenEstimator):
            check_is_fitted(self.estimator.estimator)
            return self.estimator.estimator
        if self.estimator is not None:
            return clone(self.estimator)
        return Autoencoder(
            n_components=64,
            hidden=[128, 128],
            start="random",
            corruption=GaussianNoise(0.3),
            output="linear",
            scaling="standard",
            schedule="one-cycle",
            max_epochs=_PASSES[0],
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            early_stopping=self.early_stopping,
            random_state=seed,
            device=self.device,
            verbose=self.verbose,
        )

    def _learn(self, estimator: Any, part: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Fit the estimator on the ordinary rows: their numbers, and those of them that it did not learn from."""
        if isinstance(self.estimator, FrozenEstimator):
            return np.arange(len(part)), np.arange(len(part))
        trim: Any = (_TRIM if self.estimator is None else 0.0) if self.trim == "auto" else self.trim
        ordinary = np.arange(len(part))
        if trim != 0:  # images of different sizes have no features to be compared by
            estimator.schema_ = estimator._learn_schema(part, estimator._summary(part, ordinary))
            ordinary = ordinary_rows(_features(estimator.schema_, part), trim, seed)
        if self.estimator is None:
            estimator.max_epochs = self._epochs(len(ordinary))
        estimator._fit(part, None, Run.of((), None, False), only=ordinary)
        held_out = estimator._rows(len(ordinary), resolve_seed(estimator.random_state))[1]
        return ordinary, ordinary[held_out[:]] if len(held_out) else ordinary

    def _epochs(self, rows: int) -> int:
        if self.max_epochs != "auto":
            return whole("max_epochs", self.max_epochs, at_least=1)
        return int(np.clip(_STEPS * whole("batch_size", self.batch_size, at_least=2) / rows, *_PASSES))

    # ---- answers -----------------------------------------------------------------------------------------------

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the strangeness of each row, (n,) float64: higher is more normal; comparable between calls."""
        check_is_fitted(self)
        return -strangeness(self.witness_, X, self.standards_)

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` over the threshold, (n,): below 0 is flagged."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """-1 for what is flagged and +1 for what is not, (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """`fit`, then `predict` of the same rows; a row is not its own neighbour."""
        return self.fit(X).predict(X)

    def detect(self, X: Any, false_discovery_rate: float | None = None) -> OutlierScores:
        """Scores, p-values and flags of all rows.

        Args:
            X: As for `predict`.
            false_discovery_rate: Flag by Benjamini and Hochberg instead, so that of all that is flagged this share is
                expected to be false; what is flagged then depends on all rows together.
        """
        check_is_fitted(self)
        scores = strangeness(self.witness_, X, self.standards_)
        p_values = self.calibration_.extrapolated_p_values(scores)
        flagged = scores > -self.offset_
        if false_discovery_rate is not None:
            flagged = benjamini_hochberg(self.calibration_.p_values(scores), false_discovery_rate)
        extrapolated = false_discovery_rate is None and self.calibration_.extrapolated(self.false_alarm_rate)
        promised = self.false_alarm_rate, len(self.calibration_), extrapolated, false_discovery_rate
        return OutlierScores(scores, p_values, flagged, -self.offset_, *promised)

    def at_rate(self, false_alarm_rate: float) -> Self:
        """The same detector with the threshold of another rate; nothing is learned anew.

        Raises:
            ConfigError: The rate is not in (0, 0.5].
        """
        check_is_fitted(self)
        other = copy(self)
        other.offset_ = self._offset(false_alarm_rate)
        other.false_alarm_rate = float(false_alarm_rate)
        return other

    def explain(self, X: Any, top: int = 5, neighbours: int = 3) -> list[Reason]:
        """Why each row is as strange as it is.

        Args:
            X: As for `predict`; best only the rows that are asked about.
            top: Cells to name, those that carry most of the error.
            neighbours: Rows of the fit to name, the nearest.
        """
        check_is_fitted(self)
        counts = whole("top", top, at_least=1), whole("neighbours", neighbours, at_least=0)
        return reasons(self.witness_, self.detect(X), self.standards_, X, *counts)

    def save(self, path: str | Path) -> None:
        """Write one safe file with the estimator and all that it is judged by; `latens.load` reads it.

        Raises:
            OutputError: The path cannot be written.
        """
        check_is_fitted(self)
        save(self.estimator_, path, detector_parts(self))


def _features(schema: Any, part: Any) -> np.ndarray:
    """The columns as a network is given them, (n, D), 0 where one is missing."""
    import torch

    scaled = torch.from_numpy(np.ascontiguousarray(schema.scale_values(part.values))).double()
    columns = schema.network_columns()
    features = scaled.flatten(1) if columns is None else Cells(columns).features(scaled)
    return np.asarray(features.nan_to_num().numpy())

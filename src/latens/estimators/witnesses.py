"""What a fitted estimator has to say of a row being strange: distances by kind, and what they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from latens.analysis.evidence import Neighbourhood, Standard, loudest
from latens.errors import ConfigError
from latens.estimators.inference import mean_squares
from latens.estimators.series_data import is_alone
from latens.estimators.tables import row_means

__all__ = ["EVIDENCE", "ReconstructionWitness", "SurprisalWitness", "Witness"]

# What may speak, and how loud: nearest neighbours are sharp and easily alarmed, and have to be surer.
EVIDENCE: dict[str, float] = {"residual": 1.0, "neighbours": 0.95}

# Exponentials beyond are no numbers.
_NATS = 500.0
# Of more numbers than these, the code is where a row's like are looked for.
_WIDE = 256
# Of the mean over columns: what a column that is predicted without error is allowed to miss.
_LEAST_ERROR = 1e-2


class Witness(Protocol):
    """The role: distances of rows, by kind."""

    def distances(self, X: Any) -> Mapping[str, np.ndarray]:  # -> each (n,)
        """How far every row is from what was expected of it."""
        ...


class ReconstructionWitness:
    """An autoencoder: how badly a row is predicted, column by column, and how far its nearest like are.

    Args:
        estimator: Fitted.
        scale: (d,), of each cell the error that is usual; None where sizes are free.
        spread: (D,), what the places of rows are divided by.
        neighbourhood: Of the rows that were learned from; None if neighbours are not asked.
    """

    def __init__(
        self, estimator: Any, scale: np.ndarray | None, spread: np.ndarray, neighbourhood: Neighbourhood | None
    ) -> None:
        self.estimator, self.scale = estimator, scale
        self.spread, self.neighbourhood = spread, neighbourhood

    @classmethod
    def of(
        cls, estimator: Any, source: Any, held_out: np.ndarray, evidence: Mapping[str, float], numbers: np.ndarray
    ) -> ReconstructionWitness:
        """Learn what is usual.

        Args:
            estimator: Fitted.
            source: What it was fitted on.
            held_out: Rows of it that its weights were not learned from.
            evidence: Who may speak.
            numbers: What the rows go by.
        """
        fixed = None not in estimator.schema_.shape
        witness = cls(estimator, None, np.ones(1), None)
        if fixed:
            errors = np.asarray(np.nanmean(witness._errors(source.take(held_out)), axis=0, dtype=np.float64))
            least = _LEAST_ERROR * float(errors[np.isfinite(errors)].mean())
            witness.scale = np.fmax(np.nan_to_num(errors), least or 1.0)
        if "neighbours" in evidence:
            places = witness._places(source)
            witness.spread = np.fmax(places.std(axis=0), 1e-3 * places.std() or 1.0)
            witness.neighbourhood = Neighbourhood(places / witness.spread, numbers=numbers)
        return witness

    def distances(self, X: Any) -> Mapping[str, np.ndarray]:
        """Root mean square of the relative errors, and the mean distance to the nearest rows."""
        source = self.estimator._applied_source(X)
        found = {"residual": np.sqrt(self._relative(source))}
        if self.neighbourhood is not None:
            found["neighbours"] = self.neighbourhood.distances(self.places(source))
        return found

    def places(self, X: Any) -> np.ndarray:  # -> (n, D)
        """Where rows stand among others."""
        return np.asarray(self._places(self.estimator._applied_source(X)) / self.spread)

    def cells(self, X: Any) -> np.ndarray:  # -> (n, d)
        """The error of each cell over what is usual there; NaN where it is missing."""
        assert self.scale is not None
        return np.asarray(self._errors(X) / self.scale)

    def _relative(self, source: Any) -> np.ndarray:
        if self.scale is not None:
            return row_means(self.cells(source))
        return np.array([mean_squares(self.estimator.residuals(source.take([row])))[0] for row in range(len(source))])

    def _errors(self, X: Any) -> np.ndarray:
        errors: np.ndarray = self.estimator.network_.errors(self.estimator._scaled(X))
        return errors.reshape(len(errors), -1)

    def _places(self, source: Any) -> np.ndarray:
        """Where rows are: the columns as the network is given them, or the codes of what is wide."""
        schema = self.estimator.schema_
        if None in schema.shape or schema.n_features > _WIDE:
            return np.asarray(self.estimator.transform(source), dtype=np.float64)
        places = self.estimator.network_.features(self.estimator._scaled(source))
        return np.nan_to_num(np.asarray(places, dtype=np.float64))


class SurprisalWitness:
    """An autoregressive model: what a sequence costs, in nats an item; of one series what each time step costs.

    Args:
        estimator: Fitted.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def distances(self, X: Any) -> Mapping[str, np.ndarray]:
        """The exponential of the surprisal, so that its logarithm counts in nats; 0 where nothing was judged."""
        nats = self.estimator.surprisal(X) if is_one_series(self.estimator, X) else -self.estimator.score_samples(X)
        return {"residual": np.nan_to_num(np.exp(np.clip(nats, -_NATS, _NATS)))}


def is_one_series(estimator: Any, X: Any) -> bool:
    """Whether X is one series, whose time steps are then what is judged."""
    return estimator.network_name() == "series" and is_alone(X, estimator._open(X))


def chosen_evidence(evidence: Any) -> dict[str, float]:
    """Who may speak: ``"auto"`` is everyone; else one name, or several.

    Raises:
        ConfigError: Nobody, or a name that is not known.
    """
    names = list(EVIDENCE) if evidence == "auto" else [evidence] if isinstance(evidence, str) else list(evidence)
    unknown = [name for name in names if name not in EVIDENCE]
    if unknown or not names:
        raise ConfigError(f'evidence={evidence!r} is not known; use "auto", or any of {", ".join(EVIDENCE)}')
    return {name: EVIDENCE[name] for name in EVIDENCE if name in names}


def standards_of(distances: Mapping[str, np.ndarray], evidence: Mapping[str, float]) -> dict[str, Standard]:
    """What is usual of each kind of distance, from those of rows that were learned from.

    Raises:
        ConfigError: Nobody who may speak has anything to say.
    """
    found = {name: Standard.of(distances[name], weight) for name, weight in evidence.items() if name in distances}
    if not found:
        raise ConfigError(f'evidence={", ".join(evidence)} says nothing of sequences; use evidence="residual"')
    return found


def strangeness(witness: Witness, X: Any, standards: Mapping[str, Standard]) -> np.ndarray:
    """How strange each row is, (n,)."""
    return loudest(witness.distances(X), standards)

"""Why a row is strange: the cells that carry its error, and the rows that it is most like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latens.analysis.evidence import Standard
from latens.analysis.outliers import Cause, OutlierScores, Reason
from latens.estimators.witnesses import ReconstructionWitness, SurprisalWitness, Witness, is_one_series

__all__ = ["reasons"]

# Share of a row's error below which a cell is not named.
_WORTH_NAMING = 0.01


def reasons(
    witness: Witness,
    found: OutlierScores,
    standards: Mapping[str, Standard],
    X: Any,
    top: int,
    neighbours: int,
) -> list[Reason]:
    """Of each row the `top` cells by their share of the error, and so many of its nearest rows."""
    n = len(found.scores)
    causes: Sequence[tuple[Cause, ...]] = [()] * n
    nearest: Sequence[tuple[tuple[int, float], ...]] = [()] * n
    if isinstance(witness, SurprisalWitness):
        causes = _surprises(witness, X, top, n)
    elif isinstance(witness, ReconstructionWitness):
        causes = causes if witness.scale is None else _causes(witness, X, top)
        nearest = _nearest(witness, X, neighbours)
    distances = witness.distances(X)
    said = {name: standard(distances[name]) for name, standard in standards.items()}
    return [
        Reason(
            row,
            float(found.scores[row]),
            float(found.p_values[row]),
            bool(found.flagged[row]),
            max(said, key=lambda name: said[name][row]),
            causes[row],
            nearest[row],
            bool(np.isclose(found.p_values[row], 1 / (found.n_held_out + 1))),  # smaller ones are extrapolated
        )
        for row in range(len(found.scores))
    ]


def _causes(witness: ReconstructionWitness, X: Any, top: int) -> list[tuple[Cause, ...]]:
    estimator = witness.estimator
    source = estimator._applied_source(X)
    scaled = estimator._scaled(source)
    errors = np.nan_to_num(witness.cells(source))
    shares = errors / np.maximum(errors.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    table = estimator.schema_.table
    given = _columns(source.values if table is None else table.frame(source.values, None, None))
    made = estimator.network_.reconstruct(scaled)
    expected = _columns(estimator._given_back(made, X, None))
    if table is not None and any(column.kind == "integer" for column in table.types):
        plain = estimator.schema_.unscale_values(made)  # rounded, 9 might be expected where 9 is
        expected = [
            plain[:, i].tolist() if column.kind == "integer" else expected[i] for i, column in enumerate(table.types)
        ]
    names = _names(estimator.schema_, errors.shape[1])
    return [
        tuple(
            Cause(names[cell], given[cell][row], expected[cell][row], float(shares[row, cell]))
            for cell in np.argsort(-shares[row], kind="stable")[:top]
            if shares[row, cell] >= _WORTH_NAMING
        )
        for row in range(len(errors))
    ]


def _surprises(witness: SurprisalWitness, X: Any, top: int, n: int) -> list[tuple[Cause, ...]]:
    """Of each sequence the items that cost most; of the steps of one series nothing, for a step is its own cause."""
    estimator = witness.estimator
    if is_one_series(estimator, X):
        return [()] * n
    what = "step" if estimator.network_name() == "series" else "item"
    return [_dearest(what, sequence, nats, top) for sequence, nats in zip(X, estimator.surprisal(X), strict=True)]


def _dearest(what: str, sequence: Any, nats: np.ndarray, top: int) -> tuple[Cause, ...]:
    costs = np.nan_to_num(nats)
    shares = costs / max(float(costs.clip(min=0).sum()), np.finfo(float).tiny)
    order = np.argsort(-costs, kind="stable")[:top]
    return tuple(
        Cause(f"{what} {place}", sequence[place], None, float(shares[place])) for place in order if costs[place] > 0
    )


def _columns(values: Any) -> list[Any]:
    """The columns of a frame, or of an array the numbers of all samples."""
    if hasattr(values, "columns"):
        return [values.iloc[:, place].to_list() for place in range(values.shape[1])]
    return list(np.asarray(values).reshape(len(values), -1).T)


def _names(schema: Any, cells: int) -> Sequence[str]:
    if schema.columns is not None and len(schema.columns) == cells:
        return [str(name) for name in schema.columns]
    if schema.table is not None:
        return [str(column.name) for column in schema.table.types]
    if len(schema.shape) == 1:
        return [f"feature {number}" for number in range(cells)]
    return [f"pixel ({', '.join(map(str, place))})" for place in np.ndindex(*schema.shape)]


def _nearest(witness: ReconstructionWitness, X: Any, count: int) -> list[tuple[tuple[int, float], ...]]:
    n = len(witness.estimator._applied_source(X))
    if witness.neighbourhood is None or not count:
        return [()] * n
    distances, numbers = witness.neighbourhood.nearest(witness.places(X), count)
    return [
        tuple((int(number), float(distance)) for number, distance in zip(*row, strict=True))
        for row in zip(numbers, distances, strict=True)
    ]

"""Why a row is strange: the cells that carry its error, and the rows that it is most like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latens.analysis.evidence import Standard
from latens.analysis.outliers import Cause, OutlierScores, Reason
from latens.estimators.witnesses import ReconstructionWitness

__all__ = ["reasons"]


def reasons(
    witness: ReconstructionWitness,
    found: OutlierScores,
    standards: Mapping[str, Standard],
    X: Any,
    top: int,
    neighbours: int,
) -> list[Reason]:
    """Of each row the `top` cells by their share of the error, and so many of its nearest rows."""
    causes = _causes(witness, X, top) if witness.scale is not None else [()] * len(found.scores)
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
    expected = _columns(estimator._given_back(estimator.network_.reconstruct(scaled), X, None))
    names = _names(estimator.schema_, errors.shape[1])
    return [
        tuple(
            Cause(names[cell], given[cell][row], expected[cell][row], float(shares[row, cell]))
            for cell in np.argsort(-shares[row], kind="stable")[:top]
            if shares[row, cell] > 0
        )
        for row in range(len(errors))
    ]


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

"""What a model's codes are worth when labels are few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from latens.analysis.principal import principal_components
from latens.analysis.probes import BUDGETS, CODES, RAW, ProbeCurve, probe_features
from latens.analysis.words import lsa
from latens.data import split
from latens.errors import ConfigError, DataError
from latens.estimators.grouping import applied_source, encoded
from latens.estimators.plain import plain_input
from latens.seeds import resolve_seed

__all__ = ["probe"]

# Of rows without a part of their own to judge by: this share of them, and no more than that many, are held out.
_HELD_OUT, _MOST_HELD_OUT = 0.2, 10_000

Pair = tuple[Any, Any]


def probe(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    test: Any = None,
    test_y: Any = None,
    budgets: Sequence[int] = BUDGETS,
    n_draws: int = 10,
    pooling: str | None = None,
    random_state: Any = 0,
) -> ProbeCurve:
    """Classify rows from a few labelled ones: on the raw input, on PCA of the code's size, and on the codes.

    Raw input and PCA are those of counted words for text, whose PCA is latent semantic analysis; see `latens.cluster`.

    Args:
        model: Fitted, of any kind; its fit saw no label.
        X: What its `transform` takes: rows from which the labelled ones are drawn.
        y: (n,) classes; the first label of X if None.
        test: Other rows, that judge; None holds out a fifth of X, at most 10,000 rows.
        test_y: Their classes; the label of the same name if None.
        budgets: Numbers of labelled rows.
        n_draws: Of labelled rows, for each budget.
        pooling: Of text, events and series, as `transform` takes it.
        random_state: Of the draws, and of what is held out.

    Raises:
        ConfigError: No budget is left, or a number is out of range.
        DataError: No labels, fewer than two classes, or rows that the model was not fitted for.

    Example:
        >>> from latens import Autoencoder
        >>> X = np.random.default_rng(0).normal(size=(60, 4)) + np.repeat([[0.0], [8.0]], 30, axis=0)
        >>> ae = Autoencoder(n_components=2, max_epochs=2, verbose=0).fit(X)
        >>> probe(ae, X, np.repeat(["a", "b"], 30), budgets=[10], n_draws=2).of("raw", "linear", 10).mean
        1.0
    """
    seed = resolve_seed(random_state)
    source = applied_source(model, X)
    labels = _labels(source, y, "y")
    if test is None:
        train, held_out = _split(source, seed)
        classes = labels[train], labels[held_out]
        parts = source.take(train), source.take(held_out)
    else:
        parts = source, applied_source(model, test)
        classes = labels, _labels(parts[1], test_y, "test_y", next(iter(source.labels), None) if y is None else None)
    features = _features(model, parts, pooling, seed)
    return probe_features(features, *classes, budgets=budgets, n_draws=n_draws, seed=seed)


def _labels(source: Any, y: Any, argument: str, name: str | None = None) -> np.ndarray:
    """One class a row: those given, or the source's own."""
    if y is not None:
        labels = np.asarray(y)
        if labels.shape != (len(source),):
            raise DataError(f"{argument} of shape {labels.shape} for {len(source)} rows; give one class a row")
        return labels
    own = source.labels.get(name) if name is not None else source.label()
    if own is None:
        which = f"has no label {name!r}" if name is not None else "has no labels"
        raise DataError(f"{source.name}: {which} to probe for; name a column with --labels, or give {argument}=")
    return np.asarray(own)


def _split(source: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if len(source) < 4:
        raise DataError(f"{source.name}: {len(source)} rows are too few to hold some out; give at least 4, or test=")
    return split(len(source), min(_HELD_OUT, _MOST_HELD_OUT / len(source)), seed)


def _features(model: Any, parts: Pair, pooling: str | None, seed: int) -> dict[str, Pair]:
    plain = plain_input(model, parts[0])
    raw = plain.rows(parts[0]), plain.rows(parts[1])
    codes = encoded(model, parts[0], pooling), encoded(model, parts[1], pooling)
    if raw[0].shape[1] != raw[1].shape[1]:
        raise ConfigError(f"test: rows of {raw[1].shape[1]} numbers beside {raw[0].shape[1]}; give rows of one shape")
    return {RAW: raw, **_principal(raw, codes[0].shape[1], seed), CODES: codes}


def _principal(raw: Pair, size: int, seed: int) -> dict[str, Pair]:
    """The same in as many numbers as a code has; none where that would only copy."""
    train, test = raw
    if size >= min(train.shape):
        return {}
    if not isinstance(train, np.ndarray):
        from scipy.sparse import vstack

        both = lsa(vstack([train, test]), seed, size)
        return {"LSA": (both[: train.shape[0]], both[train.shape[0] :])}
    principal = principal_components(train, size)
    return {"PCA": tuple((part - principal.mean) @ principal.components.T for part in raw)}

"""The filters of `latens.sampling` and the draw, for one row at a time, in numba.

Logits stay in the network's precision and sums are float64, as in the reference, so that the same items are left.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from latens.kernels.vectors import exp, load, store

__all__ = ["SETTINGS", "filtered", "log_prob", "pick"]

# The filters that are here, in the order in which they apply, and the value at which each is off.
SETTINGS = {"repetition_penalty": 1.0, "temperature": 1.0, "top_k": 0.0, "top_p": 1.0, "min_p": 0.0, "typical": 1.0}

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")

_REMOVED = -np.inf
_TINY, _HUGE = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
# What rounding of the logits leaves uncertain of a probability; see `latens.sampling.filters`.
_SLACK = min(4.0 * float(np.finfo(np.float32).eps), 1e-6)
# An exponent below this is that of nothing.
_LOWEST = -708.0


@_compiled
def filtered(logits: np.ndarray, seen: np.ndarray, settings: np.ndarray, wide: np.ndarray) -> None:
    """Let the filters at the settings change a row.

    Args:
        logits: (V,) float32; removed items become -inf.
        seen: (V,) bool, items of the prompt and the continuation.
        settings: (6,) float64, in the order of `SETTINGS`.
        wide: (V,) float64, of no meaning before and after.
    """
    penalty, temperature, top_k, top_p, min_p, typical = settings
    if penalty != 1.0:
        _penalise(logits, seen, np.float32(penalty))
    if temperature == 0.0:
        _keep_best(logits)
    elif temperature != 1.0:
        _divide(logits, np.float32(min(max(temperature, _TINY), _HUGE)))
    if 0 < top_k < len(logits):
        order = np.argsort(-logits, kind="mergesort")
        logits[order[int(top_k) :]] = _REMOVED
    if top_p < 1.0:
        _weights(logits, wide)
        _keep_mass(logits, wide, np.argsort(-logits, kind="mergesort"), top_p)
    if min_p > 0.0:
        _keep_likely(logits, math.log(min_p) - _SLACK)
    if typical < 1.0:
        _weights(logits, wide)
        _keep_mass(logits, wide, np.argsort(_surprise(wide), kind="mergesort"), typical)


@_compiled
def _penalise(logits: np.ndarray, seen: np.ndarray, penalty: float) -> None:
    for i in range(len(logits)):
        if seen[i]:
            logits[i] = logits[i] / penalty if logits[i] > 0 else logits[i] * penalty


@_compiled
def _keep_best(logits: np.ndarray) -> None:
    best = np.argmax(logits)
    for i in range(len(logits)):
        if i != best:
            logits[i] = _REMOVED


@_compiled
def _divide(logits: np.ndarray, temperature: float) -> None:
    highest = np.max(logits)
    for i in range(len(logits)):
        logits[i] = (logits[i] - highest) / temperature


@_compiled
def _keep_likely(logits: np.ndarray, bound: float) -> None:
    highest = np.max(logits)
    for i in range(len(logits)):
        if np.float64(logits[i] - highest) < bound:
            logits[i] = _REMOVED


@_compiled
def _keep_mass(logits: np.ndarray, probabilities: np.ndarray, order: np.ndarray, mass: float) -> None:
    """Of the items in an order those before which less than the mass has come, and always the first."""
    before = 0.0
    for place in range(len(order)):
        item = order[place]
        if place and before >= mass - _SLACK:
            logits[item] = _REMOVED
        before += probabilities[item]


@_compiled
def _surprise(probabilities: np.ndarray) -> np.ndarray:
    """How far each item's surprise is from the expected one; infinitely for what was removed."""
    entropy = 0.0
    for p in probabilities:
        if p > 0.0:
            entropy -= p * math.log(p)
    rank = np.empty_like(probabilities)
    for i, p in enumerate(probabilities):
        rank[i] = abs(-math.log(p) - entropy) if p > 0.0 else np.inf
    return rank


@_compiled
def _exponentials(logits: np.ndarray, wide: np.ndarray) -> float:
    """e to each logit less the highest, and their sum; what is removed is zero."""
    highest = np.float64(np.max(logits))
    for i in range(len(logits)):
        wide[i] = np.float64(logits[i]) - highest
    for j in range(0, len(wide), 8):
        store(wide, j, exp(load(wide, j, len(wide) - j)), len(wide) - j)
    summed = 0.0
    for i in range(len(logits)):
        if np.float64(logits[i]) - highest < _LOWEST:
            wide[i] = 0.0
        summed += wide[i]
    return summed


@_compiled
def _weights(logits: np.ndarray, wide: np.ndarray) -> None:
    """The probabilities of a row of logits."""
    summed = _exponentials(logits, wide)
    for i in range(len(wide)):
        wide[i] /= summed


@_compiled
def log_prob(logits: np.ndarray, item: int, wide: np.ndarray) -> float:
    """Nats that a row of logits gives an item."""
    summed = _exponentials(logits, wide)
    return float(np.float64(logits[item]) - np.float64(np.max(logits)) - math.log(summed))


@_compiled
def pick(logits: np.ndarray, uniform: float, wide: np.ndarray) -> int:
    """The item that a uniform number draws; see `latens.sampling.draws.pick`."""
    bound = uniform * _exponentials(logits, wide)
    reached, last = 0.0, 0
    for i in range(len(wide)):
        reached += wide[i]
        if wide[i] > 0.0:
            last = i
            if reached > bound:
                return i
    return last

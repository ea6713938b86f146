"""The filters of `latens.sampling` and the draw, for one row at a time, in numba.

Logits stay in the network's precision and sums are float64, as in the reference, so that the same items are left.
"""

from __future__ import annotations

import math

import numpy as np

from latens.kernels.compiling import borrowing, compiled
from latens.kernels.vectors import exp, greater, highest, keep, load, splat, store, total

__all__ = ["SETTINGS", "exponentials", "filtered", "log_prob", "pick"]

# The filters that are here, in the order in which they apply, and the value at which each is off.
SETTINGS = {"repetition_penalty": 1.0, "temperature": 1.0, "top_k": 0.0, "top_p": 1.0, "min_p": 0.0, "typical": 1.0}


_REMOVED = -np.inf
_TINY, _HUGE = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
# What rounding of the logits leaves uncertain of a probability; see `latens.sampling.filters`.
_SLACK = min(4.0 * float(np.finfo(np.float32).eps), 1e-6)
# What an exponential is not below unless its item was removed.
_NOTHING = 1e-300


@compiled
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


@borrowing
def _penalise(logits: np.ndarray, seen: np.ndarray, penalty: float) -> None:
    for i in range(len(logits)):
        if seen[i]:
            logits[i] = logits[i] / penalty if logits[i] > 0 else logits[i] * penalty


@borrowing
def _keep_best(logits: np.ndarray) -> None:
    best = 0
    for i in range(1, len(logits)):
        if logits[i] > logits[best]:
            best = i
    for i in range(len(logits)):
        if i != best:
            logits[i] = _REMOVED


@borrowing
def _divide(logits: np.ndarray, temperature: float) -> None:
    best = _highest(logits)
    for i in range(len(logits)):
        logits[i] = (logits[i] - best) / temperature


@borrowing
def _keep_likely(logits: np.ndarray, bound: float) -> None:
    best = _highest(logits)
    for i in range(len(logits)):
        if np.float64(logits[i] - best) < bound:
            logits[i] = _REMOVED


@borrowing
def _keep_mass(logits: np.ndarray, probabilities: np.ndarray, order: np.ndarray, mass: float) -> None:
    """Of the items in an order those before which less than the mass has come, and always the first."""
    before = 0.0
    for place in range(len(order)):
        item = order[place]
        if place and before >= mass - _SLACK:
            logits[item] = _REMOVED
        before += probabilities[item]


@compiled
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


@borrowing
def exponentials(logits: np.ndarray, wide: np.ndarray) -> float:
    """e to each logit less the highest, and their sum, which is NaN for logits that are NaN, infinite or all -inf."""
    best, summed, width = np.float64(_highest(logits)), splat(0.0, wide), 64 // wide.itemsize
    for i in range(len(logits)):
        wide[i] = np.float64(logits[i]) - best
    for j in range(0, len(wide), width):
        n = len(wide) - j
        e = exp(load(wide, j, n))
        summed = summed + keep(e, n)
        store(wide, j, e, n)
    answer: float = total(summed)
    return answer


@borrowing
def _highest(logits: np.ndarray) -> float:
    """The greatest logit; of no meaning if one is NaN."""
    width = 64 // logits.itemsize
    if len(logits) < width:
        most = logits[0]
        for logit in logits[1:]:
            most = max(most, logit)
        return float(most)
    found = load(logits, len(logits) - width, width)
    for j in range(0, len(logits) - width, width):
        found = greater(found, load(logits, j, width))
    best: float = highest(found)
    return best


@borrowing
def _weights(logits: np.ndarray, wide: np.ndarray) -> None:
    """The probabilities of a row of logits."""
    summed = exponentials(logits, wide)
    for i in range(len(wide)):
        wide[i] = wide[i] / summed if wide[i] > _NOTHING else 0.0


@borrowing
def log_prob(logits: np.ndarray, item: int, summed: float) -> float:
    """Nats that a row of logits gives an item, from the sum of its exponentials."""
    return np.float64(logits[item]) - np.float64(_highest(logits)) - math.log(summed)


@borrowing
def pick(logits: np.ndarray, uniform: float, wide: np.ndarray) -> int:
    """The item that a uniform number draws; see `latens.sampling.draws.pick`."""
    bound = uniform * exponentials(logits, wide)
    reached, last = 0.0, 0
    for i in range(len(wide)):
        if wide[i] > _NOTHING:
            reached, last = reached + wide[i], i
            if reached > bound:
                break
    return last

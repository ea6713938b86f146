"""Filters: what may be drawn next, and how likely.

A filter takes logits (B, V) and gives logits (B, V); an item that it removes is -inf. It is made by a function of its
one setting, and each has a value at which it is off. None of them reads a number back from the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

from latens.errors import ConfigError, choice, finite, whole

__all__ = [
    "FILTERS",
    "Filter",
    "ban",
    "bias",
    "build_filters",
    "chain",
    "highest",
    "min_p",
    "repetition_penalty",
    "temperature",
    "top_k",
    "top_p",
    "typical",
]

_REMOVED = float("-inf")


class Filter(Protocol):
    """Logits of the next item → logits, each row by itself.

    Args:
        logits: (B, V), floating; no row without a finite one.
        seen: (B, V) bool, which items stand in a row's prompt and continuation; None where that is not known.
    """

    def __call__(self, logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        """(B, V) -> (B, V), of the same dtype and on the same device."""
        ...


def _unchanged(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
    return logits


def _slack(logits: Tensor) -> float:
    """What rounding of the logits leaves uncertain of a probability: a mass this close to a bound has reached it."""
    return min(4.0 * torch.finfo(logits.dtype).eps, 1e-6)


def temperature(t: float) -> Filter:
    r"""Flatten or sharpen the distribution.

    .. math:: \ell_i \mapsto \ell_i / T

    Args:
        t: The temperature :math:`T`, zero or more. One is off; at zero only the likeliest item is left, the one of
            lowest id on ties.

    Raises:
        ConfigError: t is negative or not finite.

    Example:
        >>> temperature(0)(torch.tensor([[1.0, 3.0, 3.0]]))
        tensor([[-inf, 3., -inf]])
    """
    t = finite("temperature", t, at_least=0.0)
    if t == 1.0:
        return _unchanged
    return _scaled(t) if t else _greedy


def _scaled(t: float) -> Filter:
    def divide(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        # Relative to the highest, or a low temperature would overflow; within the dtype, or 0 / 0 would be NaN.
        range_ = torch.finfo(logits.dtype)
        return (logits - logits.amax(dim=1, keepdim=True)) / min(max(t, range_.tiny), range_.max)

    return divide


def _greedy(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
    best = logits.argmax(dim=1, keepdim=True)  # the first of equals
    return torch.full_like(logits, _REMOVED).scatter(1, best, logits.gather(1, best))


def top_k(k: int | None) -> Filter:
    """Keep the k likeliest items, exactly k of them: on ties those of lower id (Fan et al., 2018, arXiv:1805.04833).

    Args:
        k: How many; None and 0 are off, and so is any k >= V.

    Raises:
        ConfigError: k is negative or no whole number.

    Example:
        >>> top_k(2)(torch.tensor([[1.0, 2.0, 3.0, 2.0]]))
        tensor([[-inf, 2., 3., -inf]])
    """
    k = 0 if k is None else whole("top_k", k, at_least=0)

    def keep(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        return logits.masked_fill(~highest(logits, k), _REMOVED)

    return keep if k else _unchanged


def highest(values: Tensor, k: int) -> Tensor:  # (B, V) -> (B, V) bool
    """Where the k highest values of each row are; of equal ones the first. All of them if there are no more than k.

    Example:
        >>> highest(torch.tensor([[1, 0, 1, 1]]), 2).long()
        tensor([[1, 0, 1, 0]])
    """
    if k >= values.shape[1]:
        return torch.ones_like(values, dtype=torch.bool)
    lowest_kept = values.topk(k, dim=1).values[:, -1:]
    above, level = values > lowest_kept, values == lowest_kept
    return above | (level & (level.cumsum(dim=1) <= k - above.sum(dim=1, keepdim=True)))


def top_p(p: float) -> Filter:
    r"""Keep the nucleus: the likeliest items that together reach a mass (Holtzman et al., 2020, arXiv:1904.09751).

    .. math:: \text{keep } i \iff \sum_{j \text{ before } i} p_j < p, \qquad \text{in falling order of } p_j

    Args:
        p: The mass, from 0 (the likeliest item alone) to 1 (off). Sums are float64, and equals are in order of id.

    Raises:
        ConfigError: p is out of range.

    Example:
        >>> top_p(0.8)(torch.tensor([[0.3, 0.1, 0.1, 0.5]]).log()).isfinite().long()
        tensor([[1, 0, 0, 1]])
    """
    p = finite("top_p", p, at_least=0.0, at_most=1.0)

    def keep(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        return _smallest_set(logits, logits.softmax(dim=1, dtype=torch.float64), -logits, p)

    return keep if p < 1.0 else _unchanged


def min_p(m: float) -> Filter:
    r"""Keep what is not much less likely than the likeliest (Nguyen et al., 2024, arXiv:2407.01082).

    .. math:: \text{keep } i \iff p_i \ge m \max_j p_j

    Args:
        m: The share of the highest probability, from 0 (off) to 1.

    Raises:
        ConfigError: m is out of range.

    Example:
        >>> min_p(0.05)(torch.tensor([[0.9, 0.0274, 0.047, 0.0274]]).log()).isfinite().long()
        tensor([[1, 0, 1, 0]])
    """
    m = finite("min_p", m, at_least=0.0, at_most=1.0)

    def keep(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        below_best = (logits - logits.amax(dim=1, keepdim=True)).to(torch.float64)
        return logits.masked_fill(below_best < math.log(m) - _slack(logits), _REMOVED)

    return keep if m else _unchanged


def typical(tau: float) -> Filter:
    r"""Keep the items whose surprise is nearest to the expected one (Meister et al., 2023, arXiv:2202.00666).

    .. math:: \text{smallest set, in rising order of } |-\log p_i - H|, \text{ of mass } \ge \tau

    Args:
        tau: The mass :math:`\tau`, from 0 (the most typical item alone) to 1 (off).

    Raises:
        ConfigError: tau is out of range.

    Example:
        >>> typical(0.5)(torch.tensor([[0.4, 0.2, 0.2, 0.2]]).log()).isfinite().long()
        tensor([[0, 1, 1, 1]])
    """
    tau = finite("typical", tau, at_least=0.0, at_most=1.0)

    def keep(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        log_p = logits.log_softmax(dim=1, dtype=torch.float64)
        probabilities = log_p.exp()
        entropy = -(probabilities * log_p.clamp(min=torch.finfo(torch.float64).min)).sum(dim=1, keepdim=True)
        return _smallest_set(logits, probabilities, (-log_p - entropy).abs(), tau)

    return keep if tau < 1.0 else _unchanged


def _smallest_set(logits: Tensor, probabilities: Tensor, rank: Tensor, mass: float) -> Tensor:
    """Of the items in rising order of `rank` those before which less than `mass` has come, and always the first."""
    order = rank.argsort(dim=1, stable=True)
    ordered = probabilities.gather(1, order)
    before = ordered.cumsum(dim=1) - ordered
    keep = before < mass - _slack(logits)
    keep[:, 0] = True
    return logits.masked_fill(~torch.zeros_like(keep).scatter(1, order, keep), _REMOVED)


def repetition_penalty(penalty: float) -> Filter:
    r"""Make what stands in prompt or continuation less likely (Keskar et al., 2019, arXiv:1909.05858).

    .. math:: \ell_i \mapsto \ell_i / r \text{ if } \ell_i > 0 \text{ else } r \ell_i, \qquad i \text{ seen}

    Args:
        penalty: :math:`r`, from 0.001 to 1000. One is off; below one what was seen becomes likelier.

    Raises:
        ConfigError: penalty is out of range.

    Example:
        >>> repetition_penalty(2.0)(torch.tensor([[-0.1, 0.1, 0.1]]), torch.tensor([[True, True, False]]))
        tensor([[-0.2000, 0.0500, 0.1000]])
    """
    penalty = finite("repetition_penalty", penalty, at_least=1e-3, at_most=1e3)

    def penalise(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        if seen is None:
            return logits
        return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)

    return penalise if penalty != 1.0 else _unchanged


def bias(additions: Mapping[int, float]) -> Filter:
    """Add to the logits of some items.

    Args:
        additions: What to add, in nats, by id.

    Raises:
        ConfigError: An id is no whole number >= 0, an addition is not finite; on use: an id is beyond the vocabulary.

    Example:
        >>> bias({1: 5.0})(torch.zeros(1, 3))
        tensor([[0., 5., 0.]])
    """
    at = _places("bias", additions)
    amounts = tuple(finite("bias", amount) for amount in additions.values())

    @cache  # a copy to the device makes the host wait, so there is one
    def added(dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.tensor([amounts], dtype=dtype, device=device)

    def add(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        amount = added(logits.dtype, logits.device).expand(len(logits), -1)
        return logits.index_add(1, at(logits), amount)

    return add if amounts else _unchanged


def ban(ids: Iterable[int]) -> Filter:
    """Never draw these items.

    Args:
        ids: The items; none is off.

    Raises:
        ConfigError: An id is no whole number >= 0; on use: it is beyond the vocabulary.

    Example:
        >>> ban([0, 2])(torch.zeros(1, 3))
        tensor([[-inf, 0., -inf]])
    """
    ids = tuple(ids)
    at = _places("ban", ids)

    def remove(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        return logits.index_fill(1, at(logits), _REMOVED)

    return remove if ids else _unchanged


def _places(argument: str, ids: Iterable[int]) -> Callable[[Tensor], Tensor]:
    """The ids as a tensor beside the logits, which have to hold them all."""
    checked = tuple(whole(argument, i, at_least=0) for i in ids)

    @cache
    def on(device: torch.device) -> Tensor:
        return torch.tensor(checked, dtype=torch.int64, device=device)

    def at(logits: Tensor) -> Tensor:
        n = logits.shape[1]
        if max(checked) >= n:
            raise ConfigError(f"{argument}={max(checked)} is beyond the {n} items; use ids from 0 to {n - 1}")
        return on(logits.device)

    return at


def chain(*filters: Filter) -> Filter:
    """One filter after the other.

    Example:
        >>> chain(temperature(0.5), top_k(1))(torch.tensor([[1.0, 2.0]]))
        tensor([[-inf, 0.]])
    """

    def run(logits: Tensor, seen: Tensor | None = None, /) -> Tensor:
        for each in filters:
            logits = each(logits, seen)
        return logits

    return run


# In the order in which they apply, whatever the order of the settings.
FILTERS: dict[str, Callable[[Any], Filter]] = {
    "bias": bias,
    "ban": ban,
    "repetition_penalty": repetition_penalty,
    "temperature": temperature,
    "top_k": top_k,
    "top_p": top_p,
    "min_p": min_p,
    "typical": typical,
}


def build_filters(**settings: object) -> Filter:
    """The chain of the filters that are asked for, in the order of `FILTERS`: bias and bans, repetition penalty,
    temperature, top-k, top-p, min-p, typical.

    Args:
        settings: A filter's value by its name; None is off.

    Raises:
        ConfigError: A name that is no filter, or a value that its filter refuses.

    Example:
        >>> build_filters(top_k=2, temperature=0.5, top_p=None)(torch.tensor([[1.0, 2.0, 3.0]]))
        tensor([[-inf, -2., 0.]])
    """
    for name in settings:
        choice("filter", name, FILTERS)
    return chain(*(make(settings[name]) for name, make in FILTERS.items() if settings.get(name) is not None))

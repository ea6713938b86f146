"""The most probable continuations, searched for along several at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from latens.errors import ConfigError, finite, whole
from latens.sampling.filters import highest
from latens.sampling.generation import next_log_probs, refuse_faults

__all__ = ["Beam", "beam_search"]

S = TypeVar("S")


@dataclass(frozen=True)
class Beam:
    """A continuation that beam search found.

    Args:
        ids: The items, with the end item if it ended there.
        score: What it was ranked by: the log-probability over length ** length_penalty.
        log_prob: Of all its items, in nats.
    """

    ids: tuple[int, ...]
    score: float
    log_prob: float


def _along_rows(state: Any, parents: Tensor) -> Any:
    return state[:, parents]


def beam_search(
    step: Callable[[Tensor, S], tuple[Tensor, S]],
    state: S,
    logits: Tensor,
    max_new: int,
    beams: int,
    *,
    length_penalty: float = 1.0,
    end: int | None = None,
    gather: Callable[[S, Tensor], S] = _along_rows,
) -> list[Beam]:
    r"""Continue one sequence by the items of highest score, at each length keeping the best `beams`.

    .. math:: s = \frac{1}{L^\alpha} \sum_{t=1}^{L} \log p(x_t \mid x_{<t}), \qquad L \text{ generated items}

    A hypothesis that ended takes no place from those that go on; it waits among the `beams` best that have ended. With
    beams >= V ** max_new nothing is ever dropped and the search is exhaustive.

    Args:
        step: (items (K,), state) -> (logits (K, V), state): one position further.
        state: Of the one sequence; by default a tensor (L, 1, S) of all layers.
        logits: (1, V), of the first new item.
        max_new: Items at most.
        beams: How many hypotheses are followed, and how many are returned at most.
        length_penalty: :math:`\alpha`; from -10 to 10: zero favours short hypotheses, more than one
            long ones.
        end: The item that ends a hypothesis; None has all of them end at max_new.
        gather: (state, parents (K,) int64) -> the state whose row k is the row parents[k] of `state`.

    Returns:
        The best first; fewer than `beams` where fewer continuations have a probability above zero.

    Raises:
        ConfigError: beams or max_new is below one, another argument is out of range, or logits are not of one row.
        DivergedError: Logits are NaN, infinite, or all -inf; the message names beam (row) and step.

    Example:
        >>> def after(items, state):  # each item is followed by the next
        ...     return torch.eye(3)[(items + 1) % 3].log(), state
        >>> first = torch.tensor([[0.25, 0.75, 0.0]]).log()
        >>> [beam.ids for beam in beam_search(after, torch.zeros(1, 1, 1), first, max_new=3, beams=2)]
        [(1, 2, 0), (0, 1, 2)]
    """
    max_new, beams = whole("max_new", max_new, at_least=1), whole("beams", beams, at_least=1)
    finite("length_penalty", length_penalty, at_least=-10.0, at_most=10.0)
    if logits.ndim != 2 or len(logits) != 1 or not logits.shape[1]:
        raise ConfigError(f"logits of shape {tuple(logits.shape)}; use one row (1, V), a search for each prompt")
    if end is not None and whole("end", end, at_least=0) >= logits.shape[1]:
        raise ConfigError(f"end={end} is beyond the {logits.shape[1]} items; use an id below")
    return _search(step, state, logits, max_new, _Ranking(beams, float(length_penalty), end), gather)


@dataclass(frozen=True)
class _Ranking:
    """What is kept, and in which order."""

    beams: int
    length_penalty: float
    end: int | None

    def score(self, log_prob: float, length: int) -> float:
        return float(log_prob / length**self.length_penalty)

    def best(self, found: list[Beam]) -> list[Beam]:
        """The best first; of equals those found first."""
        possible = (beam for beam in found if beam.log_prob > float("-inf"))
        return sorted(possible, key=lambda beam: -beam.score)[: self.beams]

    def beam(self, ids: Tensor, log_prob: float) -> Beam:
        return Beam(tuple(ids.tolist()), self.score(log_prob, len(ids)), log_prob)

    def ended(self, ids: Tensor, candidates: Tensor) -> list[Beam]:
        """The hypotheses (K, T) that the end item ends; it is then no candidate (K, V) any more."""
        if self.end is None:
            return []
        log_probs = candidates[:, self.end].tolist()
        candidates[:, self.end] = float("-inf")
        end = ids.new_full((len(ids), 1), self.end)
        return [self.beam(*pair) for pair in zip(torch.cat([ids, end], dim=1), log_probs, strict=True)]

    def settled(self, finished: list[Beam], best_alive: float, length: int, longest: int) -> bool:
        """No hypothesis that goes on can come among the finished ones any more: a sum of log-probabilities only falls,
        and the score it has over a length is highest at the shortest or at the longest."""
        bound = max(self.score(best_alive, length), self.score(best_alive, longest))
        return best_alive == float("-inf") or (len(finished) == self.beams and finished[-1].score >= bound)


@torch.no_grad()
def _search(
    step: Callable[[Tensor, S], tuple[Tensor, S]],
    state: S,
    logits: Tensor,
    max_new: int,
    ranking: _Ranking,
    gather: Callable[[S, Tensor], S],
) -> list[Beam]:
    ids = torch.zeros((1, 0), dtype=torch.int64, device=logits.device)
    log_probs = torch.zeros(1, dtype=torch.float64, device=logits.device)
    finished: list[Beam] = []
    for number in range(max_new):
        _check(logits, log_probs, number)
        candidates = log_probs[:, None] + next_log_probs(logits)  # (K, V)
        finished = ranking.best(finished + ranking.ended(ids, candidates))
        parents, items, log_probs = _survivors(candidates, ranking.beams)
        ids = torch.cat([ids[parents], items[:, None]], dim=1)
        if number + 1 == max_new or ranking.settled(finished, float(log_probs[0]), number + 2, max_new):
            break
        logits, state = step(items, gather(state, parents))
    alive = [ranking.beam(*pair) for pair in zip(ids, log_probs.tolist(), strict=True)]
    return ranking.best(finished + [beam for beam in alive if len(beam.ids) == max_new])


def _survivors(candidates: Tensor, beams: int) -> tuple[Tensor, Tensor, Tensor]:
    """Parents, items and log-probabilities of the best candidates (K, V), best first; of equals the first."""
    flat = candidates.reshape(1, -1)
    kept = highest(flat, beams)[0].nonzero()[:, 0]
    kept = kept[flat[0, kept].argsort(descending=True, stable=True)]
    return kept // candidates.shape[1], kept % candidates.shape[1], flat[0, kept]


def _check(logits: Tensor, log_probs: Tensor, number: int) -> None:
    broken = ~logits.amax(dim=1).isfinite() & log_probs.isfinite()
    refuse_faults([torch.stack([broken, torch.zeros_like(broken)])], number)

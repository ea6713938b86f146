"""How strange is strange: scores of held-out rows as the measure of others, with an honest promise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from latens.errors import ConfigError, DataError, finite

__all__ = ["Calibration", "Tail", "benjamini_hochberg", "discovery_cut", "false_alarm_rate"]

# Of the held-out rows, the strangest from which the tail is learned: a tenth of them, and ten at least.
_TAIL_SHARE, _TAIL_ROWS = 0.1, 10
# Shapes that the tail may have: below 0 it would end, after which nothing is possible, which no few rows can show; at a
# half its moments are no longer told apart.
_SHAPES = (0.0, 0.45)


@dataclass(frozen=True)
class Tail:
    r"""A generalised Pareto distribution over what exceeds a score.

    .. math:: P(s > u + x) = \phi \, (1 + \xi x / \sigma)^{-1 / \xi}

    It is fitted by probability-weighted moments (Hosking and Wallis, 1987, https://doi.org/10.2307/1269343).

    Args:
        start: The score u from which it holds.
        share: The share phi of rows that exceed it.
        shape: xi; 0 is an exponential tail. A tail that ends (xi < 0) is taken for an exponential one.
        scale: sigma, in units of the score.
    """

    start: float
    share: float
    shape: float
    scale: float

    @classmethod
    def of(cls, scores: np.ndarray) -> Tail | None:
        """The tail of ascending scores, or None where there are too few of them, or no spread, to tell."""
        count = min(max(int(_TAIL_SHARE * len(scores)), _TAIL_ROWS), len(scores) - 1)
        if count < _TAIL_ROWS:
            return None
        start, excesses = float(scores[-count - 1]), scores[-count:] - scores[-count - 1]
        mean = float(excesses.mean())
        # The mean of the excesses, each weighted by the share of the tail that lies above it.
        weighted = float((excesses * (count - np.arange(1, count + 1)) / (count - 1)).mean())
        if not mean > 2 * weighted > 0:
            return None
        shape = float(np.clip(2 - mean / (mean - 2 * weighted), *_SHAPES))
        return cls(start, count / len(scores), shape, mean * (1 - shape))

    def exceeded(self, scores: np.ndarray) -> np.ndarray:
        """The share of rows beyond each score; below the start, that of the start."""
        from scipy.stats import genpareto  # slow to import, and of no use to those who only read a model

        beyond = genpareto.sf(np.maximum(scores - self.start, 0.0), self.shape, scale=self.scale)
        return np.asarray(self.share * beyond)

    def score(self, rate: float) -> float:
        """The score that this share of rows exceeds, for a rate below `share`."""
        from scipy.stats import genpareto

        return self.start + float(genpareto.isf(rate / self.share, self.shape, scale=self.scale))


@dataclass(frozen=True)
class Calibration:
    r"""What m rows that nothing was learned from say of a score; higher is stranger.

    .. math:: p(s) = \frac{1 + |\{i : s_i \ge s\}|}{m + 1}

    For a row like those, p is at most alpha with a chance of at most alpha (Vovk et al., 2005; Bates et al., 2023,
    https://arxiv.org/abs/2104.08279). A rate below 1 / (m + 1) is beyond what m rows can show: the tail is then
    extrapolated, and `extrapolated` says so.

    Args:
        scores: (m,) float64, ascending.

    Example:
        >>> held_out = Calibration.of(np.arange(1999.0))
        >>> held_out.p_values(np.array([1998.5, 1000.0])).round(4)
        array([0.0005, 0.5   ])
        >>> held_out.threshold(0.01), held_out.extrapolated(0.01)
        (1979.0, False)
    """

    scores: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray) -> Calibration:
        """From scores in any order.

        Raises:
            DataError: There are none, or one is not a number.
        """
        if not len(scores):
            raise DataError("calibration: no held-out rows; hold some out, with validation_fraction=0.1 or more rows")
        if np.isnan(scores).any():
            raise DataError(f"calibration: the score of held-out row {int(np.isnan(scores).argmax())} is not a number")
        return cls(np.sort(np.asarray(scores, dtype=np.float64)))

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def tail(self) -> Tail | None:
        """What the strangest of the rows say of still stranger ones."""
        return Tail.of(self.scores)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """The chance that a row like the held-out ones is at least as strange, (n,); at least 1 / (m + 1)."""
        return self.ranks(scores) / (len(self) + 1)

    def ranks(self, scores: np.ndarray) -> np.ndarray:
        """One more than the held-out rows that are at least as strange, (n,): from 1 to m + 1."""
        return np.asarray(1 + len(self) - np.searchsorted(self.scores, scores, side="left"))

    def extrapolated_p_values(self, scores: np.ndarray) -> np.ndarray:
        """The same, with the tail's answer beyond the strangest held-out row: it ranks, and promises nothing."""
        found = self.p_values(scores)
        beyond = np.asarray(scores) > self.scores[-1]
        return found if self.tail is None else np.where(beyond, np.minimum(self.tail.exceeded(scores), found), found)

    def allowed(self, rate: float) -> int:
        """How many held-out rows may lie beyond the threshold, k = floor(rate (m + 1))."""
        return int(np.floor(false_alarm_rate(rate) * (len(self) + 1) * (1 + 1e-12)))

    def extrapolated(self, rate: float) -> bool:
        """Whether the rate is beyond what so many rows can show."""
        return self.allowed(rate) < 1

    def threshold(self, rate: float) -> float:
        """The score above which a row is flagged: one like the held-out ones with a chance of at most `rate`.

        It is the k-th largest held-out score for k = floor(rate (m + 1)); where that is none, the extrapolated tail's,
        and with no tail to extrapolate the largest.
        """
        allowed = self.allowed(rate)
        if allowed:
            return float(self.scores[-allowed])
        return float(self.scores[-1]) if self.tail is None else max(self.tail.score(rate), float(self.scores[-1]))

    def interval(self, n: int, rate: float, level: float = 0.99) -> tuple[int, int]:
        """Between which counts the false alarms among n fresh rows lie with a chance of `level`.

        BetaBinomial(n, k, m + 1 - k): the threshold has a sampling error of its own.

        Raises:
            ConfigError: The rate is beyond what the held-out rows can show.
        """
        allowed = self.allowed(rate)
        if not allowed:
            raise ConfigError(
                f"false_alarm_rate={rate:g} is beyond what {len(self):,} held-out rows can show; hold out at least "
                f"{int(np.ceil(1 / rate)) - 1:,}, or ask for a rate of at least {1 / (len(self) + 1):.2g}"
            )
        from scipy.stats import betabinom

        low, high = betabinom.interval(level, n, allowed, len(self) + 1 - allowed)
        return int(low), int(high)


def false_alarm_rate(value: float) -> float:
    """A rate in (0, 0.5], else a `ConfigError`."""
    rate = finite("false_alarm_rate", value, at_least=0.0, at_most=0.5)
    if rate == 0.0:
        raise ConfigError("false_alarm_rate=0 would flag nothing; use a rate above 0 and up to 0.5, such as 0.001")
    return rate


def benjamini_hochberg(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Which rows to flag so that of all that are flagged a share of at most `rate` is expected to be false.

    Benjamini and Hochberg, 1995, https://www.jstor.org/stable/2346101; with conformal p-values it holds as well (Bates
    et al., 2023). What is flagged depends on all rows together.

    Args:
        p_values: (n,).
        rate: In (0, 0.5].

    Example:
        >>> benjamini_hochberg(np.array([0.001, 0.4, 0.02, 0.9]), 0.05)
        array([ True, False,  True, False])
    """
    rate = finite("false_discovery_rate", rate, at_least=1e-300, at_most=0.5)
    order = np.argsort(p_values, kind="stable")
    passed = np.flatnonzero(p_values[order] <= rate * np.arange(1, len(order) + 1) / max(len(order), 1))
    flagged = np.zeros(len(order), dtype=bool)
    flagged[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return flagged


def discovery_cut(counts: np.ndarray, rate: float) -> float:
    """The p-value up to which `benjamini_hochberg` flags, from how often each comes up: rows need not be in memory.

    Args:
        counts: (m + 2,), how many rows have the p-value k / (m + 1), for k from 0 to m + 1.
        rate: In (0, 0.5].

    Returns:
        -1 if nothing is to be flagged.

    Example:
        >>> discovery_cut(np.array([0, 5, 0, 0, 3]), 0.5)
        0.25
    """
    rate = finite("false_discovery_rate", rate, at_least=1e-300, at_most=0.5)
    p_values = np.arange(len(counts)) / (len(counts) - 1)
    passed = np.flatnonzero((counts > 0) & (p_values <= rate * np.cumsum(counts) / max(int(counts.sum()), 1)))
    return float(p_values[passed[-1]]) if len(passed) else -1.0

"""Which rows are strange, how sure that is, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cause", "OutlierScores", "Reason", "shown"]

# What an extrapolated tail says below this is no number to be read.
_CERTAIN = 1e-6
# Numbers between these are written out: 85,920 and not 8.592e+04.
_LONG, _LONGEST = 1e4, 1e15


@dataclass(frozen=True, eq=False)
class OutlierScores:
    """The strangeness of rows beside that of held-out ones.

    Args:
        scores: (n,) float64, higher is stranger.
        p_values: (n,), the chance that a row like the held-out ones is at least as strange; below 1 / (m + 1) it is the
            extrapolated tail's.
        flagged: (n,) bool.
        threshold: The score above which a row is flagged at the false-alarm rate.
        false_alarm_rate: Of rows like the held-out ones, the share that may be flagged.
        n_held_out: m, how many the threshold was learned from.
        extrapolated: Whether the rate is beyond what so many rows can show.
        false_discovery_rate: Of what is flagged, the share that is expected to be false, where that decided; else None.
    """

    scores: np.ndarray
    p_values: np.ndarray
    flagged: np.ndarray
    threshold: float
    false_alarm_rate: float
    n_held_out: int
    extrapolated: bool
    false_discovery_rate: float | None = None

    @property
    def ranked(self) -> np.ndarray:
        """The rows' numbers, the strangest first."""
        return np.argsort(-self.scores, kind="stable")

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        return self.verdict_of(len(self.scores), int(self.flagged.sum()))

    def verdict_of(self, n: int, flagged: int) -> str:
        """The same for n rows that are judged in the same way, so many of them flagged."""
        words = f"{flagged:,} of {n:,} row{'s' * (n != 1)} flagged"
        if self.false_discovery_rate is not None:
            rate, least = self.false_discovery_rate, 1 / (self.n_held_out + 1)
            return (
                f"{words}; of these a share of at most {rate:g} is expected to be false "
                f"(Benjamini-Hochberg; p-values from {self.n_held_out:,} held-out rows are at least {least:.2g})"
            )
        words += f"; {self.false_alarm_rate * n:,.4g} expected by chance"
        how = "calibrated on" if not self.extrapolated else "the tail is extrapolated from"
        return f"{words} at a false-alarm rate of {self.false_alarm_rate:g} ({how} {self.n_held_out:,} held-out rows)"

    def to_frame(self, reasons: Sequence[Reason] = (), causes: int = 3) -> pd.DataFrame:
        """A row for each row: score, p_value, flagged; with `reasons`, the first causes of the rows that they are of.

        Args:
            reasons: Of any of the rows; the columns cause, value, expected and share are empty for others.
            causes: How many; those of the second are called cause_2 and so on.
        """
        import pandas as pd

        columns: dict[str, Any] = {"score": self.scores, "p_value": self.p_values, "flagged": self.flagged}
        for place in range(causes if reasons else 0):
            found = {reason.row: reason.causes[place] for reason in reasons if place < len(reason.causes)}
            end = f"_{place + 1}" if place else ""
            for column, name in {"cause": "name", "value": "value", "expected": "expected", "share": "share"}.items():
                cells = [getattr(found.get(row), name, None) for row in range(len(self.scores))]
                columns[f"{column}{end}"] = pd.Series(cells, dtype=float if name == "share" else object)
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class Cause:
    """A cell that carries a part of a row's error.

    Args:
        name: Of the column, or the place of the pixel.
        value: What is there, in the units of the data.
        expected: What the model expected; None where it does not say, as of an item of a sequence.
        share: Of the row's error, in [0, 1].
    """

    name: str
    value: Any
    expected: Any
    share: float

    @property
    def unsure(self) -> bool:
        """It is the category that was expected, and the model was less sure of it than it usually is."""
        return isinstance(self.value, (str, bool, np.bool_)) and self.value == self.expected

    @property
    def words(self) -> str:
        """What is wrong with it."""
        value, expected = shown(self.value), shown(self.expected)
        if self.expected is None:
            return f"{self.name} is {value} ({self.share:.0%})"
        wrong = "and was less sure to be than usual" if self.unsure else f"where {expected} was expected"
        return f"{self.name} is {value} {wrong} ({self.share:.0%})"


@dataclass(frozen=True)
class Reason:
    """Why a row is as strange as it is.

    Args:
        row: Its number.
        score: Its strangeness.
        p_value: The chance that an ordinary row is at least as strange.
        flagged: Whether it is flagged.
        evidence: What spoke loudest: ``"residual"`` or ``"neighbours"``.
        causes: The cells that carry most of the error, the largest share first.
        nearest: Numbers of rows of the fit, the nearest first, and their distances.
        beyond: It is stranger than all held-out rows, so that the p-value is the least that they can show.
    """

    row: int
    score: float
    p_value: float
    flagged: bool
    evidence: str
    causes: tuple[Cause, ...]
    nearest: tuple[tuple[int, float], ...]
    beyond: bool = False

    @property
    def chance(self) -> str:
        """The p-value in words."""
        if self.p_value < _CERTAIN:
            return f"p < {_CERTAIN:g}"
        return f"p {'≤' if self.beyond else '='} {self.p_value:.2g}"

    @property
    def alone(self) -> bool:
        """Whether it is flagged for its distance from all other rows."""
        return self.flagged and self.evidence == "neighbours"

    @property
    def words(self) -> str:
        """The answer in a sentence or two."""
        said = [f"row {self.row} ({'flagged' if self.flagged else 'not flagged'}, {self.chance})"]
        if self.causes:
            said.append("; ".join(cause.words for cause in self.causes))
        if self.nearest:
            said.append(f"nearest: row{'s' * (len(self.nearest) > 1)} {', '.join(str(row) for row, _ in self.nearest)}")
        if self.alone:
            said.append("it stands far from all others")
        return ". ".join(said)


def shown(value: Any) -> str:
    """A cell's value in few characters."""
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return f"{number:,.0f}" if _LONG <= abs(number) < _LONGEST else f"{number:.4g}"
    text = repr(value) if isinstance(value, str) and not value.strip() else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"

"""What a detector says of rows, block by block: scores and causes to be written, and the strangest rows of all.

Imported when rows are judged, because it imports NumPy and Arrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from latens.analysis import OutlierScores
from latens.analysis.calibration import discovery_cut
from latens.cli.answers import Asking, Counted, SourceRows, Taken
from latens.cli.judged import Judged
from latens.cli.sheets import Said
from latens.cli.verbs import Shared

if TYPE_CHECKING:
    from latens.analysis import Cause, Reason

__all__ = ["JudgedRows", "Verdicts", "reasons_of"]

# Of rows that are explained at a time, so that memory stays bounded and the bar moves.
_BLOCK = 512
# Causes of a row that are written.
_WRITTEN = 3
# Of a row's error, the share below which a cell is no cause of it.
_LEAST = 0.01


class JudgedRows:
    """Rows as a detector takes them; the steps of one series, which are judged together, in one go.

    Args:
        data: What is judged.
    """

    def __init__(self, data: Judged) -> None:
        self.data = data
        self.count: int | None = len(data)
        self._source = SourceRows(data.rows) if hasattr(data.rows, "n_features") else None
        self.size = self._source.size if self._source else _BLOCK
        self.total, self._at = len(data), 0

    def read(self, count: int) -> Taken | None:
        if self._source:
            return self._source.read(count)
        data, start = self.data, self._at
        stop = len(data) if data.steps else min(start + count, len(data))
        if start >= stop:
            return None
        self._at, rows = stop, slice(start, stop)
        labels = {name: column[rows] for name, column in data.labels.items()}
        ids = None if data.ids is None else data.ids[rows]
        content = data.rows if data.steps else data.rows[rows]
        return Taken(start, content, labels, ids, stop - start, stop - start)


@dataclass(frozen=True, eq=False)
class Verdicts:
    """A detector's judgement of all rows, whatever their number.

    Args:
        detector: Fitted.
        data: What is judged.
        rate: Of what is flagged the share that may be false (Benjamini and Hochberg), if that is what decides.
        cut: The p-value that this comes to; it depends on all rows together.
        top: How many of the strangest rows to keep.
    """

    detector: Any
    data: Judged
    rate: float | None
    cut: float | None
    top: int

    @classmethod
    def of(cls, detector: Any, data: Judged, rate: float | None, top: int, shared: Shared) -> Verdicts:
        """Ready to judge; with a `rate`, all rows are scored once before, to find the cut."""
        cut = None
        if rate is not None:
            ranks = Asking(JudgedRows(data), lambda taken: _ranks(detector, taken), "scoring", _add_ranks)
            cut = discovery_cut(np.array(ranks.counted(shared).counted["ranks"]), rate)
        return cls(detector, data, rate, cut, top)

    @property
    def promise(self) -> OutlierScores:
        """What is promised of any rows: scores of none of them."""
        rate, calibration = self.detector.false_alarm_rate, self.detector.calibration_
        extrapolated = self.rate is None and calibration.extrapolated(rate)
        none = np.empty(0)
        promised = rate, len(calibration), extrapolated, self.rate
        return OutlierScores(none, none, none.astype(bool), -self.detector.offset_, *promised)

    def asking(self, written: bool) -> Asking:
        """The question to all rows; `written` wants columns, with the causes of what is flagged."""
        return Asking(JudgedRows(self.data), lambda taken: self._said(taken, written), "judging", self._add)

    def _found(self, content: Any) -> OutlierScores:
        found: OutlierScores = self.detector.detect(content)
        if self.cut is None:
            return found
        flagged = self.detector.calibration_.p_values(found.scores) <= self.cut
        return replace(found, flagged=flagged, extrapolated=False, false_discovery_rate=self.rate)

    def _said(self, taken: Taken, written: bool) -> Said:
        found = self._found(taken.content)
        ranked = found.ranked[: self.top]
        top = [[float(found.scores[row]), taken.start + int(row), bool(found.flagged[row])] for row in ranked]
        counted = {"flagged": int(found.flagged.sum()), "top": top}
        return Said(self._columns(taken, found) if written else {}, None, counted)

    def _add(self, before: Counted, more: Counted) -> Counted:
        top = nsmallest(self.top, [*before.get("top", ()), *more["top"]], key=lambda each: (-each[0], each[1]))
        return {"flagged": before.get("flagged", 0) + more["flagged"], "top": top}

    def _columns(self, taken: Taken, found: OutlierScores) -> dict[str, Any]:
        from latens.columns import columns_of

        block = replace(self.data, rows=taken.content)
        flagged = dict.fromkeys(found.flagged.nonzero()[0].tolist(), True)
        causes = {reason.row: reason.causes for reason in reasons_of(self.detector, block, flagged, _WRITTEN)}
        own = {"score": found.scores, "p_value": found.p_values, "flagged": found.flagged}
        own |= self._causes(len(found.scores), causes)
        return columns_of(own, list(own), taken)

    def _causes(self, rows: int, causes: Mapping[int, Sequence[Cause]]) -> dict[str, Any]:
        """The first causes of rows, empty for those that have none; of one type whatever they are."""
        kind = pa.float64() if self._numeric else pa.string()
        as_cell = float if self._numeric else str
        columns = {}
        for place in range(_WRITTEN):
            cells = [of[place] if (of := causes.get(row)) and place < len(of) else None for row in range(rows)]
            end = f"_{place + 1}" if place else ""
            columns[f"cause{end}"] = pa.array([cell and cell.name for cell in cells], pa.string())
            for name in ("value", "expected"):
                found = [None if cell is None else getattr(cell, name) for cell in cells]
                columns[f"{name}{end}"] = pa.array([None if each is None else as_cell(each) for each in found], kind)
            columns[f"share{end}"] = pa.array([cell and cell.share for cell in cells], pa.float64())
        return columns

    @property
    def _numeric(self) -> bool:
        """Whether every cell that can be a cause is a number."""
        if self.data.kind not in ("table", "images"):
            return False
        table = self.detector.estimator_.schema_.table
        return table is None or all(column.numeric and not column.timed for column in table.types)


def _ranks(detector: Any, taken: Taken) -> Said:
    calibration = detector.calibration_
    ranks = calibration.ranks(detector.detect(taken.content).scores)
    return Said({}, None, {"ranks": np.bincount(ranks, minlength=len(calibration) + 2).tolist()})


def _add_ranks(before: Counted, more: Counted) -> Counted:
    return {"ranks": np.add(before.get("ranks", 0), more["ranks"]).tolist()}


def reasons_of(
    detector: Any, data: Judged, rows: Mapping[int, bool], causes: int, shared: Shared | None = None
) -> list[Reason]:
    """Why rows are strange.

    Args:
        detector: Fitted.
        data: That they are rows of.
        rows: Their numbers, and whether each is flagged, which all rows together may decide.
        causes: How many cells to name.
        shared: What shows progress, if it should be seen.
    """
    numbers = np.fromiter(rows, dtype=np.int64, count=len(rows))
    parts = [numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK)]
    return [
        replace(reason, row=int(row), flagged=rows[int(row)], causes=_worth(reason.causes))
        for part in (parts if shared is None else shared.track(parts, "explaining"))
        for row, reason in zip(part, data.explained(detector, part, causes), strict=True)
    ]


def _worth(causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """The first, and what else carries enough to be told."""
    return tuple(cause for place, cause in enumerate(causes) if not place or cause.share >= _LEAST)

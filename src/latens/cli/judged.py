"""What a detector judges, row by row: samples, lines of text, sequences, or the steps of one series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latens.cli.score import lines_of

if TYPE_CHECKING:
    import numpy as np

    from latens.analysis import Reason

__all__ = ["Judged", "fit_on", "judged", "rows_of"]

# Rows, and numbers in them, that a detector learns from where there are more than fit into memory.
_LEARNED, _LEARNED_NUMBERS, _FEWEST = 1 << 17, 1 << 26, 1 << 10


@dataclass(frozen=True)
class Judged:
    """Rows with what is carried along.

    Args:
        rows: As the detector takes them.
        labels: Carried columns by name, each (n,).
        ids: (n,) names of the rows, or None.
        name: Of them all.
        kind: Of the data.
        steps: They are the steps of one series, which can only be judged together.
    """

    rows: Any
    labels: Mapping[str, np.ndarray]
    ids: np.ndarray | None
    name: str
    kind: str
    steps: bool = False

    def __len__(self) -> int:
        return len(self.rows[0]) if self.steps else len(self.rows)

    def explained(self, detector: Any, rows: np.ndarray, causes: int) -> list[Reason]:
        """What the detector says of some of the rows."""
        if self.steps:
            every = detector.explain(self.rows, top=causes)
            return [every[row] for row in rows]
        part = [self.rows[row] for row in rows] if isinstance(self.rows, list) else rows_of(self.rows, rows)
        return list(detector.explain(part, top=causes))


def rows_of(source: Any, rows: np.ndarray) -> Any:
    """Some rows in any order, read in that in which they stand: so a disk gives them best."""
    import numpy as np

    order = np.argsort(rows, kind="stable")
    return source.take(rows[order]).take(np.argsort(order, kind="stable"))


def fit_on(detector: Any, rows: Any, seed: int) -> tuple[Any, str]:
    """A detector fitted on rows, and what it learned from is called: of what is not in memory it is some rows.

    Args:
        detector: To be fitted.
        rows: A source, or what else it takes.
        seed: Of the draw, a function of it and of the number of rows.
    """
    import numpy as np

    name = getattr(rows, "name", "")
    if not hasattr(rows, "n_features") or not is_streamed(rows):
        return detector.fit(rows), name
    most = min(len(rows), _LEARNED, max(_FEWEST, _LEARNED_NUMBERS // rows.n_features))
    chosen = np.sort(np.random.default_rng([seed, len(rows)]).choice(len(rows), most, replace=False, shuffle=False))
    detector.fit(rows.take(chosen))
    detector.held_out_, detector.trimmed_ = chosen[detector.held_out_], chosen[detector.trimmed_]
    neighbourhood = detector.witness_.neighbourhood
    if neighbourhood is not None:  # its rows go by their numbers in the data
        neighbourhood.numbers = chosen[neighbourhood.numbers]
    return detector, f"{name}, {most:,} of them, drawn by chance,"


def is_streamed(source: Any) -> bool:
    """Whether its rows stay on disk until they are asked for."""
    import numpy as np

    mapped = isinstance(getattr(source.values, "base", None), np.memmap)
    return bool(getattr(source, "streamed", mapped))


def judged(estimator: Any, source: Any) -> Judged:
    """A source as its rows are judged; of a text file a line that is not blank is a row.

    Args:
        estimator: That they are judged by.
        source: Of its kind of data.
    """
    return _JUDGED.get(source.kind, _samples)(estimator, source)


def _samples(estimator: Any, source: Any) -> Judged:
    return Judged(source, source.labels, source.ids, source.name, source.kind)


def _lines(estimator: Any, source: Any) -> Judged:
    import numpy as np

    lines = lines_of(estimator, source)
    labels = {name: column[[line.row for line in lines]] for name, column in source.labels.items()}
    ids = np.array([str(line.name) for line in lines], dtype=object)
    return Judged([line.content for line in lines], labels, ids, source.name, source.kind)


def _series(estimator: Any, source: Any) -> Judged:
    import numpy as np

    if len(source) > 1:
        rows = [source[row] for row in range(len(source))]
        return Judged(rows, source.labels, source.ids, source.name, source.kind)
    times = source.times(0, 0, len(source[0]))
    ids = None if times is None else np.array([str(time) for time in times], dtype=object)
    return Judged(source, {}, ids, source.name, source.kind, steps=True)


_JUDGED: dict[str, Callable[[Any, Any], Judged]] = {"text": _lines, "events": _lines, "series": _series}

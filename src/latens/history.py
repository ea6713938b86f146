"""What happened during a fit: one row an epoch, frozen."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from latens.errors import OutputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History"]

# A held-out loss that ends at so many times its least says that rows were learned by heart.
_RISEN = 1.05


@dataclass(frozen=True)
class History:
    """The epochs of a fit, by column.

    Args:
        columns: ``epoch`` (from 1), ``step`` (optimiser steps so far), ``seconds`` (since the start),
            ``learning_rate``, ``train_loss`` (mean over the epoch, corrupted input and dropout included) and, when rows
            were held out, ``validation_loss`` (mean over the held-out rows, evaluation mode), all of one length.

    Example:
        >>> history = History().append({"epoch": 1, "train_loss": 0.5})
        >>> history["train_loss"], len(history)
        ((0.5,), 1)
    """

    columns: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, column: str) -> tuple[float, ...]:
        return self.columns[column]

    def rows(self) -> Iterator[dict[str, float]]:
        """The epochs in order, each a dict."""
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))

    def append(self, row: Mapping[str, float]) -> History:
        """A new history with one more epoch; the columns are those of the first row."""
        names: Sequence[str] = tuple(self.columns) or tuple(row)
        return History({name: (*self.columns.get(name, ()), row[name]) for name in names})

    @property
    def best_before(self) -> int | None:
        """Where the epoch is, from 0, after which the held-out loss rose by more than a twentieth of its least."""
        losses = self.columns.get("validation_loss", ())
        known = [loss for loss in losses if loss == loss]
        if not known or not 0 < min(known) < losses[-1] / _RISEN:
            return None
        return losses.index(min(known))

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame with a row an epoch."""
        import pandas as pd

        return pd.DataFrame({name: list(values) for name, values in self.columns.items()})

    def to_csv(self, path: str | Path) -> None:
        """Write a header and a line an epoch."""
        try:
            with Path(path).open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(self.columns)
                writer.writerows(zip(*self.columns.values(), strict=True))
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another path") from error

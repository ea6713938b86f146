"""How the fit went."""

from __future__ import annotations

import numpy as np

from latens.history import History
from latens.report.blocks import Section, Words, counted, quantity
from latens.report.charts import Line, draw_chart
from latens.report.subject import Subject

__all__ = ["training"]

_LOSSES = {"train_loss": "learned from (mean over the epoch)", "validation_loss": "held out (after the epoch)"}


def training(subject: Subject) -> Section | None:
    """The loss by epoch; a model that was solved at once has none."""
    history: History = subject.model.history_
    if not len(history):
        return None
    epochs = np.array(history["epoch"], dtype=np.float64)
    drawn = [name for name in _LOSSES if name in history.columns and np.isfinite(history[name]).any()]
    lines = [
        Line(_LOSSES[name], epochs, np.array(history[name], dtype=np.float64), style, dots=True)
        for style, name in enumerate(drawn)
    ]
    log = all(min(history[name]) > 0 for name in drawn)
    chart = draw_chart(lines, across="epoch (one pass over the rows)", up="loss", log=log, whole=True)
    return Section("Training", _verdict(history, drawn), [chart, Words(_note(history), "faint")])


def _verdict(history: History, drawn: list[str]) -> str:
    took = f"{counted(len(history), 'epoch')} in {_duration(history['seconds'][-1])}"
    losses = history[drawn[-1]]
    what = "held-out loss" if drawn[-1] == "validation_loss" else "training loss"
    return f"{took}; the {what} went from {quantity(losses[0])} to {quantity(losses[-1])}."


def _note(history: History) -> str:
    if "validation_loss" not in history.columns:
        return "No rows were held out, so that nothing says how the model does on rows that it has not seen."
    before = history.best_before
    if before is not None:
        return (
            f"The held-out loss was least after epoch {int(history['epoch'][before])} and rose from there: the model "
            "began to learn rows by heart. Fewer epochs, or early_stopping=True, would do better."
        )
    losses = np.array(history["validation_loss"])
    if int(np.nanargmin(losses)) == len(losses) - 1:
        return "The held-out loss was still falling at the end: more epochs may do better."
    return "The held-out loss has settled: more epochs would change little."


def _duration(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

"""What the network gained over simple methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from latens.analysis import ForecastReferee, OrderAccuracy, Referee, SequenceReferee
from latens.report.blocks import Bar, Bars, Section, Words, quantity
from latens.report.subject import Subject

__all__ = ["referee"]

_OURS = "this model"


def referee(subject: Subject) -> Section:
    """The errors of the model and of what is simpler, on the same rows."""
    judge = subject.model.referee_
    errors, caption, note = _KINDS[type(judge)](judge)
    longest = max(errors.values(), default=0.0) or 1.0
    bars = [Bar(name, quantity(error), error / longest, name == _OURS) for name, error in errors.items()]
    shown = [Bars(bars, caption)] if len(bars) > 1 else []
    verdict = f"{judge.verdict[0].upper()}{judge.verdict[1:]}."
    return Section("The referee", verdict, [*shown, Words(note, "faint")])


def _of_reconstruction(judge: Referee) -> tuple[Mapping[str, float], str, str]:
    errors = {_OURS: judge.model_error}
    if judge.comparable:
        errors["exact PCA of the same size"] = judge.pca_error
    caption = f"Mean squared error on {judge.n_rows:,} {judge.rows} rows, after scaling; shorter is better"
    note = (
        "The referee was called at the end of the fit: it compares the network with principal components, the best "
        "that a linear model can do with as many numbers per row. A network that does not beat them is not worth its "
        "trouble."
    )
    return errors, caption, note


def _of_sequences(judge: SequenceReferee) -> tuple[Mapping[str, float], str, str]:
    unit = "event" if judge.characters_per_item is None else "character"
    errors = {_OURS: judge.model_bits, "5-gram": judge.ngram_bits, "unigram": judge.unigram_bits}
    if judge.xz_bits is not None:
        errors["xz"] = judge.xz_bits
    caption = f"Bits per {unit} on {judge.n_items:,} {judge.rows} items; shorter is better"
    note = (
        f"The referee was called at the end of the fit. Bits per {unit} are what it costs to write the data down with "
        "the help of a prediction: a 5-gram counts what followed the last four items"
        + ("." if judge.xz_bits is None else ", xz is the compression program.")
    )
    return errors, caption, note


def _of_forecasts(judge: ForecastReferee) -> tuple[Mapping[str, float], str, str]:
    errors = {_OURS: judge.model_error, **judge.baselines}
    steps = "the next step" if judge.patch == 1 else f"the next {judge.patch} steps"
    caption = (
        f"Mean squared error for {steps}, over {judge.n_steps:,} {judge.rows} steps, after scaling; shorter is better"
    )
    season = f" The season is {judge.season:,} steps." if judge.season else ""
    note = (
        "The referee was called at the end of the fit: it compares the network with forecasts that need none, the last "
        f"value, the value one season before and a linear function of the past.{season}"
    )
    return errors, caption, note


def _of_orders(judge: OrderAccuracy) -> tuple[Mapping[str, float], str, str]:
    errors = {_OURS: 1 - judge.positions, "chance": 1 - judge.chance_positions}
    caption = f"Share of tiles out of place, on {judge.n_rows:,} {judge.rows} images; shorter is better"
    note = (
        "The referee was called at the end of the fit: the model sees the tiles of an image in another order and says "
        "where each belongs. Two tiles that look the same may change places."
    )
    return errors, caption, note


_KINDS: dict[type, Callable[[Any], tuple[Mapping[str, float], str, str]]] = {
    OrderAccuracy: _of_orders,
    Referee: _of_reconstruction,
    SequenceReferee: _of_sequences,
    ForecastReferee: _of_forecasts,
}

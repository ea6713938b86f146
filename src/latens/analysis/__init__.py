"""Questions put to arrays: arrays in, frozen results out; nothing here knows of networks."""

from __future__ import annotations

from latens.analysis.copies import Copy, longest_copy
from latens.analysis.forecasts import (
    Forecast,
    ForecastReferee,
    LinearForecast,
    fit_linear,
    forecast_of,
    judge_forecasts,
    last_value,
    seasonal_naive,
)
from latens.analysis.maps import Map, fit_map
from latens.analysis.ngrams import Documents, documents, ngram_nats, ngram_surprisals, unigram_nats, xz_nats
from latens.analysis.principal import Principal, principal_components
from latens.analysis.referee import Referee, judge
from latens.analysis.seasons import season_of
from latens.analysis.sequence_referee import SequenceReferee, judge_sequences
from latens.analysis.sizes import Size, Sweep, idle_units

__all__ = [
    "Copy",
    "Documents",
    "Forecast",
    "ForecastReferee",
    "LinearForecast",
    "Map",
    "Principal",
    "Referee",
    "SequenceReferee",
    "Size",
    "Sweep",
    "documents",
    "fit_linear",
    "fit_map",
    "forecast_of",
    "idle_units",
    "judge",
    "judge_forecasts",
    "judge_sequences",
    "last_value",
    "longest_copy",
    "ngram_nats",
    "ngram_surprisals",
    "principal_components",
    "season_of",
    "seasonal_naive",
    "unigram_nats",
    "xz_nats",
]

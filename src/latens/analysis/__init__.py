"""Questions put to arrays: arrays in, frozen results out; nothing here knows of networks."""

from __future__ import annotations

from latens.analysis.agreement import Agreement, agreement
from latens.analysis.calibration import Calibration, benjamini_hochberg
from latens.analysis.clusters import ClusterComparison, Clustering, compare_clusters, find_clusters
from latens.analysis.copies import Copy, longest_copy
from latens.analysis.forecasts import (
    Forecast,
    ForecastReferee,
    LinearForecast,
    fit_linear,
    forecast_of,
    judge_forecasts,
    last_value,
    quantile_levels,
    seasonal_naive,
)
from latens.analysis.maps import Map, fit_map
from latens.analysis.neighbours import NearestRows, Neighbours, nearest, recall
from latens.analysis.ngrams import Documents, documents, ngram_nats, ngram_surprisals, unigram_nats, xz_nats
from latens.analysis.orders import OrderAccuracy, judge_orders
from latens.analysis.outliers import Cause, OutlierScores, Reason
from latens.analysis.principal import Principal, principal_components, principal_of
from latens.analysis.probes import Probe, ProbeCurve, probe_features
from latens.analysis.referee import Referee, judge
from latens.analysis.seasons import season_of
from latens.analysis.sequence_referee import SequenceReferee, judge_sequences
from latens.analysis.sizes import Size, Sweep, idle_units

__all__ = [
    "Agreement",
    "Calibration",
    "Cause",
    "ClusterComparison",
    "Clustering",
    "Copy",
    "Documents",
    "Forecast",
    "ForecastReferee",
    "LinearForecast",
    "Map",
    "NearestRows",
    "Neighbours",
    "OrderAccuracy",
    "OutlierScores",
    "Principal",
    "Probe",
    "ProbeCurve",
    "Reason",
    "Referee",
    "SequenceReferee",
    "Size",
    "Sweep",
    "agreement",
    "benjamini_hochberg",
    "compare_clusters",
    "documents",
    "find_clusters",
    "fit_linear",
    "fit_map",
    "forecast_of",
    "idle_units",
    "judge",
    "judge_forecasts",
    "judge_orders",
    "judge_sequences",
    "last_value",
    "longest_copy",
    "nearest",
    "ngram_nats",
    "ngram_surprisals",
    "principal_components",
    "principal_of",
    "probe_features",
    "quantile_levels",
    "recall",
    "season_of",
    "seasonal_naive",
    "unigram_nats",
    "xz_nats",
]

"""Clusters and probes of models of every kind, beside what there is without the model."""

from __future__ import annotations

import numpy as np
import pytest

import latens
from latens.data import open_source
from latens.errors import ConfigError, DataError
from latens.estimators import grouping
from latens.estimators.plain import plain_input

TINY = {"max_epochs": 1, "verbose": 0}
KINDS = ("table", "frame", "images", "pages", "text", "events", "series", "uneven series")


@pytest.fixture(scope="module")
def fitted() -> dict[str, tuple]:
    """By kind a model, its data, and what its plain input has to be called."""
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    x = random.normal(size=(40, 5)) + 6 * labels[:, None]
    import pandas as pd

    frame = pd.DataFrame(x[:, :3], columns=["a", "b", "c"]).assign(kind=np.array(["x", "y"])[labels])
    frame.loc[3, "a"] = np.nan
    images = np.clip(x[:, :4, None] + np.zeros(3), -9, 9) / 20 + 0.5
    pages = [np.full((4 + row % 2, 6), 0.2 + 0.5 * (row % 2)) for row in range(40)]
    texts = [("stocks rise again", "the team wins a match")[row % 2] + f" {row}" for row in range(40)]
    events = [("in", "buy", "buy") if row % 2 else ("in", "out") for row in range(40)]
    series = [np.sin(np.arange(12) * (1 + row % 2)) + 0.1 * random.normal(size=12) for row in range(40)]
    uneven = [each[: 12 - row % 3] for row, each in enumerate(series)]
    small = {"hidden_size": 8, "chunk": 8, **TINY}
    return {
        "table": (latens.Autoencoder(2, **TINY), x, labels, "scaled columns"),
        "frame": (latens.Autoencoder(2, **TINY), frame, labels, "scaled columns"),
        "images": (latens.Autoencoder(2, **TINY), images, labels, "pixels"),
        "pages": (latens.ConvAutoencoder(2, hidden=[4], **TINY), pages, labels, "histograms of the images' levels"),
        "text": (latens.TextAutoregressor(**small), texts, labels, "counted words, TF-IDF"),
        "events": (
            latens.EventAutoregressor(**small),
            [list(each) for each in events],
            labels,
            "counted items, TF-IDF",
        ),
        "series": (latens.SeriesAutoregressor(**small), series, labels, "steps of the series"),
        "uneven series": (
            latens.SeriesAutoregressor(**small),
            uneven,
            labels,
            "mean, deviation, extremes and mean step of the series",
        ),
    }


@pytest.fixture(params=KINDS)
def asked(request, fitted):
    model, data, labels, words = fitted[request.param]
    if not hasattr(model, "schema_"):
        model.fit(data)
    return model, data, labels, words


class TestEveryKind:
    def test_is_clustered_beside_its_raw_input(self, asked):
        model, data, labels, words = asked
        both = latens.cluster(model, data, k=2, truth=labels, n_fits=2)
        assert both.names == ("codes", f"raw input ({words})")
        assert len(both.codes.labels) == len(both.raw.labels) == 40
        assert both.raw.agreement is not None
        assert both.raw.agreement.accuracy > 0.9  # the two halves differ as they come

    def test_is_probed(self, asked):
        model, data, labels, _ = asked
        curve = latens.probe(model, data, labels, budgets=[4, 10], n_draws=2)
        assert (curve.n_train, curve.n_test) == (32, 8)
        assert curve.of("raw", "linear", 10).mean > 0.9
        assert {each.features for each in curve.probes} >= {"raw", "codes"}

    def test_plain_rows_are_finite_and_of_one_width(self, asked):
        model, data, _, _ = asked
        source = grouping.applied_source(model, data)
        rows = plain_input(model, source).rows(source.take(np.arange(3)))
        assert rows.shape[0] == 3
        assert np.isfinite(rows if isinstance(rows, np.ndarray) else rows.data).all()


class TestCluster:
    def test_the_sources_label_judges(self, fitted):
        model, x, labels, _ = fitted["table"]
        model.fit(x)
        both = latens.cluster(model, open_source(x, labels=labels), k=2)
        assert both.codes.agreement is not None
        assert both.codes.agreement.n_classes == 2

    def test_on_a_map_both_are_laid_out_first(self, fitted, monkeypatch):
        model, x, _, _ = fitted["table"]
        model.fit(x)
        monkeypatch.setattr(grouping, "unfolded", lambda rows, seed: rows[:, :1])
        both = latens.cluster(model, x, k=2, on="map")
        assert both.names == ("map of the codes", "map of the raw input (scaled columns)")

    def test_refuses(self, fitted):
        model, x, _, _ = fitted["table"]
        model.fit(x)
        with pytest.raises(ConfigError, match="on='maps' is not known; did you mean 'map'"):
            latens.cluster(model, x, on="maps")
        with pytest.raises(ConfigError, match="k=41 exceeds the "):
            latens.cluster(model, x, k=41)
        with pytest.raises(DataError, match="1 row cannot be clustered"):
            latens.cluster(model, x[:1])
        with pytest.raises(DataError, match=r"samples of shape \(4,\) where the model was fitted on \(5,\)|4 features"):
            latens.cluster(model, open_source(x[:, :4]))

    def test_a_name_for_every_row_is_no_class(self):
        x = np.random.default_rng(0).normal(size=(60, 4)) + np.repeat([[0.0], [8.0]], 30, axis=0)
        names, classes = [f"row {i}" for i in range(60)], np.arange(60) // 30
        model = latens.Autoencoder(n_components=2, **TINY).fit(x)
        assert latens.cluster(model, open_source(x, labels=np.array(names)), k=2).codes.agreement is None
        assert latens.cluster(model, open_source(x, labels=classes), k=2).codes.agreement is not None


class TestProbe:
    def test_other_rows_judge(self, fitted):
        model, x, labels, _ = fitted["table"]
        model.fit(x)
        curve = latens.probe(model, x, labels, test=x[:10], test_y=labels[:10], budgets=[10], n_draws=1)
        assert (curve.n_train, curve.n_test) == (40, 10)

    def test_labelled_rows_never_judge(self, fitted, monkeypatch):
        from latens.estimators import probing

        seen = {}
        monkeypatch.setattr(probing, "probe_features", lambda features, *labels, **how: seen.update(features))
        model, x, labels, _ = fitted["table"]
        model.fit(x)
        latens.probe(model, x, labels)
        train, test = ({row.tobytes() for row in part} for part in seen["raw"])
        assert not train & test
        assert len(train | test) == 40

    def test_needs_labels(self, fitted):
        model, x, labels, _ = fitted["table"]
        model.fit(x)
        with pytest.raises(
            DataError, match="array: has no labels to probe for; name a column with --labels, or give y="
        ):
            latens.probe(model, x)
        with pytest.raises(DataError, match=r"y of shape \(3,\) for 40 rows; give one class a row"):
            latens.probe(model, x, labels[:3])
        named = open_source(x, labels=labels)
        with pytest.raises(DataError, match=r"has no label 'label' to probe for; name a column .* or give test_y="):
            latens.probe(model, named, test=x)
        with pytest.raises(DataError, match="3 rows are too few to hold some out"):
            latens.probe(model, x[:3], labels[:3])

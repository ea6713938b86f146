"""Probes of features whose worth is known, and how labelled rows are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from latens.analysis import Probe, ProbeCurve, probe_features
from latens.analysis.probes import _in_their_span, labelled_rows
from latens.errors import ConfigError, DataError


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """300 and 100 rows of three classes, five numbers that tell them apart."""
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, size=400)
    x = random.normal(size=(400, 5)) + 4 * np.eye(3, 5)[classes]
    names = np.array(["ant", "bee", "cow"])[classes]
    return x[:300], names[:300], x[300:], names[300:]


class TestCurve:
    def test_tells_good_features_from_noise(self, rows):
        x, y, test, test_y = rows
        noise = np.random.default_rng(9).normal(size=(400, 5))
        features = {"raw": (noise[:300], noise[300:]), "codes": (x, test)}
        curve = probe_features(features, y, test_y, budgets=[50, 10], n_draws=4)
        assert curve.budgets == (10, 50)
        assert (curve.n_train, curve.n_test, curve.n_classes) == (300, 100, 3)
        for probe in ("linear", "kNN"):
            assert curve.of("codes", probe, 50).mean > 0.9
            assert curve.of("raw", probe, 50).mean < 0.5
        assert curve.verdict.startswith("the codes are worth more than the raw features (linear probe, points of acc")
        assert list(curve.to_frame().columns) == ["features", "probe", "n_labels", "accuracy", "std", "draws"]

    def test_equal_features_are_no_better(self, rows):
        x, y, test, test_y = rows
        curve = probe_features({"raw": (x, test), "codes": (x, test)}, y, test_y, budgets=[10], n_draws=3)
        assert curve.verdict.startswith("the codes are worth no more than the raw features")

    def test_verdict_by_budget(self):
        def at(features, n, mean):
            return Probe(features, "linear", n, (mean - 0.001, mean, mean + 0.001))

        probes = (at("raw", 10, 0.5), at("raw", 100, 0.9), at("codes", 10, 0.6), at("codes", 100, 0.8))
        words = "the codes are worth more than the raw features at 10 labels, less at 100"
        assert ProbeCurve(probes, 500, 100, 2).verdict.startswith(words)

    def test_is_a_function_of_the_seed(self, rows):
        x, y, test, test_y = rows
        one, same, other = (
            probe_features({"raw": (x, test)}, y, test_y, budgets=[10], n_draws=3, seed=seed) for seed in (0, 0, 1)
        )
        assert one == same
        assert one != other

    def test_takes_sparse_features(self, rows):
        x, y, test, test_y = rows
        features = {"raw": tuple(sparse.csr_matrix(np.maximum(part, 0)) for part in (x, test))}
        assert probe_features(features, y, test_y, budgets=[60], n_draws=2).of("raw", "linear", 60).mean > 0.8

    def test_a_constant_feature_is_no_harm(self, rows):
        x, y, test, test_y = rows
        features = {"raw": tuple(np.hstack([part, np.full((len(part), 1), 7.0)]) for part in (x, test))}
        assert probe_features(features, y, test_y, budgets=[60], n_draws=2).of("raw", "linear", 60).mean > 0.9

    def test_budgets_beyond_the_rows_are_left_out_and_rows_without_a_class_do_not_count(self, rows):
        x, y, test, test_y = rows
        y = y.astype(object)
        y[100:] = None
        curve = probe_features({"raw": (x, test)}, y, test_y, budgets=[50, 101], n_draws=1)
        assert (curve.left_out, curve.n_train) == ((101,), 100)

    @pytest.mark.parametrize(
        ("budgets", "match"),
        [([301], "301 labels exceed the 300 training rows; use fewer"), ([1], "budgets=1 is out of")],
    )
    def test_refuses_budgets(self, rows, budgets, match):
        x, y, test, test_y = rows
        with pytest.raises(ConfigError, match=match):
            probe_features({"raw": (x, test)}, y, test_y, budgets=budgets)

    def test_refuses_one_class_and_no_class(self, rows):
        x, y, test, test_y = rows
        with pytest.raises(DataError, match="labels: 1 class in the training rows; give at least 2"):
            probe_features({"raw": (x, test)}, np.full(300, "ant"), test_y)
        with pytest.raises(DataError, match="test labels: no row has a class"):
            probe_features({"raw": (x, test)}, y, np.full(100, None))


class TestDraws:
    @pytest.mark.parametrize("budget", [3, 10, 50, 333])
    def test_each_class_is_there_and_no_row_twice(self, budget):
        classes = np.repeat([0, 1, 2], [300, 30, 3])
        rows = labelled_rows(classes, budget, (0, 0))
        assert len(set(rows.tolist())) == len(rows) == budget
        assert set(classes[rows]) == {0, 1, 2}

    def test_as_frequent_as_among_all(self):
        classes = np.repeat([0, 1], [800, 200])
        assert np.bincount(classes[labelled_rows(classes, 50, (0, 0))]).tolist() == [40, 10]

    def test_fewer_labels_than_classes(self):
        classes = np.repeat(np.arange(20), 5)
        drawn = {tuple(sorted(classes[labelled_rows(classes, 4, (0, draw))])) for draw in range(5)}
        assert len(drawn) > 1
        assert all(len(set(each)) == 4 for each in drawn)

    def test_a_larger_budget_has_the_rows_of_the_smaller(self):
        classes = np.repeat([0, 1], [80, 20])
        assert set(labelled_rows(classes, 10, (3, 1))) <= set(labelled_rows(classes, 50, (3, 1)))

    def test_rows_without_a_class_are_never_drawn(self):
        classes = np.array([-1, 0, 1, -1, 0, 1])
        assert set(labelled_rows(classes, 4, (0, 0))) == {1, 2, 4, 5}


def test_few_rows_are_classified_in_their_span_as_in_the_whole_space():
    random = np.random.default_rng(0)
    x, test, classes = random.normal(size=(20, 60)), random.normal(size=(40, 60)), np.arange(20) % 3
    small, small_test = _in_their_span(x, test)
    assert small.shape == (20, 20)
    there = LogisticRegression(C=0.1, tol=1e-8, max_iter=2000).fit(x, classes).decision_function(test)
    here = LogisticRegression(C=0.1, tol=1e-8, max_iter=2000).fit(small, classes).decision_function(small_test)
    assert np.allclose(here, there, atol=1e-4)

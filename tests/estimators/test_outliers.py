"""The detector: what it finds, what it promises, and what it says of a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import latens
from latens import OutlierDetector
from latens.errors import ConfigError, DataError

QUICK = {"max_epochs": 5, "verbose": 0}


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    """Rows near a curved sheet in eight dimensions."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(1200, 2))
    return np.tanh(hidden @ random.normal(size=(2, 8))) + 0.05 * random.normal(size=(1200, 8))


@pytest.fixture(scope="module")
def strange() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, size=(60, 8))


@pytest.fixture(scope="module")
def detector(x) -> OutlierDetector:
    return OutlierDetector(false_alarm_rate=0.05, max_epochs=30, verbose=0).fit(x[:1000])


class TestFinds:
    def test_new_rows_that_break_the_pattern(self, detector, x, strange):
        fresh = np.concatenate([x[1000:], strange])
        truth = np.r_[np.zeros(200), np.ones(60)]
        assert roc_auc_score(truth, -detector.score_samples(fresh)) > 0.95

    def test_a_group_among_the_rows_of_the_fit(self, x):
        group = np.full((60, 8), 3.0) + np.random.default_rng(2).normal(size=(60, 8)) * 0.05
        rows = np.concatenate([x, group])
        scores = OutlierDetector(**QUICK).fit(rows).score_samples(rows)
        assert roc_auc_score(np.r_[np.zeros(1200), np.ones(60)], -scores) > 0.95

    def test_trims_the_strangest_and_says_which(self, x):
        rows = np.concatenate([x[:300], np.full((10, 8), 9.0)])
        detector = OutlierDetector(trim=0.1, validation_fraction=0.1, **QUICK).fit(rows)
        strange = set(range(300, 310)) - set(detector.held_out_)
        assert strange <= set(detector.trimmed_)
        assert len(detector.trimmed_) == pytest.approx(0.1 * 279, abs=1)

    @pytest.mark.parametrize("evidence", ["residual", "neighbours", ["neighbours", "residual"]])
    def test_evidence_can_be_chosen(self, x, evidence):
        detector = OutlierDetector(evidence=evidence, **QUICK).fit(x[:200])
        assert set(detector.standards_) == set([evidence] if isinstance(evidence, str) else evidence)

    def test_images(self):
        images = latens.open_source("dataset:digits").values
        detector = OutlierDetector(**QUICK).fit(images[:500])
        reversed_ = 16 - images[500:520]
        assert (
            roc_auc_score(np.r_[np.zeros(20), np.ones(20)], -detector.score_samples(np.r_[images[600:620], reversed_]))
            > 0.95
        )


class TestPromise:
    def test_false_alarms_are_within_the_interval(self, detector, x):
        low, high = detector.calibration_.interval(200, 0.05)
        assert low <= int((detector.predict(x[1000:]) == -1).sum()) <= high

    def test_held_out_rows_change_nothing_but_the_threshold(self, x):
        plain = OutlierDetector(false_alarm_rate=0.05, **QUICK).fit(x[:400])
        poisoned = x[:400].copy()
        poisoned[plain.held_out_] = 1e9
        other = OutlierDetector(false_alarm_rate=0.05, **QUICK).fit(poisoned)
        assert np.array_equal(other.score_samples(x[500:600]), plain.score_samples(x[500:600]))
        assert other.offset_ < plain.offset_

    def test_a_row_scores_the_same_in_any_company(self, detector, x):
        together = detector.score_samples(x)
        assert detector.score_samples(x[7:8])[0] == together[7]
        assert np.array_equal(detector.score_samples(x[900:1100]), together[900:1100])

    def test_the_data_that_is_judged_never_moves_the_threshold(self, detector, x, strange):
        before = detector.offset_
        detector.detect(np.concatenate([x, strange]))
        assert detector.offset_ == before

    def test_flags_are_what_the_signs_say(self, detector, strange):
        found = detector.detect(strange)
        assert np.array_equal(found.flagged, detector.predict(strange) == -1)
        assert np.array_equal(found.flagged, detector.decision_function(strange) < 0)
        assert found.ranked[0] == found.scores.argmax()
        assert list(found.to_frame()) == ["score", "p_value", "flagged"]

    def test_a_rate_beyond_the_rows_is_said_to_be_extrapolated(self, x):
        found = OutlierDetector(false_alarm_rate=0.001, **QUICK).fit(x[:300]).detect(x[300:])
        assert found.extrapolated
        assert "the tail is extrapolated from 30 held-out rows" in found.verdict

    def test_another_rate_needs_no_other_fit(self, detector, x):
        looser = detector.at_rate(0.2)
        assert looser.offset_ == -detector.calibration_.threshold(0.2) > detector.offset_
        assert (looser.false_alarm_rate, detector.false_alarm_rate) == (0.2, 0.05)
        assert np.array_equal(looser.score_samples(x[:9]), detector.score_samples(x[:9]))
        with pytest.raises(ConfigError, match=r"false_alarm_rate=0\.6 is out of range"):
            detector.at_rate(0.6)

    def test_an_extrapolated_threshold_goes_no_further_than_the_strangest_row(self, x):
        detector = OutlierDetector(false_alarm_rate=0.001, **QUICK).fit(x[:100])
        learned = np.delete(x[:100], detector.held_out_, axis=0)
        assert (detector.predict(learned) == -1).sum() >= 1
        assert -detector.score_samples(learned).min() == detector.strangest_ >= -detector.offset_

    def test_of_rows_that_are_all_alike_none_is_strange(self):
        x = np.tile([1.0, 2.0], (300, 1))
        assert (OutlierDetector(**QUICK).fit(x).predict(x) == 1).all()

    def test_false_discoveries_can_be_bounded_instead(self, detector, x, strange):
        found = detector.detect(np.concatenate([x[1000:], strange]), false_discovery_rate=0.1)
        assert found.flagged[200:].mean() > 0.3
        assert "of these a share of at most 0.1 is expected to be false" in found.verdict
        assert found.flagged[:200].sum() <= 0.3 * found.flagged.sum()


class TestExplains:
    def test_the_column_that_is_wrong(self, detector, x):
        row = x[1001:1002].copy()
        row[0, 3] = 4.0
        reason = detector.explain(row, top=1)[0]
        assert reason.causes[0].name == "feature 3"
        assert reason.causes[0].value == 4.0
        assert abs(reason.causes[0].expected) < 2
        assert reason.flagged
        assert "feature 3 is 4 where" in reason.words
        assert len(reason.nearest) == 3

    def test_a_table_in_its_own_words(self):
        random = np.random.default_rng(0)
        frame = pd.DataFrame({"age": random.integers(20, 60, 300), "job": random.choice(["clerk", "cook"], 300)})
        frame["pay"] = np.where(frame["job"] == "clerk", 50.0, 30.0) + random.normal(size=300)
        detector = OutlierDetector(**QUICK).fit(frame)
        odd = pd.DataFrame({"age": [30], "job": ["cook"], "pay": [500.0]})
        reason = detector.explain(odd, top=2, neighbours=0)[0]
        assert (reason.causes[0].name, reason.causes[0].value) == ("pay", 500.0)
        assert reason.nearest == ()

    def test_a_row_of_the_fit_is_not_its_own_neighbour(self, detector, x):
        reason = detector.explain(x[5:6])[0]
        assert 5 not in [row for row, _ in reason.nearest]
        assert all(distance > 0 for _, distance in reason.nearest)


class TestEstimators:
    def test_one_of_the_user_s(self, x, strange):
        own = latens.Autoencoder(n_components=2, hidden=[32], max_epochs=20, verbose=0)
        detector = OutlierDetector(own, false_alarm_rate=0.05).fit(x[:1000])
        assert not hasattr(own, "network_")
        assert len(detector.trimmed_) == 0
        assert (detector.predict(strange) == -1).mean() > 0.5

    def test_a_fitted_one(self, x):
        fitted = latens.Autoencoder(n_components=2, hidden=[32], max_epochs=2, verbose=0).fit(x[:600])
        weights = {name: value.clone() for name, value in fitted.network_.network.state_dict().items()}
        detector = OutlierDetector(FrozenEstimator(fitted), evidence="residual").fit(x[600:])
        assert detector.estimator_ is fitted
        assert all((fitted.network_.network.state_dict()[name] == value).all() for name, value in weights.items())

    @pytest.mark.parametrize("kind", ["default", "own", "frozen"])
    def test_a_saved_one_answers_the_same(self, x, tmp_path, kind):
        own = latens.Autoencoder(n_components=2, max_epochs=1, verbose=0)
        given = {"default": None, "own": own, "frozen": own}[kind]
        if kind == "frozen":
            given = FrozenEstimator(own.fit(x[:300]))
        detector = OutlierDetector(given, **QUICK).fit(x[:300])
        detector.save(tmp_path / "d.latens")
        again = latens.load(tmp_path / "d.latens")
        assert np.array_equal(again.score_samples(x), detector.score_samples(x))
        assert again.offset_ == detector.offset_
        assert again.explain(x[:1]) == detector.explain(x[:1])
        assert type(again.estimator) is type(given)


WORDS = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog met", "the mat is on the log"] * 12


@pytest.fixture(scope="module")
def reader() -> OutlierDetector:
    quick = {"hidden_size": 32, "n_layers": 1, "chunk": 32, "max_epochs": 40, "learning_rate": 1e-2, "verbose": 0}
    own = latens.TextAutoregressor(**quick).fit([*WORDS, "xyzqw jkv"])
    return OutlierDetector(FrozenEstimator(own), false_alarm_rate=0.2).fit(WORDS)


class TestSequences:
    def test_a_text_that_is_none(self, reader):
        assert reader.predict(["xqz wkj vvq", WORDS[0]]).tolist() == [-1, 1]
        reason = reader.explain(["the cat sat on the qat"], top=1)[0]
        assert (reason.causes[0].name, reason.causes[0].value) == ("item 19", "q")
        assert "item 19 is q (" in reason.words

    def test_neighbours_have_nothing_to_say(self, reader):
        other = OutlierDetector(reader.estimator, evidence="neighbours")
        with pytest.raises(ConfigError, match="neighbours says nothing of sequences"):
            other.fit(WORDS)

    def test_a_saved_one_answers_the_same(self, reader, tmp_path):
        reader.save(tmp_path / "d.latens")
        assert np.array_equal(latens.load(tmp_path / "d.latens").score_samples(WORDS), reader.score_samples(WORDS))

    def test_one_series_step_by_step(self):
        wave = np.sin(np.arange(900) * np.pi / 12) + 0.05 * np.random.default_rng(0).normal(size=900)
        wave[850] += 1.5
        own = latens.SeriesAutoregressor(hidden_size=16, n_layers=1, max_epochs=15, verbose=0)
        detector = OutlierDetector(own, false_alarm_rate=0.02, validation_fraction=0.3).fit(wave[:800])
        assert np.array_equal(detector.held_out_, np.arange(560, 800))
        found = detector.detect(wave)
        assert len(found.scores) == 900
        assert found.ranked[0] == 850
        assert found.flagged[850]

    def test_what_is_no_list_is_refused(self):
        with pytest.raises(DataError, match="str: a detector judges sequences one by one; give a list of them"):
            OutlierDetector(latens.TextAutoregressor()).fit("the cat")


class TestRefuses:
    @pytest.mark.parametrize("rate", [0, 0.6, -1, np.nan])
    def test_a_rate(self, x, rate):
        with pytest.raises(ConfigError, match="false_alarm_rate="):
            OutlierDetector(false_alarm_rate=rate).fit(x)

    @pytest.mark.parametrize(
        ("setting", "said"),
        [
            ({"evidence": "smell"}, "evidence='smell' is not known"),
            ({"evidence": []}, r"evidence=\[\] is not known"),
            ({"trim": 1.0}, r"trim=1.0 is out of range"),
            ({"validation_fraction": 0.0}, "validation_fraction=0.0 is out of range"),
            ({"max_epochs": 0}, "max_epochs=0"),
        ],
    )
    def test_a_setting(self, x, setting, said):
        with pytest.raises(ConfigError, match=said):
            OutlierDetector(verbose=0, **setting).fit(x[:100])

    def test_too_few_rows(self, x):
        with pytest.raises(DataError, match="5 samples are too few to tell which is strange; give at least 8"):
            OutlierDetector(verbose=0).fit(x[:5])

    def test_other_columns(self, detector):
        with pytest.raises(DataError, match="8 features"):
            detector.predict(np.zeros((3, 7)))

    def test_a_failed_fit_leaves_it_unfitted(self, x):
        detector = OutlierDetector(**QUICK).fit(x[:100])
        with pytest.raises(DataError, match="too few"):
            detector.fit(x[:3])
        assert not hasattr(detector, "calibration_")


def test_check_estimator(monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it scikit-learn skips the check that NumPy input still works
    results = check_estimator(OutlierDetector(max_epochs=1, verbose=0), on_skip=None, on_fail="raise")
    assert len(results) > 40
    assert {result["status"] for result in results} == {"passed"}

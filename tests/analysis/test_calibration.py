"""Thresholds, p-values, the tail and its honesty."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, genpareto

from latens.analysis.calibration import Calibration, Tail, benjamini_hochberg, discovery_cut, false_alarm_rate
from latens.errors import ConfigError, DataError


def drawn(m: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=m)


class TestThreshold:
    @pytest.mark.parametrize(("m", "rate", "k"), [(999, 0.001, 1), (1999, 0.001, 2), (99, 0.05, 5), (19, 0.5, 10)])
    def test_is_the_kth_largest(self, m, rate, k):
        scores = drawn(m)
        found = Calibration.of(scores)
        assert found.allowed(rate) == k
        assert found.threshold(rate) == np.sort(scores)[-k]
        assert not found.extrapolated(rate)

    def test_flags_exactly_what_its_p_values_flag(self):
        held_out = Calibration.of(drawn(499).round(2))  # with ties
        fresh = drawn(2000, 1).round(2)
        for rate in (0.01, 0.05, 0.25):
            assert np.array_equal(fresh > held_out.threshold(rate), held_out.p_values(fresh) <= rate)

    def test_false_alarms_are_beta_binomial(self):
        m, n, rate, trials = 199, 500, 0.05, 2000
        random = np.random.default_rng(3)
        counts = [
            int((random.normal(size=n) > Calibration.of(random.normal(size=m)).threshold(rate)).sum())
            for _ in range(trials)
        ]
        expected = betabinom(n, 10, 190)
        assert np.mean(counts) == pytest.approx(expected.mean(), abs=4 * expected.std() / np.sqrt(trials))
        low, high = Calibration.of(drawn(m)).interval(n, rate)
        outside = np.mean([not low <= count <= high for count in counts])
        assert outside <= 0.01 + 4 * np.sqrt(0.01 / trials)

    def test_says_when_the_tail_is_extrapolated(self):
        few = Calibration.of(drawn(500))
        assert few.extrapolated(0.001)
        assert few.threshold(0.001) >= few.scores[-1]
        with pytest.raises(ConfigError, match=r"beyond what 500 held-out rows can show; hold out at least 999"):
            few.interval(100, 0.001)

    def test_an_extrapolated_threshold_is_about_right(self):
        found = [Calibration.of(drawn(400, seed)).threshold(0.001) for seed in range(300)]
        assert np.median(found) == pytest.approx(-np.log(0.001), rel=0.1)

    def test_with_too_few_rows_for_a_tail_it_is_the_largest(self):
        few = Calibration.of(np.array([3.0, 1.0, 2.0]))
        assert few.tail is None
        assert few.threshold(0.01) == 3.0

    @pytest.mark.parametrize("rate", [0, -0.1, 0.51, 1, np.nan, np.inf, "much", True])
    def test_a_rate_out_of_range_is_refused(self, rate):
        with pytest.raises(ConfigError, match="false_alarm_rate="):
            false_alarm_rate(rate)


class TestPValues:
    def test_by_hand(self):
        held_out = Calibration.of(np.array([1.0, 2.0, 3.0]))
        assert held_out.p_values(np.array([0.0, 1.0, 2.5, 3.0, 4.0])).tolist() == [1.0, 1.0, 0.5, 0.5, 0.25]

    def test_beyond_the_last_row_the_tail_ranks(self):
        held_out = Calibration.of(drawn(400))
        scores = np.linspace(0, 30, 200)
        found, conformal = held_out.extrapolated_p_values(scores), held_out.p_values(scores)
        assert (np.diff(found) <= 0).all()
        assert (found <= conformal).all()
        assert found[-1] < conformal[-1] / 100

    @pytest.mark.parametrize(("scores", "said"), [([], "no held-out rows"), ([1.0, np.nan], "row 1 is not a number")])
    def test_what_cannot_calibrate_is_refused(self, scores, said):
        with pytest.raises(DataError, match=said):
            Calibration.of(np.array(scores))


class TestTail:
    def test_that_ends_is_taken_for_one_that_does_not(self):
        scores = np.sort(np.random.default_rng(0).uniform(size=2000))
        tail = Tail.of(scores)
        assert tail.shape == 0.0
        assert tail.score(1e-4) > 1.0  # cautious: beyond all that there is
        assert 0 < tail.exceeded(np.array([2.0]))[0] < 1e-3

    @pytest.mark.parametrize("shape", [0.0, 0.15, 0.3])
    def test_finds_the_shape_of_a_pareto_sample(self, shape):
        scores = np.sort(genpareto.rvs(shape, scale=2.0, size=60_000, random_state=0))
        tail = Tail.of(scores)
        assert tail.shape == pytest.approx(shape, abs=0.05)
        assert tail.score(1e-4) == pytest.approx(genpareto.isf(1e-4, shape, scale=2.0), rel=0.15)
        assert tail.exceeded(np.array([tail.score(1e-3)]))[0] == pytest.approx(1e-3)

    @pytest.mark.parametrize("scores", [np.ones(100), np.arange(5.0), np.r_[np.zeros(99), 1.0]], ids=str)
    def test_without_spread_or_rows_there_is_none(self, scores):
        tail = Tail.of(scores)
        assert tail is None or np.isfinite(tail.score(tail.share / 10))


class TestBenjaminiHochberg:
    def test_keeps_false_discoveries_below_the_rate(self):
        random = np.random.default_rng(0)
        shares = []
        for _ in range(300):
            held_out = Calibration.of(random.normal(size=999))
            fresh = np.concatenate([random.normal(size=180), random.normal(6, 1, size=20)])
            flagged = benjamini_hochberg(held_out.p_values(fresh), 0.2)
            shares.append(flagged[:180].sum() / max(flagged.sum(), 1))
        assert np.mean(shares) <= 0.2 * 180 / 200 + 0.02
        assert np.mean(shares) >= 0.1  # it is not merely silent

    @pytest.mark.parametrize("p", [[], [1.0, 1.0]])
    def test_nothing_strange_flags_nothing(self, p):
        assert not benjamini_hochberg(np.array(p), 0.1).any()

    def test_a_rate_out_of_range_is_refused(self):
        with pytest.raises(ConfigError, match="false_discovery_rate=0 "):
            benjamini_hochberg(np.array([0.1]), 0)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3, 0.5])
def test_the_cut_flags_what_benjamini_and_hochberg_flag(seed, rate):
    random = np.random.default_rng(seed)
    calibration = Calibration.of(np.round(random.normal(size=random.integers(5, 60)), 1))
    scores = np.round(random.normal(loc=1.0, size=random.integers(1, 200)), 1)
    p_values = calibration.p_values(scores)
    cut = discovery_cut(np.bincount(calibration.ranks(scores), minlength=len(calibration) + 2), rate)
    assert np.array_equal(p_values <= cut, benjamini_hochberg(p_values, rate))

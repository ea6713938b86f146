"""What is said of rows, as a frame and in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latens.analysis import Cause, OutlierScores, Reason


def reason(row: int, *causes: Cause) -> Reason:
    return Reason(row, 3.0, 0.01, True, "residual", causes, ())


class TestFrame:
    found = OutlierScores(np.arange(3.0), np.full(3, 0.5), np.array([False, False, True]), 1.5, 0.01, 99, False)

    def test_scores_alone(self):
        assert list(self.found.to_frame()) == ["score", "p_value", "flagged"]

    def test_causes_stand_beside_the_rows_that_they_are_of(self):
        causes = (Cause("pay", 500.0, 30.0, 0.9), Cause("job", "cook", "clerk", 0.1))
        frame = self.found.to_frame([reason(2, *causes), reason(1, causes[0])], causes=2)
        assert list(frame)[3:] == [
            f"{name}{end}" for end in ("", "_2") for name in ("cause", "value", "expected", "share")
        ]
        assert frame.cause.tolist() == [None, "pay", "pay"]
        assert frame.value_2.tolist() == [None, None, "cook"]
        assert np.isnan(frame.share_2[:2]).all()


class TestWords:
    def test_a_wrong_value(self):
        assert Cause("pay", 500.0, 30.0, 0.9).words == "pay is 500 where 30 was expected (90%)"
        assert Cause("pay", 9e6, 85920.4, 0.5).words == "pay is 9,000,000 where 85,920 was expected (50%)"
        assert Cause("garden", True, True, 0.1).words == "garden is True and was less sure to be than usual (10%)"

    def test_the_right_category_of_which_the_model_is_not_sure(self):
        assert Cause("job", "cook", "cook", 0.5).words == "job is cook and was less sure to be than usual (50%)"

    def test_a_chance_too_small_to_be_a_number(self):
        assert Reason(0, 9.0, 1e-12, True, "residual", (), ()).words == "row 0 (flagged, p < 1e-06)"


def test_what_lies_beyond_all_held_out_rows_has_a_chance_of_at_most_the_least():
    reason = Reason(3, 1.0, 1 / 31, True, "residual", (), ())
    assert reason.chance == "p = 0.032"
    assert replace(reason, beyond=True).chance == "p ≤ 0.032"

from __future__ import annotations

import numpy as np
import pytest

from latens.analysis import agreement
from latens.analysis.agreement import known_classes
from latens.errors import DataError

CLASSES = np.array(["a", "a", "b", "b", "c", "c"])


class TestAgreement:
    def test_is_one_whatever_the_clusters_are_called(self):
        found = agreement(CLASSES, np.array([5, 5, 0, 0, 9, 9]))
        scores = (found.homogeneity, found.nmi, found.ari, found.accuracy)
        assert scores == (pytest.approx(1.0),) * 4
        assert (found.n_rows, found.n_classes) == (6, 3)

    def test_more_clusters_are_homogeneous_and_not_accurate(self):
        found = agreement(np.array([1, 1, 2, 2]), np.array([0, 1, 2, 3]))
        assert found.homogeneity == pytest.approx(1.0)
        assert found.accuracy == 0.5
        assert found.ari == pytest.approx(0.0)

    def test_one_to_one_and_not_the_commonest_class_of_each_cluster(self):
        assert agreement(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])).accuracy == 0.5

    def test_rows_in_no_cluster_are_wrong(self):
        found = agreement(CLASSES, np.array([0, 0, 1, 1, -1, -1]))
        assert found.accuracy == pytest.approx(4 / 6)
        assert agreement(CLASSES, np.full(6, -1)).accuracy == 0.0

    @pytest.mark.parametrize("missing", [None, np.nan])
    def test_rows_without_a_class_do_not_count(self, missing):
        truth = np.array(["a", "a", "b", "b", missing, missing], dtype=object)
        found = agreement(truth, np.array([0, 0, 1, 1, 1, 0]))
        assert (found.accuracy, found.n_rows) == (1.0, 4)

    def test_refuses_what_it_cannot_compare(self):
        with pytest.raises(DataError, match=r"truth of shape \(6,\) for 3 rows; give one class a row, of shape \(3,\)"):
            agreement(CLASSES, np.zeros(3, dtype=int))
        with pytest.raises(DataError, match="none of 2 rows has a class; leave it out"):
            agreement(np.array([np.nan, np.nan]), np.array([0, 1]))


def test_classes_of_mixed_kinds_have_numbers():
    assert known_classes(np.array([1, "one", 1, None], dtype=object), 4).tolist() == [0, 1, 0, -1]

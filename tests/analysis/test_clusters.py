"""Clusters of known blobs by every method, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from latens.analysis import compare_clusters, find_clusters
from latens.analysis.partitions import METHODS, SEEDLESS
from latens.errors import ConfigError, DataError

K_METHODS = [name for name in METHODS if name not in SEEDLESS]


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Three far blobs of 50, 30 and 20 rows in four dimensions, in a mixed order."""
    random = np.random.default_rng(0)
    truth = random.permutation(np.repeat([0, 1, 2], [50, 30, 20]))
    centres = np.array([[0.0, 0, 0, 0], [9, 0, 0, 0], [0, 9, 9, 0]])
    return centres[truth] + random.normal(size=(100, 4)), truth


def found(x, method, **how):
    return find_clusters(x, method, None if method in SEEDLESS else 3, **how)


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    def test_finds_what_is_there(self, method, blobs):
        x, truth = blobs
        result = found(x, method, truth=truth)
        assert result.n_clusters == 3
        assert result.agreement is not None
        assert result.agreement.accuracy > 0.95
        assert result.scores()["homogeneity"] == result.agreement.homogeneity
        assert "silhouette" not in result.scores()

    def test_numbers_clusters_by_size(self, method, blobs):
        result = found(blobs[0], method)
        assert result.sizes.tolist() == sorted(result.sizes, reverse=True)
        assert result.sizes.sum() == np.count_nonzero(result.labels >= 0)

    def test_a_representative_is_a_typical_row_of_its_cluster(self, method, blobs):
        x, _ = blobs
        result = found(x, method)
        for cluster, row in enumerate(result.representatives):
            assert result.labels[row] == cluster
            members = x[result.labels == cluster]
            assert np.linalg.norm(x[row] - members.mean(axis=0)) < 1.5

    def test_is_a_function_of_the_seed(self, method, blobs):
        one, same = (found(blobs[0], method, seed=3, n_fits=2) for _ in range(2))
        assert np.array_equal(one.labels, same.labels)
        assert np.array_equal(one.strength, same.strength)

    def test_says_how_stable_it_is_or_that_no_seed_has_a_say(self, method, blobs):
        result = found(blobs[0], method, n_fits=3)
        assert result.deterministic == (method in SEEDLESS)
        assert result.stability is None if result.deterministic else result.stability > 0.9

    def test_takes_sparse_rows(self, method, blobs):
        x, truth = blobs
        assert found(sparse.csr_matrix(np.abs(x) + 5 * (x > 4)), method, truth=truth, n_fits=1).n_clusters >= 1

    def test_never_touches_the_global_random_state(self, method, blobs):
        before = np.random.get_state()[1].copy()
        found(blobs[0], method, n_fits=1)
        assert np.array_equal(np.random.get_state()[1], before)

    def test_classes_never_move_a_cluster(self, method, blobs):
        x, truth = blobs
        assert np.array_equal(found(x, method, truth=truth[::-1]).labels, found(x, method).labels)

    def test_as_a_frame(self, method, blobs):
        result = found(blobs[0], method, n_fits=1)
        assert list(result.to_frame().columns) == ["cluster", result.measure]
        assert len(result.to_frame()) == 100


class TestClustering:
    def test_the_silhouette_stands_in_for_classes(self, blobs):
        result = found(blobs[0], "kmeans")
        assert 0.6 < result.silhouette < 1
        assert result.silhouette_rows == 100
        assert result.scores()["silhouette"] == result.silhouette

    def test_the_silhouette_of_many_rows_is_that_of_a_sample(self):
        x = np.random.default_rng(0).normal(size=(2500, 1)) + np.repeat([[0.0], [30.0]], 1250, axis=0)
        assert find_clusters(x, k=2, n_fits=1).silhouette_rows == 2000

    def test_examples_go_from_the_middle_to_the_edge(self, blobs):
        result = found(blobs[0], "kmeans")
        rows = result.examples(0, 5)
        assert rows[0] == result.representatives[0]
        assert np.all(np.diff(result.strength[rows]) >= 0)
        assert len(set(rows)) == 5
        assert len(result.examples(2, 500)) == result.sizes[2]

    def test_noise_counts_as_noise(self, blobs):
        x, _ = blobs
        far = np.vstack([x, np.random.default_rng(1).uniform(-60, 60, size=(20, 4))])
        result = find_clusters(far, "hdbscan")
        assert 0.05 < result.noise < 0.3
        assert result.agreement is None

    def test_hdbscan_of_equal_rows_finds_nothing_and_says_so(self):
        result = find_clusters(np.ones((20, 3)), "hdbscan")
        assert (result.n_clusters, result.noise, len(result.sizes)) == (0, 1.0, 0)
        assert np.isnan(result.silhouette)

    def test_two_rows_are_two_clusters(self):
        result = find_clusters(np.array([[0.0], [1.0]]), k=2)
        assert sorted(result.labels.tolist()) == [0, 1]
        assert np.isnan(result.silhouette)


class TestBadInput:
    @pytest.mark.parametrize(
        ("x", "how", "match"),
        [
            (np.eye(5), {"k": 6}, r"k=6 exceeds the 5 rows; use k<=5"),
            (np.eye(5), {}, r"k=10 \(the default\) exceeds the 5 rows; use k<=5"),
            (np.eye(5), {"k": 1}, r"k=1 is out of range; use a whole number >= 2"),
            (np.eye(5), {"k": 2.5}, r"k=2.5 is out of range"),
            (
                np.ones((9, 2)),
                {"k": 2},
                r"k=2 exceeds the 1 different row \(of 9\); rows that are all the same have no",
            ),
            (np.repeat(np.eye(3), 4, axis=0), {"k": 4}, r"k=4 exceeds the 3 different rows \(of 12\); use k<=3"),
            (sparse.csr_matrix(np.ones((9, 2))), {"k": 2}, r"k=2 exceeds the 1 different row \(of 9\)"),
            (np.eye(5), {"method": "hdbscan", "k": 3}, r"k=3: hdbscan finds out how many clusters there are; leave it"),
            (np.eye(5), {"method": "hdbscan", "smallest": 6}, r"smallest=6 exceeds the 5 rows; use smallest<=5"),
            (np.eye(5), {"k": 2, "smallest": 6}, r"smallest=6 goes with method='hdbscan'; leave it out"),
            (np.eye(5), {"method": "kmean", "k": 2}, r"method='kmean' is not known; did you mean 'kmeans'\?"),
            (np.eye(5), {"k": 2, "n_fits": 0}, r"n_fits=0 is out of range"),
        ],
    )
    def test_of_settings(self, x, how, match):
        with pytest.raises(ConfigError, match=match):
            find_clusters(x, **how)

    @pytest.mark.parametrize(
        ("x", "match"),
        [
            (np.ones((1, 3)), "1 row cannot be clustered; give at least 2"),
            (np.ones(3), r"rows of shape \(3,\) cannot be clustered; give numbers of shape \(n, d\)"),
            (np.array([[1.0], [np.nan]]), "the rows to cluster hold NaN or infinity"),
        ],
    )
    def test_of_rows(self, x, match):
        with pytest.raises(DataError, match=match):
            find_clusters(x, k=2)


class TestComparison:
    def test_tells_who_is_better_and_when_nobody_is(self, blobs):
        x, truth = blobs
        noise = np.random.default_rng(5).normal(size=x.shape)
        how = {"k": 3, "truth": truth}
        words = r"clusters of the codes are {} those of the raw input, ARI "
        assert compare_clusters(x, noise, **how).verdict.startswith(words.format("better than"))
        assert compare_clusters(noise, x, **how).verdict.startswith(words.format("worse than"))
        level = compare_clusters(x, x + 1e-3 * noise, **how)
        assert level.verdict.startswith(words.format("no better than"))
        assert level.shared > 0.99

    def test_without_classes_it_awards_no_prize(self, blobs):
        x, _ = blobs
        verdict = compare_clusters(x, x[:, :1], k=3, names=("map", "pixels")).verdict
        assert verdict.startswith("without labels nothing says which clusters are right; those of the map and of the ")
        assert "each in its own space" in verdict

    def test_as_a_frame(self, blobs):
        frame = compare_clusters(*(blobs[0],) * 2, k=3, truth=blobs[1]).to_frame()
        assert list(frame.index) == ["codes", "raw input"]
        assert {"homogeneity", "nmi", "ari", "accuracy", "stability", "noise"} <= set(frame.columns)

    def test_of_other_rows_is_refused(self, blobs):
        with pytest.raises(DataError, match="100 codes beside 99 rows of raw input; give the same rows"):
            compare_clusters(blobs[0], blobs[0][1:], k=3)

"""Exact PCA, and what it says of a model."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latens.analysis import judge, principal, principal_components


@pytest.fixture
def x() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.normal(size=(300, 4)) @ random.normal(size=(4, 9)) + random.normal(size=(300, 9)) * 0.1 + 5


class TestPrincipalComponents:
    @pytest.mark.parametrize("n", [1, 3, 9])
    def test_agrees_with_scikit_learn(self, x, n):
        theirs = PCA(n).fit(x)
        error = ((theirs.inverse_transform(theirs.transform(x)) - x) ** 2).mean(axis=1)
        assert np.allclose(principal_components(x, n).errors(x), error, atol=1e-10)

    def test_without_centring_is_the_svd_of_the_raw_data(self, x):
        ours = principal_components(x, 2, center=False)
        theirs = np.linalg.svd(x, full_matrices=False)[2][:2]
        assert np.allclose(np.abs(ours.components @ theirs.T), np.eye(2), atol=1e-8)
        assert not ours.mean.any()

    @pytest.mark.parametrize("limits", [(0, 10_000), (0, 0)], ids=["thin SVD", "randomised"])
    def test_every_way_gives_the_same_subspace(self, x, monkeypatch, limits):
        straight = principal_components(x, 4).components
        monkeypatch.setattr(principal, "_WIDEST", limits[0])
        monkeypatch.setattr(principal, "_LONGEST_SVD", limits[1])
        other = principal_components(x, 4).components
        assert np.allclose(np.linalg.svd(straight @ other.T)[1], 1, atol=1e-8)

    def test_beyond_the_rank_are_zeros(self):
        x = np.random.default_rng(0).normal(size=(3, 8))
        found = principal_components(x, 5)
        assert found.components.shape == (5, 8)
        assert np.allclose(found.errors(x), 0)


class TestReferee:
    def test_compares_on_held_out_rows(self, x):
        referee = judge(x[:200], x[200:], model_error=1e-3, n_components=2)
        theirs = PCA(2).fit(x[:200])
        expected = ((theirs.inverse_transform(theirs.transform(x[200:])) - x[200:]) ** 2).mean()
        assert referee.pca_error == pytest.approx(expected)
        assert (referee.rows, referee.n_rows) == ("held-out", 100)
        assert referee.ratio == pytest.approx(1e-3 / expected)

    def test_says_so_when_the_network_earned_its_place(self, x):
        error = judge(x, x, 1.0, 2).pca_error
        assert judge(x, x, error / 2, 2).verdict.startswith("beats exact PCA of the same size by 50.0 %")

    def test_says_so_when_pca_is_the_better_choice(self, x):
        error = judge(x, x, 1.0, 2).pca_error
        assert judge(x, x, error * 2, 2).verdict.startswith("use PCA: its error at the same size is 50.0 % smaller")

    def test_calls_a_tie_a_tie(self, x):
        error = judge(x, x, 1.0, 2).pca_error
        assert judge(x, x, error * 1.001, 2).verdict.startswith("level with exact PCA")

    def test_does_not_compare_with_a_copy(self, x):
        referee = judge(x, x[:0], 0.1, 18)
        assert not referee.comparable
        assert "would only copy" in referee.verdict
        assert "300 training rows" in referee.verdict


def test_data_of_no_more_directions_than_components():
    x = np.arange(20.0)[:, None] * [[1.0, 2.0, 3.0]]
    referee = judge(x, x[:5], model_error=0.5, n_components=1)
    assert referee.verdict == "use PCA: at the same size it loses nothing, the network 0.5 on 5 held-out rows"


def test_missing_cells_count_nowhere():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 5))
    holes = x.copy()
    holes[rng.random(x.shape) < 0.1] = np.nan
    assert judge(holes, holes[:0], 0.1, 2).pca_error > judge(x, x[:0], 0.1, 2).pca_error
    alone = np.full((1, 5), np.nan)
    assert judge(x, alone, 0.1, 2).pca_error == 0.0


def test_a_group_of_numbers_is_one_column():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    alike = judge(x, x, 0.1, 1).pca_error
    grouped = judge(x, x, 0.1, 1, groups=np.array([0, 1, 1, 1])).pca_error
    assert grouped == pytest.approx(2 * alike)

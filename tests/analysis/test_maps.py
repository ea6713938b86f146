"""Maps: what is where, what a new row does to it, and what a distortion counts."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from latens.analysis import fit_map
from latens.analysis.maps import METHODS
from latens.errors import ConfigError, DataError, MissingExtra

DIGITS, CLASSES = load_digits(return_X_y=True)


def codes(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


def distorted_by_definition(z: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    def away(points: np.ndarray) -> np.ndarray:
        squares = np.square(points[:, None] - points[None]).sum(axis=2)
        np.fill_diagonal(squares, np.inf)
        return squares

    near, on_map = np.argsort(away(z), axis=1)[:, :k], np.argsort(away(y), axis=1)[:, :k]
    return np.array([1 - len(set(a) & set(b)) / k for a, b in zip(near, on_map, strict=True)])


@pytest.fixture(scope="module")
def umap_of_digits():
    return fit_map(DIGITS[:600], "umap")


class TestTwoNumbers:
    def test_are_the_map(self):
        z = codes(40, 2)
        found = fit_map(z)
        assert found.method == "code"
        assert np.array_equal(found.points, z)
        assert found.axes == ("code 1", "code 2")
        assert not found.distortion.any()

    def test_new_rows_are_where_their_codes_are(self):
        assert np.array_equal(fit_map(codes(40, 2)).place(codes(3, 2, 1)), codes(3, 2, 1))

    def test_one_number_is_a_line(self):
        found = fit_map(codes(40, 1))
        assert np.array_equal(found.points, np.hstack([codes(40, 1), np.zeros((40, 1))]))
        assert found.axes == ("code 1", "")


class TestPrincipal:
    def test_is_the_plane_of_most_variance(self):
        z = codes(200, 5) * [1, 9, 1, 1, 4]
        found = fit_map(z)
        assert found.method == "pca"
        values = np.linalg.eigvalsh(np.cov(z.T, ddof=0))
        assert np.allclose(found.points.var(axis=0), values[::-1][:2])
        assert (
            found.axes[0] == f"principal component 1 of 5 codes ({100 * values[-1] / values.sum():.0f} % of variance)"
        )

    def test_has_one_sign(self):
        z = codes(200, 5) * [1, 9, 1, 1, 4]
        assert np.allclose(fit_map(-z).points, -fit_map(z).points)

    def test_a_far_origin_does_not_matter(self):
        assert np.allclose(fit_map(codes(60, 4) + 1e6).points, fit_map(codes(60, 4)).points, atol=1e-6)

    def test_of_one_number(self):
        found = fit_map(codes(40, 1), "pca")
        assert np.allclose(np.abs(found.points[:, 0]), np.abs(codes(40, 1)[:, 0] - codes(40, 1).mean()))
        assert found.axes[1] == ""


class TestUmap:
    def test_leaves_torch_as_many_threads_as_it_had(self):
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            fit_map(codes(30, 4), "umap")
            assert torch.get_num_threads() == 1
        finally:
            torch.set_num_threads(before)

    def test_is_the_same_for_a_seed(self, umap_of_digits):
        assert np.array_equal(fit_map(DIGITS[:600], "umap").points, umap_of_digits.points)

    def test_another_seed_gives_another_map(self):
        z = codes(60, 4)
        assert not np.array_equal(fit_map(z, "umap").points, fit_map(z, "umap", random_state=1).points)

    def test_leaves_the_global_random_state_alone(self):
        before = np.random.get_state()[1].copy()
        fit_map(codes(30, 4), "umap")
        assert np.array_equal(np.random.get_state()[1], before)

    def test_keeps_neighbours_that_a_plane_loses(self, umap_of_digits):
        assert umap_of_digits.distortion.mean() < fit_map(DIGITS[:600]).distortion.mean() - 0.2

    def test_the_scale_of_codes_does_not_matter(self):
        z = codes(40, 3)
        assert np.allclose(fit_map(z * 2.0**200, "umap").points, fit_map(z, "umap").points)

    def test_equal_rows_share_a_place(self):
        found = fit_map(np.repeat(codes(8, 3), 5, axis=0), "umap")
        assert len(np.unique(found.points, axis=0)) == 8

    def test_without_the_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "umap", None)
        with pytest.raises(MissingExtra, match=r'umap-learn is not installed; use: pip install "latens\[umap\]"'):
            fit_map(codes(30, 4), "umap")


@pytest.mark.parametrize("method", ["auto", "pca", "umap"])
@pytest.mark.parametrize("size", [1, 2, 3, 64])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 17])
def test_few_rows(n, size, method):
    found = fit_map(codes(n, size), method)
    assert found.points.shape == (n, 2)
    assert np.isfinite(found.points).all()
    assert found.distortion.shape == (n,)
    assert ((found.distortion >= 0) & (found.distortion <= 1)).all()
    assert np.allclose(found.place(codes(n, size)), found.points)
    assert found.verdict


@pytest.mark.parametrize("method", ["auto", "pca", "umap"])
def test_equal_rows(method):
    found = fit_map(np.ones((50, 3)), method)
    assert not np.ptp(found.points, axis=0).any()
    assert not found.distortion.any()
    assert np.array_equal(found.place(np.full((2, 3), 7.0)), found.points[:2]) or method != "umap"


class TestNewRows:
    def test_move_nothing(self, umap_of_digits):
        before = umap_of_digits.points.copy()
        umap_of_digits.place(DIGITS[600:])
        assert np.array_equal(umap_of_digits.points, before)

    def test_an_old_row_is_where_it_was(self, umap_of_digits):
        assert np.array_equal(umap_of_digits.place(DIGITS[:600]), umap_of_digits.points)

    @pytest.mark.parametrize("method", ["pca", "umap"])
    def test_a_row_has_one_place_alone_and_in_any_batch(self, method):
        found = fit_map(DIGITS[:200], method)
        new = DIGITS[600:700] + np.random.default_rng(0).normal(scale=0.1, size=(100, 64))
        together, together_distorted = found.place(new), found.distortion_of(new)
        for row in range(0, 100, 9):
            assert np.array_equal(found.place(new[row : row + 1])[0], together[row])
            assert np.array_equal(found.place(new[row::-1])[0], together[row])
            assert found.distortion_of(new[row : row + 1])[0] == together_distorted[row]

    def test_land_among_their_own_kind(self, umap_of_digits):
        """As often as by UMAP's own transform: 0.953 on a split of 1,200 to 597, where this reaches 0.960."""
        from sklearn.neighbors import KNeighborsClassifier

        on_map = KNeighborsClassifier(5).fit(umap_of_digits.points, CLASSES[:600])
        assert on_map.score(umap_of_digits.place(DIGITS[600:]), CLASSES[600:]) > 0.88

    def test_no_jump_where_a_neighbour_comes(self):
        found = fit_map(codes(60, 3), "umap", neighbours=4)
        way = np.linspace(codes(1, 3, 5)[0], codes(1, 3, 6)[0], 20_001)
        steps = np.linalg.norm(np.diff(found.place(way), axis=0), axis=1)
        assert steps.max() < 0.05

    def test_equally_far_rows_count_alike(self):
        square = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
        found = fit_map(square, "umap")
        assert np.allclose(found.place(np.zeros((1, 3)))[0], found.points.mean(axis=0))

    def test_of_another_width(self, umap_of_digits):
        with pytest.raises(DataError, match=r"shape \(2, 5\) for a map of codes of 64; encode the rows with"):
            umap_of_digits.place(codes(2, 5))


class TestDistortion:
    @pytest.mark.parametrize("method", ["pca", "umap"])
    def test_is_what_it_says(self, method):
        z = codes(80, 6)
        found = fit_map(z, method, neighbours=7)
        assert found.counted == 7
        assert np.allclose(found.distortion, distorted_by_definition(z, found.points, 7))

    def test_of_few_rows_counts_fewer(self):
        assert [fit_map(codes(n, 4)).counted for n in (1, 2, 3, 10, 31, 32, 100)] == [0, 1, 1, 4, 15, 15, 15]

    def test_of_new_rows_counts_old_ones(self):
        z, new = codes(80, 6), codes(5, 6, 1)
        found = fit_map(z, neighbours=7)
        joined = [
            distorted_by_definition(np.vstack([z, row]), np.vstack([found.points, found.place(row[None])]), 7)[-1]
            for row in new
        ]
        assert np.allclose(found.distortion_of(new), joined)

    def test_in_words(self):
        found = fit_map(codes(80, 6))
        kept = 100 * (1 - found.distortion.mean())
        assert found.verdict == f"of a row's 15 nearest rows by code, {kept:.0f} % are its nearest on the map too"
        assert fit_map(codes(1, 6)).verdict == "a map of 1 row distorts nothing"

    def test_as_a_frame(self):
        found = fit_map(codes(30, 3))
        assert list(found.to_frame().columns) == ["x", "y", "distortion"]
        assert np.array_equal(found.to_frame()["distortion"], found.distortion)


class TestNonsense:
    @pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((0, 2)), np.array([["a", "b"]])])
    def test_no_codes(self, wrong):
        with pytest.raises(DataError, match=r"cannot be mapped; give numbers \(n, k\)"):
            fit_map(wrong)

    def test_not_finite(self):
        with pytest.raises(DataError, match="codes hold NaN or infinity in row 1"):
            fit_map(np.array([[0.0, 1.0], [0.0, np.nan]]))

    def test_an_unknown_method(self):
        with pytest.raises(ConfigError, match=r"method='umpa' is not known; did you mean 'umap'\?"):
            fit_map(codes(9, 3), "umpa")

    def test_more_numbers_than_a_map_has(self):
        with pytest.raises(ConfigError, match=r"method='code' with codes of 3 numbers; use method=\"pca\""):
            fit_map(codes(9, 3), "code")

    @pytest.mark.parametrize(("name", "value"), [("neighbours", 1), ("random_state", -1), ("random_state", None)])
    def test_numbers_out_of_range(self, name, value):
        with pytest.raises(ConfigError, match=f"{name}={value} is out of range; use a whole number"):
            fit_map(codes(9, 3), **{name: value})

    def test_methods_are_those_that_are_told(self):
        assert METHODS == ("auto", "code", "pca", "umap")

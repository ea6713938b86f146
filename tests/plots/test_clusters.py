from __future__ import annotations

import io

import numpy as np
import pytest

from latens.analysis import ProbeCurve, find_clusters, probe_features
from latens.errors import DataError
from latens.plots import plot_clusters, plot_probes

ROWS = np.random.default_rng(0).normal(size=(60, 4)) + np.repeat([[0.0], [20.0]], 30, axis=0)


def drawn(figure) -> None:
    figure.savefig(io.BytesIO(), format="png")


class TestClusters:
    def test_images_stand_in_a_line_for_each_cluster(self):
        figure = plot_clusters(find_clusters(ROWS, k=2, n_fits=1), ROWS.reshape(60, 2, 2))
        assert [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()] == ["0 (30)", "1 (30)"]
        drawn(figure)

    def test_colour_images(self):
        drawn(plot_clusters(find_clusters(ROWS, k=2, n_fits=1), np.zeros((60, 2, 2, 3), dtype=np.uint8)))

    def test_sizes_and_what_is_in_none(self):
        x = np.vstack([ROWS, [[500.0] * 4, [-500.0] * 4]])
        figure = plot_clusters(find_clusters(x, "hdbscan"))
        assert figure.axes[0].get_title() == "2 clusters of 62 rows, 3 % in none"
        assert [patch.get_height() for patch in figure.axes[0].patches] == [30, 30, 2]
        drawn(figure)

    def test_nothing_to_draw(self):
        with pytest.raises(DataError, match="no cluster was found"):
            plot_clusters(find_clusters(np.ones((20, 2)), "hdbscan"))
        with pytest.raises(DataError, match=r"images of shape \(59, 2, 2\) for 60 rows"):
            plot_clusters(find_clusters(ROWS, k=2, n_fits=1), np.zeros((59, 2, 2)))


class TestProbes:
    @pytest.fixture
    def curve(self) -> ProbeCurve:
        y = np.repeat([0, 1], 30)
        return probe_features({"raw": (ROWS, ROWS), "codes": (ROWS, ROWS)}, y, y, budgets=[4, 20], n_draws=2)

    def test_a_panel_for_each_classifier(self, curve):
        figure = plot_probes(curve)
        assert [ax.get_title() for ax in figure.axes] == ["linear probe", "kNN probe"]
        assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["chance", "raw", "codes"]
        drawn(figure)

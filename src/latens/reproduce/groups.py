"""S20 and S22: codes of digits clustered without labels, and classified from a few."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from latens.analysis import ProbeCurve, find_clusters
from latens.plots import plot_clusters, plot_probes
from latens.reproduce.bench import Bench
from latens.reproduce.rows import Line, Row, Table
from latens.reproduce.worth import WAYS, clusters_of, curve_of, flat, plain_features, probes_of

__all__ = ["CLUSTERS_ROW", "PROBES_ROW", "curves"]

_NAME = "S20"
_SCORES = ("homogeneity", "nmi", "ari", "accuracy")
# Labels at which learned codes are held against pixels.
_BUDGET = 100


def _found(bench: Bench) -> list[dict[str, Any]]:
    return [bench.trial(_NAME, seed) for seed in bench.seeds]


# ---- S20 -------------------------------------------------------------------------------------------------------------


def _pixels(bench: Bench) -> dict[str, Any]:
    """The same ways to cluster, on the test images as they are."""
    digits = bench.data(_NAME)

    def measure() -> dict[str, Any]:
        return clusters_of(flat(digits.test), digits.test_labels, bench.seeds[0])

    found: dict[str, Any] = bench.measured("S20 pixels", (), [digits.describe(), list(WAYS)], measure)
    return found


def _cluster_lines(bench: Bench) -> list[Line]:
    """S20: homogeneity of k-means, and the accuracy by way of a map, beside the pixels."""
    found, pixels = _found(bench), _pixels(bench)
    if not bench.drawn(_NAME, "clusters", [_NAME]):
        _draw_clusters(bench)
    words = [
        f"k-means: homogeneity {_words(found, 'k-means', 'homogeneity')}, of pixels "
        f"{pixels['k-means']['homogeneity']:.3f}"
    ]
    for way in ("UMAP, Gaussian mixture", "UMAP, HDBSCAN"):
        words += [f"{way}: accuracy {_words(found, way, 'accuracy')}, of pixels {pixels[way]['accuracy']:.3f}"]
    title = f"Clusters of {len(bench.data(_NAME).test):,} test images by their {found[0]['n_components']} codes"
    seconds = median(result["seconds"] for result in found)
    errors = tuple(result["error"] for result in found)
    return [Line("S20", title, errors=errors, words="; ".join(words), seconds=seconds)]


def _words(found: Sequence[dict[str, Any]], way: str, score: str) -> str:
    """The median, and all seeds if there are several."""
    figures = [each["clusters"][way][score] for each in found]
    seeds = f" ({', '.join(f'{figure:.3f}' for figure in figures)})" if len(figures) > 1 else ""
    return f"{median(figures):.3f}{seeds}"


def _draw_clusters(bench: Bench) -> None:
    digits = bench.data(_NAME)
    k = len(np.unique(digits.test_labels))
    clustering = find_clusters(bench.model(_NAME).transform(digits.test), k=k, seed=bench.seeds[0], n_fits=1)
    title = f"S20: k-means of the codes of {len(digits.test):,} test images"
    bench.draw(_NAME, "clusters", plot_clusters(clustering, digits.test, title=title))


def _cluster_tables(bench: Bench) -> list[Table]:
    header = ("method", "of", "clusters", "in none", *_SCORES, "accuracy of every seed")
    found, pixels = [result["clusters"] for result in _found(bench)], _pixels(bench)
    rows = [_cells(way, of, each) for way in WAYS for of, each in (("codes", found), ("pixels", [pixels]))]
    return [Table("S20: clusters of test images against the digits that they show", header, tuple(rows))]


def _cells(way: str, of: str, found: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    each = [clusters[way] for clusters in found]
    return (
        way,
        of,
        f"{median(scores['clusters'] for scores in each):g}",
        f"{100 * median(scores['noise'] for scores in each):.0f} %",
        *(f"{median(scores[name] for scores in each):.3f}" for name in _SCORES),
        ", ".join(f"{scores['accuracy']:.3f}" for scores in each),
    )


# ---- S22 -------------------------------------------------------------------------------------------------------------


def curves(bench: Bench) -> list[ProbeCurve]:
    """S22: accuracy by labels on pixels, PCA and codes, a seed each; the draws of labelled images are the same."""
    digits, found = bench.data(_NAME), _found(bench)
    size = found[0]["n_components"]

    def measure() -> dict[str, Any]:
        return probes_of(plain_features(digits, size), digits)

    plain = bench.measured("S22 pixels", (), [digits.describe(), size], measure)
    return [curve_of(plain, result["probes"]) for result in found]


def _probe_lines(bench: Bench) -> list[Line]:
    """S22: the linear probe on a few labels."""
    found = curves(bench)
    if not bench.drawn("S22", "labels", [_NAME]):
        bench.draw("S22", "labels", plot_probes(found[0], title="S22: accuracy on test images by labels"))
    raw = found[0].of("raw", "linear", _BUDGET)
    codes = [curve.of("codes", "linear", _BUDGET).mean for curve in found]
    seeds = f" ({', '.join(f'{each:.3f}' for each in codes)})" if len(codes) > 1 else ""
    gain = 100 * (median(codes) - raw.mean)
    words = (
        f"linear probe on {_BUDGET} labels, mean of {len(raw.accuracies)} draws: {median(codes):.3f}{seeds} on codes, "
        f"{raw.mean:.3f} on pixels: {gain:+.1f} points; first seed: {found[0].verdict}"
    )
    return [Line("S22", "Few labels on the codes of S20", words=words)]


def _probe_tables(bench: Bench) -> list[Table]:
    found = curves(bench)
    header = ("features", "probe", *(f"{budget:,} labels" for budget in found[0].budgets))
    names = dict.fromkeys((each.features, each.probe) for each in found[0].probes)
    rows = [(*name, *(_accuracy(found, *name, budget) for budget in found[0].budgets)) for name in names]
    return [Table("S22: accuracy on test images, mean ± deviation between draws, median seed", header, tuple(rows))]


def _accuracy(found: Sequence[ProbeCurve], features: str, probe: str, budget: int) -> str:
    ordered = sorted((curve.of(features, probe, budget) for curve in found), key=lambda each: each.mean)
    middle = ordered[len(ordered) // 2]
    return f"{middle.mean:.3f} ± {middle.std:.3f}"


CLUSTERS_ROW = Row((_NAME,), _cluster_lines, ((_NAME, "history"), (_NAME, "clusters")), _cluster_tables)
PROBES_ROW = Row((_NAME,), _probe_lines, (("S22", "labels"),), _probe_tables)

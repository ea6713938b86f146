"""S28: the vectors of titles clustered, beside counted words."""

from __future__ import annotations

from statistics import median
from typing import Any

from latens.estimators.reading import POOLINGS
from latens.plots import plot_map
from latens.reproduce.bench import Bench
from latens.reproduce.clusters import CLUSTERS, COUNTED
from latens.reproduce.recipes import MEASURES
from latens.reproduce.rows import Line, Row, Table

__all__ = ["TITLES_ROW"]


def _found(bench: Bench) -> list[dict[str, Any]]:
    """What was clustered, a seed each."""
    return [bench.trial("S28", seed)["clusters"] for seed in bench.seeds]


def _pooling(bench: Bench) -> str:
    """The pooling whose clusters lie farthest apart: chosen without a look at the topics."""
    found = _found(bench)
    return max(POOLINGS, key=lambda pooling: median(each[pooling]["silhouette"] for each in found))


def _lines(bench: Bench) -> list[Line]:
    """S28: the agreement of the clusters with topics that nothing was told of."""
    found, pooling, titles = _found(bench), _pooling(bench), bench.titles
    if not bench.drawn("S28", "map", ["S28"]):
        _draw(bench, pooling)
    results = [bench.trial("S28", seed) for seed in bench.seeds]
    loss = MEASURES["titles"].text(median(result["error"] for result in results))
    counted = [f"{name}: {_words(found, name, 'k-means')}" for name in COUNTED]
    words = (
        f"{len(titles.titles):,} titles of {titles.name}, training loss {loss} nats per character; k-means with "
        f"k = {CLUSTERS} on the {pooling} state: {_words(found, pooling, 'k-means')}; of the same titles on "
        f"{'; on '.join(counted)}; {_winner(found, pooling)}; "
        f"HDBSCAN of the {pooling} state: {_words(found, pooling, 'HDBSCAN')}"
    )
    seconds = median(result["seconds"] for result in results)
    return [Line("S28", "Titles as vectors, learned without their topics, clustered", words=words, seconds=seconds)]


def _median(found: list[dict[str, Any]], of: str, way: str, measure: str) -> float:
    return float(median(each[of][way][measure] for each in found))


def _words(found: list[dict[str, Any]], of: str, way: str) -> str:
    return f"NMI {_median(found, of, way, 'nmi'):.3f}, accuracy {_median(found, of, way, 'accuracy'):.3f}"


def _winner(found: list[dict[str, Any]], pooling: str) -> str:
    ours, *others = (_median(found, of, "k-means", "nmi") for of in (pooling, *COUNTED))
    return f"by NMI {'the vectors of the network' if ours > max(others) else 'counted words'} are the better ones"


def _draw(bench: Bench, pooling: str) -> None:
    """The two principal components of the vectors."""
    from sklearn.decomposition import PCA

    vectors = bench.writer("S28").transform(bench.titles.source(), pooling)
    title = f"S28: {len(vectors):,} titles, first components of their {pooling} state"
    codes = PCA(2, svd_solver="full").fit_transform(vectors)
    bench.draw("S28", "map", plot_map(codes, bench.titles.topics, title=title))


# ---- the table -------------------------------------------------------------------------------------------------------


def _tables(bench: Bench) -> list[Table]:
    found, chosen = _found(bench), _pooling(bench)
    header = ("vectors", "silhouette", "clusters by", "NMI", "accuracy", "NMI of every seed", "clusters", "in none")
    rows = [_cells(found, pooling, way, chosen) for pooling in POOLINGS for way in ("k-means", "HDBSCAN")]
    title = "S28: clusters of titles against their topics; the pooling is chosen by its silhouette"
    rows += [_cells(found, name, "k-means", chosen) for name in COUNTED]
    return [Table(title, header, tuple(rows))]


def _cells(found: list[dict[str, Any]], of: str, way: str, chosen: str) -> tuple[str, ...]:
    dense = way == "HDBSCAN"
    silhouettes = [each[of]["silhouette"] for each in found if "silhouette" in each[of]]
    return (
        f"{of} state{', chosen' if of == chosen else ''}" if of in POOLINGS else f"{of} of words",
        f"{median(silhouettes):.3f}" if silhouettes else "",
        way,
        f"{_median(found, of, way, 'nmi'):.3f}",
        f"{_median(found, of, way, 'accuracy'):.3f}",
        ", ".join(f"{each[of][way]['nmi']:.3f}" for each in found),
        f"{median(each[of]['dense_clusters'] for each in found):g}" if dense else str(CLUSTERS),
        f"{100 * median(each[of]['noise'] for each in found):.0f} %" if dense else "",
    )


TITLES_ROW = Row(("S28",), _lines, (("S28", "history"), ("S28", "map")), _tables, about="sequences")

"""S21: the nearest images by their codes, and by their pixels; how exactly, and how fast."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from latens.analysis import NearestRows, Neighbours, recall
from latens.errors import MissingExtra
from latens.index import Index
from latens.plots import plot_neighbours
from latens.reproduce.bench import Bench
from latens.reproduce.recipes import ALL_ROWS
from latens.reproduce.rows import Line, Row, Table

__all__ = ["SEARCH_ROW", "ratio", "search_ways"]

_MODEL = f"S12 untied {ALL_ROWS}"
_K, _QUERIES = 10, 100
_SHOWN, _STRIPS = 8, 5
_CODES, _PIXELS = "codes in memory", "pixels in memory"

# A way of searching: codes (1, d) to their neighbours.
_Ask = Callable[[np.ndarray], Neighbours]


def search_ways(model: Any, train: np.ndarray, test: np.ndarray) -> dict[str, dict[str, float]]:
    """Each way of searching with its recall@10 and the median milliseconds of a query.

    Truth is brute force in float64, of codes among codes and of pixels among pixels. A query is encoded already. An
    index also reads from disk what stands beside the codes; "in memory" is the search alone, of codes as of pixels.

    Args:
        model: A fitted autoencoder.
        train: (n, h, w), what is searched.
        test: (m, h, w), what asks.

    Raises:
        MissingExtra: lancedb is not installed.
    """
    codes, asked = model.transform(train), model.transform(test)
    pixels, asked_pixels = (images.reshape(len(images), -1) for images in (train, test))
    truth = _brute_force(codes, asked)
    with tempfile.TemporaryDirectory() as folder:
        exact = Index.create(Path(folder, "exact"), model, train)
        rough = Index.create(Path(folder, "rough"), model, train, exact_below=1)
        found = {
            "exact index": _timed(_asking(exact), asked, truth),
            "approximate index": _timed(_asking(rough), asked, truth),
        }
    return found | {
        _CODES: _timed(_remembering(codes), asked, truth),
        _PIXELS: _timed(_remembering(pixels), asked_pixels, _brute_force(pixels, asked_pixels)),
    }


def ratio(found: dict[str, dict[str, float]]) -> float:
    """How many times as long the search among pixels takes as that among codes."""
    return found[_PIXELS]["milliseconds"] / found[_CODES]["milliseconds"]


def _remembering(rows: np.ndarray) -> _Ask:
    ready = NearestRows(rows)
    return lambda queries: ready.nearest(queries, _K)


def _asking(index: Index) -> _Ask:
    def ask(codes: np.ndarray) -> Neighbours:
        hits = index.search_codes(codes, _K)
        return Neighbours(hits.row[None], hits.distance[None])

    return ask


def _timed(ask: _Ask, queries: np.ndarray, truth: Neighbours) -> dict[str, float]:
    """Query by query, as a user asks; the first one, which reads the codes into memory, asks once more."""
    ask(queries[:1])
    seconds, distances = [], []
    for query in queries:
        started = time.perf_counter()
        distances.append(ask(query[None]).distances[0])
        seconds.append(time.perf_counter() - started)
    share = recall(Neighbours(truth.indices, np.array(distances)), truth)
    return {"recall": share, "milliseconds": 1000 * statistics.median(seconds)}


def _brute_force(rows: np.ndarray, queries: np.ndarray) -> Neighbours:
    """The nearest in float64, by nothing but subtraction."""
    wide, indices, distances = rows.astype(np.float64), [], []
    for query in queries.astype(np.float64):
        every = np.sqrt(np.square(wide - query).sum(axis=1))
        indices.append(np.lexsort([np.arange(len(wide)), every])[:_K])
        distances.append(every[indices[-1]])
    return Neighbours(np.array(indices), np.array(distances))


# ---- the row ---------------------------------------------------------------------------------------------------------


def _found(bench: Bench) -> dict[str, dict[str, float]]:
    def measure() -> dict[str, dict[str, float]]:
        return search_ways(bench.model(_MODEL), bench.digits.train, bench.digits.test[:_QUERIES])

    ways: dict[str, dict[str, float]] = bench.measured("S21", [_MODEL], {"k": _K, "queries": _QUERIES}, measure)
    return ways


def _lines(bench: Bench) -> list[Line]:
    """S21: recall against brute force, and the time beside the same search among pixels."""
    title = f"Similarity search among {len(bench.digits.train):,} codes of {_MODEL}"
    try:
        found = _found(bench)
    except MissingExtra as missing:
        return [Line("S21", title, words=f"not carried out: {missing}")]
    if not bench.drawn("S21", "neighbours", [_MODEL]):
        _draw(bench)
    said = [f"{way}: {each['recall']:.3f} in {each['milliseconds']:.2f} ms" for way, each in found.items()]
    words = f"recall@{_K} and a query's time, {'; '.join(said)}; codes are {ratio(found):.1f} times as fast as pixels"
    return [Line("S21", title, words=words)]


def _draw(bench: Bench) -> None:
    """Test images beside the training images with the nearest codes."""
    model, train = bench.model(_MODEL), bench.digits.train
    queries = bench.digits.test[bench.digits.one_of_each()][:_STRIPS]
    found = NearestRows(model.transform(train)).nearest(model.transform(queries), _SHOWN)
    strips = [[_grey(train[row]) for row in rows] for rows in found.indices]
    captions = [[f"{distance:.3g}" for distance in distances] for distances in found.distances]
    title = "S21: test images, and the training images of the nearest codes"
    bench.draw("S21", "neighbours", plot_neighbours([_grey(image) for image in queries], strips, captions, title=title))


def _grey(image: np.ndarray) -> np.ndarray:  # (h, w) in [0, 1] -> uint8
    return np.asarray(np.rint(255 * image), dtype=np.uint8)


def _tables(bench: Bench) -> list[Table]:
    try:
        found = _found(bench)
    except MissingExtra:
        return []
    cells = tuple((way, f"{each['recall']:.3f}", f"{each['milliseconds']:.2f}") for way, each in found.items())
    return [Table("S21: ten nearest neighbours", ("way", f"recall@{_K}", "milliseconds a query"), cells)]


SEARCH_ROW = Row((_MODEL,), _lines, (("S21", "neighbours"),), _tables)

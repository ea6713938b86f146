"""What a report is about: a fitted model and rows of data, and what several sections want to know of them, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from latens.analysis import ClusterComparison, OutlierScores
from latens.analysis.clusters import different_rows
from latens.data import AnySource, TextSource
from latens.errors import LatensError
from latens.estimators import OutlierDetector, cluster
from latens.estimators.autoregressor import Autoregressor
from latens.estimators.grouping import applied_source
from latens.estimators.plain import plain_input
from latens.estimators.reconstruction import Reconstructor
from latens.plots.colours import Classes, read_labels
from latens.report.blocks import counted
from latens.report.origin import Origin
from latens.report.passages import passages

__all__ = ["Subject", "subject_of"]

# Rows, and numbers in all of them, that are looked at; of a network that convolves each pixel costs a hundred times
# as much. Items are those of sequences, which are read one after the other.
_ROWS, _NUMBERS, _PIXELS, _ITEMS = 10_000, 16_000_000, 500_000, 200_000
# Rows from which on clusters, detection and a map have a meaning.
_FEWEST = 20
_CLUSTERS, _MOST_CLUSTERS = 10, 30
# Beyond so many rows k-means takes its steps from batches of them.
_MANY = 2_000


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and rows.

    Args:
        model: Fitted.
        source: The rows that the report looks at, as the model takes them.
        total: Rows that there are.
        rows: (n,) the numbers of the rows in the whole source.
        origin: How the report is made again.
        seed: Of all that is random.
    """

    model: Any
    source: Any
    total: int
    rows: np.ndarray
    origin: Origin = field(default_factory=Origin)
    seed: int = 0

    def __len__(self) -> int:
        return len(self.source)

    @property
    def reconstructs(self) -> bool:
        """The model is an autoencoder."""
        return isinstance(self.model, Reconstructor)

    @property
    def reads(self) -> bool:
        """The model reads sequences item by item."""
        return isinstance(self.model, Autoregressor)

    @property
    def enough(self) -> bool:
        """There are rows to find groups among."""
        return len(self) >= _FEWEST

    @property
    def sampled(self) -> bool:
        """The report looks at some of the rows only."""
        return len(self) < self.total

    @property
    def kind(self) -> str:
        """Of the data."""
        return str(self.source.kind)

    @property
    def noun(self) -> str:
        """What a row is."""
        return {"images": "image", "text": "line", "events": "sequence", "series": "series"}.get(self.kind, "row")

    def counted(self, n: int) -> str:
        """So many rows, called what they are."""
        return f"{n:,} series" if self.kind == "series" else counted(n, self.noun)

    def name(self, row: int) -> str:
        """A row's id, or its number in the whole source."""
        return f"{self.noun} {self.rows[row]:,}" if self.source.ids is None else str(self.source.ids[row])

    @cached_property
    def classes(self) -> Classes | None:
        """The first label, if it says what kind a row is of."""
        label = self.source.label()
        read = None if label is None else read_labels(np.asarray(label), name=str)
        return read if isinstance(read, Classes) else None

    # ---- what is computed once -------------------------------------------------------------------------------------

    @cached_property
    def codes(self) -> np.ndarray:  # (n, k)
        """The rows' codes."""
        return np.asarray(self.model.transform(self.source))

    @cached_property
    def errors(self) -> np.ndarray:  # (n,)
        """What each row costs the model: its reconstruction error, or its nats per item or tile."""
        if self.reconstructs:
            return np.asarray(self.model.reconstruction_error(self.source))
        if self.reads:
            return np.array([costs.mean() if len(costs) else 0.0 for costs in self.surprisals])
        return -np.asarray(self.model.score_samples(self.source))

    @cached_property
    def clusters(self) -> ClusterComparison:
        """Of the codes and of the raw input."""
        bare = self.source if self.classes is not None else replace(self.source, labels={})
        method = "kmeans" if len(self) <= _MANY else "minibatch"
        return cluster(self.model, bare, method, self._how_many, n_fits=3, random_state=self.seed)

    @property
    def _how_many(self) -> int:
        """As many clusters as there are classes, if they are known, and as there are different rows."""
        classes = _CLUSTERS if self.classes is None else len(self.classes.names)
        wanted = max(2, min(classes, _MOST_CLUSTERS, len(self) // 5))
        raw = plain_input(self.model, self.source).rows(self.source)
        return min(different_rows(rows, wanted) for rows in (self.codes, raw))

    @cached_property
    def detector(self) -> OutlierDetector:
        """Around the model as it is."""
        return OutlierDetector(FrozenEstimator(self.model), random_state=self.seed, verbose=0).fit(self.source)

    @cached_property
    def detected(self) -> OutlierScores:
        """How strange each row is."""
        return self.detector.detect(self.source)

    @cached_property
    def surprisals(self) -> list[np.ndarray]:
        """Of sequences what each item costs."""
        return [np.asarray(costs) for costs in self.model._costs(self.source)]

    def known(self) -> Mapping[str, np.ndarray]:
        """What was found out about the rows, for the map: as much of it as could be."""
        found: dict[str, np.ndarray] = {}
        for name, column in (("cluster", _cluster_names), ("strangeness", _strangeness), (self.cost, _costs)):
            try:
                values = column(self)
            except (LatensError, ValueError):  # the section that is about it says why
                values = None
            found |= {} if values is None else {name: values}
        return found

    @property
    def cost(self) -> str:
        """What `errors` are called."""
        return {"text": "nats per item", "events": "nats per item", "series": "nats per step"}.get(
            self.kind, "reconstruction error" if self.reconstructs else "nats per tile"
        )


def _cluster_names(subject: Subject) -> np.ndarray | None:
    if not subject.enough:
        return None
    return np.array([f"cluster {label + 1}" for label in subject.clusters.codes.labels], dtype=object)


def _strangeness(subject: Subject) -> np.ndarray | None:
    return subject.detected.scores if subject.reconstructs and subject.enough else None


def _costs(subject: Subject) -> np.ndarray:
    return subject.errors


# ---- which rows ------------------------------------------------------------------------------------------------------


def subject_of(model: Any, X: Any, *, seed: int, origin: Origin) -> Subject:
    """The rows of X that a report looks at: all, or so many by chance as can be read in a minute.

    Raises:
        DataError: X is not what the model was fitted on.
    """
    source = applied_source(model, X)
    if isinstance(source, TextSource):
        source = passages(source, as_bytes=model.schema_.tokens == "bytes")
    total = len(source)
    rows = _chosen(model, source, seed)
    subject = Subject(model, source.take(rows) if len(rows) < total else source, total, rows, origin, seed)
    if subject.reads:
        model._sequences(subject.source)  # what it has no items for is told now, and not by every section
    return subject


def _chosen(model: Any, source: AnySource, seed: int) -> np.ndarray:
    """Rows by chance, in their order, within what may be looked at."""
    order = np.random.default_rng(seed).permutation(len(source))
    sizes, most = _sizes(model, source)
    fits = np.cumsum(sizes[order]) <= most
    count = max(1, min(_ROWS, int(fits.sum())))
    return np.sort(order[:count]) if count < len(source) else np.arange(len(source))


def _sizes(model: Any, source: Any) -> tuple[np.ndarray, int]:
    """How large each row is, and how large all of them may be."""
    if source.kind == "text":
        return np.array([len(document) for document in source.documents]), _ITEMS
    if source.kind in ("events", "series"):
        return np.diff(source.offsets), _ITEMS
    if source.ragged:
        return np.array([image.size for image in source.values]), _PIXELS
    convolves = model.network_name() in ("convolutional", "asymmetric")
    return np.full(len(source), source.n_features), _PIXELS if convolves else _NUMBERS

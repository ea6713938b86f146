"""The index: made whole or not at all, added to, deleted from, searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from latens.analysis.neighbours import DISTANCES
from latens.errors import ConfigError, DataError, choice, whole
from latens.index.about import About, Maker, read_about, write_about
from latens.index.columns import CODE, Seen, check_ids, thumbnails
from latens.index.encoding import codes_of, encoded, like, opened
from latens.index.folders import check_target, new_folder, one_writer
from latens.index.hits import Hits
from latens.index.searching import Answer, Searcher
from latens.index.table import Rows, as_codes

__all__ = ["EXACT_BELOW", "Index"]

EXACT_BELOW = 100_000


class Index:
    """A data set's codes on disk, to be asked what is like something.

    Make one with `create`, and come back to it with `open`.

    Args:
        folder: Where it is.
        about: What it says of itself.
        rows: What it holds.
        estimator: The model whose codes these are; None for who only looks rows up.

    Example:
        >>> import numpy as np, tempfile
        >>> import latens
        >>> X = np.random.default_rng(0).normal(size=(200, 6))
        >>> ae = latens.LinearAutoencoder(n_components=2, solver="exact", verbose=0).fit(X)
        >>> folder = tempfile.TemporaryDirectory()
        >>> index = Index.create(f"{folder.name}/x.index", ae, X)
        >>> index.search(X[:1], k=3).id[0]
        '0'
        >>> folder.cleanup()
    """

    def __init__(self, folder: Path, about: About, rows: Rows, estimator: Any = None) -> None:
        self.folder, self.about, self.estimator = folder, about, estimator
        self._rows, self._searcher = rows, Searcher(rows, about)

    # ---- made and found ----------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: str | Path,
        estimator: Any,
        X: Any,
        *,
        distance: str = "euclidean",
        pooling: str | None = None,
        name: str | None = None,
        root: str | Path | None = None,
        exact_below: int = EXACT_BELOW,
        seed: int = 0,
        force: bool = False,
    ) -> Self:
        """Encode X and write the index; the folder is there whole or not at all.

        Args:
            folder: Where; it must not be there, unless it is an index and `force`.
            estimator: Any fitted model.
            X: What it can transform; labels and ids are carried along.
            distance: ``"euclidean"`` or ``"cosine"``, of codes.
            pooling: Of text and events: ``"last"``, ``"mean"`` or ``"max"``; None is the last.
            name: What the model is called; None for its class.
            root: The folder of X's images, for their paths.
            exact_below: Rows from which on the search is approximate, and its recall measured.
            seed: Of the sample that recall is measured on.
            force: Whether an index that is there may be replaced.

        Raises:
            DataError: X is not what the model learned from, or has an id twice.
            ConfigError: A setting that cannot work.
            OutputError: The folder cannot be written.
            MissingExtra: lancedb is not installed.
        """
        target = Path(folder)
        check_target(target, force)
        choice("distance", distance, DISTANCES)
        about = About(
            maker=Maker.of(estimator, name),
            distance=distance,
            pooling=pooling,
            exact_below=whole("exact_below", exact_below, at_least=1),
            seed=whole("seed", seed, at_least=0),
        )
        with new_folder(target, force) as temporary:
            table = encoded(about, estimator, X, 0, root)
            index = cls(temporary, about, Rows.create(temporary, table, str(target)), estimator)
            index._settle()
        return cls.open(target, estimator, name=name)

    @classmethod
    def open(cls, folder: str | Path, estimator: Any = None, *, name: str | None = None) -> Self:
        """An index that `create` wrote.

        Args:
            folder: Where it is.
            estimator: The model that built it; None for who only looks rows up or deletes some.
            name: What the model is called.

        Raises:
            DataError: It is no index, or damaged.
            ConfigError: Another model built it.
            MissingExtra: lancedb is not installed.
        """
        about = read_about(Path(folder))
        if estimator is not None:
            about.check(Maker.of(estimator, name), Path(folder))
        return cls(Path(folder), about, Rows.open(Path(folder)), estimator)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def exact(self) -> bool:
        """Whether every row is looked at."""
        return self.about.recall is None

    @property
    def fields(self) -> list[str]:
        """The columns that a filter can name."""
        return [name for name in self._rows.schema.names if name not in (CODE, "thumbnail")]

    # ---- changed -----------------------------------------------------------------------------------------------

    def add(self, X: Any, *, root: str | Path | None = None) -> int:
        """Encode X and add its rows, all of them or none; how many.

        Args:
            X: As for `create`; labels and columns that it lacks are missing in its rows.
            root: As for `create`.

        Raises:
            DataError: An id is in the index already, or X has a label or column that the index has not.
            OutputError: Another process is writing.
        """
        with self._writing():
            ids = self._rows.read(["id"])
            first = int(ids["row"][-1].as_py()) + 1 if len(ids) else 0
            table = encoded(self.about, self._model(), X, first, root)
            check_ids(table["id"], ids["id"], str(self.folder))
            self._rows.add(like(table, self._rows.schema, self.folder))
            self._settle()
        return len(table)

    def delete(self, ids: str | Sequence[str]) -> int:
        """Remove rows by their ids, all of them or none; how many.

        Raises:
            DataError: There is no such id.
            OutputError: Another process is writing.
        """
        with self._writing():
            rows = self._numbers([ids] if isinstance(ids, str) else list(ids))
            self._rows.delete(rows)
            self._settle()
        return len(np.unique(rows))

    # ---- asked -------------------------------------------------------------------------------------------------

    def search(self, X: Any, k: int = 10, where: str | None = None) -> Hits:
        """The rows whose codes are nearest to those of X, for each of its rows.

        Args:
            X: What the model can transform.
            k: How many, at most as many as there are rows; a filter may leave fewer.
            where: A condition in SQL over labels and fields that rows have to meet, such as ``"label = 3"``.

        Raises:
            DataError: X is not what the model learned from.
            ConfigError: More rows than there are, no model, or a filter that cannot be applied.
        """
        source = opened(self._model(), X)
        found = self._found(codes_of(self.estimator, source, self.about.pooling), k, where)
        seen = Seen.of(self.estimator.schema_, None)
        return replace(found, asked=tuple(thumbnails(source, seen.black, seen.white)))

    def search_codes(self, codes: np.ndarray, k: int = 10, where: str | None = None) -> Hits:
        """The nearest rows of codes (m, d) that the model gave; see `search`.

        Raises:
            DataError: Codes of another width, or no numbers.
        """
        return self._found(np.asarray(codes), k, where)

    def search_rows(self, rows: Sequence[int], k: int = 10, where: str | None = None) -> Hits:
        """The nearest neighbours of rows of the index by their numbers, themselves left out; see `search`.

        Raises:
            ConfigError: There is no such row, or more neighbours are asked for than there are.
        """
        numbers = np.array([whole("row", row, at_least=0) for row in rows], dtype=np.int64)
        there = np.asarray(self._rows.read(["id"])["row"])
        for number in numbers[~np.isin(numbers, there)]:
            raise ConfigError(f"row {number} is not in the index of {len(there):,} rows; {_nearby(there)}")
        found = self._found(as_codes(self._rows.at(numbers, [CODE])[CODE]), k, where, numbers)
        return replace(found, asked=self._hits([(number[None], np.zeros(1)) for number in numbers]).thumbnails)

    def search_ids(self, ids: Sequence[str], k: int = 10, where: str | None = None) -> Hits:
        """The nearest neighbours of rows by their ids; see `search_rows`."""
        return self.search_rows(self._numbers(list(ids)).tolist(), k, where)

    # ---- how it is done ----------------------------------------------------------------------------------------

    def _found(self, codes: np.ndarray, k: int, where: str | None, own: np.ndarray | None = None) -> Hits:
        if codes.ndim != 2 or codes.shape[1] != self.about.maker.n_components:
            wanted = self.about.maker.n_components
            raise DataError(f"{self.folder}: codes of shape {codes.shape}; give (m, {wanted})")
        most = len(self) - (own is not None)
        if whole("k", k, at_least=1) > most:
            others = " other" if own is not None else ""
            raise ConfigError(f"k={k} exceeds the {most:,}{others} rows of the index; use k<={most}")
        return self._hits(self._searcher.find(codes.astype(np.float32), k, where, own))

    def _hits(self, answers: Sequence[Answer]) -> Hits:
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *(numbers for numbers, _ in answers)])
        names = [name for name in self._rows.schema.names if name not in ("row", CODE)]
        table = self._rows.at(rows, names)
        columns = {name: _values(table[name]) for name in names}
        counts = [len(numbers) for numbers, _ in answers]
        return Hits(
            query=np.repeat(np.arange(len(counts)), counts),
            rank=np.concatenate([rows[:0], *(np.arange(1, count + 1) for count in counts)]),
            row=rows,
            id=columns.pop("id"),
            distance=np.concatenate([np.zeros(0), *(distances for _, distances in answers)]),
            thumbnails=tuple(columns.pop("thumbnail", ())),
            fields=columns,
        )

    def _settle(self) -> None:
        """After rows have come or gone: the approximate index where there are many, and what it finds."""
        self.about = replace(self.about, recall=None)
        if len(self) >= max(2, self.about.exact_below):  # a row on its own has no neighbour to miss
            self._rows.partition(self.about.distance)
            self.about = replace(self.about, recall=Searcher(self._rows, self.about).measured())
        self._searcher = Searcher(self._rows, self.about)
        write_about(self.folder, self.about)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone, on what is there by now."""
        with one_writer(self.folder):
            self._rows = Rows.open(self.folder)
            yield

    def _numbers(self, ids: list[str]) -> np.ndarray:
        table = self._rows.read(["id"])
        where = dict(zip(table["id"].to_pylist(), table["row"].to_pylist(), strict=True))
        for name in ids:
            if name not in where:
                raise DataError(f"{self.folder}: no row has the id {name[:100]!r}; see the column id of a search")
        return np.array([where[name] for name in ids], dtype=np.int64)

    def _model(self) -> Any:
        if self.estimator is None:
            raise ConfigError(f"{self.folder}: opened without its model; use Index.open(folder, estimator)")
        return self.estimator


def _values(column: pa.ChunkedArray) -> np.ndarray:
    plain = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if plain and not column.null_count:
        return np.asarray(column)
    return np.array([*column.to_pylist(), None], dtype=object)[:-1]


def _nearby(there: np.ndarray) -> str:
    return f"use one from {there[0]} to {there[-1]}" if len(there) else "add some"

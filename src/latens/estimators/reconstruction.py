"""What an autoencoder gives back, beside its codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from latens.data import Source, open_samples
from latens.errors import DataError, whole
from latens.estimators.inference import Applied, existing_rows, floating, mean_squares
from latens.estimators.tables import index_of, names_of, row_means
from latens.schema import Schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reconstructor", "some_rows"]

# Rows that are reconstructed at a time, a multiple of any chunk of `Applied`.
_BLOCK = 8192


class Reconstructor:
    """The answers of an estimator whose network leads back from the code to the data; it stands behind `SampleEncoder`.

    What it asks of that comes first.
    """

    schema_: Schema
    network_: Applied
    n_components_: int

    def transform(self, X: Any) -> np.ndarray:
        raise NotImplementedError

    def _applied_source(self, X: Any) -> Source:
        raise NotImplementedError

    def _scaled(self, X: Any) -> np.ndarray:
        raise NotImplementedError

    def _given_back(self, cells: np.ndarray, like: Any, index: Any) -> Any:
        """What the network gave, in the user's units and form."""
        values = self.schema_.unscale_values(cells)
        table = self.schema_.table
        return values if table is None else table.frame(values, names_of(like, self.schema_), index)

    def inverse_transform(self, Z: Any) -> Any:
        """Codes (n, n_components) back in the input's units and shape; of a typed table, a frame."""
        check_is_fitted(self)
        codes = open_samples(Z).values
        if codes.shape[1:] != (self.n_components_,):
            raise DataError(f"codes of shape {codes.shape[1:]} where this model has {self.n_components_} components")
        return self._given_back(self.network_.decode(floating(codes)), None, index_of(Z))

    def reconstruct(self, X: Any) -> Any:
        """What the network makes of X, in its units and shape; for a denoiser the cleaned data.

        Of a typed table it is a frame with the columns that were learned from, under their names and dtypes; missing
        cells are filled, so that ``X.fillna(ae.reconstruct(X))`` imputes.
        """
        source = self._applied_source(X)
        found = np.concatenate([self.network_.reconstruct(self._scaled(part)) for part in _held(source)])
        return self._given_back(found, X, index_of(X, source))

    def residuals(self, X: Any) -> Any:
        """X minus its reconstruction, in the units and shape of X.

        Of a typed table it is a frame: differences of numbers, time spans of times, and for a category one minus the
        probability that the network gives it; missing where the cell is.
        """
        source = self._applied_source(X).in_memory()  # as large as the answer
        scaled = self._scaled(source)
        found = self.schema_.unscale_values(self.network_.reconstruct(scaled))
        residuals = np.asarray(floating(source.values) - found)
        table, names = self.schema_.table, names_of(X, self.schema_)
        if table is None:
            return residuals
        return table.residual_frame(residuals, self.network_.chances(scaled), names, index_of(X, source))

    def reconstruction_error(self, X: Any) -> np.ndarray:
        """Mean squared residual of each sample, (n,) float64.

        In squared units of X for arrays and images. For typed tables, whose columns have units of their own, it is the
        mean over the cells that are there of the squared error over the column's variance (for a category, of its
        probabilities against the truth): 1 is what knowing nothing of a row costs.
        """
        check_is_fitted(self)
        source = self._applied_source(X)
        parts = some_rows(source)
        if self.schema_.typed:
            return np.concatenate([row_means(self.network_.errors(self._scaled(part))) for part in parts])
        return np.concatenate([mean_squares(self.residuals(part)) for part in parts])

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the reconstruction error, (n,): higher is more normal."""
        return -self.reconstruction_error(X)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`; y is ignored."""
        return float(self.score_samples(X).mean())

    def plot_pairs(self, X: Any, rows: Sequence[int] | None = None, count: int = 10) -> Figure:
        """Input beside reconstruction for chosen rows, or for `count` rows spread over the data."""
        from latens.plots import plot_pairs

        source = self._applied_source(X)
        shown = min(whole("count", count, at_least=1), len(source))
        chosen = np.linspace(0, len(source) - 1, shown).astype(int) if rows is None else rows
        part = source.take(existing_rows(chosen, len(source))).one_size("choose rows of one size")
        outputs = self.schema_.unscale_values(self.network_.reconstruct(self._scaled(part)))
        columns = self.schema_.table.types if self.schema_.table else self.schema_.columns
        return plot_pairs(part.values, outputs, columns=columns)


def _held(source: Source) -> Iterator[Source]:
    """All rows, or some at a time where they are on disk."""
    return some_rows(source) if source.streamed else iter((source,))


def some_rows(source: Source) -> Iterator[Source]:
    """Some rows at a time, so that memory does not grow with their number."""
    if len(source) <= _BLOCK:
        yield source
        return
    for start in range(0, len(source), _BLOCK):
        yield source.take(np.arange(start, min(start + _BLOCK, len(source))))

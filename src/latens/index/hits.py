"""What a search found."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Hits"]


@dataclass(frozen=True, eq=False)
class Hits:
    """The nearest rows of an index for each query, one after the other; r of them altogether.

    Args:
        query: (r,) int64, which query it was found for; the queries count from 0.
        rank: (r,) int64, from 1.
        row: (r,) int64, its number in the index.
        id: (r,) its id.
        distance: (r,) float64.
        fields: (r,) each, by name: labels, columns, the beginning of a text, the path of an image.
        thumbnails: PNG files of images, r of them; none of other data.
        asked: PNG files of the images that were asked about, one a query.
    """

    query: np.ndarray
    rank: np.ndarray
    row: np.ndarray
    id: np.ndarray
    distance: np.ndarray
    fields: Mapping[str, np.ndarray]
    thumbnails: tuple[bytes, ...] = ()
    asked: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.row)

    def columns(self) -> dict[str, np.ndarray]:
        """All but the pictures, by name."""
        own = {name: getattr(self, name) for name in ("query", "rank", "row", "id", "distance")}
        return own | dict(self.fields)

    def records(self) -> list[dict[str, Any]]:
        """A mapping of plain values for each hit."""
        columns = {name: column.tolist() for name, column in self.columns().items()}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def strips(self) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        """The queries' thumbnails, and of each those of its hits, (h, w) or (h, w, c) uint8."""
        found = [
            [_decoded(self.thumbnails[i]) for i in np.flatnonzero(self.query == q)] for q in range(len(self.asked))
        ]
        return [_decoded(png) for png in self.asked], found

    def to_frame(self) -> pd.DataFrame:
        """A row for each hit."""
        import pandas as pd

        return pd.DataFrame(self.columns())


def _decoded(png: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return np.asarray(picture)

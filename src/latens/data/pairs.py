"""Paired data: which clean sample belongs to which noisy one."""

from __future__ import annotations

import numpy as np

from latens.data.values import Source
from latens.errors import DataError

__all__ = ["paired"]


def paired(noisy: Source, clean: Source) -> Source:
    """`clean` in the order of `noisy`: image files by their relative names, everything else row by row.

    Args:
        noisy: What a model is given.
        clean: What it is to predict.

    Raises:
        DataError: A file without a partner, another number of rows, or a pair of different sizes.

    Example:
        >>> noisy = Source(np.zeros((2, 3, 4)), kind="images", ids=np.array(["a.png", "b.png"]))
        >>> clean = Source(np.arange(24).reshape(2, 3, 4), kind="images", ids=np.array(["b.png", "a.png"]))
        >>> paired(noisy, clean).ids.tolist()
        ['a.png', 'b.png']
    """
    if noisy.kind == clean.kind == "images" and noisy.ids is not None and clean.ids is not None:
        rows = _by_name(noisy, clean)
        if not np.array_equal(rows, np.arange(len(clean))):
            clean = clean.take(rows)
    elif len(noisy) != len(clean):
        raise DataError(
            f"target has {len(clean)} rows for the {len(noisy)} of X; give one clean row for each noisy one"
        )
    _check_sizes(noisy, clean)
    return clean


def _by_name(noisy: Source, clean: Source) -> np.ndarray:
    """Of each noisy file the row of its clean partner."""
    names, rows = _rows_by_name(noisy), _rows_by_name(clean)
    _check_partners(noisy, names, clean, rows)
    _check_partners(clean, rows, noisy, names)
    return np.array([rows[name] for name in names])


def _rows_by_name(source: Source) -> dict[str, int]:
    return {str(name): row for row, name in enumerate([] if source.ids is None else source.ids)}


def _check_partners(here: Source, mine: dict[str, int], there: Source, theirs: dict[str, int]) -> None:
    alone = next((name for name in mine if name not in theirs), None)
    if alone is not None:
        raise DataError(
            f"{here.name}: {alone} has no partner of the same name in {there.name}; add it there or take it out here"
        )


def _check_sizes(noisy: Source, clean: Source) -> None:
    if noisy.kind != "images" or (noisy.shape == clean.shape and not noisy.ragged):
        return
    for row, (image, partner) in enumerate(zip(noisy.values, clean.values, strict=True)):
        if image.shape[:2] != partner.shape[:2]:
            raise DataError(
                f"{noisy.name}: {noisy.describe_image(row)} and its partner {clean.describe_image(row)} "
                "(width x height); give pairs of one size"
            )

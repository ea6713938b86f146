"""``latens datasets``: the data that has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latens.cli.verbs import Shared, verb

if TYPE_CHECKING:
    from latens.data import Dataset

__all__ = ["datasets"]


@verb("latens datasets")
def datasets(shared: Shared) -> None:
    """List the data sets that have a name.

    With it comes where each would be read from: built in, the folder LATENS_DATA, or a download.
    """
    from latens.data import DATASETS

    rows = [_row(dataset) for dataset in DATASETS.values()]
    width = max(len(str(row["source"])) for row in rows)
    lines = [f"{row['source']:<{width}}  {row['description']} [{row['found']}]" for row in rows]
    shared.answer(rows, "\n".join([*lines, "", "A part of one is dataset:NAME/train or dataset:NAME/test."]))


def _row(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "source": f"dataset:{dataset.name}",
        "description": dataset.description,
        "kind": dataset.kind,
        "licence": dataset.licence,
        "rows": dict(dataset.rows),
        "found": _found(dataset),
    }


def _found(dataset: Dataset) -> str:
    from latens.data.datasets import held

    if not dataset.splits:
        return "built in"
    if held(dataset.name):
        return "in LATENS_DATA"
    if not dataset.addresses:
        return "only from LATENS_DATA"
    return "downloaded before" if _cached(dataset) else "downloaded when first used"


def _cached(dataset: Dataset) -> bool:
    import pooch

    folder = pooch.os_cache("latens") / dataset.name
    return all((folder / file.name).is_file() for split in dataset.splits.values() for file in split)

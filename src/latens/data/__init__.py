"""Data in: arrays, frames, files, folders and named data sets as one kind of Source."""

from __future__ import annotations

from latens.data.datasets import DATASETS, Dataset
from latens.data.sources import open_source, split
from latens.data.values import Source

__all__ = ["DATASETS", "Dataset", "Source", "open_source", "split"]

"""Search: the codes of a data set in a folder on disk, with what a person wants to see of each row.

LanceDB keeps the rows and applies the filters. Below 100,000 rows the search is exact and its answers are those of
`latens.analysis.NearestRows`; above, an approximate index is built and its recall measured.
"""

from __future__ import annotations

from latens.index.about import About, Maker, Recall
from latens.index.hits import Hits
from latens.index.store import Index

__all__ = ["About", "Hits", "Index", "Maker", "Recall"]

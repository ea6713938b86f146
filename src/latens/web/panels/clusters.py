"""Groups of rows: how large they are, what is typical of them, and what sets them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Response

from latens.report.sections.clusters import set_apart
from latens.web.answers import Answer, picture
from latens.web.explorer import Explorer
from latens.web.work import Work

__all__ = ["applies", "router"]

_EXAMPLES = 8


def applies(explorer: Explorer) -> bool:
    """There are rows enough to find groups among."""
    return explorer.subject.enough


def router(explorer: Explorer, work: Work) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["clusters"])

    @routes.get("/clusters")
    async def clusters() -> Answer:
        """All of them, the largest first."""
        return Answer(await work.ask(_clusters, explorer, doing="looking for clusters"))

    @routes.get("/clusters/{number}/picture")
    async def mean(number: int) -> Response:
        """Of images, the mean of a cluster; a PNG."""
        return picture(await work.ask(_mean, explorer, number))

    return routes


def _clusters(explorer: Explorer) -> dict[str, Any]:
    subject, both = explorer.subject, explorer.subject.clusters
    found, pictures = both.codes, _alike(explorer)
    return {
        "verdict": both.verdict,
        "method": f"k-means on codes with {found.n_clusters} clusters",
        "clusters": [
            {
                "number": number,
                "size": int(found.sizes[number]),
                "share": float(found.sizes[number] / len(subject)),
                "title": f"Cluster {number + 1}",
                "words": set_apart(subject, found, number),
                "representatives": [explorer.card(int(row)) for row in found.examples(number, _EXAMPLES)],
                "picture": pictures,
            }
            for number in range(found.n_clusters)
        ],
    }


def _alike(explorer: Explorer) -> bool:
    """Rows are images of one size, which have a mean."""
    return explorer.has_pictures and getattr(explorer.source, "values", np.empty(0, object)).dtype != object


def _mean(explorer: Explorer, number: int) -> bytes:
    found = explorer.subject.clusters.codes
    if not 0 <= number < found.n_clusters or not _alike(explorer):
        raise HTTPException(404, "no such picture")
    members = np.flatnonzero(found.labels == number)
    return explorer.png(explorer.source.values[members].mean(axis=0, dtype=np.float64))

"""Scanned pages cleaned: the error on pages of which nothing was seen, three seeds.

Run as ``python benchmarks/quality/documents.py``. The data is ``noisy-documents`` in the folder that ``LATENS_DATA``
names: 54 noisy pages of 18 clean ones. The split is by clean page, so that no word of a held-out page is known from the
same page with other noise. Pages are in [0, 1]; the figure is the mean over pages of the root mean squared error.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

import latens
from latens.corruptions import CORRUPTIONS
from latens.data.pairs import paired

SEEDS = (0, 1, 2)
NO_DATA = "LATENS_DATA names no folder; set it to the folder that holds noisy-documents"


@dataclass(frozen=True, eq=False)
class Pages:
    """Noisy pages and their clean partners, in the same order."""

    noisy: latens.Source
    clean: latens.Source

    def take(self, rows: np.ndarray) -> Pages:
        """Some of them."""
        return Pages(self.noisy.take(rows), self.clean.take(rows))


@dataclass(frozen=True)
class Outcome:
    """One fit, measured on the pages held out.

    Args:
        errors: Root mean squared error of each page.
        seconds: Of processor time that the fit took.
    """

    errors: tuple[float, ...]
    seconds: float

    @property
    def error(self) -> float:
        """The mean over pages."""
        return float(np.mean(self.errors))


def read(folder: Path | None = None) -> Pages:
    """All 54 pairs."""
    place = folder or Path(os.environ.get("LATENS_DATA") or sys.exit(NO_DATA), "noisy-documents")
    noisy = latens.open_source(place / "noisy")
    return Pages(noisy, paired(noisy, latens.open_source(place / "clean")))


def groups(pages: Pages) -> np.ndarray:
    """(n,) int: the number of each pair's clean page; equal pixels are the same page."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(page.tobytes(), len(numbers)) for page in pages.clean.values])


def by_page(pages: Pages, held_out: float = 1 / 3) -> tuple[Pages, Pages]:
    """The pairs to learn from, and those of the clean pages that are held out."""
    group = groups(pages)
    n = group.max() + 1
    others = np.random.default_rng(0).permutation(n)[: round(n * held_out)]
    is_other = np.isin(group, others)
    return pages.take(np.flatnonzero(~is_other)), pages.take(np.flatnonzero(is_other))


def page_errors(outputs: Sequence[np.ndarray], clean: latens.Source) -> tuple[float, ...]:
    """Root mean squared error of each page, both in grey levels of 0 to 255 as a picture file would hold them."""
    pairs = zip(outputs, clean.values, strict=True)
    return tuple(float(np.sqrt(np.square(np.clip(page, 0, 255) / 255 - true / 255.0).mean())) for page, true in pairs)


def learn_from_pairs(train: Pages, seed: int, **settings: Any) -> latens.ConvAutoencoder:
    """Every default, on noisy pages and their clean partners."""
    ae = latens.ConvAutoencoder(validation_fraction=0.0, random_state=seed, verbose=0, **settings)
    return ae.fit(train.noisy, target=train.clean)


def learn_from_clean(train: Pages, seed: int, **settings: Any) -> latens.ConvAutoencoder:
    """Clean pages only, each once, with synthetic stains; three times the patches, for as many steps as with pairs."""
    _, first = np.unique(groups(train), return_index=True)
    ae = latens.ConvAutoencoder(
        corruption="stains", validation_fraction=0.0, random_state=seed, verbose=0, **{"max_epochs": 60} | settings
    )
    return ae.fit(train.clean.take(np.sort(first)))


METHODS: dict[str, Callable[..., latens.ConvAutoencoder]] = {"pairs": learn_from_pairs, "stains": learn_from_clean}


def measure(method: str, seed: int, pages: Pages, pictures: Path | None = None, **settings: Any) -> Outcome:
    """Fit one seed and clean the pages that were held out."""
    train, others = by_page(pages)
    started = time.process_time()
    estimator = METHODS[method](train, seed, **settings)
    seconds = time.process_time() - started
    cleaned = estimator.reconstruct(others.noisy)
    if pictures is not None:
        draw(pictures / f"{method}-{seed}", others, cleaned)
    return Outcome(page_errors(cleaned, others.clean), seconds)


def draw(folder: Path, others: Pages, cleaned: Sequence[np.ndarray]) -> None:
    """Noisy, cleaned and clean page beside each other, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = others.noisy.ids if others.noisy.ids is not None else np.arange(len(others.noisy))
    for name, noisy, made, clean in zip(ids, others.noisy.values, cleaned, others.clean.values, strict=True):
        beside = np.hstack([noisy, np.clip(np.rint(made), 0, 255).astype(np.uint8), clean])
        Image.fromarray(beside).save(folder / str(name))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--method", choices=METHODS, action="append", help="pairs, stains; both if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--pictures", type=Path, help="a folder for the cleaned pages")
    asked = parser.parse_args(words)
    pages = read()
    _, others = by_page(pages)
    before = page_errors(list(others.noisy.values), others.clean)
    sys.stdout.write(
        f"method  median  worst page  seconds  all seeds\nnoisy   {np.mean(before):.4f}  {max(before):.4f}\n"
    )
    for method in asked.method or [name for name in METHODS if name == "pairs" or name in CORRUPTIONS]:
        found = [measure(method, seed, pages, asked.pictures) for seed in asked.seeds]
        worst, seconds = max(max(one.errors) for one in found), median(one.seconds for one in found)
        every = " ".join(f"{one.error:.4f}" for one in found)
        middle = median(one.error for one in found)
        sys.stdout.write(f"{method:<7} {middle:.4f}  {worst:.4f}      {seconds:7.0f}  {every}\n")


if __name__ == "__main__":
    main()

"""Writes the golden model files beside it, one for each kind of model and each format, and what they answer.

They stay as they are: a file that somebody saved with an older latens has to load. Run it to add a kind or a format
(``python tests/reference/make_models.py NAME ...``), never to mend a test.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import latens
from latens import persistence

HERE = Path(__file__).parent
QUICK: dict[str, Any] = {"max_epochs": 1, "verbose": 0, "device": "cpu"}
SEQUENCES: dict[str, Any] = {**QUICK, "hidden_size": 6, "embedding_size": 3, "chunk": 8}


def rows() -> np.ndarray:
    """(40, 5), which needs no generator of random numbers, so that it is the same for ever."""
    return np.sin(np.arange(200.0) * np.arange(1.0, 201.0)).reshape(40, 5).astype(np.float32)


def images() -> np.ndarray:
    """(12, 8, 8), uint8."""
    return (np.arange(12 * 64) * 37 % 251).astype(np.uint8).reshape(12, 8, 8)


def texts() -> list[str]:
    return ["to be", "or not", "to be"] * 6


def events() -> list[list[str]]:
    return [["login", "read"], ["login"], ["read", "read", "logout"]] * 6


def long_events() -> list[list[str]]:
    """So many different items that the file is one of format 2."""
    return [[f"an item with a rather long name, number {i:05d}" for i in range(1500)]]


def series() -> np.ndarray:
    return np.sin(np.arange(90.0) / 3)


MODELS: dict[str, Callable[[], Any]] = {
    "linear": lambda: latens.LinearAutoencoder(2, **QUICK).fit(rows()),
    "deep": lambda: latens.Autoencoder(2, hidden=[4], **QUICK).fit(rows()),
    "wide": lambda: latens.Autoencoder(6, hidden="wide", corruption="gaussian:0.3", **QUICK).fit(rows()),
    "convolutional": lambda: latens.ConvAutoencoder(2, hidden=[2], **QUICK).fit(images()),
    "asymmetric": lambda: latens.ConvAutoencoder(2, hidden=[2], encoder="dense", encoder_hidden=[4], **QUICK).fit(
        images()
    ),
    "jigsaw": lambda: latens.JigsawEncoder(4, hidden=[2], head=4, **QUICK).fit(images()),
    "text": lambda: latens.TextAutoregressor(**SEQUENCES).fit(texts()),
    "events": lambda: latens.EventAutoregressor(**SEQUENCES).fit(events()),
    "series": lambda: latens.SeriesAutoregressor(**{**QUICK, "hidden_size": 6, "chunk": 8}).fit(series()),
    "detector": lambda: latens.OutlierDetector(random_state=0).fit(rows()),
    "format-2": lambda: latens.EventAutoregressor(**{**SEQUENCES, "hidden_size": 2, "embedding_size": 1}).fit(
        long_events()
    ),
}
DATA: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(("linear", "deep", "wide", "detector"), rows),
    **dict.fromkeys(("convolutional", "asymmetric", "jigsaw"), images),
    "text": texts,
    "events": events,
    "series": series,
    "format-2": long_events,
}


def answers(name: str, model: Any) -> list[float]:
    """What a model says of its data: its scores where it has them, else its codes; the first twelve numbers."""
    ask = model.score_samples if hasattr(model, "score_samples") else model.transform
    return [float(value) for value in np.ravel(ask(DATA[name]()))[:12]]


def main(names: list[str]) -> None:
    for name in names or MODELS:
        path = HERE / f"{name}.latens"
        if path.exists():
            raise SystemExit(f"{path} exists, and stays as it is")
        MODELS[name]().save(path)
        known = {"format": persistence.read_header(path)["format"], "answers": answers(name, latens.load(path, "cpu"))}
        path.with_suffix(".json").write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""What is carried out for each row: fits that have an error, and looks at what was fitted or fed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch

from latens.corruptions import GaussianNoise
from latens.data.batches import Batch
from latens.estimators import AnyAutoencoder
from latens.models import build
from latens.persistence import atomic_path
from latens.plots import plot_denoised, plot_map, plot_pairs
from latens.reproduce.bench import Bench
from latens.reproduce.characters import CHUNKS_ROW, CORPUS_ROW, GRU_ROW, LOSS_ROW, TEXT_RECIPE_ROW
from latens.reproduce.generation import GENERATION_ROW
from latens.reproduce.groups import CLUSTERS_ROW, PROBES_ROW
from latens.reproduce.headlines import TITLES_ROW
from latens.reproduce.noise import FAMILY_ROW, ROBUSTNESS_ROW
from latens.reproduce.outlying import FLAGGED_ROW, HELD_OUT_ROW
from latens.reproduce.recipes import EXPERIMENTS
from latens.reproduce.rows import Line, Row, fit_line
from latens.reproduce.searching import SEARCH_ROW
from latens.reproduce.tasks import TASKS_ROW
from latens.reproduce.tying import TYING_ROW
from latens.reproduce.values import VALUES_ROW
from latens.seeds import keyed

__all__ = ["ROWS", "Line", "Row"]

_LEVEL = 0.5


# ---- fits ------------------------------------------------------------------------------------------------------------


def _fits(row: str, names: Sequence[str], draw: Callable[[Bench, str], None]) -> Callable[[Bench], list[Line]]:
    """The function that carries out experiments and has their pictures drawn."""

    def lines(bench: Bench) -> list[Line]:
        found = [fit_line(bench, row, name) for name in names]
        for name in names:
            draw(bench, name)
        return found

    return lines


def _draw_pairs(bench: Bench, name: str) -> None:
    if not bench.picture_path(name, "pairs").exists():
        images = bench.digits.test[bench.digits.one_of_each()]
        figure = plot_pairs(images, bench.model(name).reconstruct(images), title=f"{name}: test images")
        bench.draw(name, "pairs", figure)


def _draw_map_and_pairs(bench: Bench, name: str) -> None:
    _draw_pairs(bench, name)
    if not bench.picture_path(name, "map").exists():
        codes = bench.model(name).transform(bench.digits.test)
        title = f"{name}: codes of {len(codes):,} test images"
        bench.draw(name, "map", plot_map(codes, bench.digits.test_labels, title=title))


def _draw_denoised(bench: Bench, name: str) -> None:
    if not bench.picture_path(name, "denoised").exists():
        clean = bench.digits.test[bench.digits.one_of_each()]
        noisy = _noisy(clean, bench.seeds[0])
        figure = plot_denoised(clean, noisy, bench.model(name).reconstruct(noisy), title=f"{name}: test images")
        bench.draw(name, "denoised", figure)


def _noisy(images: np.ndarray, seed: int) -> np.ndarray:
    random = keyed(seed, 0, torch.arange(len(images)))
    return GaussianNoise(_LEVEL)(torch.from_numpy(images), random).numpy()


# ---- looks -----------------------------------------------------------------------------------------------------------


def _corruption(bench: Bench) -> list[Line]:
    """S6: what reaches the encoder in training and in evaluation."""
    images = torch.from_numpy(bench.digits.test)
    config = {"encoder": [bench.digits.n_features, 2], "corruption": GaussianNoise(_LEVEL)}
    network = build("deep", config, bench.seeds[0])
    seen: list[torch.Tensor] = []
    network.get_submodule("encoder").register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    batch = Batch(images, images, keyed(bench.seeds[0], 0, torch.arange(len(images))))
    for training in (True, False):
        network.train(training)
        network.loss(batch)  # type: ignore[operator]
    noise = (seen[0] - images.flatten(1)).double()
    same = "identical to" if torch.equal(seen[1], images.flatten(1)) else "DIFFERENT from"
    words = (
        f"training adds noise of mean {float(noise.mean()):+.4f} and deviation {float(noise.std()):.4f} "
        f"over {noise.numel():,} pixels; in evaluation the input is {same} the data"
    )
    return [Line("S6", f"Additive Gaussian corruption, σ = {_LEVEL}, as the encoder sees it", words=words)]


def _embedding(bench: Bench) -> list[Line]:
    """S15: the whole test set as codes, in a Parquet file with the labels."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    model = bench.model("S4")
    started = time.monotonic()
    codes = model.transform(bench.digits.test)
    columns = dict(zip(map(str, model.get_feature_names_out()), codes.T, strict=True))
    path = bench.folder / "codes.parquet"
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns | {"label": bench.digits.test_labels}), temporary)
    words = f"{len(codes):,} codes of {codes.shape[1]} numbers with labels in {path.name}"
    return [Line("S15", "Embedding the whole test set with S4", words=words, seconds=_since(started))]


def _map(bench: Bench) -> list[Line]:
    """S16: the codes as a map."""
    _draw_map_and_pairs(bench, "S4")
    words = f"{len(bench.digits.test):,} points in {len(np.unique(bench.digits.test_labels))} colours, below"
    return [Line("S16", "2-D map of S4's codes, coloured by a label that training never saw", words=words)]


def _pairs(bench: Bench) -> list[Line]:
    """S17: inputs beside reconstructions."""
    model = bench.model("S4")
    _draw_map_and_pairs(bench, "S4")
    shown = bench.digits.test[bench.digits.one_of_each()]
    words = f"{len(shown)} pairs, one of each digit, with a mean error of {_mean_error(model, shown):.4f}, below"
    return [Line("S17", "Inputs beside S4's reconstructions", words=words)]


def _mean_error(model: AnyAutoencoder, images: np.ndarray) -> float:
    return float(model.reconstruction_error(images).mean())


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)


def _fit_row(row: str, names: Sequence[str], draw: Callable[[Bench, str], None], *subjects: str) -> Row:
    pictures = tuple((name, subject) for name in names for subject in ("history", *subjects))
    return Row(tuple(names), _fits(row, names, draw), pictures)


ROWS: dict[str, Row] = {
    "S2": _fit_row("S2", ("S2", "S2 centred"), _draw_map_and_pairs, "map", "pairs"),
    "S3": _fit_row("S3", ("S3",), _draw_map_and_pairs, "map", "pairs"),
    "S4": _fit_row("S4", ("S4",), _draw_map_and_pairs, "map", "pairs"),
    "S5": _fit_row("S5", ("S5",), _draw_pairs, "pairs"),
    "S6": Row((), _corruption),
    "S7": _fit_row("S7", ("S7",), _draw_denoised, "denoised"),
    "S8": _fit_row("S8", ("S8",), _draw_pairs, "pairs"),
    "S9": FAMILY_ROW,
    "S10": ROBUSTNESS_ROW,
    "S11": TASKS_ROW,
    "S12": TYING_ROW,
    "S13": _fit_row("S13", ("S13",), _draw_denoised, "denoised"),
    "S14": _fit_row("S14", ("S14",), _draw_denoised, "denoised"),
    "S15": Row(("S4",), _embedding),
    "S16": Row(("S4",), _map, (("S4", "map"),)),
    "S17": Row(("S4",), _pairs, (("S4", "pairs"),)),
    "S18": FLAGGED_ROW,
    "S19": HELD_OUT_ROW,
    "S20": CLUSTERS_ROW,
    "S22": PROBES_ROW,
    "S21": SEARCH_ROW,
    "S23": CORPUS_ROW,
    "S24": CHUNKS_ROW,
    "S25": GRU_ROW,
    "S26": LOSS_ROW,
    "S27": GENERATION_ROW,
    "S28": TITLES_ROW,
    "S29": VALUES_ROW,
    "R25": TEXT_RECIPE_ROW,
    "R30": _fit_row("R30", ("R30",), _draw_pairs, "pairs"),
    "R2": _fit_row("R2", ("R2",), _draw_map_and_pairs, "map", "pairs"),
}


def summary(line: Line) -> dict[str, Any]:
    """A line as a flat record: what the command line prints."""
    experiment = EXPERIMENTS.get(line.experiment or "")
    return {
        "row": line.row,
        "what": line.title,
        "published": experiment.published[1] if experiment else None,
        "error": median(line.errors) if line.errors else None,
        "measure": line.measure.unit if line.errors else None,
        "seeds": list(line.errors),
        "exact_pca": line.pca_error,
        "seconds": line.seconds,
        "verdict": line.words or line.verdict,
    }

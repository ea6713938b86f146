"""The default detector beside PyOD's on the ADBench sets, in two protocols, three seeds; and how fast it is.

Run as ``python benchmarks/quality/outliers.py`` (``pip install "latens[bench]"`` brings PyOD; ``--methods ours residual
neighbours`` does without). Columns are standardised by the training rows; labels only score. Unsupervised: all rows are
learned from and judged. Normals: a random half of the normal rows is learned from, the rest and all outliers are
judged. PyOD's detectors stand at their defaults. One recipe of ours for all sets: `latens.OutlierDetector()`;
"residual" and "neighbours" hear one kind of evidence alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

import latens

SEEDS = (0, 1, 2)
PROTOCOLS = ("unsupervised", "normals")
# Rows and columns of the speed test, and the seconds that it may take on two cores.
LARGE, SECONDS = (50_000, 60), 60.0
_PEERS = {
    "IForest": "iforest",
    "PCA": "pca",
    "ECOD": "ecod",
    "KNN": "knn",
    "LOF": "lof",
    "HBOS": "hbos",
    "MCD": "mcd",
    "AutoEncoder": "auto_encoder",
}
_SEEDED = ("IForest", "MCD", "AutoEncoder")

Judge = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def ours(evidence: Any) -> Judge:
    """Strangeness of the judged rows, by a detector that learned from the others."""

    def judge(learned: np.ndarray, judged: np.ndarray, seed: int) -> np.ndarray:
        detector = latens.OutlierDetector(evidence=evidence, random_state=seed, verbose=0)
        return -detector.fit(learned).score_samples(judged)

    return judge


def peer(name: str) -> Judge:
    """The same by a detector of PyOD at its defaults."""

    def judge(learned: np.ndarray, judged: np.ndarray, seed: int) -> np.ndarray:
        made = getattr(import_module(f"pyod.models.{_PEERS[name]}"), name)
        detector = made(**({"random_state": seed} if name in _SEEDED else {}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            detector.fit(learned)
            found = detector.decision_scores_ if judged is learned else detector.decision_function(judged)
        return np.nan_to_num(found, nan=0.0, posinf=1e30, neginf=-1e30)

    return judge


METHODS: dict[str, Judge] = {
    "ours": ours("auto"),
    "residual": ours("residual"),
    "neighbours": ours("neighbours"),
    **{name: peer(name) for name in _PEERS},
}


def files() -> list[Path]:
    """The sets, in order."""
    folder = os.environ.get("LATENS_DATA") or sys.exit(
        "LATENS_DATA names no folder; set it to the one that holds adbench"
    )
    return sorted(Path(folder, "adbench").glob("*.npz"))


def parts(path: Path, protocol: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to learn from, rows to judge (the same object if all are both), and the judged rows' labels."""
    with np.load(path) as arrays:
        x, y = arrays["X"].astype(np.float64), arrays["y"]
    learned = judged = np.arange(len(x))
    if protocol == "normals":
        normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
        half = len(normal) // 2
        learned, judged = normal[:half], np.concatenate([normal[half:], np.flatnonzero(y == 1)])
    mean, spread = x[learned].mean(axis=0), x[learned].std(axis=0)
    scaled = (x - mean) / np.where(spread > 0, spread, 1.0)
    rows = scaled[learned]
    return rows, rows if protocol != "normals" else scaled[judged], y[judged]


def measure(method: str, path: Path, protocol: str, seed: int) -> tuple[float, float]:
    """AUROC and average precision of one run."""
    learned, judged, truth = parts(path, protocol, seed)
    scores = METHODS[method](learned, judged, seed)
    return float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores))


def compared(methods: Sequence[str], paths: Sequence[Path], seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """Of each method (protocols, seeds, sets, 2); says each set as it is done."""
    found = {}
    for method in methods:
        values = np.empty((len(PROTOCOLS), len(seeds), len(paths), 2))
        for place, path in enumerate(paths):
            for p, protocol in enumerate(PROTOCOLS):
                values[p, :, place] = [measure(method, path, protocol, seed) for seed in seeds]
            figures = " ".join(f"{value:.4f}" for value in values[:, :, place].mean(axis=1).ravel())
            sys.stdout.write(f"{method:<12} {path.stem:<18} {figures}\n")
            sys.stdout.flush()
        found[method] = values
    return found


def table(found: Mapping[str, np.ndarray]) -> str:
    """Means over sets and seeds, and the mean over the sets of each seed."""
    lines = [f"{'mean of sets and seeds':<14} {'unsupervised':>22} {'normals':>30}   unsupervised AUROC of every seed"]
    lines.append(f"{'':<14} {'AUROC':>12} {'AP':>9} {'AUROC':>20} {'AP':>9}")
    for method, values in found.items():
        (auroc, ap), (auroc_n, ap_n) = values.mean(axis=(1, 2))
        seeds = " ".join(f"{value:.4f}" for value in values[0, :, :, 0].mean(axis=1))
        lines.append(f"{method:<14} {auroc:>12.4f} {ap:>9.4f} {auroc_n:>20.4f} {ap_n:>9.4f}   {seeds}")
    return "\n".join(lines)


def verdicts(found: Mapping[str, np.ndarray]) -> list[str]:
    """Whether ours is above each of the others in each of the four means."""
    peers = {name: values.mean(axis=(1, 2)) for name, values in found.items() if name in _PEERS}
    means = found["ours"].mean(axis=(1, 2))
    lines = []
    for p, protocol in enumerate(PROTOCOLS):
        for m, measured in enumerate(("AUROC", "average precision")):
            best = max(peers, key=lambda name: peers[name][p, m])
            won = "above" if means[p, m] > peers[best][p, m] else "NOT above"
            lines.append(
                f"{protocol}, {measured}: ours {means[p, m]:.4f}, {won} the best of the others, {best} "
                f"{peers[best][p, m]:.4f}"
            )
    return lines


def speed() -> str:
    """Seconds of a fit and the scores of 50,000 x 60 rows."""
    random = np.random.default_rng(0)
    x = random.normal(size=(LARGE[0], 8)) @ random.normal(size=(8, LARGE[1])) + random.normal(size=LARGE)
    start = time.perf_counter()
    latens.OutlierDetector(verbose=0).fit(x).score_samples(x)
    seconds = time.perf_counter() - start
    return f"{LARGE[0]:,} x {LARGE[1]}: fit and scores in {seconds:.1f} s (at most {SECONDS:.0f})"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sets", nargs="+", default=None, help="names of sets, such as cardio")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    asked = parser.parse_args(words)
    paths = [path for path in files() if asked.sets is None or path.stem.partition("_")[2] in asked.sets]
    found = compared(asked.methods, paths, asked.seeds)
    sys.stdout.write(f"\n{table(found)}\n")
    if "ours" in found and set(found) & set(_PEERS):
        sys.stdout.write("\n".join(verdicts(found)) + "\n")
    sys.stdout.write(f"{speed()}\n")


if __name__ == "__main__":
    main()

"""The demonstration: three autoencoders on handwritten digits, what they found, and what they gained over exact PCA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.persistence import atomic_path
from latens.reports import Report, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from latens.analysis import Principal
    from latens.data import Source
    from latens.estimators import AnyAutoencoder

__all__ = ["DEMOS", "Demo", "demo_name", "run_demo"]


@dataclass(frozen=True)
class Demo:
    """The demonstration on one data set.

    Args:
        white: The grey level that counts as 1 in the table.
        noise: Standard deviation of the denoiser's noise, white being 1.
        linear: Settings of the linear model.
        deep: Of the deep one.
        denoising: Of the denoiser.
    """

    white: float
    noise: float
    linear: Mapping[str, Any] = field(default_factory=dict)
    deep: Mapping[str, Any] = field(default_factory=dict)
    denoising: Mapping[str, Any] = field(default_factory=dict)


# As much training as fits into a minute on two cores.
DEMOS: dict[str, Demo] = {
    "mnist": Demo(
        white=255.0,
        noise=0.5,
        linear={"n_components": 2, "max_epochs": 2, "batch_size": 256, "learning_rate": 2e-3},
        deep={"n_components": 2, "max_epochs": 3, "batch_size": 256, "learning_rate": 4e-3},
        denoising={
            "n_components": 64,
            "hidden": [512, 256],
            "max_epochs": 2,
            "batch_size": 256,
            "learning_rate": 3e-3,
        },
    ),
    "digits": Demo(
        white=16.0,
        noise=0.25,
        linear={"n_components": 2, "max_epochs": 60, "batch_size": 64, "learning_rate": 5e-3},
        deep={"n_components": 2, "hidden": [256, 128, 64], "max_epochs": 60, "batch_size": 64, "learning_rate": 3e-3},
        denoising={
            "n_components": 16,
            "hidden": [512, 256],
            "max_epochs": 40,
            "batch_size": 64,
            "learning_rate": 3e-3,
        },
    ),
}


def demo_name() -> str:
    """The data set that is shown."""
    from latens.data.datasets import held

    return "mnist" if held("mnist") else "digits"


def run_demo(folder: str | Path = "demo", seed: int = 0, report: Report = silent) -> list[dict[str, Any]]:
    """Train, draw and compare on MNIST where ``LATENS_DATA`` holds it, else on scikit-learn's digits.

    The folder receives ``linear.latens``, ``deep.latens``, ``denoising.latens``, ``codes.parquet``, ``map.png``,
    ``pairs.png``, ``denoised.png`` and ``history.csv``; those of an earlier run are replaced.

    Args:
        folder: Where; made if it is not there.
        seed: Of everything random.
        report: Hears one line at a time.

    Returns:
        A row a model, with its mean squared error on images that it never saw, and that of exact PCA with as many
        components on the same images; the gain is negative where PCA is the better choice.

    Raises:
        OutputError: The folder cannot be written.
    """
    from latens.data import open_samples
    from latens.reproduce.ledger import make_folder

    name = demo_name()
    into, demo = make_folder(Path(folder)), DEMOS[name]
    train, test = open_samples(f"dataset:{name}/train"), open_samples(f"dataset:{name}/test")
    report(f"{name}: {len(train):,} images to learn from, {len(test):,} held out, none with its label")
    models = _fit(demo, train, seed, report)
    for model, estimator in models.items():
        estimator.save(into / f"{model}.latens")
    noisy = _noisy(test.values, demo, seed)
    _draw(into, models, test, noisy)
    _write_codes(into, models["deep"], test)
    with atomic_path(into / "history.csv") as path:
        models["deep"].history_.to_csv(path)
    return _table(demo, models, train, test, noisy)


def _fit(demo: Demo, train: Source, seed: int, report: Report) -> dict[str, AnyAutoencoder]:
    from latens.corruptions import GaussianNoise
    from latens.estimators import Autoencoder, LinearAutoencoder

    shared: dict[str, Any] = {"schedule": "one-cycle", "random_state": seed, "verbose": 0}
    models: dict[str, AnyAutoencoder] = {
        "linear": LinearAutoencoder(**shared, **demo.linear),
        "deep": Autoencoder(**shared, **demo.deep),
        "denoising": Autoencoder(**shared, **demo.denoising, corruption=GaussianNoise(demo.noise)),
    }
    for name, model in models.items():
        report(f"training the {name} autoencoder: a code of {model.n_components} numbers, {model.max_epochs} epochs")
        model.fit(train)
    return models


def _noisy(images: np.ndarray, demo: Demo, seed: int) -> np.ndarray:
    """The images with noise that no model saw in training, float32 in their own grey levels."""
    import torch

    from latens.corruptions import GaussianNoise
    from latens.seeds import keyed

    random = keyed(seed, 0, torch.arange(len(images))).stream("demo")
    return GaussianNoise(demo.noise * demo.white)(torch.from_numpy(images.astype(np.float32)), random).numpy()


def _draw(folder: Path, models: Mapping[str, AnyAutoencoder], test: Source, noisy: np.ndarray) -> None:
    from latens.plots import plot_denoised, plot_map, plot_pairs

    labels = test.labels["label"]
    rows = np.array([int(np.argmax(labels == label)) for label in np.unique(labels)])
    images = test.values[rows]
    deep, denoising = models["deep"], models["denoising"]
    title = f"{len(test):,} held-out digits as {deep.n_components_} numbers each, found without their labels"
    _save(folder / "map.png", plot_map(deep.transform(test), labels, title=title))
    title = f"Held-out digits, and what is left of them after {deep.n_components_} numbers"
    _save(folder / "pairs.png", plot_pairs(images, deep.reconstruct(images), title=title))
    cleaned = denoising.reconstruct(noisy[rows])
    title = "Held-out digits, with noise, and cleaned by the denoising autoencoder"
    _save(folder / "denoised.png", plot_denoised(images, noisy[rows], cleaned, title=title))


def _save(path: Path, figure: Figure) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def _write_codes(folder: Path, model: AnyAutoencoder, test: Source) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    codes = model.transform(test)
    columns = dict(zip(map(str, model.get_feature_names_out()), codes.T, strict=True))
    with atomic_path(folder / "codes.parquet") as path:
        pq.write_table(pa.table(columns | dict(test.labels)), path)


def _table(
    demo: Demo, models: Mapping[str, AnyAutoencoder], train: Source, test: Source, noisy: np.ndarray
) -> list[dict[str, Any]]:
    from latens.analysis import principal_components

    x, clean, corrupted = (_unit(images, demo) for images in (train.values, test.values, noisy))
    largest = max(model.n_components_ for model in models.values())
    principal = principal_components(x, largest)
    rows = []
    for name, model in models.items():
        for given, images, flat in (("clean", test.values, clean), ("noisy", noisy, corrupted)):
            if given == "noisy" and name != "denoising":
                continue
            error = _mean_square(_unit(model.reconstruct(images), demo) - clean)
            pca_error = _mean_square(_projected(principal, flat, model.n_components_) - clean)
            rows.append(_row(name, given, model, error, pca_error))
    return rows


def _row(name: str, given: str, model: AnyAutoencoder, error: float, pca_error: float) -> dict[str, Any]:
    return {
        "model": name,
        "code_size": model.n_components_,
        "input": given,
        "error": error,
        "exact_pca": pca_error,
        "gain_percent": round(100 * (1 - error / pca_error), 1) + 0.0,  # no -0.0
        "seconds": round(model.history_["seconds"][-1], 1),
    }


def _unit(images: np.ndarray, demo: Demo) -> np.ndarray:  # (n, h, w) -> (n, D)
    """Black is 0 and white is 1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(demo.white)


def _projected(principal: Principal, x: np.ndarray, n_components: int) -> np.ndarray:
    """What PCA makes of x with the first n of its components."""
    components = principal.components[:n_components]
    return np.asarray((x - principal.mean) @ components.T @ components + principal.mean)


def _mean_square(difference: np.ndarray) -> float:
    return float(np.square(difference, dtype=np.float64).mean())

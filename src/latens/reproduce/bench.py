"""The bench on which experiments are carried out: data, seeds, what is known already, and where results go."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from latens import __version__
from latens.callbacks import Callback, Watched
from latens.estimators import load
from latens.estimators.loading import ESTIMATORS
from latens.estimators.reconstruction import Reconstructor
from latens.persistence import atomic_path
from latens.plots import plot_history
from latens.reproduce import digits
from latens.reproduce.digits import Digits, load_digits
from latens.reproduce.ledger import Ledger, machine, make_folder
from latens.reproduce.recipes import ALL_ROWS, EXPERIMENTS, Experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from latens.training import TrainState

__all__ = ["Bench", "Report"]

Report = Callable[[str], None]

# Fewer images than this make no batch.
_LEAST_ROWS = 16


@dataclass(frozen=True, eq=False)
class Bench:
    """Carries out what has not been measured yet.

    Args:
        folder: Of results.json, models/ and pictures/.
        seeds: Of the fits; pictures and models are the first one's.
        quick: Few rows and epochs.
        report: Hears one line at a time.
    """

    folder: Path
    seeds: tuple[int, ...]
    quick: bool
    report: Report

    @cached_property
    def digits(self) -> Digits:
        """The data, read when first needed."""
        return load_digits(self.quick)

    @cached_property
    def ledger(self) -> Ledger:
        """What is known."""
        return Ledger(make_folder(self.folder) / "results.json")

    @property
    def mode(self) -> str:
        """``"quick"`` or ``"full"``: their results never mix."""
        return "quick" if self.quick else "full"

    @property
    def quick_epochs(self) -> int:
        """How long a quick fit is."""
        return digits.QUICK.small_max_epochs if self.digits.name == "digits" else digits.QUICK.max_epochs

    def data(self, name: str) -> Digits:
        """What an experiment learns from and is judged on: of the training images here, its share."""
        there = len(self.digits.train)
        return self.digits.first(min(there, max(_LEAST_ROWS, round(there * EXPERIMENTS[name].train_rows / ALL_ROWS))))

    def pca_error(self, name: str, n_components: int) -> float | None:
        """Exact PCA's error with as many components on an experiment's images; None where it would only copy."""
        data = self.data(name)
        key = len(data.train), n_components
        if key not in self._pca_errors:
            self._pca_errors[key] = data.pca_error(n_components)
        return self._pca_errors[key]

    @cached_property
    def _pca_errors(self) -> dict[tuple[int, int], float | None]:
        return {}

    def circumstances(self, name: str) -> dict[str, Any]:
        """Everything a fit's result depends on but its seed."""
        experiment, data = EXPERIMENTS[name], self.data(name)
        epochs = self.quick_epochs if self.quick else experiment.settings["max_epochs"]
        batch = experiment.settings["batch_size"]
        epochs = max(1, round(epochs * _steps(len(self.digits.train), batch) / _steps(len(data.train), batch)))
        settings = experiment.settings | {"max_epochs": epochs}
        return {"estimator": experiment.estimator, "settings": settings, "data": data.describe()}

    def key(self, name: str, seed: int) -> str:
        """A result's place in the ledger."""
        return f"{name}, seed {seed}, {self.mode}"

    def has(self, name: str) -> bool:
        """Whether all seeds of an experiment are known."""
        wanted = self.circumstances(name)
        return all(self.ledger.find(self.key(name, seed), wanted) is not None for seed in self.seeds)

    def remember(self, row: str) -> None:
        """That a row was asked for in this folder."""
        self.ledger.keep(f"row {row}, {self.mode}", {"seeds": self.seeds}, {})

    def remembers(self, row: str) -> bool:
        """Whether it was, with these seeds."""
        return self.ledger.find(f"row {row}, {self.mode}", {"seeds": self.seeds}) is not None

    def trial(self, name: str, seed: int, *, with_model: bool = False) -> dict[str, Any]:
        """The result of one seed of an experiment, from the ledger or by carrying it out."""
        key, circumstances = self.key(name, seed), self.circumstances(name)
        known = self.ledger.find(key, circumstances)
        if known is not None and (self.model_path(name).exists() or not with_model):
            return known
        self.report(f"{key}: {EXPERIMENTS[name].title}")
        settings = circumstances["settings"]
        estimator, result = fit_and_measure(EXPERIMENTS[name], settings, self.data(name), seed, self.report)
        if seed == self.seeds[0]:
            self._forget_pictures(name)
            estimator.save(self.model_path(name))
            self.draw(name, "history", plot_history(estimator.history_, title=f"{name}: loss by epoch"))
        self.ledger.keep(key, circumstances, result)
        self.report(f"{key}: test error {result['error']:.5f} in {result['seconds']:.0f} s")
        return result

    def measured(self, key: str, names: Sequence[str], what: Any, measure: Callable[[], Any]) -> Any:
        """Numbers about the first seed's models, from the ledger or measured now.

        Args:
            key: Of the numbers.
            names: The experiments whose models they are about.
            what: All else that they depend on.
            measure: Makes them, as JSON can hold them.
        """
        place = self.key(key, self.seeds[0])
        circumstances = {"models": [self.circumstances(name) for name in names], "what": what}
        known = self.ledger.find(place, circumstances)
        if known is None:
            self.report(f"{place}: measuring")
            known = {"value": measure()}
            self.ledger.keep(place, circumstances, known)
        return known["value"]

    def model_path(self, name: str) -> Path:
        """Where the first seed's model is."""
        return make_folder(self.folder / "models") / self._file(name, "model.latens")

    def model(self, name: str) -> Reconstructor:
        """The first seed's model, fitted now if it has to be."""
        self.trial(name, self.seeds[0], with_model=True)
        return cast(Reconstructor, load(self.model_path(name)))

    def picture_path(self, name: str, subject: str) -> Path:
        """Where a picture is."""
        return make_folder(self.folder / "pictures") / self._file(name, f"{subject}.png")

    def drawn(self, name: str, subject: str, models: Sequence[str] = ()) -> bool:
        """Whether a picture is there, and no older than the models that it shows."""
        path = self.picture_path(name, subject)
        shown = [model for model in map(self.model_path, models) if model.exists()]
        return path.exists() and all(model.stat().st_mtime <= path.stat().st_mtime for model in shown)

    def draw(self, name: str, subject: str, figure: Figure) -> Path:
        """Write a picture."""
        path = self.picture_path(name, subject)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
        return path

    def _forget_pictures(self, name: str) -> None:
        """Those of an earlier model."""
        for path in self.picture_path(name, "*").parent.glob(self._file(name, "*.png")):
            path.unlink()

    def _file(self, name: str, suffix: str) -> str:
        return f"{name.replace(' ', '-')}-{self.mode}-seed{self.seeds[0]}-{suffix}"


def fit_and_measure(
    experiment: Experiment, settings: dict[str, Any], digits: Digits, seed: int, report: Report
) -> tuple[Reconstructor, dict[str, Any]]:
    """Fit one seed; the estimator, and its errors on the test images after the first and the last epoch."""
    estimator = ESTIMATORS[experiment.estimator](**settings, random_state=seed, verbose=0)
    first = FirstEpoch(estimator, digits.test)
    estimator.fit(digits.train, callbacks=[first, Narrator(report)])
    seconds = estimator.history_["seconds"][-1] - first.seconds
    result = {
        "first_error": first.error,
        "error": float(estimator.reconstruction_error(digits.test).mean()),
        "seconds": round(seconds, 1),
        "n_components": estimator.n_components_,
        "comparable": estimator.n_components_ < estimator.referee_.n_features,
        "parameters": sum(p.numel() for p in estimator.network_.network.parameters()),
        "machine": machine(),
        "latens": __version__,
    }
    return estimator, result


def _steps(rows: int, batch_size: int) -> int:
    """Batches in an epoch: a last one of one joins the one before."""
    full, rest = divmod(rows, batch_size)
    return max(1, full + (rest > 1))


class FirstEpoch(Callback):
    """Measures the test error after the first epoch, as the publication does.

    Args:
        estimator: In the middle of its fit: its schema is known.
        images: The test images.
    """

    def __init__(self, estimator: Reconstructor, images: np.ndarray) -> None:
        self.estimator = estimator
        self.images = images
        self.error: float | None = None
        self.seconds = 0.0

    def epoch_end(self, state: Watched) -> None:
        if state.epoch != 1:
            return
        started = time.monotonic()
        training, schema = cast("TrainState", state), self.estimator.schema_
        network = self.estimator._applied(copy.deepcopy(training.model))
        outputs = schema.unscale_values(network.reconstruct(schema.scale_values(self.images)))
        self.error = float(np.square(outputs - self.images, dtype=np.float64).mean())
        self.seconds = time.monotonic() - started


class Narrator(Callback):
    """Says after each epoch how it stands and how long it will take, at most every few seconds.

    Args:
        report: Hears it.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self._told = time.monotonic()

    def epoch_end(self, state: Watched) -> None:
        if time.monotonic() - self._told < 5 and state.epoch != 1:
            return
        self._told = time.monotonic()
        left = state.history["seconds"][-1] / state.epoch * (state.max_epochs - state.epoch)
        loss = state.history["train_loss"][-1]
        self.report(f"  epoch {state.epoch} of {state.max_epochs}: loss {loss:.5g}, about {left:.0f} s left")

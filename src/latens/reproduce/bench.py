"""The bench on which experiments are carried out: data, seeds, what is known already, and where results go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from latens.estimators import AnyAutoencoder, load
from latens.estimators.events import EventAutoregressor
from latens.estimators.series import SeriesAutoregressor
from latens.estimators.text import TextAutoregressor
from latens.persistence import atomic_path
from latens.plots import plot_history
from latens.reports import Report
from latens.reproduce import digits, simulators, texts
from latens.reproduce.blocks import Blocks
from latens.reproduce.digits import Digits, load_digits
from latens.reproduce.fits import fit_and_measure
from latens.reproduce.hours import Hours, load_hours
from latens.reproduce.ledger import Ledger, make_folder
from latens.reproduce.recipes import ALL_ROWS, EXPERIMENTS, MEASURES
from latens.reproduce.simulators import Flow
from latens.reproduce.texts import Text, Titles, load_text, load_titles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Bench"]

Material: TypeAlias = Digits | Blocks | Text | Titles | Flow | Hours

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
    def text(self) -> Text:
        """The text that the experiments with characters learn from."""
        return load_text(self.quick)

    @cached_property
    def titles(self) -> Titles:
        """The titles that are clustered."""
        return load_titles(self.quick)

    @cached_property
    def flow(self) -> Flow:
        """The simulator that is replaced."""
        return simulators.lorenz(simulators.QUICK if self.quick else simulators.FlowSize())

    @cached_property
    def hours(self) -> Hours:
        """The series that is forecast."""
        return load_hours(self.quick)

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
        known = self._known(name)
        there = len(known.train)
        return known.first(min(there, max(_LEAST_ROWS, round(there * EXPERIMENTS[name].train_rows / ALL_ROWS))))

    def _known(self, name: str) -> Digits:
        """All images but those of digits that the experiment is not to see."""
        return self.digits.without(EXPERIMENTS[name].without)

    def pixels(self, name: str) -> Digits:
        """The images that are read as sequences; in the quick form very few."""
        data = self.data(name)
        return data.first(min(len(data.train), digits.QUICK.pixel_rows)) if self.quick else data

    def blocks(self, name: str) -> Blocks:
        """The same as sequences of blocks."""
        return Blocks(self.pixels(name))

    def material(self, name: str) -> Material:
        """What an experiment learns from."""
        of: dict[str, Callable[[], Material]] = {
            "images": lambda: self.data(name),
            "groups": lambda: self.data(name),
            "hidden": lambda: self.data(name),
            "tiles": lambda: self.data(name),
            "strangers": lambda: self.data(name),
            "text": lambda: self.text,
            "titles": lambda: self.titles,
            "pixels": lambda: self.pixels(name),
            "blocks": lambda: self.blocks(name),
            "flow": lambda: self.flow,
            "hours": lambda: self.hours,
        }
        return of[EXPERIMENTS[name].learns]()

    def pca_error(self, name: str, n_components: int) -> float | None:
        """Exact PCA's error with as many components on an experiment's images; None where it would only copy."""
        data = self.data(name)
        key = len(data.train), n_components, EXPERIMENTS[name].without
        if key not in self._pca_errors:
            self._pca_errors[key] = data.pca_error(n_components)
        return self._pca_errors[key]

    @cached_property
    def _pca_errors(self) -> dict[tuple[Any, ...], float | None]:
        return {}

    def circumstances(self, name: str) -> dict[str, Any]:
        """Everything a fit's result depends on but its seed."""
        experiment = EXPERIMENTS[name]
        settings = experiment.settings | {"max_epochs": self._epochs(name)}
        return {"estimator": experiment.estimator, "settings": settings, "data": self.material(name).describe()}

    def _epochs(self, name: str) -> int:
        """How often an experiment reads what it learns from: few images are read more often, in as many steps."""
        experiment = EXPERIMENTS[name]
        epochs, batch = experiment.settings["max_epochs"], experiment.settings["batch_size"]
        if experiment.learns not in ("images", "groups", "strangers"):
            return texts.QUICK.max_epochs if self.quick else int(epochs)
        epochs = self.quick_epochs if self.quick else epochs
        every, some = (_steps(len(of.train), batch) for of in (self._known(name), self.data(name)))
        return max(1, round(epochs * every / some))

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
        estimator, result = fit_and_measure(EXPERIMENTS[name], settings, self.material(name), seed, self.report)
        if seed == self.seeds[0]:
            self._forget_pictures(name)
            estimator.save(self.model_path(name))
            self.draw(name, "history", plot_history(estimator.history_, title=f"{name}: loss by epoch"))
        self.ledger.keep(key, circumstances, result)
        measure = MEASURES[EXPERIMENTS[name].learns]
        self.report(f"{key}: {measure.name} {measure.text(result['error'])} in {result['seconds']:.0f} s")
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

    def model(self, name: str) -> AnyAutoencoder:
        """The first seed's autoencoder, fitted now if it has to be."""
        return cast(AnyAutoencoder, self._loaded(name))

    def writer(self, name: str) -> TextAutoregressor:
        """The first seed's model of text."""
        return cast(TextAutoregressor, self._loaded(name))

    def series(self, name: str) -> SeriesAutoregressor:
        """The first seed's model of values."""
        return cast(SeriesAutoregressor, self._loaded(name))

    def drawer(self, name: str) -> EventAutoregressor:
        """The first seed's model of blocks."""
        return cast(EventAutoregressor, self._loaded(name))

    def _loaded(self, name: str) -> Any:
        self.trial(name, self.seeds[0], with_model=True)
        return load(self.model_path(name))

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


def _steps(rows: int, batch_size: int) -> int:
    """Batches in an epoch: a last one of one joins the one before."""
    full, rest = divmod(rows, batch_size)
    return max(1, full + (rest > 1))

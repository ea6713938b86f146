"""S18 and S19: the images that a model does not expect, and whether digits that it never saw are among them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from latens.analysis import Calibration, Reason
from latens.plots import plot_outliers
from latens.reproduce.bench import Bench
from latens.reproduce.recipes import UNKNOWN
from latens.reproduce.rows import Line, Row, Table, figure_text, fit_line
from latens.reproduce.strangers import ANGLES, RESIDUAL, pixels_found

__all__ = ["FLAGGED_ROW", "HELD_OUT_ROW"]

# Share of the images that S18 flags.
_RATE = 0.001
_SHOWN = 8
_PLAIN, _RECIPE = "S19", "S19 recipe"
_NAMES = {_PLAIN: "the plain model", _RECIPE: "the recipe"}


# ---- S18 -------------------------------------------------------------------------------------------------------------


def _flagged(bench: Bench) -> list[Line]:
    """S18: what exceeds the errors of all but a thousandth of the training images, there and among new images."""
    model = bench.model("S4")
    errors = {"train": model.reconstruction_error(bench.digits.train)}
    errors["test"] = model.reconstruction_error(bench.digits.test)
    learned = Calibration.of(errors["train"])
    threshold = learned.threshold(_RATE)
    for part, images, labels in (
        ("train", bench.digits.train, bench.digits.train_labels),
        ("test", bench.digits.test, bench.digits.test_labels),
    ):
        if not bench.drawn("S18", part, ["S4"]):
            _draw(bench, part, (images, labels, errors[part]), learned)
    said = [
        f"{int((each > threshold).sum()):,} of {len(each):,} {part} images ({_RATE * len(each):,.4g} expected)"
        for part, each in errors.items()
    ]
    words = (
        f"errors above {threshold:.4g}, which {_RATE:.1%} of the training images exceed: {' and '.join(said)}, below"
    )
    return [Line("S18", "Outliers by S4's reconstruction error, on the training images and on new ones", words=words)]


def _draw(bench: Bench, part: str, judged: tuple[np.ndarray, np.ndarray, np.ndarray], learned: Calibration) -> None:
    images, labels, errors = judged
    threshold, rows = learned.threshold(_RATE), np.argsort(-errors, kind="stable")[:_SHOWN]
    chances = learned.p_values(errors[rows])
    reasons = [
        Reason(int(row), float(errors[row]), float(chance), bool(errors[row] > threshold), "residual", (), ())
        for row, chance in zip(rows, chances, strict=True)
    ]
    shown = images[rows]
    made = bench.model("S4").reconstruct(shown)
    captions = [f"label {label}" for label in labels[rows]]
    title = f"S18: the {_SHOWN} {part} images with the largest error"
    bench.draw("S18", part, plot_outliers(reasons, list(shown), list(made), captions=captions, title=title))


# ---- S19 -------------------------------------------------------------------------------------------------------------


def _found(bench: Bench, name: str) -> list[dict[str, Any]]:
    return [bench.trial(name, seed) for seed in bench.seeds]


def _of_pixels(bench: Bench) -> dict[str, float]:
    digits = bench.data(_PLAIN)
    found: dict[str, float] = bench.measured("S19 pixels", (), digits.describe(), lambda: pixels_found(digits))
    return found


def _held_out(bench: Bench) -> list[Line]:
    """S19: the AUROC of the digits that were left out, for the plain model and for the recipe."""
    plain, recipe = (fit_line(bench, "S19", name) for name in (_PLAIN, _RECIPE))
    said = {
        _PLAIN: f"by its error {_words(_found(bench, _PLAIN), RESIDUAL)}",
        _RECIPE: f"by the angle between codes {_words(_found(bench, _RECIPE), ANGLES)}, by its error "
        f"{_words(_found(bench, _RECIPE), RESIDUAL)}; by pixels {_of_pixels(bench)['all']:.3f}",
    }
    quick = f"; {plain.words}" if bench.quick else ""
    lines = []
    for name, line in ((_PLAIN, plain), (_RECIPE, recipe)):
        words = f"AUROC of {' and '.join(map(str, UNKNOWN))} against the rest {said[name]}{quick}"
        lines.append(Line("S19", line.title, line.errors, line.first_errors, line.seconds, line.pca_error, words, name))
    return lines


def _words(found: Sequence[dict[str, Any]], evidence: str) -> str:
    """The median, and all seeds if there are several."""
    figures = [each["found"][evidence]["all"] for each in found]
    seeds = f" ({', '.join(f'{figure:.3f}' for figure in figures)})" if len(figures) > 1 else ""
    return f"{median(figures):.3f}{seeds}"


def _tables(bench: Bench) -> list[Table]:
    return [_errors_table(bench), _found_table(bench)]


def _errors_table(bench: Bench) -> Table:
    """The mean test error of each digit, median over the seeds."""
    digits = [int(digit) for digit in np.unique(bench.digits.test_labels)]
    header = ("model", *(f"{digit}{' (never seen)' * (digit in UNKNOWN)}" for digit in digits))
    rows = [(title, *map(figure_text, _by_digit(_found(bench, name)))) for name, title in _NAMES.items()]
    return Table("S19: mean squared error of test images by digit, median over the seeds", header, tuple(rows))


def _by_digit(found: Sequence[dict[str, Any]]) -> list[float]:
    return [median(errors) for errors in zip(*(each["by_digit"] for each in found), strict=True)]


def _found_table(bench: Bench) -> Table:
    names = [*map(str, UNKNOWN)]
    header = ("model", "evidence", "AUROC", *(f"of {name} alone" for name in names), "all seeds")
    rows = [
        (title, evidence, *_cells([each["found"][evidence] for each in _found(bench, name)], names))
        for name, title in _NAMES.items()
        for evidence in _found(bench, name)[0]["found"]
    ]
    rows += [("none", "distance of pixels", *_cells([_of_pixels(bench)], names))]
    return Table("S19: digits that were never seen against the rest, on the test images", header, tuple(rows))


def _cells(found: Sequence[dict[str, float]], names: Sequence[str]) -> tuple[str, ...]:
    medians = [f"{median(each[name] for each in found):.3f}" for name in ("all", *names)]
    return (*medians, ", ".join(f"{each['all']:.3f}" for each in found))


FLAGGED_ROW = Row(("S4",), _flagged, (("S18", "train"), ("S18", "test")))
HELD_OUT_ROW = Row((_PLAIN, _RECIPE), _held_out, ((_PLAIN, "history"), (_RECIPE, "history")), _tables)

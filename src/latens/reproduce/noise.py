"""S9 and S10: what each corruption does to real digits, and how models stand it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from latens.corruptions import Corruption, Custom, resolve_corruption
from latens.plots import plot_corruptions, plot_errors
from latens.reproduce.bench import Bench
from latens.reproduce.rows import Line, Row, Table, figure_text
from latens.seeds import Pool, keyed

__all__ = ["FAMILY", "FAMILY_ROW", "LEVELS", "PAPER", "ROBUSTNESS_ROW"]

# Levels at which a digit can still be read.
FAMILY = (
    *("gaussian:0.5", "speckle:0.5", "poisson:5", "salt-and-pepper:0.2", "dropout:0.5", "masking:0.3"),
    *("block:0.15", "span:0.3:8", "blur:1.5", "rotation:30", "affine", "swap:0.3"),
)
# Stains darken what is light: seen on black ink on white paper.
PAPER = ("stains:0.5", "stains:0.9:4:2")

LEVELS = {
    "gaussian": (0.0, 0.125, 0.25, 0.5, 0.75, 1.0),
    "dropout": (0.0, 0.1, 0.2, 0.35, 0.5, 0.7),
}
_SHOWN = 0.5
_MODELS = {"S5": "S5 plain", "S7": "S7 Gaussian", "S8": "S8 dropout"}
_NAMES = {"gaussian": "Gaussian noise", "dropout": "dropout"}
_INPUT = "no model"


def _every_other_line(x: Tensor) -> Tensor:
    """What stands for any function of a user's."""
    return x * (torch.arange(x.shape[1], device=x.device) % 2)[:, None]


# ---- S9 --------------------------------------------------------------------------------------------------------------


def _family(bench: Bench) -> list[Line]:
    """S9: every corruption, and a function of one's own, on one test image of each digit."""
    digits = bench.digits.test[bench.digits.one_of_each()]
    leaves: dict[str, object] = {name: name for name in FAMILY} | {"your function": Custom(_every_other_line)}
    made = {name: _corrupted(digits, leaf, bench) for name, leaf in leaves.items()}
    stained = {name: _corrupted(1.0 - digits, name, bench) for name in PAPER}
    if not (bench.drawn("S9", "family") and bench.drawn("S9", "paper")):
        bench.draw("S9", "family", plot_corruptions(digits, made, title="S9: test images and what is made of them"))
        bench.draw("S9", "paper", plot_corruptions(1.0 - digits, stained, title="S9: ink on paper, stained"))
    changes = [f"{name} {_error(images, digits):.3f}" for name, images in made.items()]
    changes += [f"{name} {_error(images, 1.0 - digits):.3f}" for name, images in stained.items()]
    words = f"{len(changes)} corruptions, below; mean squared change of a pixel: {', '.join(changes)}"
    return [Line("S9", "Realistic corruptions of real digits", words=words)]


def _corrupted(images: np.ndarray, corruption: object, bench: Bench) -> np.ndarray:
    """Test images under a corruption; other values come from training images."""
    leaf = resolve_corruption(corruption)
    assert isinstance(leaf, Corruption)
    train = torch.from_numpy(bench.digits.train)
    pool = Pool(train, torch.arange(len(train)))
    return leaf(torch.from_numpy(images), keyed(bench.seeds[0], 0, torch.arange(len(images)), pool)).numpy()


def _error(images: np.ndarray, clean: np.ndarray) -> float:
    return float(np.square(images - clean, dtype=np.float64).mean())


# ---- S10 -------------------------------------------------------------------------------------------------------------


def _robustness(bench: Bench) -> list[Line]:
    """S10: each model on clean images, on images with Gaussian noise and on images with dropout noise."""
    errors = {kind: _by_level(bench, kind) for kind in LEVELS}
    _draw_side_by_side(bench)
    _draw_curves(bench, errors)
    lines = []
    for title in _MODELS.values():
        seen = {"clean images": errors["gaussian"][title][0]}
        for kind, levels in LEVELS.items():
            seen[f"{_NAMES[kind]} of {_SHOWN}"] = errors[kind][title][levels.index(_SHOWN)]
        words = f"one seed, {bench.seeds[0]}; the error is against the clean images"
        lines += [Line("S10", f"{title}: {given}", errors=(error,), words=words) for given, error in seen.items()]
    return lines


def _by_level(bench: Bench, kind: str) -> dict[str, list[float]]:
    """The error of each model, and of the input as it is, at each level."""
    levels = LEVELS[kind]
    clean = bench.digits.test

    def measure() -> dict[str, list[float]]:
        noisy = [_corrupted(clean, f"{kind}:{level}", bench) for level in levels]
        errors = {_INPUT: [_error(images, clean) for images in noisy]}
        for name, title in _MODELS.items():
            model = bench.model(name)
            errors[title] = [_error(model.reconstruct(images), clean) for images in noisy]
        return errors

    found: dict[str, list[float]] = bench.measured(f"S10 {kind}", list(_MODELS), levels, measure)
    return found


def _draw_side_by_side(bench: Bench) -> None:
    """The same items through each model."""
    clean = bench.digits.test[bench.digits.one_of_each()]
    for given in ("clean", *LEVELS):
        if bench.drawn("S10", given, list(_MODELS)):
            continue
        images = clean if given == "clean" else _corrupted(clean, f"{given}:{_SHOWN}", bench)
        rows = {} if given == "clean" else {"input": images}
        rows |= {title: bench.model(name).reconstruct(images) for name, title in _MODELS.items()}
        what = "clean images" if given == "clean" else f"{_NAMES[given]} of {_SHOWN}"
        bench.draw("S10", given, plot_corruptions(clean, rows, title=f"S10: {what} through each model"))


def _draw_curves(bench: Bench, errors: Mapping[str, Mapping[str, list[float]]]) -> None:
    for kind, levels in LEVELS.items():
        if not bench.drawn("S10", f"{kind}-levels", list(_MODELS)):
            title = f"S10: error by level of {_NAMES[kind]}"
            # Without the input's own error, which is so much larger that the models would be one line
            models = {name: values for name, values in errors[kind].items() if name != _INPUT}
            figure = plot_errors(levels, models, across=f"{_NAMES[kind]} on the input", title=title)
            bench.draw("S10", f"{kind}-levels", figure)


def _tables(bench: Bench) -> list[Table]:
    return [
        Table(
            f"S10: mean squared error by level of {_NAMES[kind]}",
            ("model", *(f"{level:g}" for level in levels)),
            tuple((title, *map(figure_text, errors)) for title, errors in _by_level(bench, kind).items()),
        )
        for kind, levels in LEVELS.items()
    ]


FAMILY_ROW = Row((), _family, (("S9", "family"), ("S9", "paper")))
ROBUSTNESS_ROW = Row(
    tuple(_MODELS),
    _robustness,
    tuple(("S10", subject) for subject in ("clean", *LEVELS, *(f"{kind}-levels" for kind in LEVELS))),
    _tables,
)

"""S11: a hidden part predicted, tiles put in order, and what the codes of both are worth."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from latens.plots import plot_corruptions
from latens.reproduce.bench import Bench
from latens.reproduce.hiding import SHARE, hide
from latens.reproduce.recipes import EXPERIMENTS
from latens.reproduce.rows import Line, Row, Table, figure_text
from latens.reproduce.worth import FEW, few, few_labels, flat

__all__ = ["TASKS_ROW"]

_INPAINTING = ("S11 inpainting", "S11 plain")
_TILES = ("S11 tiles 2", "S11 tiles 3")
_PIXELS, _MEAN = "pixels", "mean of the training images"


def _found(bench: Bench, name: str) -> list[dict[str, Any]]:
    return [bench.trial(name, seed) for seed in bench.seeds]


def _baselines(bench: Bench) -> dict[str, float]:
    """What needs no network: the mean image in the hidden part, and a few labels on pixels."""
    digits = bench.data(_INPAINTING[0])

    def measure() -> dict[str, float]:
        mean = np.broadcast_to(digits.train.mean(axis=0), digits.test.shape)
        labels = few_labels((flat(digits.train), flat(digits.test)), digits)
        return {_MEAN: hide(digits.test).error(mean), _PIXELS: labels}

    found: dict[str, float] = bench.measured("S11 baselines", (), [digits.describe(), SHARE, FEW], measure)
    return found


def _lines(bench: Bench) -> list[Line]:
    """S11: two lines of errors where it was hidden, two of tiles out of place."""
    baselines = _baselines(bench)
    lines = [_line(bench, name, f"{_MEAN}: {baselines[_MEAN]:.5f}", baselines) for name in _INPAINTING]
    for name in _TILES:
        chance = _found(bench, name)[0]["order"]
        words = f"chance: {1.0 - chance['chance_positions']:.4f}; whole images in order: {_orders(bench, name)}"
        lines.append(_line(bench, name, words, baselines))
    if not bench.drawn(_INPAINTING[0], "filled", _INPAINTING):
        _draw(bench)
    return lines


def _line(bench: Bench, name: str, words: str, baselines: dict[str, float]) -> Line:
    found = _found(bench, name)
    accuracy = _spread([each["labels"] for each in found])
    labels = f"{few(bench.data(name))} labels: {accuracy}, on pixels {baselines[_PIXELS]:.3f}"
    return Line(
        row="S11",
        title=f"{EXPERIMENTS[name].title} ({found[0]['parameters']:,} parameters)",
        errors=tuple(each["error"] for each in found),
        seconds=median(each["seconds"] for each in found),
        words=f"{words}; linear probe on {labels}",
        experiment=name,
    )


def _orders(bench: Bench, name: str) -> str:
    found = [each["order"] for each in _found(bench, name)]
    return f"{_spread([each['orders'] for each in found])} (chance {found[0]['chance_orders']:.2g})"


def _spread(figures: Sequence[float]) -> str:
    """The median, and all seeds if there are several."""
    seeds = f" ({', '.join(f'{figure:.3f}' for figure in figures)})" if len(figures) > 1 else ""
    return f"{median(figures):.3f}{seeds}"


def _draw(bench: Bench) -> None:
    shown = hide(bench.digits.test[bench.digits.one_of_each()])
    asked, plain = (shown.filled(bench.model(name).reconstruct(shown.given)) for name in _INPAINTING)
    rows = {"hidden": shown.given, "filled in": asked, "plain": plain}
    figure = plot_corruptions(shown.truth, rows, title="S11: test images, a part hidden, and filled in")
    bench.draw(_INPAINTING[0], "filled", figure)


def _tables(bench: Bench) -> list[Table]:
    baselines = _baselines(bench)
    hidden = [(_MEAN, figure_text(baselines[_MEAN]), "", ""), (_PIXELS, "", "", f"{baselines[_PIXELS]:.3f}")]
    hidden += [_hidden_cells(name, _found(bench, name)) for name in _INPAINTING]
    tiles = tuple(_tile_cells(name, _found(bench, name)) for name in _TILES)
    probe = f"linear probe on {few(bench.data(_INPAINTING[0]))} labels"
    return [
        Table(
            f"S11: mean squared error in the hidden {SHARE:.0%} of test images",
            ("what fills it in", "median", "every seed", probe),
            tuple(hidden),
        ),
        Table(
            "S11: tiles of test images in place, of every seed, and chance",
            ("tiles", "in place", "chance", "images whole", "chance", probe),
            tiles,
        ),
    ]


def _hidden_cells(name: str, found: Sequence[dict[str, Any]]) -> tuple[str, str, str, str]:
    errors, labels = [each["error"] for each in found], [each["labels"] for each in found]
    return name.split()[1], figure_text(median(errors)), ", ".join(map(figure_text, errors)), _spread(labels)


def _tile_cells(name: str, found: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    orders = [each["order"] for each in found]
    side = name.split()[-1]
    return (
        f"{side} x {side}",
        ", ".join(f"{each['positions']:.3f}" for each in orders),
        f"{orders[0]['chance_positions']:.3f}",
        ", ".join(f"{each['orders']:.3f}" for each in orders),
        f"{orders[0]['chance_orders']:.2g}",
        _spread([each["labels"] for each in found]),
    )


_HISTORIES = tuple((name, "history") for name in (*_INPAINTING, *_TILES))
TASKS_ROW = Row((*_INPAINTING, *_TILES), _lines, ((_INPAINTING[0], "filled"), *_HISTORIES), _tables)

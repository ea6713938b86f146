"""S29: digits generated row by row and block by block, a simulator replaced, and a time series forecast."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from latens.plots import plot_errors, plot_images
from latens.plots.pictures import draw_pictures
from latens.reproduce.bench import Bench
from latens.reproduce.blocks import nearest
from latens.reproduce.recipes import EXPERIMENTS, MEASURES
from latens.reproduce.rows import Line, Row, Table
from latens.reproduce.simulators import LYAPUNOV, Flow, rollout_errors

__all__ = ["VALUES_ROW"]

PIXELS, BLOCKS, LORENZ, HOURS = "S29 pixels", "S29 blocks", "S29 Lorenz", "S29 ETTh1"
_GENERATED = 24
# Of those, how many are shown beside the training image that is most like them.
_COMPARED = 12
# Test images that are held against the training images in the same way.
_HELD_AGAINST = 1000
# Of the attractor's deviation: where a rollout has lost the trajectory.
_LOST = 0.3


def _lines(bench: Bench) -> list[Line]:
    """S29: pixels, blocks of pixels, a simulator, a time series."""
    for name in (PIXELS, BLOCKS, LORENZ, HOURS):
        bench.circumstances(name)  # what is not here is said before hours of fitting
    return [_pixels(bench), _blocks(bench), _simulator(bench), _forecasts(bench)]


# ---- pixels ----------------------------------------------------------------------------------------------------------


def _pixels(bench: Bench) -> Line:
    results = [bench.trial(PIXELS, seed) for seed in bench.seeds]
    if not bench.drawn("S29", "digits", [PIXELS]):
        _draw_digits(bench)
    first, last = (
        MEASURES["pixels"].text(median(result[name] for result in results)) for name in ("first_error", "error")
    )
    told = f"mean log-likelihood on test images {median(result['test_score'] for result in results):.4f} nats per pixel"
    words = (
        f"{len(bench.pixels(PIXELS).train):,} images of {bench.digits.name}, an image row an item; training "
        f"loss {first} after 1 epoch, {last} after all, {told}; {_GENERATED} images from nothing, below"
    )
    seconds = median(result["seconds"] for result in results)
    return Line("S29", EXPERIMENTS[PIXELS].title, words=words, seconds=seconds)


def _draw_digits(bench: Bench) -> None:
    rows = bench.digits.test.shape[1]
    made = bench.series(PIXELS).generate(_GENERATED, steps=rows, random_state=bench.seeds[0])
    figure = plot_images(made.clip(0.0, 1.0), title="S29: generated row by row, the pixels of a row independently")
    bench.draw("S29", "digits", figure)


# ---- blocks of pixels ------------------------------------------------------------------------------------------------


def _blocks(bench: Bench) -> Line:
    results, made = [bench.trial(BLOCKS, seed) for seed in bench.seeds], _made(bench)
    if not (bench.drawn("S29", "blocks", [BLOCKS]) and bench.drawn("S29", "nearest", [BLOCKS])):
        _draw_made(bench, made)
    text, digits = MEASURES["blocks"].text, bench.pixels(BLOCKS)
    costs = [result["error"] for result in results]
    words = (
        f"{len(digits.train):,} images of {digits.name}; {text(median(costs))} nats per black and white test "
        f"image (every seed: {', '.join(map(text, costs))}); "
        f"{_GENERATED} images from nothing, below: of {digits.n_features} pixels {min(made['differ'])} to "
        f"{max(made['differ'])}, median {median(made['differ']):g}, are not as in the most similar training image (of "
        f"test images: median {made['test_differ']:g})"
    )
    return Line("S29", EXPERIMENTS[BLOCKS].title, words=words, seconds=median(result["seconds"] for result in results))


def _made(bench: Bench) -> dict[str, Any]:
    """Images from nothing, as sequences, and how far they are from the training images: are they copies?"""

    def measure() -> dict[str, Any]:
        blocks = bench.blocks(BLOCKS)
        length = len(blocks.train[0])
        sequences = bench.drawer(BLOCKS).generate(n=_GENERATED, max_new_items=length, random_state=bench.seeds[0])
        known = blocks.images(blocks.train)
        places, differ = nearest(blocks.images(sequences), known)
        _, of_test = nearest(blocks.images(blocks.test[:_HELD_AGAINST]), known)
        found = {"sequences": sequences, "nearest": places.tolist(), "differ": differ.tolist()}
        return found | {"test_differ": float(np.median(of_test))}

    what = {"images": _GENERATED, "held_against": _HELD_AGAINST}
    found: dict[str, Any] = bench.measured("S29 generated", [BLOCKS], what, measure)
    return found


def _draw_made(bench: Bench, made: dict[str, Any]) -> None:
    blocks = bench.blocks(BLOCKS)
    images = blocks.images(made["sequences"])
    bench.draw("S29", "blocks", plot_images(images, title="S29: images generated from nothing, block by block"))
    known = blocks.images([blocks.train[place] for place in made["nearest"][:_COMPARED]])
    rows = {"generated": images[:_COMPARED].astype(np.float64), "most similar": known.astype(np.float64)}
    bench.draw("S29", "nearest", draw_pictures(rows, "S29: generated images, and the most similar training images"))


# ---- a simulator -----------------------------------------------------------------------------------------------------


def _simulator(bench: Bench) -> Line:
    results = [bench.trial(LORENZ, seed) for seed in bench.seeds]
    flow = bench.flow
    if not bench.drawn("S29", "rollout", [LORENZ]):
        _draw_rollout(bench, results[0]["rollout"])
    followed = [_followed(result["rollout"], flow) for result in results]
    words = (
        f"{len(flow.train):,} trajectories of {flow.train.shape[1]} steps of {flow.step}; error of the next state "
        f"{median(result['rollout'][0] for result in results):.4f} deviations; rolled out from {flow.context} states, "
        f"a trajectory is followed to within {_LOST} deviations for {median(followed):.2f} Lyapunov times (every seed: "
        f"{', '.join(f'{time:.2f}' for time in followed)}); the simulator itself, started a thousandth off: "
        f"{_followed(rollout_errors(flow.nudged, flow), flow):.2f}"
    )
    seconds = median(result["seconds"] for result in results)
    return Line("S29", EXPERIMENTS[LORENZ].title, words=words, seconds=seconds)


def _followed(errors: Any, flow: Flow) -> float:
    """For how long, in Lyapunov times, the error stays small."""
    large = np.asarray(errors) > _LOST
    steps = int(large.argmax()) if large.any() else len(large)
    return steps * flow.step * LYAPUNOV


def _draw_rollout(bench: Bench, errors: list[float]) -> None:
    flow = bench.flow
    places = [LYAPUNOV * flow.step * (i + 1) for i in range(len(errors))]
    still = np.broadcast_to(flow.test[:, flow.context - 1 : flow.context], flow.nudged.shape)
    curves = {
        f"the network, seed {bench.seeds[0]}": errors,
        "the simulator, started a thousandth off": rollout_errors(flow.nudged, flow).tolist(),
        "the last state for ever": rollout_errors(still, flow).tolist(),
    }
    title, measured = f"S29: {flow.name} rolled out", "root mean square error, deviations"
    figure = plot_errors(places, curves, across="Lyapunov times", title=title, measured=measured)
    bench.draw("S29", "rollout", figure)


def _tables(bench: Bench) -> list[Table]:
    flow = bench.flow
    seeds = {f"network, seed {seed}": bench.trial(LORENZ, seed)["rollout"] for seed in bench.seeds}
    curves = seeds | {"simulator, a thousandth off": rollout_errors(flow.nudged, flow).tolist()}
    steps = [step for step in (1, 5, 10, 25, 50, 100, 200) if step <= len(flow.nudged[0])]
    rows = tuple((name, *(f"{errors[step - 1]:.4f}" for step in steps)) for name, errors in curves.items())
    title = "S29: error of a rollout of the Lorenz system by steps, in deviations of the attractor"
    return [Table(title, ("", *map(str, steps)), rows)]


# ---- a time series ---------------------------------------------------------------------------------------------------


def _forecasts(bench: Bench) -> Line:
    results = [bench.trial(HOURS, seed) for seed in bench.seeds]
    experiment, hours = EXPERIMENTS[HOURS], bench.hours
    text = MEASURES[experiment.learns].text
    words = (
        f"{len(hours.past):,} forecasts of {hours.name}: mean squared error in standardised units "
        f"{text(median(result['error'] for result in results))} (every seed: "
        f"{', '.join(text(result['error']) for result in results)}), last value {text(results[0]['last_value'])}, the "
        f"day before {text(results[0]['seasonal_naive'])}, published ({experiment.source}) {experiment.published[1]}; "
        f"other horizons, and all columns: benchmarks/quality/etth1.py"
    )
    return Line("S29", experiment.title, words=words, seconds=median(result["seconds"] for result in results))


_PICTURES = (
    *((PIXELS, "history"), ("S29", "digits")),
    *((BLOCKS, "history"), ("S29", "blocks"), ("S29", "nearest")),
    *((LORENZ, "history"), ("S29", "rollout"), (HOURS, "history")),
)
VALUES_ROW = Row((PIXELS, BLOCKS, LORENZ, HOURS), _lines, _PICTURES, _tables, about="sequences")

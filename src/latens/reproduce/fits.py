"""Fits of an experiment: an estimator, what it learned from, and what is measured of it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from latens import __version__
from latens.analysis import last_value, seasonal_naive
from latens.callbacks import Callback, Watched
from latens.estimators import AnyAutoencoder
from latens.estimators.events import EventAutoregressor
from latens.estimators.jigsaw import JigsawEncoder
from latens.estimators.loading import ESTIMATORS
from latens.estimators.series import SeriesAutoregressor
from latens.estimators.text import TextAutoregressor
from latens.reports import Report
from latens.reproduce.blocks import Blocks
from latens.reproduce.clusters import clusters_found
from latens.reproduce.digits import Digits
from latens.reproduce.hiding import hide
from latens.reproduce.hours import SEASON, Hours
from latens.reproduce.ledger import machine
from latens.reproduce.recipes import PUBLISHED_STEPS, Experiment
from latens.reproduce.simulators import Flow, rollout_errors
from latens.reproduce.strangers import errors_by_digit, found_by
from latens.reproduce.texts import Text, Titles
from latens.reproduce.worth import clusters_of, few_labels, probes_of

if TYPE_CHECKING:
    from latens.training import TrainState

__all__ = ["FITS", "fit_and_measure"]

# Test images whose likelihood is taken, at most: each is read on its own.
_JUDGED_IMAGES = 1000


def fit_and_measure(
    experiment: Experiment, settings: dict[str, Any], material: Any, seed: int, report: Report
) -> tuple[Any, dict[str, Any]]:
    """Fit one seed; the estimator, and what was measured: at least its error or loss, and seconds."""
    estimator = ESTIMATORS[experiment.estimator](**settings, random_state=seed, verbose=0)
    result = FITS[experiment.learns](estimator, material, report)
    result |= {
        "parameters": sum(p.numel() for p in estimator.network_.network.parameters()),
        "machine": machine(),
        "latens": __version__,
    }
    return estimator, result


def _fit_images(estimator: AnyAutoencoder, digits: Digits, report: Report) -> dict[str, Any]:
    """Its errors on the test images after the first and the last epoch."""
    first = FirstEpoch(estimator, digits.test)
    estimator.fit(digits.train, callbacks=[first, Narrator(report)])
    seconds = estimator.history_["seconds"][-1] - first.seconds
    return {
        "first_error": first.error,
        "error": float(estimator.reconstruction_error(digits.test).mean()),
        "seconds": round(seconds, 1),
        "n_components": estimator.n_components_,
        "comparable": estimator.n_components_ < estimator.referee_.n_features,
    }


def _fit_groups(estimator: AnyAutoencoder, digits: Digits, report: Report) -> dict[str, Any]:
    """Besides its errors what its codes are worth: clusters of the test images, and probes."""
    result, seed = _fit_images(estimator, digits, report), int(estimator.random_state)
    codes = estimator.transform(digits.train), estimator.transform(digits.test)
    report("  clustering the test images' codes")
    clusters = clusters_of(codes[1], digits.test_labels, seed)
    report("  classifying test images from a few labels")
    return result | {"clusters": clusters, "probes": probes_of({"codes": codes}, digits)}


def _fit_hidden(estimator: AnyAutoencoder, digits: Digits, report: Report) -> dict[str, Any]:
    """Its error in the hidden part of the test images, and what its codes are worth."""
    estimator.fit(digits.train, callbacks=[Narrator(report)])
    seconds, shown = round(estimator.history_["seconds"][-1], 1), hide(digits.test)
    labels = few_labels((estimator.transform(digits.train), estimator.transform(digits.test)), digits)
    return {"error": shown.error(estimator.reconstruct(shown.given)), "seconds": seconds, "labels": labels}


def _fit_tiles(estimator: JigsawEncoder, digits: Digits, report: Report) -> dict[str, Any]:
    """The share of tiles of test images that it puts out of place, and what its codes are worth."""
    estimator.fit(digits.train, callbacks=[Narrator(report)])
    seconds, order = round(estimator.history_["seconds"][-1], 1), estimator.order_accuracy(digits.test)
    labels = few_labels((estimator.transform(digits.train), estimator.transform(digits.test)), digits)
    return {"error": 1.0 - order.positions, "seconds": seconds, "order": asdict(order), "labels": labels}


def _fit_strangers(estimator: AnyAutoencoder, digits: Digits, report: Report) -> dict[str, Any]:
    """Besides its errors those of each digit, and how well evidence of every kind finds what it never saw."""
    result = _fit_images(estimator, digits, report)
    report("  judging the test images")
    return result | {"by_digit": errors_by_digit(estimator, digits), "found": found_by(estimator, digits)}


def _fit_text(estimator: TextAutoregressor, text: Text, report: Report) -> dict[str, Any]:
    """The training loss of the first and the last epoch, as the sum that was published."""
    estimator.fit(text.source(), callbacks=[Narrator(report)])
    losses = [PUBLISHED_STEPS * loss for loss in estimator.history_["train_loss"]]
    seconds = round(estimator.history_["seconds"][-1], 1)
    return {"first_error": losses[0], "error": losses[-1], "seconds": seconds}


def _fit_titles(estimator: TextAutoregressor, titles: Titles, report: Report) -> dict[str, Any]:
    """The training loss in nats per character, and the clusters of the titles' vectors; topics only judge them."""
    estimator.fit(titles.source(), callbacks=[Narrator(report)])
    losses, seconds = estimator.history_["train_loss"], round(estimator.history_["seconds"][-1], 1)
    report("  clustering the titles' vectors")
    found = clusters_found(estimator, titles, int(estimator.random_state))
    return {"first_error": losses[0], "error": losses[-1], "seconds": seconds, "clusters": found}


def _fit_pixels(estimator: SeriesAutoregressor, digits: Digits, report: Report) -> dict[str, Any]:
    """Losses and the test images' mean log-likelihood, nats per pixel; each image is a series of its rows."""
    estimator.fit(list(digits.train), callbacks=[Narrator(report)])
    losses, seconds = estimator.history_["train_loss"], round(estimator.history_["seconds"][-1], 1)
    judged = digits.test[: min(len(digits.train), _JUDGED_IMAGES)]
    score = estimator.score(list(judged)) / digits.test.shape[2]
    return {"first_error": losses[0], "error": losses[-1], "seconds": seconds, "test_score": score}


def _fit_blocks(estimator: EventAutoregressor, blocks: Blocks, report: Report) -> dict[str, Any]:
    """What a test image costs in nats, the sum over its blocks, and how many of them the training images lack."""
    estimator.fit(blocks.train, callbacks=[Narrator(report)])
    seconds, known = round(estimator.history_["seconds"][-1], 1), set(estimator.schema_.items)
    nats = sum(float(costs.sum()) for costs in estimator.surprisal(blocks.test))
    unknown = sum(item not in known for sequence in blocks.test for item in sequence)
    # The unknown item stands for all of them: which one it is has to be said, and each is as likely.
    nats += unknown * math.log(max(1, blocks.n_items - len(known)))
    return {"error": nats / len(blocks.test), "seconds": seconds, "unknown": unknown}


def _fit_flow(estimator: SeriesAutoregressor, flow: Flow, report: Report) -> dict[str, Any]:
    """Losses, and the error of rollouts of the test trajectories by step."""
    estimator.fit(list(flow.train), callbacks=[Narrator(report)])
    losses, seconds = estimator.history_["train_loss"], round(estimator.history_["seconds"][-1], 1)
    steps = flow.test.shape[1] - flow.context
    made = estimator.rollout(list(flow.test[:, : flow.context]), steps)
    errors = rollout_errors(made, flow).tolist()
    return {"first_error": losses[0], "error": losses[-1], "seconds": seconds, "rollout": errors}


def _fit_hours(estimator: SeriesAutoregressor, hours: Hours, report: Report) -> dict[str, Any]:
    """The mean squared error of forecasts of four days, beside those that need no network."""
    estimator.fit(hours.learned, callbacks=[Narrator(report)])
    horizon = hours.future.shape[1]
    made = {
        "error": estimator.rollout(list(hours.past), horizon)[..., 0],
        "last_value": last_value(hours.past[..., None], horizon)[..., 0],
        "seasonal_naive": seasonal_naive(hours.past[..., None], horizon, SEASON)[..., 0],
    }
    errors = {name: float(np.square(forecast - hours.future).mean()) for name, forecast in made.items()}
    return {"seconds": round(estimator.history_["seconds"][-1], 1), **errors}


# How each kind of material is learned from, and measured.
FITS: dict[str, Callable[[Any, Any, Report], dict[str, Any]]] = {
    "images": _fit_images,
    "groups": _fit_groups,
    "hidden": _fit_hidden,
    "tiles": _fit_tiles,
    "strangers": _fit_strangers,
    "text": _fit_text,
    "titles": _fit_titles,
    "pixels": _fit_pixels,
    "blocks": _fit_blocks,
    "flow": _fit_flow,
    "hours": _fit_hours,
}


class FirstEpoch(Callback):
    """Measures the test error after the first epoch, as the publication does.

    Args:
        estimator: In the middle of its fit: its schema is known.
        images: The test images.
    """

    def __init__(self, estimator: AnyAutoencoder, images: np.ndarray) -> None:
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

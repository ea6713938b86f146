"""Epochs of the deep (S4) and the wide network (S5) on MNIST, and the codes of 60,000 images.

An epoch of ours is the second one of `Autoencoder.fit`, with all that a fit does in an epoch; what it does once
(scaling, the referee) lies outside. The plain listing learns from the same weights in the same order and must reach the
same loss in the first epoch; the later ones are measured. On a CPU an epoch is of 6,400 images for the deep and 1,280
for the wide network, on a GPU of all 60,000.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from listings import ImagePairs, autoencoder, autoencoder_epoch, embed
from products import dense_step
from reporting import run
from timing import (
    Clock,
    Contender,
    Goal,
    Learning,
    Options,
    Row,
    check_same,
    data_folder,
    faster,
    race,
    same_weights,
    timed,
    within,
)

import latens
from latens.seeds import order

BATCH = 128
# Reached by both sides after one epoch from the same weights. Batches follow each other 50 times and amplify rounding:
# the listing itself ends 1.1e-3 from its own epoch in float64, and 5e-4 from its own on another number of threads.
SAME = 5e-3
SHAPES: dict[str, dict[str, Any]] = {
    "deep": {"n_components": 2},
    "wide": {"hidden": "wide"},
}


def images(split: str, n: int, options: Options) -> np.ndarray:  # (n, 28, 28) uint8
    """The first images of MNIST; quickly, a quarter of their pixels."""
    data_folder()
    found = latens.open_source(f"dataset:mnist/{split}").values[:n]
    return np.ascontiguousarray(found[:, ::2, ::2]) if options.quick else found


def estimator(shape: str, options: Options, **settings: Any) -> latens.Autoencoder:
    """An autoencoder as the published experiments have it, with a linear output."""
    how = {"output": "linear", "batch_size": BATCH, "validation_fraction": 0.0, "verbose": 0, "device": options.device}
    return latens.Autoencoder(**SHAPES[shape], **how | {"max_epochs": 2} | settings)


class Epoch:
    """The contenders for one epoch of one network."""

    def __init__(self, shape: str, train: np.ndarray, options: Options) -> None:
        self.shape, self.train, self.options = shape, train, options
        first = self.fit()
        self.begun, self.loss = self.clock.begun, first.history_["train_loss"][0]
        config = self.begun.config
        self.widths = (config["encoder"], config["decoder"])

    def fit(self, **settings: Any) -> latens.Autoencoder:
        self.clock = Clock(self.options.device)
        return estimator(self.shape, self.options, **settings).fit(self.train, callbacks=[self.clock])

    def ours(self, **settings: Any) -> Contender:
        def seconds() -> float:
            self.fit(**settings)
            return self.clock.seconds

        return seconds

    def plain(self) -> Contender:
        """The listing, whose loss must be ours."""
        network = same_weights(self.begun, autoencoder(*self.widths).to(self.options.device))
        visited, data = order(0, 0, len(self.train)).tolist(), ImagePairs(self.train)
        learning = Learning(network, data, BATCH, visited, autoencoder_epoch, self.options.device)

        def seconds() -> float:
            taken = learning.run()
            check_same(f"loss of the {self.shape} network's first epoch", self.loss, learning.losses[0], SAME)
            return taken

        return seconds

    def products(self) -> Contender:
        """Those of an epoch: of its full batches, and of the rest."""
        full, rest = divmod(len(self.train), BATCH)
        widths = [*self.widths[0], *self.widths[1][1:]]
        steps = [dense_step(widths, BATCH, self.options.device)] * full
        steps += [dense_step(widths, rest, self.options.device)] if rest else []
        return timed(lambda: [step() for step in steps], self.options.device)


def deep(options: Options) -> Row:
    n = 60_000 if options.on_gpu and not options.quick else options.sized(6400, 130)
    epoch = Epoch("deep", images("train", n, options), options)
    seconds = race({"plain": epoch.plain(), "latens": epoch.ours(), "products": epoch.products()}, options)
    goals = [faster(seconds, "plain", options.bound(2.0, 20.0)), within(seconds, "products", options.bound(1.4))]
    return Row(f"deep network (S4), an epoch of {n:,} images", seconds, goals)


def wide(options: Options) -> Row:
    n = 60_000 if options.on_gpu and not options.quick else options.sized(1280, 130)
    epoch = Epoch("wide", images("train", n, options), options)
    contenders = {"plain": epoch.plain(), "latens": epoch.ours(), "bf16": epoch.ours(precision="bf16-mixed")}
    seconds = race(contenders | {"products": epoch.products()}, options)
    goals = [
        within(seconds, "products", options.bound(1.25)),
        faster(seconds, "plain", None),
        faster(seconds, "plain", options.bound(1.5, 20.0), who="bf16"),
        *final_errors(options),
    ]
    note = 'bf16 is latens with precision="bf16-mixed"; its test error is held against the one of float32'
    return Row(f"wide network (S5), an epoch of {n:,} images", seconds, goals, note)


def final_errors(options: Options) -> list[Goal]:
    """What the narrower numbers cost: test error in bf16 over that in float32."""
    n, epochs = (130, 1) if options.quick else (60_000, 10) if options.on_gpu else (2560, 4)
    train, test = images("train", n, options), images("test", options.sized(10_000, 130), options)
    errors = []
    for precision in ("32-true", "bf16-mixed"):
        fitted = estimator("wide", options, max_epochs=epochs, precision=precision).fit(train)
        errors.append(float(fitted.reconstruction_error(test).mean()) / 255**2)
    after = f"{epochs} epochs of {n:,}"
    return [
        Goal(f"test MSE, float32, after {after}", errors[0], None, at_least=False),
        Goal(f"test MSE, bf16, after {after}", errors[1], None, at_least=False),
        Goal("test MSE, bf16 / float32", errors[1] / errors[0], 1.03, at_least=False),
    ]


def codes(options: Options) -> Row:
    """Codes of many rows, as they come from a file; the listing collates them image by image."""
    data = images("train", options.sized(60_000, 2048), options)
    fitted = estimator("deep", options, max_epochs=1).fit(data[:1280])
    network = copy.deepcopy(fitted.network_.network)
    listing = same_weights(network, autoencoder(network.config["encoder"], network.config["decoder"]))
    listing.load_state_dict(dict(zip(listing.state_dict(), network.state_dict().values(), strict=True)))
    encoder = torch.nn.Sequential(*list(listing)[: 3 * len(network.config["encoder"]) - 4]).to(options.device)
    found: dict[str, np.ndarray] = {}
    rows = 1024
    step = dense_step(network.config["encoder"], rows, options.device, learn=False)
    seconds = race(
        {
            "plain": timed(lambda: found.update(plain=embed(encoder, data, BATCH, options.device))),
            "latens": timed(lambda: found.update(ours=fitted.transform(data))),
            "products": timed(lambda: [step() for _ in range(-(-len(data) // rows))], options.device),
        },
        options,
    )
    difference = float(np.abs(found["plain"] - found["ours"]).max() / np.abs(found["plain"]).max())
    check_same("codes", 1.0, 1.0 + difference, 1e-4)
    goals: Sequence[Goal] = [within(seconds, "products", options.bound(1.3)), faster(seconds, "plain", None)]
    if options.on_gpu:
        goals = [*goals, Goal("seconds", seconds["latens"], 0.1, at_least=False)]
    note = f"from uint8 images to codes in NumPy; the products alone are in batches of {rows:,}"
    return Row(f"embed {len(data):,} × {data[0].size}, deep network", seconds, goals, note)


def measure(options: Options) -> list[Row]:
    return [deep(options), wide(options), codes(options)]


if __name__ == "__main__":
    run(measure)

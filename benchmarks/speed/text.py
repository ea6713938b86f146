"""Epochs of the text model (S25): 399 windows of 250 characters, in batches of 128 and of 16.

An epoch of ours is the second one of `TextAutoregressor.fit`; what a fit does once (the vocabulary, the referee) lies
outside. The plain listing learns from the same weights in the same order and must reach the same loss in the first
epoch; the later ones are measured. `nn.GRU` and `nn.LSTM` are other cells, whose output is fed back as it is: what
PyTorch's own kernels would take without the LayerNorm that makes this model what it is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from listings import Autoregressive, Chunks, PlainRecurrent, text_epoch
from products import recurrent_step
from reporting import run
from timing import (
    Clock,
    Contender,
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

CHUNK = 250
WINDOWS = 399
SIZES = (32, 128, 2)  # embedding, hidden, layers
# Reached by both sides after one epoch from the same weights. In float64 a step's losses agree to 1e-8 over 25 steps;
# float32 rounds, over 250 items of a window, and torch's own losses then differ from its float64 ones by up to 5e-3.
SAME = 5e-3
GATES = {"gru": 3, "lstm": 4}


class Epoch:
    """The contenders for one epoch of one cell."""

    def __init__(self, cell: str, batch: int, options: Options) -> None:
        self.cell, self.batch, self.options = cell, batch, options
        self.windows = options.sized(WINDOWS, 6)
        self.chunk = options.sized(CHUNK, 25)
        whole = (data_folder() / "text" / "shakespear-karpathy-100k.txt").read_text().lower()
        self.text = whole[: self.windows * self.chunk + 1]
        first = self.fit()
        self.begun, self.loss = self.clock.begun, first.history_["train_loss"][0]
        self.sizes: Any = (self.begun.config["n_items"], *SIZES)
        index = {character: int(first.schema_.encode(character)[0]) for character in set(self.text)}
        self.chunks = Chunks(self.text, index, self.chunk)
        self.order = order(0, 0, len(self.chunks)).tolist()

    def fit(self) -> latens.TextAutoregressor:
        self.clock = Clock(self.options.device)
        how = {"validation_fraction": 0.0, "verbose": 0, "max_epochs": 2, "device": self.options.device}
        model = latens.TextAutoregressor(cell=self.cell, chunk=self.chunk, batch_size=self.batch, **how)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "text.txt"
            path.write_text(self.text)
            return model.fit(path, callbacks=[self.clock])

    def ours(self) -> float:
        self.fit()
        return self.clock.seconds

    def plain(self) -> Contender:
        """The listing, whose loss must be ours."""
        network = same_weights(self.begun, Autoregressive(self.cell, *self.sizes).to(self.options.device))
        learning = self._learning(network)

        def seconds() -> float:
            taken = learning.run()
            what = f"loss of the first epoch, {self.cell}, batch {self.batch}"
            check_same(what, self.loss, self._with_first(learning.losses[0]), SAME)
            return taken

        return seconds

    def _with_first(self, loss: float) -> float:
        """The listing's loss as a mean over the text's first character too, which ours predicts from nothing."""
        said = self.begun.opening(1).log_softmax(dim=-1)[0]
        items = len(self.text) - 1
        return (loss * items - float(said[self.chunks.index[self.text[0]]])) / (items + 1)

    def other_cell(self) -> Contender:
        return self._learning(PlainRecurrent(self.cell, *self.sizes)).run

    def _learning(self, network: torch.nn.Module) -> Learning:
        return Learning(network, self.chunks, self.batch, self.order, text_epoch, self.options.device)

    def products(self) -> Contender:
        full, rest = divmod(len(self.chunks), self.batch)
        rows = [self.batch] * full + [rest] * (rest > 0)
        made = {n: recurrent_step(self.sizes, GATES[self.cell], n, self.chunk, self.options.device) for n in set(rows)}
        return timed(lambda: [made[n]() for n in rows], self.options.device)


def epoch(cell: str, batch: int, options: Options) -> Row:
    """One row; the targets are those of the GRU."""
    contenders = Epoch(cell, batch, options)
    other = f"nn.{cell.upper()}"
    seconds = race(
        {
            "plain": contenders.plain(),
            other: contenders.other_cell(),
            "latens": contenders.ours,
            "products": contenders.products(),
        },
        options,
    )
    large = batch == 128
    aims = {"plain": options.bound(1.4 if large else 3.0, 60.0), "products": options.bound(1.5 if large else None)}
    if cell != "gru":
        aims = dict.fromkeys(aims)
    goals = [faster(seconds, "plain", aims["plain"]), within(seconds, "products", aims["products"])]
    goals.append(within(seconds, other, options.bound(None, 2.0) if large and cell == "gru" else None))
    note = f"{other} is a different cell: what it feeds back is not normalised"
    shape = f"{contenders.windows} × {contenders.chunk} characters"
    return Row(f"text model (S25), {cell.upper()}, an epoch of {shape}, batch {batch}", seconds, goals, note)


def measure(options: Options) -> list[Row]:
    cases = [("gru", 128), ("gru", 16), ("lstm", 128)]
    return [epoch(cell, batch, options) for cell, batch in cases]


if __name__ == "__main__":
    run(measure)

"""An encoder of images that learned to put their tiles in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from latens.analysis import OrderAccuracy, judge_orders
from latens.data import Source
from latens.data.batches import SampleData
from latens.errors import ConfigError, DataError, choice, whole
from latens.estimators.encoding import SampleEncoder
from latens.estimators.sizes import block_style, whole_widths
from latens.models.jigsaw import tile_size
from latens.schema import Schema

__all__ = ["JigsawEncoder"]

# Of "auto": numbers in a tile's code, channels, and the gap as a share of a cell's side (Noroozi & Favaro: 11 of 75).
_CODE = 16
_HIDDEN = [16, 32]
_GAP = 0.15


class JigsawEncoder(SampleEncoder):
    r"""Cuts images into tiles, shuffles them, and learns where each belongs; its codes are by-products of that.

    .. math:: \ell = -\frac{1}{K} \sum_s \log p(\pi(s) \mid t_{\pi(1)}, \dots, t_{\pi(K)})

    To know where a tile belongs the network has to know what it shows, and what stands beside it (Noroozi & Favaro,
    2016, https://arxiv.org/abs/1603.09246). A code is the codes of all tiles one after another, in their own order and
    without shuffling. There is no way back from it: nothing is reconstructed.

    Args:
        n_components: Numbers in a code, a multiple of the tiles; ``"auto"`` is 16 for each tile.
        grid: Tiles along each side: 2 for 4 tiles, 3 for 9.
        gap: Pixels by which a tile is smaller than its cell, taken from a random place in training, so that lines do
            not go on from tile to tile; ``"auto"`` is 0.15 of a cell's side, rounded up.
        hidden: Channels of the encoder's blocks, each of which halves height and width; ``"auto"`` is 16 and 32.
        kernel_size: Of the convolutions, odd.
        head: Units between the tiles' codes and their places.
        activation: Between the layers: relu, gelu, leaky-relu, elu, silu, tanh, sigmoid or identity.
        batch_norm: Whether the blocks normalise.
        dropout: Probability of losing a number after each block, in training.
        scaling: ``"auto"``, or one of the schema's scalings.
        max_epochs: Passes over the training images.
        batch_size: Images a step, at least 2.
        learning_rate: Of AdamW; the highest one if there is a schedule.
        weight_decay: Of AdamW.
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient, or None.
        clip_norm: Bound on the gradient's norm, or None.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
        validation_fraction: Share of images held out, in [0, 1).
        early_stopping: Stop when the held-out loss has not improved for `patience` epochs, and keep the best weights.
        patience: Epochs.
        random_state: Seed of the split, the weights, the order of rows, the order of tiles and their places.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Attributes after `fit`:
        referee_: How many of the held-out tiles it places, beside chance.

    Raises:
        ConfigError: On `fit`: a setting that cannot work.
        DataError: On `fit`: a table, or images of different sizes.

    Example:
        >>> X = np.random.default_rng(0).uniform(size=(40, 12, 12))
        >>> encoder = JigsawEncoder(max_epochs=1, verbose=0).fit(X)
        >>> encoder.transform(X).shape, encoder.order_accuracy(X).tiles
        ((40, 64), 4)
    """

    referee_: OrderAccuracy

    def __init__(
        self,
        n_components: int | str = "auto",
        grid: int = 2,
        gap: int | str = "auto",
        hidden: str | Sequence[int] = "auto",
        kernel_size: int = 3,
        head: int = 256,
        activation: str = "relu",
        batch_norm: bool = True,
        dropout: float = 0.0,
        scaling: str = "auto",
        max_epochs: int = 20,
        batch_size: int = 128,
        learning_rate: float = 4e-3,
        weight_decay: float = 0.01,
        schedule: str = "one-cycle",
        clip_value: float | None = None,
        clip_norm: float | None = None,
        precision: str = "32-true",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 5,
        random_state: Any = 0,
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.n_components = n_components
        self.grid, self.gap = grid, gap
        self.hidden, self.kernel_size, self.head = hidden, kernel_size, head
        self.activation, self.batch_norm, self.dropout = activation, batch_norm, dropout
        self.scaling = scaling
        self.max_epochs, self.batch_size = max_epochs, batch_size
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.schedule = schedule
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.precision, self.device = precision, device
        self.validation_fraction = validation_fraction
        self.early_stopping, self.patience = early_stopping, patience
        self.random_state, self.verbose = random_state, verbose

    # ---- the network -------------------------------------------------------------------------------------------

    def network_name(self) -> str:
        return "jigsaw"

    def network_config(self, schema: Schema) -> dict[str, Any]:
        grid = whole("grid", self.grid, at_least=2)
        sides = [side for side in schema.shape[:2] if side is not None]
        gap = self._gap(min(sides) // grid)
        tile_size(sides, grid, gap)
        return {
            "shape": list(schema.shape),
            "n_components": self._code(grid**2),
            "grid": grid,
            "gap": gap,
            "hidden": self._channels(),
            "kernel_size": self.kernel_size,
            "block": block_style(self),
            "head": self.head,
        }

    def _gap(self, cell: int) -> int:
        if isinstance(self.gap, str):
            choice("gap", self.gap, ("auto",))
            return min(math.ceil(_GAP * cell), max(0, cell - 1))
        return whole("gap", self.gap, at_least=0)

    def _code(self, tiles: int) -> int:
        if isinstance(self.n_components, str):
            choice("n_components", self.n_components, ("auto",))
            return _CODE * tiles
        return whole("n_components", self.n_components, at_least=1)

    def _channels(self) -> list[int]:
        if isinstance(self.hidden, str):
            choice("hidden", self.hidden, ("auto",))
            return _HIDDEN
        return whole_widths(self.hidden, 'use "auto" or a list such as [16, 32]')

    # ---- the data ----------------------------------------------------------------------------------------------

    def _sized(self, source: Source) -> Source:
        if source.kind != "images":
            raise DataError(
                f"{source.name}: a table of {source.n_features} columns has no tiles; "
                "use X.reshape(len(X), height, width), or Autoencoder"
            )
        return source.one_size()

    def _partners(self, source: Source, target: Any) -> Source:
        raise ConfigError("target: a jigsaw predicts the order of the tiles of X; leave it out, or use Autoencoder")

    def _judge(self, data: SampleData) -> None:
        judged = data.validation if len(data.validation) else data.train
        rows = "held-out" if len(data.validation) else "training"
        x = np.concatenate([batch.x.cpu().numpy() for batch in judged.in_order()])
        self.referee_ = self._accuracy(x, rows)

    # ---- answers -----------------------------------------------------------------------------------------------

    def order_accuracy(self, X: Any) -> OrderAccuracy:
        """How many tiles, and whole images, are put in place, beside chance.

        Each image is shown in K orders, each a turn further than the one before, the same for all images.
        """
        return self._accuracy(self._scaled(X), "given")

    def score_samples(self, X: Any) -> np.ndarray:
        """Mean log-likelihood of the tiles' places, (n,) float64, in nats a tile: higher is more normal."""
        placed = self._turned(self._scaled(X))
        slots = np.arange(placed.shape[1])
        right = [placed[:, turn, slots, (slots + turn) % len(slots)] for turn in slots]
        return np.asarray(np.mean(right, axis=(0, 2), dtype=np.float64))

    def score(self, X: Any, y: Any = None) -> float:
        """The share of tiles that are put in place; y is ignored."""
        return self.order_accuracy(X).positions

    def _accuracy(self, scaled: np.ndarray, rows: str) -> OrderAccuracy:
        tiles = whole("grid", self.grid, at_least=2) ** 2
        alike = self.network_.ask(scaled, lambda network, chunk: network.alike(chunk).flatten(1))
        return judge_orders(self._turned(scaled), alike.reshape(-1, tiles, tiles), rows)

    def _turned(self, scaled: np.ndarray) -> np.ndarray:  # -> (n, K, K, K)
        return self.network_.ask(scaled, lambda network, chunk: network.turned(chunk))

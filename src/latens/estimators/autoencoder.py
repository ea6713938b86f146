"""The fully connected autoencoder: deep, overcomplete, denoising, tied, by its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from latens.analysis import principal_of
from latens.data.batches import Rows, SampleData
from latens.devices import threads_for
from latens.errors import ConfigError, choice, setting
from latens.estimators.encoding import SampleEncoder
from latens.estimators.reconstruction import Reconstructor
from latens.estimators.sizes import block_style, code_size, dense_widths, output_of, whole_widths
from latens.models.cells import Cells
from latens.models.tasks import Task
from latens.schema import Schema

__all__ = ["Autoencoder"]

STARTS = ("auto", "random", "pca")


class Autoencoder(SampleEncoder, Reconstructor):
    r"""A fully connected autoencoder.

    .. math:: \hat{x} = g(f(\tilde{x})), \qquad \ell = \mathrm{MSE}(\hat{x}, x)

    Blocks Linear → BatchNorm → activation → dropout stand between the data and a linear code, and mirrored between the
    code and the output (Hinton & Salakhutdinov, 2006, https://doi.org/10.1126/science.1127647). With a `corruption` it
    is a denoising autoencoder (Vincent et al., 2008, https://doi.org/10.1145/1390156.1390294).

    Args:
        n_components: Numbers in a code; ``"auto"`` is min(32, ⌈D/2⌉), and 2D for ``hidden="wide"``.
        hidden: ``"taper"`` for widths max(D // k, n, 8) with k = 2, 3, 4; ``"wide"`` for three of 2D; or the widths
            from the data to the code, mirrored in the decoder; ``[]`` for none.
        decoder_hidden: Widths from the code to the data where they should not mirror `hidden`.
        activation: Between the layers: relu, gelu, leaky-relu, elu, silu, tanh, sigmoid or identity.
        code_activation: Of the code; None is linear.
        output: ``"auto"`` is sigmoid for data bounded in [0, 1] and linear otherwise.
        batch_norm: Whether the blocks normalise.
        dropout: Probability of losing a unit after each block, in training.
        corruption: What is done to the input in training: an instance, ``"gaussian:0.5"``, or a function of the batch.
        loss_region: ``"all"``, or ``"hidden"``: the loss counts only what a corruption such as ``"block:0.25"`` hides.
        tied: The decoder uses the encoder's weights transposed.
        start: ``"random"``, or ``"pca"``: a linear map beside each half, at first exact PCA, so that the network only
            learns what PCA cannot do. ``"auto"`` is pca for frames, CSV and Parquet, unless wide or tied.
        scaling: ``"auto"``, or one of the schema's scalings.
        new_categories: Of a table's column, met after the fit: ``"error"``, or ``"other"`` for none of those known.
        max_epochs: Passes over the training rows.
        batch_size: Rows a step, at least 2.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient, or None.
        clip_norm: Bound on the gradient's norm, or None.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
        validation_fraction: Share of rows held out, in [0, 1).
        early_stopping: Stop when the held-out loss has not improved for `patience` epochs, and keep the best weights.
        patience: Epochs.
        random_state: Seed of the split, the weights, the order and the noise.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Raises:
        ConfigError: On `fit`: a setting that cannot work, such as too many components for a taper.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(100, 6))
        >>> ae = Autoencoder(n_components=2, max_epochs=1, verbose=0).fit(X)
        >>> ae.transform(X).shape, ae.reconstruct(X).shape
        ((100, 2), (100, 6))
    """

    def __init__(
        self,
        n_components: int | str = "auto",
        hidden: str | Sequence[int] = "taper",
        decoder_hidden: Sequence[int] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
        output: str = "auto",
        batch_norm: bool = True,
        dropout: float = 0.0,
        corruption: Any = None,
        loss_region: str = "all",
        tied: bool = False,
        start: str = "auto",
        scaling: str = "auto",
        new_categories: str = "error",
        max_epochs: int = 10,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        schedule: str = "constant",
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
        self.hidden, self.decoder_hidden = hidden, decoder_hidden
        self.activation = activation
        self.code_activation = code_activation
        self.output = output
        self.batch_norm = batch_norm
        self.dropout, self.corruption, self.loss_region = dropout, corruption, loss_region
        self.tied, self.start = tied, start
        self.scaling, self.new_categories = scaling, new_categories
        self.max_epochs, self.batch_size = max_epochs, batch_size
        self.learning_rate, self.weight_decay, self.schedule = learning_rate, weight_decay, schedule
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.precision = precision
        self.validation_fraction = validation_fraction
        self.early_stopping, self.patience = early_stopping, patience
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def network_name(self) -> str:
        return "wide" if isinstance(self.hidden, str) and self.hidden == "wide" else "deep"

    def network_config(self, schema: Schema) -> dict[str, Any]:
        choice("new_categories", self.new_categories, ("error", "other"))
        task = Task.of(self.corruption, self.loss_region)
        columns = schema.network_columns()
        hides = (schema.table is not None and schema.table.has_missing) or hasattr(task.corruption, "hidden")
        cells: Any = None if columns is None else {"columns": columns, "masked": hides and not self.tied}
        inputs, features = (schema.n_features,) * 2 if cells is None else Cells(**cells).ends
        code = code_size(self.n_components, features, wide=self.network_name() == "wide")
        widths, back = dense_widths(self.hidden, features, code), self.decoder_hidden
        decoder = [code, *(widths[::-1] if back is None else whole_widths(back, name="decoder_hidden")), features]
        return {
            "encoder": [inputs, *widths, code],
            "decoder": decoder,
            "block": block_style(self),
            "activations": {"code": self.code_activation, "output": self._output(schema)},
            "tied": bool(self.tied),
            "corruption": task,
            "cells": cells,
            "beside": self._starts_at_pca(schema),
        }

    def _begin(self, network: torch.nn.Module, data: SampleData) -> None:
        if self._starts_at_pca(self.schema_):
            start_at_pca(network, data.train)

    def _starts_at_pca(self, schema: Schema) -> bool:
        if choice("start", self.start, STARTS) != "auto":
            return self.start == "pca"
        return schema.typed and not self.tied and self.network_name() != "wide"

    def _output(self, schema: Schema) -> str:
        if self.output == "auto" and (schema.typed or self._starts_at_pca(schema)):
            return "linear"
        if self.output != "linear" and schema.typed:
            raise ConfigError(
                f'output="{self.output}" does not suit the columns of a table; use {setting("output", "linear")}'
            )
        return output_of(self.output, schema)


def start_at_pca(network: Any, rows: Rows) -> None:
    """Let a network with a linear map beside it begin as the principal components of the training rows.

    Categories begin as equally likely: PCA's numbers are no logits.

    Args:
        network: A `DenseNetwork`.
        rows: The training rows.
    """
    weights, n = network.data.weights(), network.config["encoder"][-1]
    width = network.config["decoder"][-1]
    scale = np.ones(width) if weights is None else np.array(weights[0])

    def filled() -> Iterator[np.ndarray]:
        for batch in rows.in_order():
            yield np.nan_to_num(network.data.features(batch.x).double().cpu().numpy()) * scale

    with threads_for(network, rows.batch_size):
        principal = principal_of(filled, min(n, width))
    components = np.zeros((n, len(scale)))
    components[: len(principal.components)] = principal.components
    encoder, decoder = components * scale, components.T / scale[:, None]
    offset = principal.mean / scale
    for category in getattr(network.data, "categories", ()):
        decoder[category.start : category.start + category.levels] = 0.0
        offset[category.start : category.start + category.levels] = 0.0
    parts = [encoder, -components @ principal.mean, decoder, offset]
    down_weight, down_bias, up_weight, up_bias = (torch.from_numpy(part).float() for part in parts)
    network.start_at((down_weight, down_bias), (up_weight, up_bias))

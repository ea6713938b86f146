"""Autoencoders: networks that predict the input from the input through a code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from latens.data.batches import Batch
from latens.errors import ConfigError, choice, setting
from latens.kernels.aligned import EvenStack
from latens.kernels.stack import DenseLayer
from latens.layers import Beside, Block, Dropout, Linear, TransposeLinear, activation_layer
from latens.losses import orthogonality_penalty
from latens.models.cells import Cells, Features
from latens.models.tasks import Task

__all__ = ["OUTPUTS", "DenseNetwork", "LinearNetwork", "taper_widths", "wide_widths"]

OUTPUTS: dict[str, Callable[[], nn.Module]] = {"linear": nn.Identity, "sigmoid": nn.Sigmoid}


def taper_widths(n_features: int, n_components: int) -> list[int]:
    """Hidden widths max(D // k, n, 8) for k = 2, 3, 4, from the data towards the code.

    Example:
        >>> taper_widths(784, 2)
        [392, 261, 196]
    """
    return [max(n_features // k, n_components, 8) for k in (2, 3, 4)]


def wide_widths(n_features: int) -> list[int]:
    """Three hidden layers of 2D units.

    Example:
        >>> wide_widths(784)
        [1568, 1568, 1568]
    """
    return [2 * n_features] * 3


class _Reconstructing(nn.Module):
    """The loss that every autoencoder shares: predict the clean target from the corrupted input."""

    encoder: nn.Module
    decoder: nn.Module

    def __init__(self, corruption: object = None, data: Features | Cells | None = None) -> None:
        super().__init__()
        self.task = Task.of(corruption)
        self.data = data or Features()

    def encode(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, n)
        code: Tensor = self.encoder(self.data.enter(x))
        return code

    def outputs(self, code: Tensor) -> Tensor:  # (B, n) -> (B, D)
        """What the last layer gives."""
        outputs: Tensor = self.decoder(code)
        return outputs

    def decode(self, code: Tensor) -> Tensor:  # (B, n) -> (B, D)
        return self.data.activate(self.outputs(code))

    def forward(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, D)
        return self.decode(self.encode(x))

    def loss(self, batch: Batch) -> Tensor:
        """The reconstruction error against the target, of a corrupted input in training mode.

        Where only what is hidden counts, it is hidden in evaluation mode, too.
        """
        region = self._region(batch)
        return self.data.loss(self.outputs(self.encode(self._asked(batch, region))), batch.target, region)

    def _asked(self, batch: Batch, region: Tensor | None) -> Tensor:  # -> (B, *shape)
        """What the encoder is given, and the key of the layers' draws."""
        if self.training:
            self._key_dropout(batch)
        corruption = self.task.corruption
        if corruption is None or not (self.training or region is not None):
            return batch.x
        return self.data.corrupt(corruption, batch.x, batch.random.stream("corruption"))

    @property
    def draws(self) -> bool:
        """Whether training needs random numbers beside the order of the rows."""
        return self.task.corruption is not None or bool(self._dropouts)

    def counted(self, batch: Batch) -> int | Tensor:
        """How many things the loss of a batch is the mean over: its rows, or the hidden cells that are there."""
        region = self._region(batch)
        return len(batch) if region is None else (region & self.data.present(batch.target)).sum()

    def _region(self, batch: Batch) -> Tensor | None:  # (B, *shape) bool
        """Where the answer counts; None for everywhere."""
        if self.task.loss_region == "all":
            return None
        return self.task.region(batch.x, batch.random.stream("corruption"))

    @cached_property
    def _dropouts(self) -> list[Dropout]:
        return [layer for layer in self.modules() if isinstance(layer, Dropout)]

    def _key_dropout(self, batch: Batch) -> None:
        for number, layer in enumerate(self._dropouts):
            layer.random = batch.random.stream(f"dropout-{number}")


class LinearNetwork(_Reconstructing):
    r"""PCA as a bottleneck autoencoder with one shared weight.

    .. math:: \hat{x} = W^\top W x, \qquad \ell = \mathrm{MSE}(\hat{x}, x) + \lambda\, \mathrm{MSE}(W W^\top, I)

    Source: Baldi & Hornik, 1989, https://doi.org/10.1016/0893-6080(89)90014-2.

    Args:
        n_features: Numbers in a sample, D.
        n_components: Numbers in a code, n ≤ D.
        orthogonality: Weight :math:`\lambda` of the penalty.
        bias: Whether the decoder has a bias of its own, zero at first.
        corruption: Of the input, in training.

    Raises:
        ConfigError: n > D.

    Example:
        >>> LinearNetwork(n_features=4, n_components=2).encode(torch.ones(3, 4)).shape
        torch.Size([3, 2])
    """

    encoder: Linear
    decoder: TransposeLinear

    def __init__(
        self,
        n_features: int,
        n_components: int,
        orthogonality: float = 0.1,
        bias: bool = False,
        corruption: object = None,
    ) -> None:
        super().__init__(corruption)
        if n_components > n_features:
            raise ConfigError(
                f"n_components={n_components} exceeds the {n_features} input features; "
                f'use n_components<={n_features}, or Autoencoder(hidden="wide") for an overcomplete code'
            )
        self.orthogonality = orthogonality
        self.encoder = Linear(n_features, n_components, bias=False)
        self.decoder = TransposeLinear(self.encoder, bias=bias)

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON values."""
        weight = self.encoder.weight
        return {
            "n_features": weight.shape[1],
            "n_components": weight.shape[0],
            "orthogonality": self.orthogonality,
            "bias": self.decoder.bias is not None,
            "corruption": self.task.config,
        }

    def initialise(self, generator: torch.Generator) -> None:
        """An orthonormal weight (Saxe et al., 2014, https://arxiv.org/abs/1312.6120)."""
        nn.init.orthogonal_(self.encoder.weight, generator=generator)
        self.decoder.reset_parameters()

    def loss(self, batch: Batch) -> Tensor:
        """The reconstruction error; in training mode also the penalty."""
        error = super().loss(batch)
        return error + self.orthogonality * orthogonality_penalty(self.encoder.weight) if self.training else error


class DenseNetwork(_Reconstructing):
    r"""A fully connected autoencoder of any widths: deep, wide, tied or denoising by its arguments.

    .. math:: \hat{x} = g_\theta(f_\phi(\tilde{x})), \qquad \ell = \mathrm{MSE}(\hat{x}, x)

    Between the data and the code stand blocks Linear → BatchNorm → activation → dropout; the code and the output are
    plain linear layers with an optional activation (Hinton & Salakhutdinov, 2006,
    https://doi.org/10.1126/science.1127647).

    Args:
        encoder: Widths from the data to the code, both included: ``[784, 392, 261, 196, 2]``.
        decoder: Widths from the code to the data; None mirrors the encoder.
        block: Arguments of `Block`: activation, batch_norm, dropout.
        activations: Of the ``"code"`` (None is linear) and of the ``"output"``: ``"linear"``, or ``"sigmoid"`` for data
            bounded in [0, 1].
        tied: Decoder layers use the encoder's weights transposed; the widths must mirror each other.
        corruption: Of the input, in training: what `Task.of` takes.
        cells: Arguments of `Cells` if a sample is a row of a typed table; the ends of the widths are then its.
        beside: Whether a linear layer leads past the blocks of each half, whose sum is then the half's answer.

    Raises:
        ConfigError: Ends that do not meet, or tied layers that do not mirror each other.

    Example:
        >>> DenseNetwork([6, 4, 2]).encode(torch.ones(3, 6)).shape
        torch.Size([3, 2])
    """

    encoder: nn.Sequential
    decoder: nn.Sequential

    def __init__(
        self,
        encoder: Sequence[int],
        decoder: Sequence[int] | None = None,
        block: Mapping[str, Any] | None = None,
        activations: Mapping[str, str | None] | None = None,
        tied: bool = False,
        corruption: object = None,
        cells: Mapping[str, Any] | None = None,
        beside: bool = False,
    ) -> None:
        super().__init__(corruption, None if cells is None else Cells(**cells))
        down, up = list(encoder), list(decoder or reversed(encoder))
        _check_widths(down, up, tied, ends_meet=cells is None)
        style, ends = dict(block or {}), {"code": None, "output": "linear"} | dict(activations or {})
        self.config: dict[str, Any] = {
            "encoder": down,
            "decoder": up,
            "block": style,
            "activations": ends,
            "tied": tied,
            "corruption": self.task.config,
            "cells": None if cells is None else dict(cells),
            "beside": beside,
        }
        forward = [Linear(a, b) for a, b in pairwise(down)]
        back: list[nn.Module] = [TransposeLinear(linear) for linear in reversed(forward)] if tied else []
        back = back or [Linear(a, b) for a, b in pairwise(up)]
        stacks = [_stack(layers, widths, style) for layers, widths in ((forward, down), (back, up))]
        if beside:
            pairs = zip(stacks, (down, up), strict=True)
            stacks = [nn.Sequential(Beside(stack, Linear(widths[0], widths[-1]))) for stack, widths in pairs]
        code = activation_layer(ends["code"], "code_activation")
        output = OUTPUTS[choice("output", ends["output"], OUTPUTS)]()
        self.encoder, self.decoder = nn.Sequential(*stacks[0], code), nn.Sequential(*stacks[1], output)

    @property
    def squashed(self) -> bool:
        """Whether the prediction is the logistic function of the last layer's answers."""
        return isinstance(self.decoder[-1], nn.Sigmoid)

    def training_input(self, batch: Batch) -> Tensor:  # -> (B, D)
        """What the first layer is given in training."""
        return self.data.enter(self._asked(batch, None))

    def folded(self) -> Any:
        """The trained network with nothing in it but products, for many rows; itself where it is no plain stack."""
        layers = self._stack()
        return self if layers is None else _Folded(self, layers)

    def dense_layers(self) -> list[DenseLayer] | None:
        """Its layers, if they are all that training is: no shared weights, no typed cells, no region to look at."""
        return self._stack() if self.task.loss_region == "all" else None

    def _stack(self) -> list[DenseLayer] | None:
        """Its layers, if they are all that stands between a sample and the answer."""
        layers = [_dense_layer(part) for part in [*self.encoder][:-1] + [*self.decoder][:-1]]
        if not isinstance(self.data, Features) or not isinstance(self.encoder[-1], nn.Identity) or None in layers:
            return None
        return cast(list[DenseLayer], layers)

    @torch.no_grad()
    def start_at(self, encoder: tuple[Tensor, Tensor], decoder: tuple[Tensor, Tensor]) -> None:
        """Begin at a linear map, around which training then builds what that cannot do; `beside` has to be true.

        Args:
            encoder: Weight (n, D) and bias (n,); what else enters the network begins without effect.
            decoder: Weight (D, n) and bias (D,).
        """
        for half, (weight, bias) in ((self.encoder, encoder), (self.decoder, decoder)):
            cast(Beside, half.get_submodule("0")).start_at(weight, bias)


class _Folded:
    """What a trained `DenseNetwork` is asked for, without its modules."""

    def __init__(self, network: DenseNetwork, layers: Sequence[DenseLayer]) -> None:
        half = len(network.encoder) - 1
        self.data, self._squashed = network.data, network.squashed
        self._down, self._up = EvenStack(layers[:half]), EvenStack(layers[half:])

    def encode(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, n)
        return self._down(self.data.enter(x))

    def decode(self, code: Tensor) -> Tensor:  # (B, n) -> (B, D)
        outputs = self._up(code)
        return self.data.activate(outputs.sigmoid() if self._squashed else outputs)

    def __call__(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, D)
        return self.decode(self.encode(x))


def _stack(linears: Sequence[nn.Module], widths: Sequence[int], block: Mapping[str, Any]) -> nn.Sequential:
    """Blocks for all but the last linear layer."""
    blocks = [Block(linear, width, **block) for linear, width in zip(linears[:-1], widths[1:-1], strict=True)]
    return nn.Sequential(*blocks, linears[-1])


def _dense_layer(part: nn.Module) -> DenseLayer | None:
    """A linear layer with what follows it in its block; None for what the native pass does not know."""
    linear, *after = part if isinstance(part, Block) else (part,)
    norm = cast(nn.BatchNorm1d, after.pop(0)) if after and isinstance(after[0], nn.BatchNorm1d) else None
    activation = after.pop(0) if after else nn.Identity()
    if type(linear) is not Linear or linear.bias is None or not isinstance(activation, (nn.ReLU, nn.Identity)):
        return None
    dropout = cast(Dropout, after[0]) if after else None
    return DenseLayer(cast(nn.Parameter, linear.weight), linear.bias, norm, isinstance(activation, nn.ReLU), dropout)


def _check_widths(down: list[int], up: list[int], tied: bool, ends_meet: bool) -> None:
    if min(len(down), len(up)) < 2 or min(*down, *up) < 1:
        raise ConfigError(f"widths {down} -> {up} leave no layer between data and code; use at least two, all >= 1")
    if down[-1] != up[0] or (ends_meet and down[0] != up[-1]):
        raise ConfigError(f"decoder widths {up} do not lead from the code of {down[-1]} back to {down[0]} features")
    if tied and up != down[::-1]:
        raise ConfigError(
            f"tied=True needs mirrored widths, not {down} and {up}; leave decoder out, or use {setting('tied', False)}"
        )

"""The parts that networks are made of. Their weights come from a generator of our own, never from the global one."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from latens.errors import choice, finite
from latens.seeds import Keyed

__all__ = ["ACTIVATIONS", "Beside", "Block", "Dropout", "Linear", "TransposeLinear", "activation_layer", "initialise"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def activation_layer(name: str | None, argument: str = "activation") -> nn.Module:
    """The layer of a registered activation; None is the identity.

    Raises:
        ConfigError: The name is unknown.

    Example:
        >>> activation_layer("tanh")
        Tanh()
    """
    return ACTIVATIONS[choice(argument, name or "identity", ACTIVATIONS)]()


# Numbers between the starts of two rows: 64 bytes in float32, the widest vector register's size.
_ALIGNMENT = 16


def _evenly(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # (B, K), (N, K), (N,) -> (B, N)
    """The linear map with widths padded by zeros, so that every row starts at a multiple of 64 bytes.

    CPU matrix products add a row up in another order when its memory starts elsewhere; a row's answer would depend on
    its place in the batch.
    """
    more_in, more_out = -weight.shape[1] % _ALIGNMENT, -weight.shape[0] % _ALIGNMENT
    if x.device.type != "cpu" or not (more_in or more_out):
        return functional.linear(x, weight, bias)
    wide_bias = None if bias is None else functional.pad(bias, (0, more_out))
    wide_weight = functional.pad(weight, (0, more_in, 0, more_out))
    return functional.linear(functional.pad(x, (0, more_in)), wide_weight, wide_bias)[:, : len(weight)]


class Linear(nn.Linear):
    """`torch.nn.Linear` whose initial weights can come from a given generator (PyTorch's default distribution).

    In evaluation a row's answer does not depend on its place in the batch.
    """

    def forward(self, input: Tensor) -> Tensor:  # (B, in) -> (B, out)
        linear = functional.linear if self.training else _evenly
        return linear(input, self.weight, self.bias)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            nn.init.uniform_(self.bias, -bound, bound, generator=generator)


class TransposeLinear(nn.Module):
    r"""A linear layer that uses the transposed weight of another one, not a copy of it.

    .. math:: y = x W + b

    The weight is one parameter of the model: it is counted, saved and stepped once, as the other layer's.

    Args:
        linear: The layer whose weight :math:`W` of shape (out, in) is shared.
        bias: Whether to have a bias :math:`b` of its own, zero at first.

    Example:
        >>> encoder = Linear(4, 2, bias=False)
        >>> TransposeLinear(encoder)(torch.ones(3, 2)).shape
        torch.Size([3, 4])
    """

    def __init__(self, linear: Linear, bias: bool = True) -> None:
        super().__init__()
        # In a tuple, so that it is no submodule: a second name in the state dict would be a second copy in the file.
        self._linear = (linear,)
        self.bias = nn.Parameter(torch.zeros(linear.in_features)) if bias else None

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:  # (B, out) -> (B, in)
        linear = functional.linear if self.training else _evenly
        return linear(x, self._linear[0].weight.T, self.bias)


class Dropout(nn.Module):
    r"""Dropout between layers with counter-based draws (Srivastava et al., 2014).

    .. math:: y = m \odot x / (1 - p)

    It draws from `random`, which the model sets for each training batch; without it, and in evaluation, it is the
    identity.

    Args:
        probability: Of losing a unit, :math:`p`.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = finite("dropout", probability, at_least=0.0, at_most=0.999)
        self.random: Keyed | None = None

    def forward(self, x: Tensor) -> Tensor:  # (B, H) -> (B, H)
        if not self.training or self.random is None:
            return x
        return x * (self.random.uniform(x.shape) >= self.probability).to(x.dtype) / (1.0 - self.probability)


class Block(nn.Sequential):
    """Linear, then batch normalisation (Ioffe & Szegedy, 2015), an activation and dropout, each where asked for.

    Args:
        linear: The layer in front, with or without tied weights.
        width: Units that it gives.
        activation: A name of `ACTIVATIONS`.
        batch_norm: Whether to normalise before the activation.
        dropout: The probability of losing a unit after it.

    Example:
        >>> Block(Linear(6, 3), 3)(torch.ones(4, 6)).shape
        torch.Size([4, 3])
    """

    def __init__(
        self, linear: nn.Module, width: int, activation: str = "relu", batch_norm: bool = True, dropout: float = 0.0
    ) -> None:
        layers = [linear]
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation_layer(activation))
        if dropout:
            layers.append(Dropout(dropout))
        super().__init__(*layers)


class Beside(nn.Module):
    r"""A network and a linear layer beside it, added up (He et al., 2016, https://arxiv.org/abs/1512.03385).

    .. math:: y = f(x) + W x + b

    Args:
        network: f, a sequence that ends with a linear layer.
        linear: W and b, of the same ends.
    """

    def __init__(self, network: nn.Sequential, linear: Linear) -> None:
        super().__init__()
        self.network = network
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:  # (B, in) -> (B, out)
        y: Tensor = self.network(x) + self.linear(x)
        return y

    @torch.no_grad()
    def start_at(self, weight: Tensor, bias: Tensor) -> None:  # (out, in or less), (out,)
        """Let the linear layer be the given one, without effect of more inputs, and the network add nothing."""
        for parameter in (*self.network[-1].parameters(), self.linear.weight):
            parameter.zero_()
        self.linear.weight[:, : weight.shape[1]] = weight
        self.linear.bias.copy_(bias)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Give every layer its initial weights and every buffer its initial value, in the order of the modules."""
    for layer in module.modules():
        if isinstance(layer, (Linear, TransposeLinear)):
            layer.reset_parameters(generator)
        elif isinstance(layer, nn.BatchNorm1d):
            layer.reset_parameters()

"""The parts that networks are made of. Their weights come from a generator of our own, never from the global one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from latens.errors import ConfigError, choice, finite, whole
from latens.kernels.aligned import even_linear
from latens.kernels.optional import optional
from latens.kernels.products import learning_linear
from latens.seeds import Keyed

__all__ = [
    "ACTIVATIONS",
    "Beside",
    "Block",
    "Conv",
    "Dropout",
    "Linear",
    "Resize",
    "TransposeLinear",
    "View",
    "activation_layer",
    "initialise",
]

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


class Linear(nn.Linear):
    """`torch.nn.Linear` whose initial weights can come from a given generator (PyTorch's default distribution).

    In evaluation a row's answer does not depend on its place in the batch.
    """

    def forward(self, input: Tensor) -> Tensor:  # (B, in) -> (B, out)
        linear = learning_linear if self.training else even_linear
        return linear(input, self.weight, self.bias)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        _draw_weights(self, generator)


def _draw_weights(layer: nn.Linear | nn.Conv2d, generator: torch.Generator | None) -> None:
    """PyTorch's default distribution: uniform within one over the root of the inputs of a unit."""
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    if layer.bias is not None:
        bound = 1 / math.sqrt(layer.weight[0].numel())
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


class Conv(nn.Conv2d):
    r"""A convolution that keeps height and width: zeros are put around the image, and nothing is pooled.

    .. math:: y_{o}(p) = b_o + \sum_{c, q} w_{o c}(q)\, x_c(p + d q)

    Args:
        channels_in: Of the image, c.
        channels_out: Of the answer, o.
        kernel_size: Side of the square that q runs over; odd, so that it has a middle.
        dilation: Step d between the pixels that it looks at (Yu & Koltun, 2016, https://arxiv.org/abs/1511.07122).

    Raises:
        ConfigError: kernel_size is even, or a size is below 1.

    Example:
        >>> Conv(3, 8, dilation=2)(torch.ones(2, 3, 33, 47)).shape
        torch.Size([2, 8, 33, 47])
    """

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int = 3, dilation: int = 1) -> None:
        side, step = whole("kernel_size", kernel_size, at_least=1), whole("dilation", dilation, at_least=1)
        if side % 2 == 0:
            raise ConfigError(f"kernel_size={side} has no middle pixel; use an odd number such as {side + 1}")
        super().__init__(channels_in, channels_out, side, padding=step * (side // 2), dilation=step)

    @property
    def reach(self) -> int:
        """How many pixels away it looks."""
        return int(self.padding[0])

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        _draw_weights(self, generator)

    def forward(self, input: Tensor) -> Tensor:  # (B, c, H, W) -> (B, o, H, W)
        # Channels last in memory is the faster order on CPUs. It is chosen here and not for the stored weight, because
        # one that came from a file has to be used in the same order, or its answers would differ in the last bit.
        x, weight = (tensor.contiguous(memory_format=torch.channels_last) for tensor in (input, self.weight))
        # In double precision each image is a product of its own, which may round by where its memory begins.
        apart = not self.training and x.dtype == torch.float64 and x.device.type == "cpu"
        images = torch.split(x, 1) if apart else (x,)
        answers = [
            functional.conv2d(each, weight, self.bias, self.stride, self.padding, self.dilation) for each in images
        ]
        return torch.cat(answers) if apart else answers[0]


class View(nn.Module):
    """Each row's numbers in another shape: (B, C·h·w) to (B, C, h, w), where a convolutional part follows a dense one.

    Args:
        shape: Of one row.

    Example:
        >>> View(4, 3, 2)(torch.ones(5, 24)).shape
        torch.Size([5, 4, 3, 2])
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:  # (B, C·h·w) -> (B, C, h, w)
        return x.reshape(x.shape[0], *self.shape)  # not len(x), which would fix the batch in an exported graph


class Resize(nn.Module):
    """Nearest-neighbour interpolation to a given height and width; convolutions after it leave no checkerboard.

    Source: Odena, Dumoulin & Olah, 2016, https://doi.org/10.23915/distill.00003.

    Args:
        height: Of the answer.
        width: Of the answer.

    Example:
        >>> Resize(33, 47)(torch.ones(2, 4, 17, 24)).shape
        torch.Size([2, 4, 33, 47])
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, h, w) -> (B, C, height, width)
        return functional.interpolate(x, self.size, mode="nearest")


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
        linear = learning_linear if self.training else even_linear
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
        return x * self.factors(x.shape, x.dtype).contiguous() if self.training and self.random is not None else x

    def factors(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:  # -> (B, H)
        """What the batch's units are multiplied by: 0, or 1 / (1 - p)."""
        if self.random is None:
            return torch.ones(tuple(shape), dtype=dtype)
        if self.random.index.device.type == "cpu" and (native := optional("latens.kernels.draws", "numba")):
            kept: Tensor = native.kept(self.random, shape, self.probability, dtype)
            return kept
        return (self.random.uniform(shape) >= self.probability).to(dtype) / (1.0 - self.probability)


class Block(nn.Sequential):
    """Linear or Conv, then batch normalisation (Ioffe & Szegedy, 2015), activation and dropout, each where asked for.

    Args:
        linear: The layer in front: Linear, with or without tied weights, or Conv.
        width: Units or channels that it gives.
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
            layers.append((nn.BatchNorm2d if isinstance(linear, Conv) else nn.BatchNorm1d)(width))
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


@runtime_checkable
class Initialised(Protocol):
    """A module that gives itself its initial weights, after its layers have theirs."""

    def initialise(self, generator: torch.Generator) -> None: ...


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Give every layer its initial weights and every buffer its initial value, in the order of the modules."""
    for layer in module.modules():
        if isinstance(layer, (Linear, TransposeLinear, Conv)):
            layer.reset_parameters(generator)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)):
            layer.reset_parameters()
    for layer in module.modules():
        if isinstance(layer, Initialised):
            layer.initialise(generator)

"""What a model is asked to make small; always computed and summed in float32 or wider."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from latens.errors import ConfigError, choice, whole
from latens.seeds import Keyed

__all__ = [
    "LIKELIHOODS",
    "LOSSES",
    "GaussianLikelihood",
    "Likelihood",
    "MixtureLikelihood",
    "SquaredError",
    "mean_where",
    "orthogonality_penalty",
    "resolve_likelihood",
    "sequence_cross_entropy",
    "squared_error",
]

# Least logarithm of a standard deviation, in scaled units: a constant stretch of a series has none, and no finite cost.
_LEAST = -7.0
_LOG_TWO_PI = math.log(2.0 * math.pi)


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:  # (B, *), (B, *) -> (B,)
    r"""Mean squared error of each sample.

    .. math:: \ell_i = \frac{1}{D} \sum_{j=1}^{D} (\hat{x}_{ij} - x_{ij})^2

    Example:
        >>> squared_error(torch.zeros(2, 3), torch.ones(2, 3))
        tensor([1., 1.])
    """
    wide = torch.promote_types(prediction.dtype, torch.float32)
    difference = prediction.to(wide).flatten(1) - target.to(wide).flatten(1)
    return difference.square().mean(dim=1)


def mean_where(where: Tensor, costs: Tensor) -> Tensor:  # (B, *) bool, (B, *) -> ()
    r"""The mean over some cells of a batch, whichever rows they are in; zero where there are none.

    .. math:: \ell = \frac{1}{|H|} \sum_{(i, j) \in H} \ell_{ij}

    Example:
        >>> mean_where(torch.tensor([[True, False], [True, True]]), torch.tensor([[1.0, 9.0], [2.0, 3.0]]))
        tensor(2.)
    """
    return costs.masked_fill(~where, 0.0).sum() / where.sum().clamp(min=1)


def orthogonality_penalty(weight: Tensor) -> Tensor:  # (n, D) -> ()
    r"""How far the rows of a weight are from an orthonormal set.

    .. math:: \frac{1}{n^2} \lVert W W^\top - I \rVert_F^2

    Example:
        >>> orthogonality_penalty(torch.eye(3)).item()
        0.0
    """
    identity = torch.eye(len(weight), dtype=weight.dtype, device=weight.device)
    return (weight @ weight.T - identity).square().mean()


def sequence_cross_entropy(logits: Tensor, items: Tensor) -> Tensor:  # (*, V), (*) -> (*)
    r"""Cross-entropy of each item, in nats.

    .. math:: \ell_t = -\log \mathrm{softmax}(z_t)_{x_t}

    Example:
        >>> sequence_cross_entropy(torch.zeros(1, 2, 4), torch.tensor([[0, 3]]))
        tensor([[1.3863, 1.3863]])
    """
    wide = torch.promote_types(logits.dtype, torch.float32)
    each = functional.cross_entropy(logits.flatten(0, -2).to(wide), items.flatten(), reduction="none")
    return each.reshape(items.shape)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": squared_error,
}


class Likelihood:
    """The role: what the Q numbers that a network gives say of the D values to come, all in scaled units.

    Args:
        size: Values of an item, D.
    """

    n_parameters: int

    def __init__(self, size: int) -> None:
        self.size = size

    def cost(self, parameters: Tensor, values: Tensor) -> Tensor:  # (*, Q), (*, D) -> (*)
        """What is made small: the negative log-likelihood in nats, summed over an item's values."""
        raise NotImplementedError

    def mean(self, parameters: Tensor) -> Tensor:  # (*, Q) -> (*, D)
        """The expected values."""
        raise NotImplementedError

    def draw(self, parameters: Tensor, random: Keyed, spread: Tensor) -> Tensor:  # (B, Q), (D,) -> (B, D)
        """Values at random; `spread` is that of the residuals, for a likelihood that has none of its own."""
        raise NotImplementedError

    def shift(self, parameters: Tensor, by: Tensor) -> Tensor:  # (*, Q), (*, D) -> (*, Q)
        """The distribution of the values plus `by`."""
        raise NotImplementedError

    def normal(self, mean: Tensor, std: Tensor) -> Tensor:  # (D,), (D,) -> (Q,)
        """The parameters of a normal distribution of each value, as far as they can say one."""
        raise NotImplementedError


class SquaredError(Likelihood):
    r"""Only the mean is predicted, and its squared error made small.

    .. math:: \ell = \lVert x - \mu \rVert^2

    Example:
        >>> SquaredError(2).cost(torch.zeros(1, 2), torch.ones(1, 2))
        tensor([2.])
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.n_parameters = size

    def cost(self, parameters: Tensor, values: Tensor) -> Tensor:
        return (parameters.float() - values).square().sum(dim=-1)

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters

    def draw(self, parameters: Tensor, random: Keyed, spread: Tensor) -> Tensor:
        return parameters + spread * random.normal(parameters.shape).to(parameters.dtype)

    def shift(self, parameters: Tensor, by: Tensor) -> Tensor:
        return parameters + by

    def normal(self, mean: Tensor, std: Tensor) -> Tensor:
        return mean


class GaussianLikelihood(Likelihood):
    r"""Every value has a mean and a standard deviation of its own.

    .. math:: \ell = \sum_j \tfrac{1}{2} (x_j - \mu_j)^2 / \sigma_j^2 + \log \sigma_j + \tfrac{1}{2} \log 2\pi

    Example:
        >>> round(GaussianLikelihood(1).cost(torch.zeros(1, 2), torch.zeros(1, 1)).item(), 4)
        0.9189
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.n_parameters = 2 * size

    def _parts(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = parameters.chunk(2, dim=-1)
        return mean, log_std.clamp(min=_LEAST)

    def cost(self, parameters: Tensor, values: Tensor) -> Tensor:
        mean, log_std = self._parts(parameters.float())
        return (0.5 * ((values - mean) * (-log_std).exp()).square() + log_std + 0.5 * _LOG_TWO_PI).sum(dim=-1)

    def mean(self, parameters: Tensor) -> Tensor:
        return self._parts(parameters)[0]

    def draw(self, parameters: Tensor, random: Keyed, spread: Tensor) -> Tensor:
        mean, log_std = self._parts(parameters)
        return mean + log_std.exp() * random.normal(mean.shape).to(mean.dtype)

    def shift(self, parameters: Tensor, by: Tensor) -> Tensor:
        return parameters + torch.cat([by, torch.zeros_like(by)], dim=-1)

    def normal(self, mean: Tensor, std: Tensor) -> Tensor:
        return torch.cat([mean, std.log()])


class MixtureLikelihood(Likelihood):
    r"""A mixture of K normal distributions of the whole item, each with a diagonal covariance (Bishop, 1994).

    .. math:: \ell = -\log \sum_k \pi_k \prod_j \mathcal{N}(x_j; \mu_{kj}, \sigma_{kj}^2)

    Source: https://publications.aston.ac.uk/id/eprint/373/.

    Args:
        size: Values of an item, D.
        components: Normal distributions, K.

    Example:
        >>> round(MixtureLikelihood(1, components=3).cost(torch.zeros(1, 9), torch.zeros(1, 1)).item(), 4)
        0.9189
    """

    def __init__(self, size: int, components: int = 5) -> None:
        super().__init__(size)
        self.components = whole("components", components, at_least=1)
        self.n_parameters = components * (1 + 2 * size)

    def _parts(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # -> (*, K), (*, K, D), (*, K, D)
        k, d = self.components, self.size
        shape = (*parameters.shape[:-1], k, d)
        weight, mean, log_std = parameters[..., :k], parameters[..., k : k + k * d], parameters[..., k + k * d :]
        return weight.log_softmax(dim=-1), mean.reshape(shape), log_std.clamp(min=_LEAST).reshape(shape)

    def cost(self, parameters: Tensor, values: Tensor) -> Tensor:
        weight, mean, log_std = self._parts(parameters.float())
        scaled = (values[..., None, :] - mean) * (-log_std).exp()
        each = (0.5 * scaled.square() + log_std + 0.5 * _LOG_TWO_PI).sum(dim=-1)
        return -torch.logsumexp(weight - each, dim=-1)

    def mean(self, parameters: Tensor) -> Tensor:
        weight, mean, _ = self._parts(parameters)
        return (weight.exp()[..., None] * mean).sum(dim=-2)

    def draw(self, parameters: Tensor, random: Keyed, spread: Tensor) -> Tensor:
        weight, mean, log_std = self._parts(parameters)
        threshold = random.stream("component").uniform((len(weight), 1)).to(weight.dtype)
        chosen = (weight.exp().cumsum(dim=-1) <= threshold).sum(dim=-1).clamp(max=self.components - 1)
        rows = torch.arange(len(chosen), device=chosen.device)
        mean, log_std = mean[rows, chosen], log_std[rows, chosen]
        return mean + log_std.exp() * random.normal(mean.shape).to(mean.dtype)

    def shift(self, parameters: Tensor, by: Tensor) -> Tensor:
        zeros = torch.zeros_like(parameters[..., : self.components])
        means = by.repeat(*[1] * (by.dim() - 1), self.components)
        return parameters + torch.cat([zeros, means, torch.zeros_like(means)], dim=-1)

    def normal(self, mean: Tensor, std: Tensor) -> Tensor:
        return torch.cat(
            [mean.new_zeros(self.components), mean.repeat(self.components), std.log().repeat(self.components)]
        )


LIKELIHOODS: dict[str, Callable[..., Likelihood]] = {
    "mse": SquaredError,
    "gaussian": GaussianLikelihood,
    "mixture": MixtureLikelihood,
}


def resolve_likelihood(name: str, size: int) -> Likelihood:
    """The likelihood of a name such as ``"gaussian"`` or ``"mixture:5"`` for items of `size` values.

    Raises:
        ConfigError: The name is unknown, or the number behind it does not belong there.

    Example:
        >>> resolve_likelihood("mixture:3", size=2).n_parameters
        15
    """
    kind, colon, number = str(name).partition(":")
    make = LIKELIHOODS[choice("likelihood", kind, LIKELIHOODS)]
    if not colon:
        return make(size)
    if kind != "mixture" or not number.isdecimal():
        raise ConfigError(f'likelihood={name!r} is not known; use "mse", "gaussian" or "mixture:5"')
    return make(size, int(number))

r"""Corruptions x → x̃ that a denoising autoencoder learns to undo; active in training only.

The loss compares the reconstruction with the clean x, so copying the input is no solution even when the code is wider
than the data (Vincent et al., 2008, https://doi.org/10.1145/1390156.1390294). A corruption knows nothing of models,
epochs or devices; randomness comes in as an argument, so the same row gets the same noise on any worker or resume.
Levels are in the units the model sees, that is after scaling.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from torch import Tensor

from latens.errors import ConfigError, choice, finite
from latens.seeds import Keyed

__all__ = [
    "CORRUPTIONS",
    "Corruption",
    "Custom",
    "Dropout",
    "GaussianNoise",
    "Masking",
    "SaltAndPepper",
    "corruption_config",
    "resolve_corruption",
]


class Corruption:
    """The role: a callable (x, random) → x̃ of the same shape, dtype and device, whose fields are its settings."""

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        raise NotImplementedError


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    r"""Additive white noise on every feature.

    .. math:: \tilde{x} = x + s, \qquad s \sim \mathcal{N}(\mu, \sigma^2)

    Args:
        std: Standard deviation :math:`\sigma`. Zero leaves x as it is when the mean is zero.
        mean: Mean :math:`\mu`.

    Raises:
        ConfigError: std is negative or not finite.

    Example:
        >>> import torch
        >>> from latens.seeds import keyed
        >>> noise = GaussianNoise(std=0.5)
        >>> noise(torch.zeros(2, 3), keyed(seed=0, epoch=0, index=torch.arange(2))).shape
        torch.Size([2, 3])
    """

    std: float = 0.5
    mean: float = 0.0

    def __post_init__(self) -> None:
        finite("std", self.std, at_least=0.0)
        finite("mean", self.mean)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x + random.normal(x.shape).mul_(self.std).add_(self.mean).to(x.dtype)


@dataclass(frozen=True)
class Dropout(Corruption):
    r"""Each feature is set to zero with a probability; the others grow so that the mean stays.

    .. math:: \tilde{x}_j = m_j x_j / (1 - p), \qquad m_j \sim \mathrm{Bernoulli}(1 - p)

    Source: Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Args:
        probability: Of losing a feature, :math:`p`, from 0 to 0.999.

    Example:
        >>> Dropout(0.2)
        Dropout(probability=0.2)
    """

    probability: float = 0.2

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=0.999)

    def hidden(self, shape: Sequence[int], random: Keyed) -> Tensor:  # -> (B, *) bool
        """Which features are lost."""
        return random.uniform(shape) < self.probability

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        kept = ~self.hidden(x.shape, random)
        return x * kept.to(x.dtype) / (1.0 - self.probability)


@dataclass(frozen=True)
class Masking(Corruption):
    r"""Each feature is replaced by a value with a probability; the others stay as they are.

    .. math:: \tilde{x}_j = v \text{ with probability } p, \text{ else } x_j

    Source: Vincent et al., 2010, https://jmlr.org/papers/v11/vincent10a.html.

    Args:
        probability: Of hiding a feature, :math:`p`, from 0 to 1.
        value: What stands in its place, :math:`v`.

    Example:
        >>> Masking(0.3)
        Masking(probability=0.3, value=0.0)
    """

    probability: float = 0.25
    value: float = 0.0

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=1.0)
        finite("value", self.value)

    def hidden(self, shape: Sequence[int], random: Keyed) -> Tensor:  # -> (B, *) bool
        """Which features are hidden."""
        return random.uniform(shape) < self.probability

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x.masked_fill(self.hidden(x.shape, random), self.value)


@dataclass(frozen=True)
class SaltAndPepper(Corruption):
    r"""Each feature jumps to one of two extremes with a probability, a fair coin choosing which.

    .. math:: \tilde{x}_j = \text{low or high, each with probability } p/2, \text{ else } x_j

    Source: Vincent et al., 2010, https://jmlr.org/papers/v11/vincent10a.html.

    Args:
        probability: Of a jump, :math:`p`, from 0 to 1.
        low: The one extreme.
        high: The other.

    Example:
        >>> SaltAndPepper(0.1)
        SaltAndPepper(probability=0.1, low=0.0, high=1.0)
    """

    probability: float = 0.1
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=1.0)
        finite("low", self.low)
        finite("high", self.high)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        u = random.uniform(x.shape)
        return x.masked_fill(u < self.probability, self.low).masked_fill(u < self.probability / 2, self.high)


@dataclass(frozen=True)
class Custom(Corruption):
    """A function of the user's: ``f(x)`` or ``f(x, random)``, tensors in and out. It is not saved with the model.

    Raises:
        ConfigError: What it returns is not a tensor of the shape it was given.

    Example:
        >>> Custom(lambda x: x.flip(1)) is not None
        True
    """

    function: Callable[..., Tensor]

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        corrupted = self.function(x, random) if _takes_two(self.function) else self.function(x)
        if not isinstance(corrupted, Tensor) or corrupted.shape != x.shape:
            got = tuple(corrupted.shape) if isinstance(corrupted, Tensor) else type(corrupted).__name__
            raise ConfigError(f"corruption={self.function!r} returned {got}; return a tensor of shape {tuple(x.shape)}")
        return corrupted.to(x.dtype)


CORRUPTIONS: dict[str, type[Corruption]] = {
    "gaussian": GaussianNoise,
    "dropout": Dropout,
    "masking": Masking,
    "salt-and-pepper": SaltAndPepper,
}


def resolve_corruption(value: object) -> Corruption | None:
    """The corruption meant by an instance, a name with levels, a saved config, a function, or None.

    Example:
        >>> resolve_corruption("gaussian:0.3")
        GaussianNoise(std=0.3, mean=0.0)
        >>> resolve_corruption({"name": "masking", "probability": 0.1})
        Masking(probability=0.1, value=0.0)
    """
    if value is None or isinstance(value, Corruption):
        return value
    if isinstance(value, str):
        name, *levels = value.split(":")
        return _build(name, [_number(value, level) for level in levels], {})
    if isinstance(value, Mapping):
        return _build(value.get("name"), [], {key: level for key, level in value.items() if key != "name"})
    if callable(value):
        return Custom(value)
    raise ConfigError(f"corruption={value!r} is no corruption; use one of {', '.join(CORRUPTIONS)}, or a function")


def corruption_config(corruption: Corruption | None) -> dict[str, Any] | None:
    """What a model file keeps of a corruption: its name and settings; a user's function is not kept."""
    names = {leaf: name for name, leaf in CORRUPTIONS.items()}
    if corruption is None or type(corruption) not in names:
        return None
    return {"name": names[type(corruption)], **asdict(cast(Any, corruption))}


def _build(name: object, levels: list[float], settings: dict[str, Any]) -> Corruption:
    leaf = CORRUPTIONS[choice("corruption", name, CORRUPTIONS)]
    try:
        return leaf(*levels, **settings)
    except TypeError as error:
        fields = ", ".join(inspect.signature(leaf).parameters)
        raise ConfigError(
            f"corruption={name!r} does not take {levels or settings}; its settings are {fields}"
        ) from error


def _number(corruption: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"corruption={corruption!r}: {text!r} is not a number; use for example gaussian:0.5"
        ) from None


def _takes_two(function: Callable[..., Tensor]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters) >= 2

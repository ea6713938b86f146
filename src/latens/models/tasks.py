"""What an autoencoder is asked: its input with something done to it, and where its answer then counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

from torch import Tensor

from latens.corruptions import Corruption, corruption_config, resolve_corruption
from latens.errors import ConfigError, choice, setting
from latens.seeds import Keyed

__all__ = ["REGIONS", "Task"]

REGIONS = ("all", "hidden")


@dataclass(frozen=True)
class Task:
    r"""A corruption, and the part of a sample that the loss is the mean over.

    With the region H that the corruption hides, the network is asked for that alone (inpainting: Pathak et al., 2016,
    https://arxiv.org/abs/1604.07379; the loss of masked autoencoders: He et al., 2022, https://arxiv.org/abs/2111.06377):

    .. math:: \ell = \frac{1}{\sum_i |H_i|} \sum_i \sum_{j \in H_i} (\hat{x}_{ij} - x_{ij})^2

    Args:
        corruption: Of the input, in training; what `resolve_corruption` takes.
        loss_region: ``"all"``, or ``"hidden"``. What is hidden is then hidden from held-out rows, too: of a part that
            the network sees, the error says nothing about the task.

    Raises:
        ConfigError: The region is unknown, or nothing is hidden.

    Example:
        >>> Task.of({"name": "block", "size": 0.2, "loss_region": "hidden"}).corruption
        Block(size=0.2, value=0.0)
    """

    corruption: Corruption | None = None
    loss_region: str = "all"

    def __post_init__(self) -> None:
        if choice("loss_region", self.loss_region, REGIONS) == "hidden":
            _check_hides(self.corruption)

    @classmethod
    def of(cls, value: object, loss_region: str = "all") -> Task:
        """A task, its config, or a corruption in any of its forms."""
        if isinstance(value, Task):
            return value
        if isinstance(value, Mapping):
            rest = dict(value)
            loss_region = rest.pop("loss_region", loss_region)
            value = rest
        return cls(resolve_corruption(value), loss_region)

    @property
    def config(self) -> dict[str, Any] | None:
        """What a model file keeps of it: the corruption's config, and the region unless it is everything."""
        config = corruption_config(self.corruption)
        if config is None or self.loss_region == "all":
            return config
        return config | {"loss_region": self.loss_region}

    def region(self, x: Tensor, random: Keyed) -> Tensor | None:  # (B, *) -> (B, *) bool
        """Where the answer counts; None for everywhere.

        Args:
            x: The batch as it is.
            random: The draws that the corruption is given.
        """
        if self.loss_region == "all":
            return None
        hidden: Tensor = cast(Any, self.corruption).hidden(x, random)
        return hidden.expand(x.shape)


def _check_hides(corruption: Corruption | None) -> None:
    hides = corruption is not None and hasattr(corruption, "hidden")
    # The first setting of what hides is how much of a sample it is.
    if corruption is None or not hides or getattr(corruption, fields(cast(Any, corruption))[0].name) == 0:
        raise ConfigError(
            f'loss_region="hidden": corruption={corruption!r} hides nothing; '
            f"use {setting('corruption', 'block:0.25')}, span, masking or dropout"
        )

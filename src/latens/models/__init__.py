"""The networks, by the name that stands in the model file and on the command line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from latens.errors import ConfigError, choice
from latens.layers import initialise
from latens.models.autoencoders import DenseNetwork, LinearNetwork
from latens.models.autoregressive import TokenNetwork
from latens.models.convolutional import AsymmetricNetwork, ConvolutionalNetwork
from latens.models.jigsaw import JigsawNetwork
from latens.models.series import SeriesNetwork
from latens.seeds import generator

__all__ = ["MODELS", "Model", "build", "network_digest", "skeleton", "with_weights"]


class Model(Protocol):
    """The role: a module whose `loss` of a batch is a number to make small.

    Beside it, an autoencoder has `encode` and `decode`, an autoregressive network has `step`.
    """

    config: Mapping[str, Any]

    def loss(self, batch: Any) -> Tensor: ...


MODELS: dict[str, Callable[..., nn.Module]] = {
    "linear": LinearNetwork,
    "deep": DenseNetwork,
    "wide": DenseNetwork,
    "convolutional": ConvolutionalNetwork,
    "asymmetric": AsymmetricNetwork,
    "jigsaw": JigsawNetwork,
    "text": TokenNetwork,
    "events": TokenNetwork,
    "series": SeriesNetwork,
}


def build(name: str, config: Mapping[str, Any], seed: int) -> nn.Module:
    """A new network of the registry with initial weights that are a function of the seed.

    Example:
        >>> network = build("linear", {"n_features": 4, "n_components": 2}, seed=0)
        >>> network.encoder.weight.shape
        torch.Size([2, 4])
    """
    network = skeleton(name, config)
    numbers = sum(parameter.numel() for parameter in network.parameters())
    try:
        network = network.to_empty(device="cpu")
    except (RuntimeError, MemoryError):
        raise ConfigError(f"a network of {numbers:,} parameters does not fit into memory; use smaller hidden") from None
    initialise(network, generator(seed, "weights"))
    return network


def skeleton(name: str, config: Mapping[str, Any]) -> nn.Module:
    """The network's names and shapes without memory behind them; the global random state stays as it is."""
    with torch.device("meta"):
        return MODELS[choice("model", name, MODELS)](**config)


def with_weights(name: str, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
    """The network of the registry around given weights and buffers, all of them and no others."""
    network = skeleton(name, config)
    network.load_state_dict(dict(weights), assign=True)
    return network.eval()


def network_digest(network: nn.Module) -> str:
    """What a network is known by: its weights."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

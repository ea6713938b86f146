"""The autoregressive network over real values: series, pixels, the states of a simulator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from latens.errors import whole
from latens.layers import Linear
from latens.losses import Likelihood, resolve_likelihood
from latens.models.autoregressive import Recurrent
from latens.seeds import Keyed

__all__ = ["SeriesNetwork"]


class SeriesNetwork(Recurrent):
    r"""The autoregressive network over vectors of real values, without an embedding layer.

    .. math:: \ell = -\frac{1}{N} \sum_t \log p(x_t \mid x_1, \dots, x_{t-1})

    The mean is what the cells say plus a linear function of the last item. An item is a patch of P time steps of d
    values each. With `relative`, the network sees changes only and predicts the
    change from the last value that it has read, so that a level which it never met is no other than those it did
    (Zeng et al., 2023, https://arxiv.org/abs/2205.13504, subtract the last value of a whole window).

    Args:
        n_features: Values in a time step, d.
        patch: Time steps in an item, P.
        hidden_size: Numbers in an output, H.
        n_layers: Cells on top of each other, L.
        cell: ``"gru"`` or ``"lstm"``.
        dropout: Of each layer's inputs and the head's, in training.
        likelihood: ``"mse"``, ``"gaussian"``, ``"mixture"`` or ``"mixture:K"``.
        relative: Whether it sees and predicts changes.

    Raises:
        ConfigError: A size below 1, an unknown cell or likelihood.

    Example:
        >>> network = SeriesNetwork(n_features=2, hidden_size=8).eval()
        >>> parameters, state = network.step(torch.zeros(3, 2), network.empty(3))
        >>> network.likelihood.mean(parameters).shape
        torch.Size([3, 2])
    """

    spread: Tensor
    first_mean: Tensor
    first_std: Tensor

    def __init__(
        self,
        n_features: int,
        patch: int = 1,
        hidden_size: int = 128,
        n_layers: int = 2,
        cell: str = "gru",
        dropout: float = 0.0,
        likelihood: str = "gaussian",
        relative: bool = False,
    ) -> None:
        self.n_features, self.patch = whole("n_features", n_features, at_least=1), whole("patch", patch, at_least=1)
        self.values_per_item = n_features * patch
        super().__init__(self.values_per_item, hidden_size, n_layers, cell, dropout)
        self.relative = bool(relative)
        self.likelihood: Likelihood = resolve_likelihood(likelihood, self.values_per_item)
        self.head = nn.Sequential(
            Linear(hidden_size, hidden_size),
            nn.LeakyReLU(),
            nn.LayerNorm(hidden_size),
            Linear(hidden_size, self.likelihood.n_parameters),
        )
        # A straight way past the cells, from the last item to the next: what is normalised has no scale (Lai et al.,
        # 2018, https://arxiv.org/abs/1703.07015, call it the autoregressive component).
        self.line = Linear(self.values_per_item, self.values_per_item, bias=False)
        # Standard deviation of what a prediction misses, where the likelihood does not say.
        self.register_buffer("spread", torch.empty(self.values_per_item))
        # Of a first item, before which nothing was read.
        self.register_buffer("first_mean", torch.empty(self.values_per_item))
        self.register_buffer("first_std", torch.empty(self.values_per_item))
        self.config: dict[str, Any] = {
            "n_features": n_features,
            "patch": patch,
            "hidden_size": hidden_size,
            "n_layers": n_layers,
            "cell": cell,
            "dropout": dropout,
            "likelihood": likelihood,
            "relative": self.relative,
        }

    def initialise(self, generator: torch.Generator) -> None:
        """Mean 0 and spread 1, those of scaled data."""
        nn.init.zeros_(self.line.weight)
        self.spread.fill_(1.0)
        self.first_mean.fill_(0.0)
        self.first_std.fill_(1.0)

    @torch.no_grad()
    def begin_with(self, items: Tensor) -> None:  # (n, P·d)
        """Learn what series begin with, the more cautiously the fewer there are: one that is standard is added."""
        count = len(items) + 1
        mean = items.double().sum(dim=0) / count
        variance = (items.double().square().sum(dim=0) + 1.0) / count - mean.square()
        self.first_mean.copy_(mean)
        self.first_std.copy_(variance.clamp(min=0.0).sqrt().clamp(min=1e-3))

    @property
    def state_size(self) -> int:
        """The cells' part, then the last value read and whether there is one."""
        return super().state_size + self.n_features + 1

    def outputs(self, items: Tensor, state: Tensor, random: Keyed | None = None) -> tuple[Tensor, Tensor]:
        size = super().state_size
        cells, last = state[..., :size], state[0, :, size:]
        outputs, cells = self.run(self._entering(items, last), cells, random)
        ends = torch.cat([items[-1, :, -self.n_features :], torch.ones_like(last[:, :1])], dim=-1)
        return outputs, torch.cat([cells, ends.expand(len(cells), -1, -1)], dim=-1)

    def _entering(self, items: Tensor, last: Tensor) -> Tensor:  # (T, B, P·d), (B, d + 1) -> (T, B, P·d)
        """The items themselves, or the change at each of their time steps; there is none at the very first."""
        if not self.relative:
            return items
        values = items.reshape(*items.shape[:2], self.patch, self.n_features).transpose(1, 2)  # (T, P, B, d)
        line = values.flatten(0, 1)
        before = torch.where(last[:, -1:] > 0, last[:, :-1], line[0])
        changes = line - torch.cat([before[None], line[:-1]])
        return (changes.reshape(values.shape)).transpose(1, 2).reshape(items.shape)

    def predict(self, outputs: Tensor, items: Tensor) -> Tensor:  # (*, H), (*, P·d) -> (*, Q)
        parameters: Tensor = self.head(outputs)
        if not self.relative:
            return self.likelihood.shift(parameters, self.line(items))
        last = items[..., -self.n_features :]
        level = last.repeat(*[1] * (last.dim() - 1), self.patch)
        return self.likelihood.shift(parameters, level + self.line(items - level))

    def opening(self, rows: int) -> Tensor:  # -> (B, Q)
        return self.likelihood.normal(self.first_mean, self.first_std).expand(rows, -1)

    def cost(self, predictions: Tensor, items: Tensor) -> Tensor:  # (*, Q), (*, P·d) -> (*)
        return self.likelihood.cost(predictions, items)

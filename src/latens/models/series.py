"""The autoregressive network over real values: series, pixels, the states of a simulator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from latens.data.sequences import SequenceBatch
from latens.errors import whole
from latens.layers import Linear
from latens.losses import Likelihood, resolve_likelihood
from latens.models.autoregressive import Recurrent
from latens.seeds import Keyed

__all__ = ["SeriesNetwork"]


class SeriesNetwork(Recurrent):
    r"""The autoregressive network over vectors of real values, without an embedding layer.

    .. math:: \ell = -\frac{1}{N} \sum_t \log p(x_t \mid x_1, \dots, x_{t-1})

    An item is a patch of P time steps of d values each. With `relative`, the network sees changes only and predicts the
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
        self.item_size = n_features * patch
        super().__init__(self.item_size, hidden_size, n_layers, cell, dropout)
        self.relative = bool(relative)
        self.likelihood: Likelihood = resolve_likelihood(likelihood, self.item_size)
        self.head = nn.Sequential(
            Linear(hidden_size, hidden_size),
            nn.LeakyReLU(),
            nn.LayerNorm(hidden_size),
            Linear(hidden_size, self.likelihood.n_parameters),
        )
        # Standard deviation of what a prediction misses, where the likelihood does not say.
        self.register_buffer("spread", torch.empty(self.item_size))
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
        """A spread of one, that of scaled data."""
        self.spread.fill_(1.0)

    @property
    def state_size(self) -> int:
        """The cells' part, then the last value read and whether there is one."""
        return super().state_size + self.n_features + 1

    def step(self, items: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # (B, P·d), (L, B, S) -> (B, Q), (L, B, S)
        """Read one item more: the parameters of the next one's distribution, and the state after it."""
        parameters, state = self.read(items[None], state)
        return parameters[0], state

    def forward(self, items: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # (B, T, P·d)
        """The parameters of what follows each item, (B, T, Q), and the state after the last: as step by step."""
        state = self.empty(len(items)) if state is None else state
        parameters, state = self.read(items.transpose(0, 1), state)
        return parameters.transpose(0, 1), state

    def read(
        self, items: Tensor, state: Tensor, random: Keyed | None = None
    ) -> tuple[Tensor, Tensor]:  # (T, B, P·d), (L, B, S) -> (T, B, Q), (L, B, S)
        """All items from a state on, time first."""
        cells, last = state.split([super().state_size, self.n_features + 1], dim=-1)
        outputs, cells = self.run(self._entering(items, last[0]), cells, random)
        ends = torch.cat([items[-1, :, -self.n_features :], torch.ones_like(last[0, :, :1])], dim=-1)
        return self._predicting(outputs, items), torch.cat([cells, ends.expand(len(cells), -1, -1)], dim=-1)

    def _entering(self, items: Tensor, last: Tensor) -> Tensor:  # (T, B, P·d), (B, d + 1) -> (T, B, P·d)
        """The items themselves, or the change at each of their time steps; there is none at the very first."""
        if not self.relative:
            return items
        values = items.reshape(*items.shape[:2], self.patch, self.n_features).transpose(1, 2)  # (T, P, B, d)
        line = values.flatten(0, 1)
        before = torch.where(last[:, -1:] > 0, last[:, :-1], line[0])
        changes = line - torch.cat([before[None], line[:-1]])
        return (changes.reshape(values.shape)).transpose(1, 2).reshape(items.shape)

    def _predicting(self, outputs: Tensor, items: Tensor) -> Tensor:  # (T, B, H), (T, B, P·d) -> (T, B, Q)
        parameters: Tensor = self.head(outputs)
        if not self.relative:
            return parameters
        return self.likelihood.shift(parameters, items[..., -self.n_features :].repeat(1, 1, self.patch))

    def opening(self, rows: int) -> Tensor:  # -> (B, Q)
        """The parameters of a first item: mean 0 and spread 1, as scaled data has."""
        return self.likelihood.standard(rows, self.spread)

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The mean negative log-likelihood of a scored value (its squared error, where there is no likelihood)."""
        items, scored = batch.items.transpose(0, 1), batch.scored.T  # (T + 1, B, P·d), (T + 1, B)
        parameters, state = self.read(items[:-1], self.before(batch), batch.random)
        self.after(batch, state)
        parameters = torch.cat([self.opening(len(batch.items))[None], parameters])
        each = self.likelihood.cost(parameters, items)
        return torch.where(scored, each, 0.0).sum() / (batch.count * self.item_size)

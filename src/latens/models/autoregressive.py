"""Autoregressive networks: what comes next, from all that came before and nothing that comes after."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from latens.data.sequences import SequenceBatch
from latens.errors import choice, finite, whole
from latens.layers import Linear
from latens.losses import sequence_cross_entropy
from latens.recurrent import CELLS, Cell, scan
from latens.seeds import Keyed

__all__ = ["Recurrent", "TokenNetwork"]


class Recurrent(nn.Module):
    """Layers of cells, one on top of another, and the states that they are in.

    A state is one tensor (L, B, S): of each layer and row what the cell keeps. It starts as zeros, it is all that the
    network knows of what it has read, and a copy of it is a second reader of the same past.

    Args:
        input_size: Numbers in an item as it enters the first layer.
        hidden_size: Numbers in an output, H.
        n_layers: Cells on top of each other, L.
        cell: A key of `CELLS`.
        dropout: Share of a layer's inputs that are lost in training, the same at all steps of a window (Gal &
            Ghahramani, 2016, https://arxiv.org/abs/1512.05287).
    """

    # Numbers that a cost is a sum over.
    values_per_item = 1

    def __init__(self, input_size: int, hidden_size: int, n_layers: int, cell: str, dropout: float) -> None:
        super().__init__()
        self.hidden_size = whole("hidden_size", hidden_size, at_least=1)
        self.dropout = finite("dropout", dropout, at_least=0.0, at_most=0.999)
        make = CELLS[choice("cell", cell, CELLS)]
        sizes = [input_size, *[hidden_size] * whole("n_layers", n_layers, at_least=1)]
        self.cells = nn.ModuleList(make(*pair) for pair in pairwise(sizes))
        # What goes from one batch to the next where windows follow each other: the state, and nothing otherwise.
        self.carried: dict[str, Tensor] = {}

    @property
    def layers(self) -> Iterable[Cell]:
        """The cells, bottom up."""
        return self.cells  # type: ignore[return-value]

    @property
    def n_layers(self) -> int:
        """Cells on top of each other, L."""
        return len(self.cells)

    @property
    def state_size(self) -> int:
        """Numbers in a layer's state, S."""
        return max(cell.state_size for cell in self.layers)

    def empty(self, rows: int) -> Tensor:  # -> (L, B, S)
        """The state of rows that have read nothing."""
        weight = next(self.parameters())
        return torch.zeros(len(self.cells), rows, self.state_size, dtype=weight.dtype, device=weight.device)

    def top(self, state: Tensor) -> Tensor:  # (L, B, S) -> (B, H)
        """The output of the last layer at the last item: the rows' embedding."""
        return state[-1, :, : self.hidden_size]

    def run(
        self, x: Tensor, state: Tensor, random: Keyed | None = None
    ) -> tuple[Tensor, Tensor]:  # (T, B, E), (L, B, S) -> (T, B, H), (L, B, S)
        """All items from a state on, layer by layer."""
        after = []
        for number, (cell, before) in enumerate(zip(self.layers, state, strict=True)):
            x, last = scan(cell, self._dropped(x, random, number), before)
            after.append(last)
        return self._dropped(x, random, len(after)), torch.stack(after)

    def _dropped(self, x: Tensor, random: Keyed | None, number: int) -> Tensor:  # (T, B, E) -> (T, B, E)
        if not self.training or random is None or not self.dropout:
            return x
        kept = random.stream(f"dropout-{number}").uniform(x.shape[1:]) >= self.dropout
        return x * kept.to(x.dtype) / (1.0 - self.dropout)

    # ---- what a network says of its items ----------------------------------------------------------------------

    def outputs(self, items: Tensor, state: Tensor, random: Keyed | None = None) -> tuple[Tensor, Tensor]:
        """Read items (T, B, *), time first, from a state (L, B, S) on: the outputs (T, B, H) and the state after."""
        raise NotImplementedError

    def predict(self, outputs: Tensor, items: Tensor) -> Tensor:
        """What is said of the items that follow, (*, Q), from the outputs (*, H) at the items that were read."""
        raise NotImplementedError

    def opening(self, rows: int) -> Tensor:
        """What is said of a first item, before which nothing was read: (B, Q)."""
        raise NotImplementedError

    def cost(self, predictions: Tensor, items: Tensor) -> Tensor:
        """What it costs that these items came: (*)."""
        raise NotImplementedError

    # ---- reading -----------------------------------------------------------------------------------------------

    def read(self, items: Tensor, state: Tensor, random: Keyed | None = None) -> tuple[Tensor, Tensor]:
        """Of items (T, B, *), time first: what is said of each one's successor, (T, B, Q), and the state after all."""
        outputs, state = self.outputs(items, state, random)
        return self.predict(outputs, items), state

    def step(self, items: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # (B, *), (L, B, S) -> (B, Q), (L, B, S)
        """Read one item more: what is said of the next, and the state after it."""
        predictions, state = self.read(items[None], state)
        return predictions[0], state

    def forward(self, items: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # (B, T, *) -> (B, T, Q)
        """What is said of each item's successor, and the state after the last: the same numbers as step by step."""
        before = self.empty(len(items)) if state is None else state
        predictions, after = self.read(items.transpose(0, 1), before)
        return predictions.transpose(0, 1), after

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The mean cost of a scored item; for items of several values, of a value."""
        items = batch.items.transpose(0, 1)  # (T + 1, B, *)
        predictions, state = self.read(items[:-1], self._before(batch), batch.random)
        self._after(batch, state)
        each = self.cost(torch.cat([self.opening(items.shape[1])[None], predictions]), items)
        return torch.where(batch.scored.T, each, 0.0).sum() / (batch.count * self.values_per_item)

    def _before(self, batch: SequenceBatch) -> Tensor:  # -> (L, B, S)
        """The state that a batch's windows begin with: empty, or what the windows before them left."""
        rows = len(batch.items)
        if batch.fresh is None or not self.training or "state" not in self.carried:
            return self.empty(rows)
        carried = self.carried["state"][:, :rows]
        begun = torch.cat([carried, self.empty(rows - carried.shape[1])], dim=1)  # rows that had ended begin anew
        return begun * (~batch.fresh)[:, None]

    def _after(self, batch: SequenceBatch, state: Tensor) -> None:
        """Remember what a batch's windows end with, if others go on from there; no gradient goes back through it."""
        if batch.fresh is not None and self.training:
            self.carried["state"] = state.detach()


class TokenNetwork(Recurrent):
    r"""The autoregressive network over items of a vocabulary: characters, bytes, byte pairs or events.

    .. math:: \ell = -\frac{1}{N} \sum_t \log p(x_t \mid x_1, \dots, x_{t-1})

    Embedding, layers of cells whose normalised state is fed back, and a head Linear → LeakyReLU → LayerNorm → Linear.
    The first item, before which nothing was read, is predicted by how often sequences begin with it.

    Args:
        n_items: Size of the vocabulary, V.
        embedding_size: Numbers in an item's embedding, E.
        hidden_size: Numbers in an output, H.
        n_layers: Cells on top of each other, L.
        cell: ``"gru"`` or ``"lstm"``.
        dropout: Of each layer's inputs and the head's, in training.

    Raises:
        ConfigError: A size below 1, or an unknown cell.

    Example:
        >>> network = TokenNetwork(n_items=5, hidden_size=8)
        >>> logits, state = network.step(torch.tensor([0, 3]), network.empty(2))
        >>> logits.shape, state.shape
        (torch.Size([2, 5]), torch.Size([2, 2, 8]))
    """

    first: Tensor

    def __init__(
        self,
        n_items: int,
        embedding_size: int = 32,
        hidden_size: int = 128,
        n_layers: int = 2,
        cell: str = "gru",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(embedding_size, hidden_size, n_layers, cell, dropout)
        shape = whole("n_items", n_items, at_least=1), whole("embedding_size", embedding_size, at_least=1)
        # Not drawn here, as nothing else is: where there is no memory yet, drawing would import PyTorch's compiler.
        self.embedding = nn.Embedding.from_pretrained(torch.empty(shape), freeze=False)  # type: ignore[no-untyped-call]
        self.head = nn.Sequential(
            Linear(hidden_size, hidden_size), nn.LeakyReLU(), nn.LayerNorm(hidden_size), Linear(hidden_size, n_items)
        )
        self.register_buffer("first", torch.empty(n_items))
        self.config: dict[str, Any] = {
            "n_items": n_items,
            "embedding_size": embedding_size,
            "hidden_size": hidden_size,
            "n_layers": n_layers,
            "cell": cell,
            "dropout": dropout,
        }

    def initialise(self, generator: torch.Generator) -> None:
        """Embeddings from the standard normal, as PyTorch's; all items are equally likely to be the first."""
        nn.init.normal_(self.embedding.weight, generator=generator)
        self.first.fill_(-math.log(len(self.first)))

    @torch.no_grad()
    def begin_with(self, openings: Tensor, items: Tensor) -> None:  # (V,), (V,)
        """Learn which items sequences begin with: by counting, the more cautiously the fewer sequences there are.

        Args:
            openings: How many sequences begin with each item.
            items: How often each occurs anywhere; what an item that opened none is judged by.
        """
        anywhere = (items.double() + 1.0) / (items.double() + 1.0).sum()
        self.first.copy_(((openings.double() + anywhere) / (openings.double().sum() + 1.0)).log())

    def opening(self, rows: int) -> Tensor:  # -> (B, V)
        return self.first.expand(rows, -1)

    def outputs(self, items: Tensor, state: Tensor, random: Keyed | None = None) -> tuple[Tensor, Tensor]:
        return self.run(self.embedding(items), state, random)

    def predict(self, outputs: Tensor, items: Tensor) -> Tensor:  # (*, H), (*) -> (*, V)
        logits: Tensor = self.head(outputs)
        return logits

    def cost(self, predictions: Tensor, items: Tensor) -> Tensor:  # (*, V), (*) -> (*)
        return sequence_cross_entropy(predictions, items)

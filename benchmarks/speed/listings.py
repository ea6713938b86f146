"""The plain listings: what a textbook's notebook does, word for word, with no thought of speed.

A `Dataset` that gives one item, made by way of PIL or a dictionary of characters; a `DataLoader` that collates them; a
loop with `loss.item()` in it; for text a Python loop over the steps with a GRUCell, a LayerNorm and a cross-entropy in
each. They are the definition of the same models in other words: from the same weights and in the same order they reach
the same losses as latens, which the benchmarks check before they compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

# ---- autoencoders ------------------------------------------------------------------------------------------------


class ImagePairs(Dataset):
    """An image as its own target: through PIL to a tensor in [0, 1], as torchvision's ToTensor does it."""

    def __init__(self, images: np.ndarray) -> None:  # (n, h, w) uint8
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        picture = Image.fromarray(self.images[i])
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        x = pixels.view(1, *pixels.shape).contiguous().to(torch.float32).div(255)
        return x, x


def autoencoder(encoder: Sequence[int], decoder: Sequence[int]) -> nn.Sequential:
    """Linear → BatchNorm → ReLU between the data and a linear code, and between the code and a linear output."""
    layers: list[nn.Module] = [nn.Flatten()]
    for widths in (encoder, decoder):
        for a, b in pairwise(widths[:-1]):
            layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
        layers.append(nn.Linear(*widths[-2:]))
    return nn.Sequential(*layers)


def autoencoder_epoch(network: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader, device: str) -> float:
    """One epoch; the mean loss of a row."""
    network.train()
    running = 0.0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = functional.mse_loss(network(inputs), labels.flatten(1))
        loss.backward()
        optimizer.step()
        running += loss.item() * len(inputs)
    return running / len(loader.dataset)


@torch.no_grad()
def embed(network: nn.Module, images: np.ndarray, batch: int, device: str) -> np.ndarray:  # -> (n, n_components)
    """The codes of all images."""
    network.eval()
    codes = [network(inputs.to(device)).cpu() for inputs, _ in DataLoader(ImagePairs(images), batch_size=batch)]
    return torch.cat(codes).numpy()


# ---- text --------------------------------------------------------------------------------------------------------


class Chunks(Dataset):
    """A text cut into chunks, and each moved by one: x = s[i·c : i·c + c], y = s[i·c + 1 : i·c + c + 1]."""

    def __init__(self, text: str, index: dict[str, int], chunk: int) -> None:
        self.text, self.index, self.chunk = text, index, chunk

    def __len__(self) -> int:
        return (len(self.text) - 1) // self.chunk

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        start = i * self.chunk
        x = [self.index[c] for c in self.text[start : start + self.chunk]]
        y = [self.index[c] for c in self.text[start + 1 : start + self.chunk + 1]]
        return torch.tensor(x), torch.tensor(y)


class Autoregressive(nn.Module):
    """Embedding, layers of cells with a LayerNorm each whose output is fed back, and a head, one step at a time."""

    def __init__(self, cell: str, n_items: int, embedding: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.hidden, self.lstm = hidden, cell == "lstm"
        make = nn.LSTMCell if self.lstm else nn.GRUCell
        sizes = [embedding, *[hidden] * layers]
        # Cell and norm of a layer side by side, the embedding after them: the order in which ours has its weights.
        self.layers = nn.ModuleList(nn.ModuleList([make(a, b), nn.LayerNorm(b)]) for a, b in pairwise(sizes))
        self.embedding = nn.Embedding(n_items, embedding)
        self.head = nn.Sequential(
            nn.Linear(hidden, hidden), nn.LeakyReLU(), nn.LayerNorm(hidden), nn.Linear(hidden, n_items)
        )

    def start(self, rows: int) -> list[tuple[Tensor, ...]]:
        """The states of rows that have read nothing."""
        zeros = self.embedding.weight.new_zeros(rows, self.hidden)
        return [(zeros, zeros) if self.lstm else (zeros,) for _ in self.layers]

    def step(self, x: Tensor, states: list[tuple[Tensor, ...]]) -> Tensor:  # (B, E) -> (B, V)
        """One item more; `states` become those after it."""
        for number, (cell, norm) in enumerate(self.layers):
            if self.lstm:
                h, memory = cell(x, states[number])
                x = norm(h)
                states[number] = (x, memory)
            else:
                x = norm(cell(x, states[number][0]))
                states[number] = (x,)
        return self.head(x)

    def forward(self, items: Tensor) -> Tensor:  # (B, T) -> (B, T, V)
        embedded, states = self.embedding(items), self.start(len(items))
        return torch.stack([self.step(embedded[:, t], states) for t in range(items.shape[1])], dim=1)


class PlainRecurrent(nn.Module):
    """`nn.GRU` or `nn.LSTM` in place of the cells: another model, whose state is fed back without its LayerNorm."""

    def __init__(self, cell: str, n_items: int, embedding: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_items, embedding)
        make = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.recurrent = make(embedding, hidden, layers, batch_first=True)
        self.head = nn.Sequential(
            nn.Linear(hidden, hidden), nn.LeakyReLU(), nn.LayerNorm(hidden), nn.Linear(hidden, n_items)
        )

    def forward(self, items: Tensor) -> Tensor:  # (B, T) -> (B, T, V)
        return self.head(self.recurrent(self.embedding(items))[0])


def loss_by_step(logits: Tensor, targets: Tensor) -> Tensor:
    """The sum over the steps of the batch's mean, one step after another."""
    loss = logits.new_zeros(())
    for t in range(targets.shape[1]):
        loss = loss + functional.cross_entropy(logits[:, t], targets[:, t])
    return loss


def loss_at_once(logits: Tensor, targets: Tensor) -> Tensor:
    """The same number, over all steps at once."""
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten()) * targets.shape[1]


def text_epoch(network: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader, device: str) -> float:
    """One epoch; the mean loss of an item. What has one step at a time has one loss at a time."""
    loss_of = loss_by_step if isinstance(network, Autoregressive) else loss_at_once
    network.train()
    running = 0.0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = loss_of(network(inputs), labels)
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), 2.0)
        optimizer.step()
        running += loss.item() * len(inputs)
    return running / len(loader.dataset) / loader.dataset.chunk


@torch.no_grad()
def write(network: Autoregressive, prompt: Sequence[int], count: int, temperature: float, rows: int = 1) -> Tensor:
    """Continuations with carried state, (rows, count): one item in, one item drawn, and so on."""
    device = network.embedding.weight.device
    states = network.start(rows)
    for item in prompt:
        logits = network.step(network.embedding(torch.full((rows,), item, device=device)), states)
    written = []
    for _ in range(count):
        written.append(_drawn(logits, temperature))
        logits = network.step(network.embedding(written[-1]), states)
    return torch.stack(written, dim=1)


@torch.no_grad()
def write_again(network: Autoregressive, prompt: Sequence[int], count: int, temperature: float) -> Tensor:  # (1, count)
    """The same by reading all that was written anew for each item more: O(n²)."""
    items = torch.tensor([list(prompt)], device=network.embedding.weight.device)
    for _ in range(count):
        items = torch.cat([items, _drawn(network(items)[:, -1], temperature)[:, None]], dim=1)
    return items[:, len(prompt) :]


def _drawn(logits: Tensor, temperature: float) -> Tensor:  # (B, V) -> (B,)
    if temperature == 0:
        return logits.argmax(dim=-1)
    return torch.multinomial(functional.softmax(logits / temperature, dim=-1), 1)[:, 0]

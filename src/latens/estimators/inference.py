"""Applying a trained network so that a row's answer never depends on its neighbours."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor, nn

from latens.devices import threads_for
from latens.errors import ConfigError

__all__ = ["Applied", "AppliedToImages", "existing_rows", "floating", "mean_squares"]

# Numbers in a chunk's input, about: large enough for the matrix products, small enough for any memory.
_CHUNK_NUMBERS = 1 << 20
# Pixels of a chunk of images, about: a convolutional network holds many channels of each.
_CHUNK_PIXELS = 1 << 14
# Side of a tile in pixels: of the few answers of layers that are alive, each has 100 MB at 64 channels.
_TILE = 512

Square: TypeAlias = tuple[slice, slice]
# Of some rows what the network sees of them; written into memory of the same shape, if that is given.
Scale: TypeAlias = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def floating(values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Values in the precision that they are computed in; see `Scale`."""
    if out is None:
        return values.astype(np.float64 if values.dtype == np.float64 else np.float32, copy=False)
    np.copyto(out, values, casting="same_kind")
    return out


class Applied:
    """A network in evaluation mode, applied in chunks of one fixed number of rows, the last one padded.

    A matrix product may round differently for another number of rows; with a fixed number a row's answer is the same
    alone, in any batch, and in a new process. Float64 input is computed in float64, all else in float32.

    Args:
        network: With `encode` and `decode`.
        device: Where to compute.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network = network.to(device).eval()
        self.device = device
        self._wide: nn.Module | None = None

    def encode(self, x: np.ndarray, scale: Scale = floating) -> np.ndarray:  # (m, *shape) -> (m, n)
        """The codes; `scale` is applied to a chunk at a time, so that no copy of all rows is made."""
        return self.ask(x, lambda network, chunk: network.encode(chunk), scale)

    def decode(self, codes: np.ndarray) -> np.ndarray:  # (m, n) -> (m, D)
        return self.ask(codes, lambda network, chunk: network.data.settle(network.decode(chunk)))

    def reconstruct(self, x: np.ndarray) -> np.ndarray:  # (m, *shape) -> (m, D)
        return self.ask(x, lambda network, chunk: network.data.settle(network(chunk)))

    def errors(self, x: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:  # (m, *shape) -> (m, D)
        """The error of each cell in the network's own terms, NaN where it is missing."""
        if target is None or target is x:
            return self.ask(x, lambda network, chunk: network.data.errors(network(chunk), chunk))
        both = np.concatenate([x.reshape(len(x), -1), target.reshape(len(x), -1)], axis=1)
        return self.ask(both, lambda network, chunk: _paired_errors(network, chunk, x.shape[1:]))

    def chances(self, x: np.ndarray) -> np.ndarray:  # (m, d) -> (m, d)
        """Of a typed table's categories the probability of what is there; see `Cells.chances`."""
        return self.ask(x, lambda network, chunk: network.data.chances(network(chunk), chunk))

    def features(self, x: np.ndarray) -> np.ndarray:  # (m, *shape) -> (m, D)
        """What enters the network but for marks of what is missing, NaN there; see `Cells.features`."""
        return self.ask(x, lambda network, chunk: network.data.features(chunk))

    def code_size(self, shape: Sequence[int | None]) -> int:
        """Numbers in the code of one sample of this shape; where a size is free, it does not matter."""
        known: int | None = getattr(self.network, "n_components", None)
        if known is not None:
            return known
        sizes = [1 if size is None else size for size in shape]
        return int(self.encode(np.zeros((1, *sizes), dtype=np.float32)).shape[1])

    def chunk_rows(self, shape: Sequence[int]) -> int:
        """Rows that are computed at a time: a function of the shape of one, and of nothing else."""
        return _power_of_two(_CHUNK_NUMBERS // max(1, math.prod(shape), getattr(self.network, "numbers_per_row", 1)))

    @torch.no_grad()
    def ask(
        self, x: np.ndarray, function: Callable[[Any, Tensor], Tensor], scale: Scale = floating
    ) -> np.ndarray:  # (m, *) -> (m, *)
        """What a function of the network and a chunk of rows gives for all rows, an answer a row.

        Args:
            x: (m, *).
            function: Of the network and a chunk.
            scale: See `Scale`.
        """
        wide = x.dtype == np.float64
        dtype = torch.float64 if wide and self.device.type != "mps" else torch.float32
        network: Any = self._network(dtype)
        if self.device.type == "cpu" and hasattr(network, "folded"):
            network = network.folded()
        rows = self.chunk_rows(x.shape[1:])
        chunk = torch.zeros((rows, *x.shape[1:]), dtype=dtype, device=self.device)
        scaled = torch.empty_like(chunk, device="cpu") if chunk.device.type != "cpu" else chunk
        answers: np.ndarray | None = None
        with threads_for(self.network, rows):
            for start in range(0, len(x), rows):
                part = x[start : start + rows]
                scale(part, scaled[: len(part)].numpy())
                if scaled is not chunk:
                    chunk.copy_(scaled)
                answer = function(network, chunk)[: len(part)].cpu().numpy()
                if answers is None:
                    answers = np.empty((len(x), *answer.shape[1:]), np.float64 if wide else np.float32)
                answers[start : start + len(part)] = answer
        return np.empty((0,), np.float64 if wide else np.float32) if answers is None else answers

    def _network(self, dtype: torch.dtype) -> nn.Module:
        if dtype == torch.float32:
            return self.network
        if self._wide is None:
            self._wide = copy.deepcopy(self.network).to(dtype)
        return self._wide


def _paired_errors(network: Any, chunk: Tensor, shape: tuple[int, ...]) -> Tensor:
    x, target = chunk.chunk(2, dim=1)
    errors: Tensor = network.data.errors(network(x.reshape(-1, *shape)), target)
    return errors


def mean_squares(residuals: np.ndarray) -> np.ndarray:  # (n, *shape) -> (n,)
    """The mean square of each row, in float64."""
    return np.asarray(np.square(residuals, dtype=np.float64).reshape(len(residuals), -1).mean(axis=1))


def existing_rows(rows: Any, n: int) -> np.ndarray:
    """Row numbers of data with n rows.

    Raises:
        ConfigError: There are none, or one is not among them.
    """
    chosen = [int(row) for row in rows]
    if not chosen or not all(0 <= row < n for row in chosen):
        raise ConfigError(f"rows={chosen} are not among the data's {n} rows; use numbers from 0 to {n - 1}")
    return np.array(chosen)


def _power_of_two(rows: int) -> int:
    """The largest one up to `rows`, from 1 to 1,024."""
    return int(2 ** math.floor(math.log2(min(max(rows, 1), 1024))))


class AppliedToImages(Applied):
    """A fully convolutional network applied to images of any size, large ones tile by tile.

    A tile is computed with as many pixels around it as the network looks away, so that its seams do not show; how an
    image is cut is a function of its size.

    Args:
        network: With `encode` to a map (B, n, H, W), and `reach` in pixels.
        device: Where to compute.
    """

    def chunk_rows(self, shape: Sequence[int]) -> int:
        return _power_of_two(_CHUNK_PIXELS // max(1, math.prod(shape[:2])))

    def encode(self, x: np.ndarray, scale: Scale = floating) -> np.ndarray:  # (m, h, w[, c]) -> (m, n)
        """The code map's mean over the image."""
        x = scale(x, None)
        sums = [self.ask(x[:, *around], _sum_of_codes(inner)) for _, around, inner in self._tiles(x)]
        return np.asarray(np.sum(sums, axis=0) / math.prod(x.shape[1:3]), dtype=x.dtype)

    def reconstruct(self, x: np.ndarray) -> np.ndarray:  # (m, h, w[, c]) -> the same
        answer = np.empty_like(x)
        for core, around, inner in self._tiles(x):
            answer[:, *core] = super().reconstruct(x[:, *around])[:, *inner]
        return answer

    def _tiles(self, x: np.ndarray) -> Iterator[tuple[Square, Square, Square]]:
        """The tile, the tile with what is around it, and the tile's place in that."""
        reach = cast(Any, self.network).reach
        for rows in _spans(x.shape[1], reach):
            for columns in _spans(x.shape[2], reach):
                core, around, inner = zip(rows, columns, strict=True)
                yield core, around, inner


def _sum_of_codes(inner: Square) -> Callable[[Any, Tensor], Tensor]:
    """The function that adds up a code map over a part of the image: (B, h, w[, c]) -> (B, n)."""

    def sums(network: Any, chunk: Tensor) -> Tensor:
        code: Tensor = network.encode(chunk)
        return code[:, :, *inner].sum(dim=(2, 3))

    return sums


def _spans(length: int, reach: int) -> Iterator[tuple[slice, slice, slice]]:
    """Equal parts of a length, each as itself, with its surroundings, and within these."""
    count = math.ceil(length / _TILE)
    ends = [round(length * part / count) for part in range(count + 1)]
    for start, stop in pairwise(ends):
        first = max(0, start - reach)
        yield slice(start, stop), slice(first, min(length, stop + reach)), slice(start - first, stop - first)

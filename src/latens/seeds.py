"""Counter-based randomness: every random number is a function of a few integers.

``order = f(seed, epoch)``, ``noise = f(seed, epoch, index)``, ``draws = f(seed, sequence, step)``: no generator carries
state from one step to the next. Resuming is therefore one integer, the number of workers cannot matter, and nobody's
global random state is touched.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from latens.errors import ConfigError

__all__ = [
    "Keyed",
    "Pool",
    "generator",
    "group_order",
    "keyed",
    "order",
    "resolve_seed",
    "sequence_uniform",
    "split_order",
    "window_order",
]

# SplitMix64 (Steele, Lea & Flood, 2014, https://doi.org/10.1145/2660193.2660195), as signed 64-bit integers because
# torch has no unsigned multiplication; two's complement wraps the same way.
_GOLDEN = -0x61C8864680B583EB
_MIX_A = -0x40A7B892E31B1A47
_MIX_B = -0x6B2FB644ECCEEE15
_LOW_32 = 0xFFFFFFFF


def resolve_seed(random_state: object) -> int:
    """The integer seed behind scikit-learn's `random_state`.

    Args:
        random_state: A non-negative integer below 2**63, None (fresh entropy), a NumPy Generator or RandomState.

    Raises:
        ConfigError: It is none of these.

    Example:
        >>> resolve_seed(7)
        7
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**32, dtype=np.uint32))
    if isinstance(random_state, (int, np.integer)) and 0 <= random_state < 2**63:
        return int(random_state)
    raise ConfigError(f"random_state={random_state!r} is no seed; use an integer from 0 to 2**63 - 1, or None")


def _digest(*parts: object) -> int:
    """63 bits that depend on every part and on nothing else."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def _numpy(*parts: object) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=_digest(*parts)))


def order(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order in which `n` rows are visited in an epoch: a permutation of ``range(n)``, int64.

    Example:
        >>> sorted(order(seed=0, epoch=3, n=4).tolist())
        [0, 1, 2, 3]
    """
    return _numpy("order", seed, epoch).permutation(n)


def group_order(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order in which `n` groups of rows are read in an epoch."""
    return _numpy("groups", seed, epoch).permutation(n)


def window_order(seed: int, epoch: int, window: int, n: int) -> np.ndarray:
    """The order of the `n` rows of one of an epoch's windows."""
    return _numpy("window", seed, epoch, window).permutation(n)


def split_order(n: int, seed: int, block: int | None = None) -> np.ndarray:
    """The permutation of ``range(n)`` whose head becomes the validation rows; of a block of many rows its own."""
    return _numpy("split", seed, *(() if block is None else (block,))).permutation(n)


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator of our own for `purpose` ("weights", …); the global one stays as it is."""
    return torch.Generator().manual_seed(_digest(purpose, seed))


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows whose values may turn up in other rows: those to learn from, never the held-out ones.

    Args:
        values: (n, *shape), all rows; a reference, never a copy.
        rows: (m,) int64 on the same device, which of them may give a value.
        numbers: (m,) int64, what those are called in the data; None if that is their place in `values`.
    """

    values: Tensor
    rows: Tensor
    numbers: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Keyed:
    """Random tensors for a batch of rows, each row's numbers keyed by (seed, epoch, index) and `stream`.

    The same row gets the same numbers alone, in any batch, on any worker and after a resume. Calls are pure: the same
    call twice gives the same tensor; independent draws come from different streams.

    Args:
        seed: The run's seed.
        epoch: The epoch, from 0.
        index: (B,) int64, the rows' positions in the data; it also says on which device to draw.
        name: The stream.
        pool: The rows that `others` takes values from; None where a row has to do without others.
    """

    seed: int
    epoch: int
    index: Tensor
    name: str = ""
    pool: Pool | None = None

    @property
    def key(self) -> int:
        """What all rows' draws begin with, 63 bits."""
        return _digest("noise", self.seed, self.epoch, self.name)

    def stream(self, name: object) -> Keyed:
        """The same rows with draws independent of every other stream."""
        return replace(self, name=f"{self.name}/{name}")

    def uniform(self, shape: Sequence[int]) -> Tensor:  # -> (B, *) float32
        """Uniform on [0, 1), of `shape` (B, …): one 64-bit word gives two numbers of 24 bits."""
        width = math.prod(shape[1:])
        bits = self._bits(shape, (width + 1) // 2)
        pairs = torch.cat([(bits >> 40) & 0xFFFFFF, bits & 0xFFFFFF], dim=1)
        return pairs[:, :width].to(torch.float32).mul_(2.0**-24).reshape(tuple(shape))

    def normal(self, shape: Sequence[int]) -> Tensor:  # -> (B, *) float32
        r"""Standard normal, of `shape` (B, …), by Box and Muller: one 64-bit word gives two numbers."""
        width = math.prod(shape[1:])
        bits = self._bits(shape, (width + 1) // 2)
        radius = ((bits >> 32) & _LOW_32).to(torch.float32).add_(0.5).mul_(2.0**-32).log_().mul_(-2.0).sqrt_()
        angle = (bits & _LOW_32).to(torch.float32).mul_(2.0 * math.pi * 2.0**-32)
        pairs = torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)
        return pairs[:, :width].reshape(tuple(shape))

    def cells(self, shape: Sequence[int]) -> Tensor:  # -> (B, *) float32
        """Uniform on [0, 1), one draw a cell: what is lost or replaced as a whole. A cell is a feature."""
        return self.uniform(shape)

    def others(self, shape: Sequence[int]) -> Tensor:  # -> (B, *), of the pool's dtype
        """For each cell the same cell of another row of the pool, drawn anew for each cell, all rows equally likely.

        Only the B rows' worth of numbers that is returned is copied.

        Raises:
            ConfigError: There is no pool, it holds other shapes, or it has no other row to offer.
        """
        pool = self._pool(shape)
        draws = self.stream("others").cells(shape).flatten(1)
        # The last row stands in for the row itself, so that m - 1 places are m - 1 other rows
        place = (draws * (len(pool) - 1)).long().clamp_(max=len(pool) - 2)
        called = pool.rows if pool.numbers is None else pool.numbers
        itself = called[place] == self.index[:, None]
        donors = pool.rows[place.masked_fill_(itself, len(pool) - 1)]
        return pool.values.flatten(1).gather(0, donors).reshape(tuple(shape))

    def _pool(self, shape: Sequence[int]) -> Pool:
        if self.pool is None:
            raise ConfigError(
                "pool=None: there are no other rows to take values from; use keyed(…, pool=Pool(x, rows))"
            )
        if self.pool.values.shape[1:] != torch.Size(shape[1:]) or len(self.pool) < 2:
            theirs, ours = tuple(self.pool.values.shape[1:]), tuple(shape[1:])
            raise ConfigError(f"pool={len(self.pool)} of shape {theirs} for {ours}; use at least 2 rows of one shape")
        return self.pool

    def check(self, shape: Sequence[int]) -> None:
        """Refuse a shape (B, …) of other rows than the keyed ones."""
        if shape[0] != len(self.index):
            raise ConfigError(f"shape[0]={shape[0]} differs from the {len(self.index)} keyed rows; use one row a key")

    def _bits(self, shape: Sequence[int], words: int) -> Tensor:  # -> (B, words) int64
        self.check(shape)
        rows = _mix(self.index.to(torch.int64) * _GOLDEN + self.key)
        columns = torch.arange(1, words + 1, dtype=torch.int64, device=self.index.device) * _GOLDEN
        return _mix(rows[:, None] + columns)


def keyed(seed: int, epoch: int, index: Tensor, pool: Pool | None = None) -> Keyed:
    """The draws of the rows `index` in `epoch`, with the rows that may give them values.

    Example:
        >>> keyed(seed=0, epoch=0, index=torch.arange(2)).normal((2, 3)).shape
        torch.Size([2, 3])
    """
    return Keyed(seed, epoch, index, pool=pool)


def sequence_uniform(seed: int, sequence: Tensor, steps: range) -> Tensor:  # (B,) int64 -> (B, T) float64
    """Uniform numbers on [0, 1), of 53 bits, that draw the items at T `steps` of each generated sequence.

    Args:
        seed: The seed of the generation.
        sequence: (B,) int64, the sequences' numbers; it also says on which device to draw.
        steps: The items' places in their sequences, from 0.

    Example:
        >>> both = sequence_uniform(seed=0, sequence=torch.tensor([4, 7]), steps=range(3))
        >>> torch.equal(both[1:, 2:], sequence_uniform(seed=0, sequence=torch.tensor([7]), steps=range(2, 3)))
        True
    """
    rows = _mix(sequence.to(torch.int64) * _GOLDEN + _digest("draw", seed))
    columns = torch.arange(steps.start, steps.stop, steps.step, dtype=torch.int64, device=sequence.device)
    bits = _mix(rows[:, None] + (columns + 1) * _GOLDEN)
    return ((bits >> 11) & (2**53 - 1)).to(torch.float64).mul_(2.0**-53)


def _mix(z: Tensor) -> Tensor:
    """SplitMix64's finaliser, in place. Masks make the arithmetic shifts logical."""
    z ^= (z >> 30) & 0x3FFFFFFFF
    z *= _MIX_A
    z ^= (z >> 27) & 0x1FFFFFFFFF
    z *= _MIX_B
    z ^= (z >> 31) & 0x1FFFFFFFF
    return z

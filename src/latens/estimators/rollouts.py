"""Series read and gone on with: what a network says of each item, its nats, and whole futures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from latens.errors import DivergedError, setting
from latens.estimators.reading import Reader
from latens.estimators.states import SequenceState
from latens.losses import GaussianLikelihood, SquaredError
from latens.seeds import keyed

__all__ = ["as_items", "futures", "item_nats", "means", "path_keys", "roll", "stretched", "windowed"]

# Items that are read side by side.
_AT_ONCE = 1 << 16


def as_items(values: np.ndarray, patch: int) -> np.ndarray:  # (T, d) -> (T // P, P·d) float32
    """A series in whole patches, the last of which ends with it; the first T mod P steps are left out.

    Example:
        >>> as_items(np.arange(5.0)[:, None], patch=2).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    whole = values[len(values) % patch :]
    return np.ascontiguousarray(whole.reshape(len(whole) // patch, patch * values.shape[1]), dtype=np.float32)


def windowed(
    reader: Reader, sequences: Sequence[np.ndarray], reach: int | None
) -> Iterator[np.ndarray]:  # each (T, P·d) -> (T, Q)
    """What is said of each item, given at least a half of `reach` items before it, and at most all of them.

    A network that was trained on windows knows no longer past; None is for one that does. The first items have only
    what there is, and the first of all an empty state. Many short sequences are read side by side.
    """
    for group in _groups(sequences):
        windows = [_windows(items, reach) for items in group]
        said = iter(reader.predictions([window for each in windows for window in each]))
        for each in windows:
            first, *later = islice(said, len(each))
            yield np.concatenate([first, *(part[_seen_before(reach) :] for part in later)])


def _windows(items: np.ndarray, reach: int | None) -> list[np.ndarray]:
    """The windows that a sequence is read in: each but the first says what comes after its first half."""
    if reach is None or len(items) <= reach + 1:
        return [items]
    half = max(reach // 2, 1)
    return [items[start : start + reach + 1] for start in range(0, len(items) - reach + half - 1, half)]


def _seen_before(reach: int | None) -> int:
    """Items of a window that the window before it has said already."""
    return 0 if reach is None else reach + 1 - max(reach // 2, 1)


def _groups(sequences: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Sequences of so many items together that little memory is held."""
    group, items = [], 0
    for sequence in sequences:
        group.append(sequence)
        items += len(sequence)
        if items >= _AT_ONCE:
            yield group
            group, items = [], 0
    if group:
        yield group


def means(reader: Reader, said: np.ndarray) -> np.ndarray:  # (T, Q) -> (T, P·d)
    """The expected values of what is said."""
    mean: np.ndarray = reader.network.likelihood.mean(torch.from_numpy(said)).numpy()
    return mean


def item_nats(reader: Reader, items: np.ndarray, said: np.ndarray) -> np.ndarray:  # (T, P·d), (T, Q) -> (T,)
    """What each item costs in nats, in scaled units; a squared error counts as a normal distribution's.

    Its standard deviation is that of the residuals, and of a first item that with which series begin.
    """
    network, parameters = reader.network, torch.from_numpy(said)
    likelihood = network.likelihood
    if isinstance(likelihood, SquaredError):
        spread = network.spread.double().cpu().log().repeat(len(items), 1)
        spread[:1] = network.first_std.double().cpu().log()
        likelihood, parameters = GaussianLikelihood(network.values_per_item), torch.cat([parameters, spread], dim=-1)
    nats: np.ndarray = likelihood.cost(parameters, torch.from_numpy(items)).double().numpy()
    return nats


def path_keys(sequences: Sequence[np.ndarray], device: torch.device) -> Tensor:  # -> (n,) int64
    """What the draws of each series are keyed by: the series itself, wherever it stands; its paths count on from it."""
    digests = [hashlib.blake2b(items.tobytes(), digest_size=6).digest() for items in sequences]
    return torch.tensor([int.from_bytes(digest, "little") for digest in digests], dtype=torch.int64, device=device)


@torch.no_grad()
def roll(
    reader: Reader, state: Tensor, said: Tensor, count: int, draws: tuple[int, Tensor] | None = None
) -> np.ndarray:  # (L, B, S), (B, Q) -> (B, count, P·d) float64
    """Whole futures: each item is read as if it had come, and the next follows.

    Args:
        reader: Of the network.
        state: After what was read.
        said: Of the next item.
        count: Items of a future.
        draws: The seed, and what each row's draws are keyed by, (B,); None takes the mean of what is said.

    Raises:
        DivergedError: A value is no longer finite.
    """
    likelihood, found = reader.network.likelihood, []
    unread = ~(state[:, :, -1:] > 0).any(dim=0)  # whose next item is the first of all
    spread = torch.where(unread, reader.network.first_std, reader.network.spread)
    for number in range(count):
        if draws is None:
            items = likelihood.mean(said)
        else:
            items = likelihood.draw(said, keyed(draws[0], number, draws[1]).stream("path"), spread)
        found.append(items)
        if number + 1 < count:
            said, state = reader.step(items, state)
            spread = reader.network.spread
    values: np.ndarray = torch.stack(found, dim=1).double().cpu().numpy()
    _refuse_divergence(values)
    return values


def futures(
    reader: Reader, begun: SequenceState, horizon: int, n_paths: int, seed: int
) -> np.ndarray:  # -> (n, max(n_paths, 1), items, P·d), scaled
    """Of each sequence its paths, or the one future of the mean, in as many whole items as hold the horizon."""
    copies, patch = max(n_paths, 1), reader.network.patch
    forked = begun.fork(copies)
    draws = (seed, forked.keys) if n_paths else None
    items = roll(reader, forked.state, forked.said, -(-horizon // patch), draws)
    return items.reshape(len(begun), copies, *items.shape[1:])


def stretched(series: Sequence[np.ndarray], length: int) -> list[np.ndarray]:
    """As many stretches of one length as the series have, side by side.

    Example:
        >>> [stretch.tolist() for stretch in stretched([np.arange(5), np.arange(1)], 2)]
        [[0, 1], [2, 3]]
    """
    starts = [(values, first) for values in series for first in range(0, len(values) - length + 1, length)]
    return [values[first : first + length] for values, first in starts]


def _refuse_divergence(values: np.ndarray) -> None:
    bad = ~np.isfinite(values).all(axis=2)
    if bad.any():
        row, item = (int(place) for place in np.unravel_index(int(bad.argmax()), bad.shape))
        raise DivergedError(
            f"the forecast of row {row} is no longer finite at its item {item} (counted from 0); "
            f"use a shorter horizon, or fit with {setting('relative', False)}"
        )

"""Series read and gone on with: what a network says of each item, its nats, and whole futures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from latens.errors import DivergedError
from latens.estimators.reading import Reader
from latens.losses import GaussianLikelihood, SquaredError
from latens.seeds import keyed

__all__ = ["as_items", "expected", "item_nats", "level_share", "path_keys", "roll"]


def as_items(values: np.ndarray, patch: int) -> np.ndarray:  # (T, d) -> (T // P, P·d) float32
    """A series in whole patches, the last of which ends with it; the first T mod P steps are left out.

    Example:
        >>> as_items(np.arange(5.0)[:, None], patch=2).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    whole = values[len(values) % patch :]
    return np.ascontiguousarray(whole.reshape(len(whole) // patch, -1), dtype=np.float32)


def expected(reader: Reader, items: np.ndarray) -> np.ndarray:  # (T, P·d) -> (T, P·d)
    """The mean of what is said of each item, given those before it."""
    (said,) = reader.predictions([items])
    mean: np.ndarray = reader.network.likelihood.mean(torch.from_numpy(said)).numpy()
    return mean


def item_nats(reader: Reader, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:  # -> each (T,)
    """What each item costs in nats, in scaled units; a squared error counts as a normal distribution's.

    Its standard deviation is that of the residuals, and of a first item that with which series begin.
    """
    network = reader.network
    if not isinstance(network.likelihood, SquaredError):
        return reader.costs(sequences)
    normal, found = GaussianLikelihood(network.values_per_item), []
    for items, said in zip(sequences, reader.predictions(sequences), strict=True):
        spread = network.spread.double().cpu().log().repeat(len(items), 1)
        spread[:1] = network.first_std.double().cpu().log()
        parameters = torch.cat([torch.from_numpy(said), spread], dim=-1)
        found.append(normal.cost(parameters, torch.from_numpy(items)).double().numpy())
    return found


def path_keys(sequences: Sequence[np.ndarray], paths: int, device: torch.device) -> Tensor:  # -> (n · paths,) int64
    """What the draws of each path of each series are keyed by: the series itself, wherever it stands, and the path."""
    digests = [hashlib.blake2b(items.tobytes(), digest_size=6).digest() for items in sequences]
    first = torch.tensor([int.from_bytes(digest, "little") for digest in digests], dtype=torch.int64, device=device)
    return (first[:, None] + torch.arange(paths, device=device)).flatten()


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


def _refuse_divergence(values: np.ndarray) -> None:
    bad = ~np.isfinite(values).all(axis=2)
    if bad.any():
        row, item = (int(place) for place in np.unravel_index(int(bad.argmax()), bad.shape))
        raise DivergedError(
            f"the forecast of row {row} is no longer finite at its item {item} (counted from 0); use a shorter "
            "horizon, or fit with relative=False"
        )


def level_share(series: Sequence[np.ndarray], parts: int = 8) -> float:
    """The share of the variance that lies between eighths of the series: near 1 where levels wander.

    Example:
        >>> level_share([np.arange(800.0)[:, None]]) > 0.9, level_share([np.sin(np.arange(800.0))[:, None]]) < 0.1
        (True, True)
    """
    between = total = 0.0
    for values in series:
        centred = values - values.mean(axis=0)
        total += float(np.square(centred).sum())
        for part in np.array_split(centred, min(parts, len(centred))):
            between += len(part) * float(np.square(part.mean(axis=0)).sum())
    return between / total if total > 0 and math.isfinite(total) else 0.0

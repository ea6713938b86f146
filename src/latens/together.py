"""One process of several, on torch.distributed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed

from latens.errors import DataError, RankError
from latens.group import Group
from latens.heartbeat import Heartbeat
from latens.ranks import Place

__all__ = ["Together"]


class Together(Group):
    """One of several processes: numbers on the CPU go by gloo, those on a GPU by nccl.

    Args:
        place: Of this rank; the ranks have found each other.
        heartbeat: Running.
    """

    def __init__(self, place: Place, heartbeat: Heartbeat) -> None:
        self.place, self._heartbeat = place, heartbeat

    def __deepcopy__(self, memo: dict[int, Any]) -> Together:
        return self  # there is one of it in a process, and a copied network belongs to the same run

    def total(self, numbers: Tensor) -> Tensor:
        with self._unbroken():
            distributed.all_reduce(numbers)
        return numbers

    def gathered(self, numbers: Tensor) -> Tensor:
        found = [torch.empty_like(numbers) for _ in range(self.place.count)]
        with self._unbroken():
            distributed.all_gather(found, numbers.contiguous())
        return torch.stack(found)

    def joined(self, x: Tensor, dim: int) -> Tensor:
        sizes = self.gathered(torch.tensor(x.shape[dim])).tolist()
        shape = list(x.shape)
        shape[dim] = max(sizes)
        padded = torch.zeros(shape, dtype=x.dtype, device=x.device)
        padded.narrow(dim, 0, x.shape[dim]).copy_(x)
        parts = self.gathered(padded)
        return torch.cat([part.narrow(dim, 0, size) for part, size in zip(parts, sizes, strict=True)], dim)

    def greatest(self, number: int) -> int:
        numbers = torch.tensor(number)
        with self._unbroken():
            distributed.all_reduce(numbers, distributed.ReduceOp.MAX)
        return int(numbers)

    def same(self, value: Any) -> Any:
        # As JSON, for what torch sends as an object is a pickle.
        words = torch.tensor(list(json.dumps(value).encode() if self.first else b""), dtype=torch.uint8)
        length = self._from_first(torch.tensor(len(words)))
        words = words if self.first else torch.empty(int(length), dtype=torch.uint8)
        return json.loads(bytes(self._from_first(words).tolist()))

    def each(self, value: Any) -> list[Any]:
        lines = self.joined(torch.tensor(list(f"{json.dumps(value)}\n".encode()), dtype=torch.uint8), 0)
        return [json.loads(line) for line in bytes(lines.tolist()).splitlines()]

    def same_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        described = {name: [str(x.dtype).removeprefix("torch."), list(x.shape)] for name, x in tensors.items()}
        found = {}
        for name, (dtype, shape) in self.same(described).items():
            mine = tensors[name].cpu() if self.first else torch.empty(shape, dtype=getattr(torch, dtype))
            found[name] = self._from_first(mine.contiguous())
        return found

    def _from_first(self, x: Tensor) -> Tensor:
        if x.numel():
            with self._unbroken():
                distributed.broadcast(x.view(torch.uint8) if x.dtype == torch.bool else x, src=0)
        return x

    def check_same(self, what: Callable[[], Mapping[str, Any]]) -> None:
        mine = json.loads(json.dumps(what()))
        first = self.same(mine)
        other = next((name for name in mine if mine[name] != first.get(name)), None)
        differing = self.greatest(self.place.rank if other is not None else -1)
        if differing >= 0:
            raise DataError(
                f"rank {differing} differs from rank 0 in {self.each(other)[differing]!r}; "
                f"give all ranks the same data, settings and a whole number as random_state"
            )

    @contextmanager
    def in_step(self) -> Iterator[None]:
        self.greatest(0)  # from here on all are there
        self._heartbeat.alert = True
        try:
            yield
        finally:
            self._heartbeat.alert = False

    def claim(self, line: str, code: int) -> bool:
        return self._heartbeat.claim(line, code)

    def leave(self) -> None:
        self._heartbeat.stop()

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        """What goes wrong between the ranks is told by its cause: which of them died, or what it said."""
        try:
            yield
        except RuntimeError as error:
            verdict = self._heartbeat.after_breaking()
            if verdict is None:
                raise
            raise RankError(verdict.line, verdict.code, verdict.told) from error

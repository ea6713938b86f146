"""The state of a reader as something to keep: saved, forked, gone on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latens import persistence
from latens.errors import ModelFileError

__all__ = ["SequenceState", "also"]

_TENSORS = ("state", "said", "seen", "keys")


@dataclass(frozen=True, eq=False)
class SequenceState:
    """Where some sequences stand: all that a model knows of what it has read, and where their draws go on.

    Nothing changes it: going on from the same one twice gives two sequences with the same past.

    Args:
        state: (L, B, S), of the layers.
        said: (B, V), the logits of the next item.
        seen: (B, V) bool, which items were read or generated.
        keys: (B,) int64, which numbers are drawn.
        steps: Items generated so far.
    """

    state: Tensor
    said: Tensor
    seen: Tensor
    keys: Tensor
    steps: int

    def __len__(self) -> int:
        return len(self.said)

    def fork(self, copies: int) -> SequenceState:
        """Each sequence `copies` times, to go on in different ways."""
        if copies == 1:
            return self
        rows = torch.arange(len(self), device=self.said.device).repeat_interleave(copies)
        copy = torch.arange(copies, device=self.said.device).repeat(len(self))
        keys = self.keys[rows] + copy
        return SequenceState(self.state[:, rows], self.said[rows], self.seen[rows], keys, self.steps)

    def to(self, device: torch.device) -> SequenceState:
        """The same on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in _TENSORS})

    def save(self, path: str | Path, model: str) -> None:
        """Write it as one safe file.

        Args:
            path: Of the file.
            model: What the network is known by; only it can go on from there.
        """
        tensors = {name: getattr(self, name) for name in _TENSORS}
        persistence.write(path, {"kind": "state", "model": model, "steps": self.steps}, tensors)

    @classmethod
    def load(cls, path: str | Path, model: str, shapes: dict[str, tuple[int, ...]]) -> SequenceState:
        """The inverse of `save`.

        Args:
            path: Of the file.
            model: What the network is known by.
            shapes: Of one sequence's tensors, without the number of sequences.

        Raises:
            ModelFileError: It is no state, or that of another model.
        """
        file = persistence.read(path, expect=lambda header, infos: _expect(path, header, infos, model, shapes))
        return cls(**{name: file.tensors[name] for name in _TENSORS}, steps=file.header["steps"])


def also(seen: Tensor, sequences: Sequence[np.ndarray]) -> Tensor:  # (B, V) -> (B, V) bool
    """`seen` with the items of each row's sequence."""
    more = seen.clone()
    for row, ids in enumerate(sequences):
        more[row, torch.from_numpy(ids.astype(np.int64)).to(seen.device)] = True
    return more


def _expect(path: str | Path, header: Any, infos: Any, model: str, shapes: dict[str, tuple[int, ...]]) -> None:
    if header.get("kind") != "state":
        raise ModelFileError(f"{path}: a {header.get('kind')!r:.100}, not a state; name a file that save_state wrote")
    if header.get("model") != model:
        raise ModelFileError(f"{path}: the state of another model; use the model that it was saved from")
    rows = infos.get("keys", ("", (0,)))[1]
    expected = {
        "state": ("F32", (shapes["state"][0], *rows, shapes["state"][1])),
        "said": ("F32", (*rows, *shapes["said"])),
        "seen": ("BOOL", (*rows, *shapes["said"])),
        "keys": ("I64", tuple(rows)),
    }
    steps = header.get("steps")
    if dict(infos) != expected or type(steps) is not int or steps < 0:
        raise ModelFileError(f"{path}: its tensors are not those of a state; take another copy")

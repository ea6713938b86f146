"""The processes of a run as one: what they add up, agree on, and tell each other.

`Group` is a process that is alone, for which all of that is nothing; `latens.together.Together` is one of several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from latens.ranks import Place, Share

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Group"]


class Group:
    """The role, and one process alone.

    Every method that is not a property is called by all ranks, in the same order.

    Example:
        >>> Group().share.of(21), Group().greatest(7)
        (slice(0, 21, None), 7)
    """

    place = Place()

    @property
    def share(self) -> Share:
        """This rank's part of all work."""
        return self.place.share

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes, and speaks."""
        return self.place.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.place.count > 1

    def total(self, numbers: Tensor) -> Tensor:  # (*) -> (*)
        """The sum over all ranks."""
        return numbers

    def gathered(self, numbers: Tensor) -> Tensor:  # (*) -> (R, *)
        """Every rank's numbers."""
        return numbers[None]

    def joined(self, x: Tensor, dim: int) -> Tensor:
        """The ranks' tensors one after another along `dim`, along which they may differ in size."""
        return x

    def greatest(self, number: int) -> int:
        """The greatest of the ranks' numbers."""
        return number

    def same(self, value: Any) -> Any:
        """The first rank's value, of JSON's types."""
        return value

    def each(self, value: Any) -> list[Any]:
        """Every rank's value, of JSON's types."""
        return [value]

    def same_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The first rank's tensors, on the CPU."""
        return tensors

    def check_same(self, what: Callable[[], Mapping[str, Any]]) -> None:
        """Refuse to work together on different things.

        Args:
            what: Says what this rank works on; not asked if there is only one.

        Raises:
            DataError: Another rank works on something else.
        """

    @contextmanager
    def in_step(self) -> Iterator[None]:
        """Around work that all ranks do step by step: within it a rank that falls silent is dead."""
        yield

    def claim(self, line: str, code: int) -> bool:
        """Tell the other ranks that this one ends, and why; whether this rank is the one to show it."""
        return True

    def leave(self) -> None:
        """The work is done."""

"""Reading ahead: what comes next is loaded while what is there is worked on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

__all__ = ["Ahead"]

Loaded = TypeVar("Loaded")


class Stopped(Exception):
    """Nobody waits for what is being loaded any more."""


class Ahead(Generic[Loaded]):
    """Loads one thing after another in a thread, at most one ahead of what has been taken.

    Args:
        load: Loads what a number stands for; it calls the function beside the number now and then, which raises where
            nobody waits any more.
        numbers: What to load, in order.

    Example:
        >>> with Ahead(lambda number, check: number**2, [3, 4]) as ahead:
        ...     list(ahead)
        [9, 16]
    """

    def __init__(self, load: Callable[[int, Callable[[], None]], Loaded], numbers: Iterable[int]) -> None:
        self._load, self._numbers = load, iter(numbers)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="latens-ahead")
        self._coming: Future[Loaded] | None = None
        self._stop = threading.Event()

    def __enter__(self) -> Ahead[Loaded]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def prepare(self) -> None:
        """Begin to load the next thing, if there is one and it is not on its way."""
        number = next(self._numbers, None) if self._coming is None else None
        if number is not None:
            self._coming = self._pool.submit(self._load, number, self._check)

    def take(self) -> Loaded:
        """The next thing, of which there has to be one; the one after it is not begun before `prepare`."""
        self.prepare()
        coming, self._coming = self._coming, None
        assert coming is not None
        return coming.result()

    def __iter__(self) -> Iterator[Loaded]:
        self.prepare()
        while self._coming is not None:
            loaded = self.take()
            self.prepare()
            yield loaded

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped

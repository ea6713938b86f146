"""What a model is asked, one question after the other, in a thread of its own while the server goes on answering."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Full", "Work"]

Result = TypeVar("Result")


class Full(Exception):
    """As many questions wait as may; the asker is to come again."""


@dataclass(frozen=True, eq=False)
class _Question:
    answer: Future[Any]
    function: Callable[[], Any]
    doing: str | None

    def settle(self) -> None:
        """Call the function, unless nobody waits for its answer any more."""
        if not self.answer.set_running_or_notify_cancel():
            return
        try:
            self.answer.set_result(self.function())
        except StopIteration:  # no future can hold one, and its asker would wait for ever
            self.answer.set_exception(RuntimeError("an iterator ended"))
        except BaseException as error:
            self.answer.set_exception(error)


class Work:
    """Threads that ask, and the bounded queue before them.

    They are daemons that `close` waits for, and not for ever: a question may lie in one long call into a library, and
    Ctrl-C ends the page all the same.

    Args:
        threads: That ask at once.
        most: Questions that wait.

    Example:
        >>> work = Work()
        >>> asyncio.run(work.ask(max, 3, 5))
        5
        >>> work.close()
    """

    def __init__(self, threads: int = 1, most: int = 32) -> None:
        self.most = most
        self.doing: str | None = None
        self._waiting: deque[_Question] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"work {i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    async def ask(self, function: Callable[..., Result], *given: Any, doing: str | None = None) -> Result:
        """What the function answers, called in a thread. Who stops waiting takes back what has not begun.

        Args:
            function: Of the model, or whatever takes long.
            given: Its arguments.
            doing: In words, for others who wait.

        Raises:
            Full: Too many are waiting, or it is closed.
        """
        question = _Question(Future(), lambda: function(*given), doing)
        with self._changed:
            if self._closed or len(self._waiting) >= self.most:
                raise Full("too many questions are waiting; ask again in a second")
            self._waiting.append(question)
            self._changed.notify()
        try:
            result: Result = await asyncio.wrap_future(question.answer)
        except asyncio.CancelledError:
            self._take_back(question)
            raise
        return result

    def close(self, seconds: float = 1.0) -> None:
        """Take nothing more, drop what waits, and wait for what has begun.

        Args:
            seconds: To wait at most.
        """
        end = time.monotonic() + seconds
        with self._changed:
            self._closed = True
            dropped = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for question in dropped:
            if question.answer.set_running_or_notify_cancel():
                question.answer.set_exception(Full("the page is being closed"))
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _take_back(self, question: _Question) -> None:
        with self._changed, suppress(ValueError):
            self._waiting.remove(question)

    def _run(self) -> None:
        while (question := self._next()) is not None:
            self.doing = question.doing
            question.settle()
            self.doing = None
            del question  # else it is kept, with its answer, until the next one

    def _next(self) -> _Question | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            return self._waiting.popleft() if self._waiting else None

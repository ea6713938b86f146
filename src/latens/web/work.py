"""What a model is asked, one question after the other, in a thread of its own while the server goes on answering."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

__all__ = ["Full", "Work"]

Result = TypeVar("Result")
Given = ParamSpec("Given")


class Full(Exception):
    """As many questions wait as may; the asker is to come again."""


class Work:
    """Threads that ask, and the bounded queue before them.

    They are daemons that `close` waits for, and not for ever: a question may lie in one long call into a library, and
    Ctrl-C ends the page all the same.

    Args:
        threads: That ask at once.
        most: Questions that wait.
    """

    def __init__(self, threads: int = 1, most: int = 32) -> None:
        self.most = most
        self.doing: str | None = None
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"work {i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    async def ask(self, function: Callable[Given, Result], *args: Given.args, **how: Given.kwargs) -> Result:
        """What the function answers, called in a thread. Who stops waiting takes back what has not begun.

        Raises:
            Full: Too many are waiting, or it is closed.
        """
        answer: Future[Result] = Future()
        with self._changed:
            if self._closed or len(self._waiting) >= self.most:
                raise Full("too many questions are waiting; ask again in a second")
            self._waiting.append((answer, lambda: function(*args, **how)))
            self._changed.notify()
        try:
            return await asyncio.wrap_future(answer)
        except asyncio.CancelledError:
            self._take_back(answer)
            raise

    def close(self, seconds: float = 1.0) -> None:
        """Take nothing more, drop what waits, and wait for what has begun.

        Args:
            seconds: To wait at most.
        """
        end = time.monotonic() + seconds
        with self._changed:
            self._closed = True
            dropped = [answer for answer, _ in self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        for answer in dropped:
            if answer.set_running_or_notify_cancel():
                answer.set_exception(Full("the page is being closed"))
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _take_back(self, answer: Future[Any]) -> None:
        with self._changed:
            kept = [waiting for waiting in self._waiting if waiting[0] is not answer]
            self._waiting.clear()
            self._waiting.extend(kept)

    def _run(self) -> None:
        while (question := self._next()) is not None:
            _answer(*question)
            self.doing = None
            del question  # else it is kept, with what it was asked, until the next one

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            return self._waiting.popleft() if self._waiting else None


def _answer(answer: Future[Any], function: Callable[[], Any]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(function())
    except StopIteration:  # no future can hold one, and its asker would wait for ever
        answer.set_exception(RuntimeError("an iterator ended"))
    except BaseException as error:
        answer.set_exception(error)

"""Five seconds from a signal to the end of the process, whatever it is doing.

Python's handlers run between two of its own instructions. Where one call into a library lasts, nobody hears them: a
thread of its own, which the kernel wakes, then ends the process.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["Deadline", "deadline"]

_NAMES = {int(signal.SIGINT): "Ctrl-C", int(signal.SIGTERM): "SIGTERM"}
_DONE = 0  # no signal has this number


class Deadline:
    """Ends the process when a signal is not answered in time.

    Args:
        seconds: From the signal to the end.
    """

    def __init__(self, seconds: float = 4.5) -> None:
        self.seconds = seconds
        self.last_words: Callable[[], str] = lambda: ""
        self._unhurried = threading.Event()

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """Around what is worth more than to be on time: the writing of the last checkpoint."""
        self._unhurried.set()
        try:
            yield
        finally:
            self._unhurried.clear()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep it within the block, which has to be in the main thread; in another one nothing is kept."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        except ValueError:
            _close(reader, writer)
            yield
            return
        watcher = threading.Thread(target=self._watch, args=(reader,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            os.write(writer, bytes([_DONE]))
            watcher.join()
            _close(reader, writer)

    def _watch(self, reader: int) -> None:
        number = _DONE
        while number not in _NAMES:
            number = os.read(reader, 1)[0]
            if number == _DONE:
                return
        end = time.monotonic() + self.seconds
        while (left := end - time.monotonic()) > 0 or self._unhurried.is_set():
            if select.select([reader], [], [], max(left, 0.1))[0] and os.read(reader, 1)[0] == _DONE:
                return
        os.write(
            2, f"latens: stopped by {_NAMES[number]}: it could not be answered in time{self.last_words()}\n".encode()
        )
        os._exit(128 + number)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _forget() -> None:
    """A copy of the process would wake the original's thread with its own signals."""
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_forget)
deadline = Deadline()

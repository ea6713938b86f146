"""A server of this machine's own user: at 127.0.0.1, on a port that is free, until Ctrl-C."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from latens.errors import ConfigError
from latens.web.connections import Connection
from latens.web.keys import Keys

__all__ = ["serve"]

_HOST = "127.0.0.1"
# Seconds that answers have to end after Ctrl-C, and that a connection is kept between two requests.
_GRACE, _KEEP_ALIVE = 2, 10
# Connections that are accepted in one turn of the event loop, and that the kernel keeps meanwhile.
_AT_ONCE, _QUEUE = 8, 2048
_FILES = 4096
_SWITCH_SECONDS = 0.0005


def serve(
    app_factory: Callable[[Keys, int], ASGIApp],
    *,
    port: int = 0,
    open_page: bool = False,
    say: Callable[[str], None],
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Serve an application until Ctrl-C, SIGTERM or `stopped`; the exit code, 0 or 143.

    Signals are answered in the main thread alone.

    Args:
        app_factory: Makes it for its keys and port.
        port: On 127.0.0.1; 0 takes a free one.
        open_page: Open it in a browser, where there is a display.
        say: Hears the address, with the one-time token in it, once it is answered.
        stopped: Whether it is to end, asked ten times a second.

    Raises:
        ConfigError: The port cannot be had.
    """
    with _bound(port) as listener:
        at = int(listener.getsockname()[1])
        keys = Keys.new(at)

        def answers() -> None:
            address = f"http://{_HOST}:{at}/?token={keys.invitation}"
            say(address)
            if open_page and _has_display():
                # Some of the programs that webbrowser starts are waited for.
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        _allow_files()
        server = _Server(_config(app_factory(keys, at)), answers, stopped)
        with _quick_turns():
            server.run(sockets=[listener])
        return server.code


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",  # the application says its errors itself, and addresses hold keys
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_AT_ONCE,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )


class _Server(uvicorn.Server):
    """uvicorn's, which ends with a code instead of the signal that ended it.

    Args:
        config: Its own.
        answers: Called once it answers.
        stopped: Whether it is to end.
    """

    def __init__(self, config: uvicorn.Config, answers: Callable[[], None], stopped: Callable[[], bool]) -> None:
        super().__init__(config)
        self._answers, self._stopped = answers, stopped

    @property
    def code(self) -> int:
        """Of the process: 0 after Ctrl-C, which is how a page is closed, and 143 after SIGTERM."""
        return 128 + signal.SIGTERM if signal.SIGTERM in self._captured_signals else 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_QUEUE)
        if self.started:
            self._answers()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stopped()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but for raising them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    # Named, for asyncio sets TCP_NODELAY on TCP alone, without which each answer waits 40 ms for its second half.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with listener:
        if sys.platform != "win32":  # there it would let two programs have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
            listener.listen(_QUEUE)
        except OSError as error:
            taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
            reason = "is taken or not yours to take" if taken else f"cannot be had ({error.strerror})"
            raise ConfigError(f"port={port}: it {reason}; name another one, or none for one that is free") from error
        yield listener


@contextmanager
def _quick_turns() -> Iterator[None]:
    """While a thread computes in Python, the server, which waits for it at every call of the system, waits shortly.

    Nor does it stop for Python's collector to look at all that libraries made when they were loaded.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)


def _has_display() -> bool:
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _allow_files() -> None:
    """Many systems start a program with 1,024 open files at most, which is as many browsers' connections."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted: Any = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

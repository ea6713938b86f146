"""A thousand connections, none of which keeps the others waiting: uvicorn's own, with three limits that it has not."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any
from weakref import WeakKeyDictionary

import h11
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.h11_impl import H11Protocol

from latens.web.refusals import SAFE, error_body

__all__ = ["Connection"]

# Connections at once, and seconds that the head of a request may take to arrive.
_MOST, _HEAD_SECONDS = 2000, 10.0
# Requests that are begun in one turn of the event loop, which then looks for what is urgent.
_TURN = 1
# Connections that wait for their turn; the next ones are told to come again.
_WAITING = 100
_URGENT = (b"GET /health ", b"HEAD /health ")


class Turns:
    """Data that have arrived, begun a few at a time: whatever number of them there are, /health waits for few.

    Args:
        loop: That calls.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Connection] = deque()

    @property
    def full(self) -> bool:
        """Whether so many wait that one more would wait for long."""
        return len(self._waiting) >= _WAITING

    def join(self, connection: Connection) -> None:
        """Begin what a connection has, when it is its turn."""
        self._waiting.append(connection)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        for connection in [self._waiting[i] for i in range(min(_TURN, len(self._waiting)))]:
            self._waiting.popleft()
            connection.begin()
        if self._waiting:
            self._loop.call_soon(self._begin)


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


class Connection(H11Protocol):
    """One connection: bounded in number, in the time that a request's head takes, and in its share of a turn."""

    _held: bytearray | None = None
    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._turns = _TURNS.setdefault(self.loop, Turns(self.loop))
        if len(self.connections) > _MOST:
            transport.write(
                _whole(503, "Service Unavailable", "too many connections", _AGAIN + b"connection: close\r\n")
            )
            transport.close()
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            if len(self._held) > HIGH_WATER_LIMIT:
                self.transport.pause_reading()
        elif data.startswith(_URGENT):
            self._take(data)
        elif self._turns.full and self._is_whole(data):
            self._put_off()
        else:
            self._held = bytearray(data)
            self._turns.join(self)

    def begin(self) -> None:
        """Take what has arrived."""
        held, self._held = self._held, None
        if held is None or self.transport.is_closing():
            return
        if not self.flow.read_paused:
            self.transport.resume_reading()
        self._take(bytes(held))

    def _is_whole(self, data: bytes) -> bool:
        """Whether it is one question to the application and no part of anything else."""
        idle = self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        head = data.lower()
        alone = head.find(b"\r\n\r\n") == len(head) - 4 and b"content-length" not in head and b"\ntransfer-" not in head
        return idle and alone and data.startswith(b"GET /api/")

    def _put_off(self) -> None:
        """Refuse at next to no cost: reading a request properly takes as long as many an answer."""
        self._unset_keepalive_if_required()
        self._head_is_here()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self.transport.write(_BUSY)

    def _take(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._expect_head()
        elif self.conn.their_state is not h11.IDLE:
            self._head_is_here()

    def _expect_head(self) -> None:
        if self._hurry is None:
            self._hurry = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _head_is_here(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, in the words and with the headers of every other refusal."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not (self.cycle and self.cycle.response_started):
            self.transport.write(_whole(400, "Bad Request", "this is no HTTP request"))
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """There are no WebSockets here, and nothing is missing."""


def _whole(status: int, phrase: str, line: str, more: bytes = b"connection: close\r\n") -> bytes:
    """A refusal as it goes over the wire."""
    body = error_body(line)
    headers = b"".join(b"%s: %s\r\n" % pair for pair in SAFE.items())
    rest = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return f"HTTP/1.1 {status} {phrase}\r\n".encode() + headers + more + rest + body


_AGAIN = b"retry-after: 1\r\n"
_BUSY = _whole(503, "Service Unavailable", "too many requests at once; ask again in a second", _AGAIN)

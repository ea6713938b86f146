"""What every answer of the page carries, and how a request is refused: in one line that repeats nothing of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from starlette.types import Message, Send

__all__ = ["SAFE", "Head", "Refused", "Sender", "error_body", "reply", "safe"]

Pairs = Iterable[tuple[bytes, bytes]]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
SAFE = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cache-control": b"no-store",
}
_JSON = b"application/json"


class Refused(Exception):
    """A request that gets no other answer than this.

    Args:
        status: Of HTTP.
        line: What to say, nothing of which was sent by the asker.
        headers: To go with it.
    """

    def __init__(self, status: int, line: str, headers: Mapping[bytes, bytes] | None = None) -> None:
        super().__init__(line)
        self.status, self.line, self.headers = status, line, dict(headers or {})


class Head:
    """The headers of a request, of which those that matter may be there once.

    Args:
        headers: Names in lower case, and values.
    """

    def __init__(self, headers: Pairs) -> None:
        self._headers = list(headers)

    def all(self, name: bytes) -> list[bytes]:
        """The values of all headers of that name."""
        return [value for key, value in self._headers if key == name]

    def only(self, name: bytes) -> bytes | None:
        """The value of the one header of that name; None if there is none.

        Raises:
            Refused: There are several.
        """
        values = self.all(name)
        if len(values) > 1:
            raise Refused(400, f"{name.decode()} is there more than once; send it once")
        return values[0] if values else None


class Sender:
    """Sends an answer with the headers that all have, and knows how far it is.

    Args:
        send: Of the server.
        path: That was asked for.
    """

    def __init__(self, send: Send, path: str) -> None:
        self._send = send
        # A browser keeps the page's own files, and asks whether they are still the same.
        self._headers = SAFE | ({b"cache-control": b"no-cache"} if path.startswith("/static/") else {})
        self.begun = self.complete = self.given_up = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            message = {**message, "headers": safe(message.get("headers", ()), self._headers)}
        elif message["type"] == "http.response.body":
            self.complete = not message.get("more_body", False)
        await self._send(message)

    async def pass_on(self, message: Message) -> None:
        """What the application sends, which is heard until it is given up."""
        if not self.given_up:
            await self(message)


def safe(headers: Pairs, always: Mapping[bytes, bytes] = SAFE) -> list[tuple[bytes, bytes]]:
    """An answer's own headers, none of which can let another origin in, and those that all answers have."""
    own = [(name.lower(), value) for name, value in headers]
    return [
        *((name, value) for name, value in own if name not in always and not name.startswith(b"access-control-")),
        *always.items(),
    ]


def error_body(line: str) -> bytes:
    """``{"error": line}``, as all errors are."""
    return json.dumps({"error": line}).encode()


async def reply(
    send: Send, status: int, body: bytes, kind: bytes = _JSON, more: Mapping[bytes, bytes] | None = None
) -> None:
    """A whole answer at once."""
    headers = {b"content-type": kind, b"content-length": str(len(body)).encode(), **(more or {})}
    await send({"type": "http.response.start", "status": status, "headers": list(headers.items())})
    await send({"type": "http.response.body", "body": body})

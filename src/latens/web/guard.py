"""Who is let in to the page, with what, and how many at once; nothing behind it is asked by anybody else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latens.errors import is_out_of_memory
from latens.web.keys import Keys
from latens.web.refusals import Head, Refused, Sender, error_body, reply

__all__ = ["Guard"]

log = logging.getLogger("latens.web")

_MIB = 1 << 20
# Seconds that a body has; seconds and bytes that a refused one is still read for, so that its sender sees the answer.
_BODY_SECONDS, _DRAIN_SECONDS, _DRAIN = 20.0, 1.0, 64 * _MIB
_METHODS = ("GET", "HEAD", "POST")
_AGAIN = {b"retry-after": b"1"}
_CLOSE = {b"connection": b"close"}
_HTML = b"text/html; charset=utf-8"
_LOCKED = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>latens: no key</title>
<h1>This page needs its key</h1>
<p>Open the address that <code>latens serve</code> printed.
It works once; the browser that opened it then has a session until the server ends.</p>
</html>
"""


class _Hearing:
    """Hears what the server does, and knows whether the body has ended."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self.whole = receive, False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.whole = self.whole or not message.get("more_body", False)
        return message


class Guard:
    """Lets pass what the page itself asks, one user's browser with a session, within limits.

    Host must be the server's own, else a name that an attacker points at this machine would read all (DNS rebinding).
    Origin and Sec-Fetch-Site must be the page's own or absent, which keeps out the pages of others, and writes need
    JSON and a key besides. The session is then ``scope["state"]["session"]``.

    Args:
        app: What is guarded.
        keys: Who may ask.
        port: At which 127.0.0.1 is asked.
        most: Requests below ``/api/`` at once; the others are told to come again.
        body: Bytes of a request's body.
        seconds: Until an answer begins.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        port: int,
        *,
        most: int = 64,
        body: int = 16 * _MIB,
        seconds: float = 60.0,
    ) -> None:
        self.app, self.keys = app, keys
        self.most, self.body, self.seconds = most, body, seconds
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}
        self._asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, _Hearing(receive), Sender(send, scope["path"]))

    async def _answer(self, scope: Scope, receive: _Hearing, send: Sender) -> None:
        head = Head(scope["headers"])
        try:
            self._check_origin(head)
            _check_request(scope)
            if scope["path"] == "/health":
                await reply(send, 200, json.dumps({"status": "ok"}).encode())
            elif scope["path"] == "/" and scope["method"] != "POST":
                await self._front(scope, head, receive, send)
            else:
                await self._inside(scope, head, receive, send)
        except asyncio.CancelledError:
            if send.begun:
                raise
            await _refuse(send, Refused(503, "the page is being closed", _AGAIN | _CLOSE))
        except Refused as refusal:
            with_body = scope["method"] not in ("GET", "HEAD")
            if with_body and not receive.whole and refusal.status != 408 and not head.all(b"expect"):
                await _drain(receive)
            refusal.headers |= _CLOSE if with_body else {}
            await _refuse(send, refusal)

    def _check_origin(self, head: Head) -> None:
        host, origin, site = head.only(b"host"), head.only(b"origin"), head.only(b"sec-fetch-site")
        if host not in self._hosts:
            raise Refused(403, "Host is not this page's own; open the address that latens serve printed")
        if origin not in (None, b"http://" + host):
            raise Refused(403, "Origin is another page; only this page may ask")
        if site not in (None, b"same-origin", b"none"):
            raise Refused(403, "Sec-Fetch-Site is another page; paste the address that latens serve printed")

    # --- who asks -----------------------------------------------------------------------------------------------------

    async def _front(self, scope: Scope, head: Head, receive: Receive, send: Sender) -> None:
        """The page itself: a token opens a session, without either it says how to come by one."""
        token = _token(scope["query_string"]) if scope["method"] == "GET" else None
        opened = None if token is None else self.keys.exchange(token)
        session = self._session(head)
        if opened is not None:
            cookie = f"{self.keys.cookie}={opened}; Path=/; HttpOnly; SameSite=Strict".encode()
            await reply(send, 303, b"", _HTML, {b"location": b"/", b"set-cookie": cookie})
        elif session is None:
            await reply(send, 401, _LOCKED, _HTML)
        elif token is not None:  # the address of before, opened again
            await reply(send, 303, b"", _HTML, {b"location": b"/"})
        else:
            await self._ask(_with(scope, session), receive, send)

    async def _inside(self, scope: Scope, head: Head, receive: Receive, send: Sender) -> None:
        session = self._session(head)
        if session is None:
            raise Refused(401, "no session; open the address that latens serve printed")
        if scope["method"] == "POST":
            self._check_write(head, session)
        self._check_length(head)
        if not scope["path"].startswith("/api/"):
            await self._ask(_with(scope, session), receive, send)
            return
        if self._asked >= self.most:
            raise Refused(503, "too many requests at once; ask again in a second", _AGAIN)
        self._asked += 1
        await self._ask(_with(scope, session), receive, send, self._released)

    def _released(self, task: object = None) -> None:
        self._asked -= 1

    def _session(self, head: Head) -> str | None:
        """The one that is known; a cookie that others set beside it does no harm."""
        pairs = (part.partition("=") for line in head.all(b"cookie") for part in line.decode("latin-1").split(";"))
        given = (value.strip() for name, _, value in pairs if name.strip() == self.keys.cookie)
        return next(filter(self.keys.knows, given), None)

    def _check_write(self, head: Head, session: str) -> None:
        kind = head.only(b"content-type") or b""
        essence, _, charset = kind.decode("latin-1").lower().partition(";")
        if essence.strip() != "application/json" or charset.strip() not in ("", "charset=utf-8"):
            raise Refused(415, "Content-Type is not application/json; send JSON")
        if not self.keys.may_write(session, (head.only(b"x-latens-key") or b"").decode("latin-1")):
            raise Refused(403, "X-Latens-Key is not this session's; reload the page")

    # --- with what ----------------------------------------------------------------------------------------------------

    def _check_length(self, head: Head) -> None:
        length = head.only(b"content-length")
        if length is None:
            return
        if head.all(b"transfer-encoding"):
            raise Refused(400, "Content-Length and Transfer-Encoding exclude each other; send one")
        if not length.isdigit():
            raise Refused(400, "Content-Length is not a number")
        if len(length) > 18 or int(length) > self.body:
            raise Refused(413, self._too_much)

    @property
    def _too_much(self) -> str:
        return f"the body is above the limit of {self.body:,} bytes; send less"

    async def _body(self, receive: Receive) -> bytes | None:
        """The body of a request, all of it; None if its sender left."""
        content = bytearray()
        try:
            async with asyncio.timeout(min(_BODY_SECONDS, self.seconds)):
                while (message := await receive())["type"] == "http.request":
                    content += message.get("body", b"")
                    if len(content) > self.body:
                        raise Refused(413, self._too_much)
                    if not message.get("more_body", False):
                        return bytes(content)
        except TimeoutError:
            raise Refused(408, "the body did not arrive in time; send it again") from None
        return None

    # --- how long -----------------------------------------------------------------------------------------------------

    async def _ask(
        self, scope: Scope, receive: Receive, send: Sender, ended: Callable[[object], None] = lambda task: None
    ) -> None:
        """Have the application answer, unless the asker leaves or it takes too long to begin.

        Args:
            scope: Of the request.
            receive: Of the server.
            send: Where the answer goes.
            ended: Called when the application has let go, which may be later than the answer.
        """
        try:
            body = b"" if scope["method"] != "POST" else await self._body(receive)
        except BaseException:
            ended(None)
            raise
        if body is None:
            ended(None)
            return
        left = asyncio.ensure_future(_left(receive))
        asked = asyncio.ensure_future(self.app(scope, _heard(body, left), send.pass_on))
        asked.add_done_callback(ended)
        try:
            await self._wait(asked, left, send)
            send.given_up = True
            if not asked.done():
                asked.add_done_callback(_looked_at)
                if not left.done():
                    raise Refused(504, f"no answer within {self.seconds:g} s; ask for less")
            elif (error := _error_of(asked)) is not None or not send.begun:
                await _fail(error, scope, send)
        finally:
            left.cancel()
            asked.cancel()

    async def _wait(self, asked: asyncio.Future[None], left: asyncio.Future[None], send: Sender) -> None:
        """Until it has answered or failed, nobody listens any more, or the time is up."""
        first = asyncio.FIRST_COMPLETED
        await asyncio.wait({asked, left}, timeout=self.seconds, return_when=first)
        if send.begun and not left.done():
            await asyncio.wait({asked, left}, return_when=first)
        if send.complete:
            await asyncio.wait({asked})


def _check_request(scope: Scope) -> None:
    if scope["method"] not in _METHODS:
        raise Refused(405, "the method is none of GET, HEAD and POST", {b"allow": ", ".join(_METHODS).encode()})
    if not scope["path"].startswith("/"):
        raise Refused(400, "the path does not begin with a slash")


def _with(scope: Scope, session: str) -> Scope:
    return {**scope, "state": {**scope.get("state", {}), "session": session}}


def _token(query: bytes) -> str | None:
    """The one token in a query; empty, and never right, if there are several."""
    try:
        given = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=20).get("token")
    except ValueError:
        return ""
    return None if given is None else given[0] if len(given) == 1 else ""


def _heard(body: bytes, left: asyncio.Future[None]) -> Receive:
    """What the application hears: the whole body, and then that the asker left."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.wait({left})
        return {"type": "http.disconnect"}

    return receive


async def _left(receive: Receive) -> None:
    """Until nobody listens any more; of a body that nobody asked for nothing is kept."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Sender, refusal: Refused) -> None:
    await reply(send, refusal.status, error_body(refusal.line), more=refusal.headers)


async def _drain(receive: Receive) -> None:
    """Read what is refused, for a while: who is still sending when the connection closes does not see the answer."""
    length = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while length < _DRAIN and (message := await receive())["type"] == "http.request":
                length += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _error_of(asked: asyncio.Future[None]) -> BaseException | None:
    return asyncio.CancelledError() if asked.cancelled() else asked.exception()


def _looked_at(asked: asyncio.Future[None]) -> None:
    """Nobody waits for it any more, and its error is no news."""
    if not asked.cancelled():
        asked.exception()


async def _fail(error: BaseException | None, scope: Scope, send: Sender) -> None:
    """An error that the application has no answer for: a line to the asker, one to the terminal."""
    if isinstance(error, asyncio.CancelledError):
        refusal = Refused(503, "the page is being closed", _AGAIN)
    elif error is not None and is_out_of_memory(error):
        refusal = Refused(503, "out of memory; ask for less", {b"retry-after": b"5"})
    else:
        name = type(error).__name__ if error else "no answer"
        refusal = Refused(500, f"internal error, {name}; the terminal says more")
        detail = error if log.isEnabledFor(logging.DEBUG) else None
        # What strangers sent is in both, and must not move the terminal's cursor.
        log.error("%s %s: %s", scope["method"], ascii(scope["path"]), ascii(error), exc_info=detail)
    if not send.begun:
        raise refusal
    if not send.complete and error is not None:
        raise error  # the server cuts the connection, so that nobody takes the half for the whole

"""Who may ask the page: a one-time token, the sessions that it opened, and the key that each of them writes with."""

from __future__ import annotations

import hashlib
import hmac
import secrets

__all__ = ["Keys"]

_BYTES = 32  # 256 bits
_MOST = 64


class Keys:
    """The keys of one server, which end with it.

    A cookie reaches every port of its host, whence the port in its name: it keeps two pages apart, not two users of one
    browser. What else listens on this machine and is visited in the same browser sees it.

    Args:
        port: Of the server.
        most: Sessions kept; the oldest go.

    Example:
        >>> keys = Keys.new(8000)
        >>> session = keys.exchange(keys.invitation)
        >>> keys.knows(session), keys.knows("another"), keys.cookie
        (True, False, 'latens-8000')
    """

    def __init__(self, port: int, most: int = _MOST) -> None:
        self.port, self.most = port, most
        self.invitation = secrets.token_urlsafe(_BYTES)
        self._secret = secrets.token_bytes(_BYTES)
        self._sessions: dict[bytes, None] = {}  # digests, so that the time of a look-up says nothing of a session

    @classmethod
    def new(cls, port: int) -> Keys:
        """Fresh keys for a server at a port."""
        return cls(port)

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a session."""
        return f"latens-{self.port}"

    def exchange(self, token: str) -> str | None:
        """A new session for the invitation, which is used up; None for any other token."""
        if not _same(token, self.invitation):
            return None
        self.invitation = secrets.token_urlsafe(_BYTES)
        session = secrets.token_urlsafe(_BYTES)
        self._sessions[_digest(session)] = None
        while len(self._sessions) > self.most:
            del self._sessions[next(iter(self._sessions))]
        return session

    def knows(self, session: str) -> bool:
        """Whether a session was opened here and is still kept."""
        return _digest(session) in self._sessions

    def write_key(self, session: str) -> str:
        """What a session sends in X-Latens-Key with whatever writes, which a page of another origin cannot read."""
        return hmac.new(self._secret, _encoded(session), hashlib.sha256).hexdigest()

    def may_write(self, session: str, key: str) -> bool:
        """Whether it is the write key of that session."""
        return _same(key, self.write_key(session))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(text: str) -> bytes:
    return hashlib.sha256(_encoded(text)).digest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_encoded(one), _encoded(other))

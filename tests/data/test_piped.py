from __future__ import annotations

import io
import itertools

import pytest

from latens.data.piped import read_pipe
from latens.errors import DataError


class Endless(io.RawIOBase):
    """Zeros, and how many were asked for."""

    given = 0

    def read(self, size=-1):
        self.given += size
        return bytes(size)


def test_all_of_it(monkeypatch):
    monkeypatch.setattr("latens.data.piped._CHUNK", 3)
    assert read_pipe(io.BytesIO(b"a,b\n1,2\n")) == b"a,b\n1,2\n"


def test_what_does_not_end_is_refused_in_time(monkeypatch):
    monkeypatch.setattr("latens.data.piped.physical_memory", lambda: 2**24)
    endless = Endless()
    with pytest.raises(DataError, match=r"^stdin: more than 4,194,304 bytes come through the pipe; write"):
        read_pipe(endless)
    assert endless.given <= 2**23


def test_a_pipe_gives_as_much_as_it_has(monkeypatch):
    pieces = itertools.chain([b"ab", b"c", b""])
    raw = type("Raw", (), {"read": lambda *_: next(pieces)})
    monkeypatch.setattr("sys.stdin", type("Piped", (), {"buffer": raw()})())
    assert read_pipe() == b"abc"

"""What comes through a pipe, which says nothing of how much there is."""

from __future__ import annotations

import sys
from typing import BinaryIO

from latens.data.values import physical_memory
from latens.errors import DataError

__all__ = ["read_pipe"]

_CHUNK = 2**20
# Of this machine's memory: what is read is held as bytes, and once more as numbers.
_SHARE = 4


def read_pipe(stream: BinaryIO | None = None, name: str = "stdin") -> bytes:
    """All of it, as long as it is no more than a quarter of this machine's memory.

    Args:
        stream: To read from; None is standard input.
        name: What messages call it.

    Raises:
        DataError: There is more, perhaps without an end.

    Example:
        >>> import io
        >>> read_pipe(io.BytesIO(b"a,b"))
        b'a,b'
    """
    stream = sys.stdin.buffer if stream is None else stream
    most, content = physical_memory() // _SHARE, bytearray()
    while chunk := stream.read(_CHUNK):
        content += chunk
        if len(content) > most:
            raise DataError(f"{name}: more than {most:,} bytes come through the pipe; write them to a file first")
    return bytes(content)

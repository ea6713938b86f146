"""Damage to bytes, as a function of a seed."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Sequence

__all__ = ["mutated", "with_checksums"]

# Where lengths, counts and offsets are read, these are what overflows, is negative, or is just beside.
_NUMBERS = (0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1)
_FORMS = ("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")
_TOKENS = (
    *(
        b"\0",
        b"\n",
        b"\r\n",
        b'"',
        b'""',
        b",",
        b"\t",
        b";",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
    ),
    *(b"nan", b"inf", b"-inf", b"1e999", b"-0", b"NA", b"null", b"1_000", b"0x10", b"9" * 40, b"1e-400", b"true"),
    *(b"2020-01-01", b"9999-12-31T23:59:59", b"0000-00-00", b"2020-01-01 00:00+99:99", b"1677-01-01", b"=1+1"),
    *(b"{}", b"[" * 50, b"(" * 300, b"-" * 300, b"\x1b[31m", "é".encode(), "\u202e".encode(), b"PAR1", b"PK\x05\x06"),
)


def mutated(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """`content` after one to four sorts of damage.

    Args:
        content: A file that can be read.
        others: More such files, parts of which are taken.
        chance: What is drawn from.
    """
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        content = chance.choice(_DAMAGES)(bytearray(content), others, chance)
    return content


def _place(content: bytearray, chance: random.Random) -> int:
    """Anywhere, but half of the time where headers and footers are."""
    end = len(content)
    if chance.random() < 0.5:
        near = min(end, 64)
        return chance.randrange(near + 1) if chance.random() < 0.6 else end - chance.randrange(near + 1)
    return chance.randrange(end + 1)


def _part(content: bytes | bytearray, chance: random.Random) -> tuple[int, int]:
    start = _place(bytearray(content), chance)
    return start, min(len(content), start + chance.choice((1, 2, 4, 8, 16, 64, 256, 4096)))


def _bits(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 8, 32))):
        at = _place(content, chance)
        if at < len(content):
            content[at] ^= 1 << chance.randrange(8)
    return bytes(content)


def _byte(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    at = _place(content, chance)
    if at < len(content):
        content[at] = chance.randrange(256)
    return bytes(content)


def _cut(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    return bytes(content[: _place(content, chance)])


def _gap(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    start, stop = _part(content, chance)
    return bytes(content[:start] + content[stop:])


def _twice(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    start, stop = _part(content, chance)
    return bytes(content[:stop] + content[start:stop] * chance.choice((1, 1, 2, 100)) + content[stop:])


def _splice(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    start, stop = _part(other, chance)
    at = _place(content, chance)
    return bytes(content[:at] + other[start:stop] + content[at + chance.choice((0, stop - start)) :])


def _number(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    form, number = chance.choice(_FORMS), chance.choice(_NUMBERS)
    written = struct.pack(form, number & ((1 << 8 * struct.calcsize(form)) - 1))
    at = _place(content, chance)
    return bytes(content[:at] + written + content[at + len(written) :])


def _digits(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    """A number that is written in digits becomes another one."""
    places = [at for at, byte in enumerate(content[:4096]) if 48 <= byte <= 57]
    if not places:
        return bytes(content)
    at = chance.choice(places)
    return bytes(content[:at] + str(chance.choice((-1, *_NUMBERS, 10**20))).encode() + content[at + 1 :])


def _token(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    at = _place(content, chance)
    return bytes(content[:at] + chance.choice(_TOKENS) + content[at + chance.choice((0, 0, 1, 4)) :])


def _zeros(content: bytearray, others: Sequence[bytes], chance: random.Random) -> bytes:
    start, stop = _part(content, chance)
    return bytes(content[:start] + bytes([chance.choice((0, 255))]) * (stop - start) + content[stop:])


_DAMAGES: tuple[Callable[[bytearray, Sequence[bytes], random.Random], bytes], ...] = (
    *(_bits, _bits, _byte, _cut, _gap, _twice, _splice, _number, _number, _digits, _token, _token, _zeros),
)


def with_checksums(png: bytes) -> bytes:
    """A PNG with the checksums of what its chunks now hold, so that readers look further."""
    found, at = bytearray(png[:8]), 8
    while at + 12 <= len(png):
        length = struct.unpack_from(">I", png, at)[0]
        if at + 12 + length > len(png):
            break
        body = png[at + 4 : at + 8 + length]
        found += png[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(found + png[at:])

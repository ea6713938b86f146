"""Images that somebody made with an idea: PNG, JPEG, TIFF and BMP files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from odd_arrays import Odd
from samples import image

__all__ = ["bmp", "chunk", "odd_bmp", "odd_jpeg", "odd_png", "odd_tiff", "png", "resized", "tiff"]

_SIZES = (0, 1, 2, 17, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int,
    height: int,
    *between: bytes,
    depth: int = 8,
    colour: int = 0,
    rest: bytes = b"\0\0\0",
    packed: bytes | None = None,
) -> bytes:
    """A PNG of zeros, or of what `packed` unpacks to."""
    body = zlib.compress(b"\0" * ((width + 1) * height)) if packed is None else packed
    first = chunk(b"IHDR", struct.pack(">2I2B", width, height, depth, colour) + rest)
    return b"\x89PNG\r\n\x1a\n" + first + b"".join(between) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _exif(*entries: tuple[int, int, int, int], order: bytes = b"MM\0*", first: int = 8, after: int = 0) -> bytes:
    e = ">" if order[:1] == b"M" else "<"
    return (
        order
        + struct.pack(f"{e}IH", first, len(entries))
        + b"".join(struct.pack(f"{e}2H2I", *entry) for entry in entries)
        + struct.pack(f"{e}I", after)
    )


_EXIFS = (
    *(
        b"",
        b"MM",
        b"MM\0*",
        b"Exif\0\0",
        _exif(),
        _exif(first=2**31),
        _exif(after=8),
        _exif((0x8769, 4, 1, 8)),
        _exif((0x8825, 4, 1, 0)),
    ),
    *(
        _exif((0x112, 3, 1, 9 << 16)),
        _exif((0x112, 3, 1, 6 << 16)),
        _exif((0x112, 2, 4, 0x41414141)),
        _exif((0x112, 3, 2**31, 0)),
        _exif((0x112, 12, 1, 0)),
    ),
    *(
        _exif((0x112, 5, 1, 8)),
        _exif((0x112, 7, 0, 0)),
        _exif((0x112, 13, 1, 0)),
        _exif((0x112, 99, 1, 0)),
        _exif((0x112, 3, 0, 0)),
        _exif(*[(i, 4, 1, 1) for i in range(300)]),
    ),
)


def odd_png() -> Odd:
    between = (
        *(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(n))) for n in (10, 2**20 + 1, 2**24)),
        *(chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(n))) for n in (10, 2**24)),
        *(chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(n))) for n in (10, 2**24)),
        *(chunk(b"tEXt", b"k\0" + b"v" * n) for n in (0, 2**20 + 1)),
        chunk(b"tEXt", b"v") * 2000,
        chunk(b"tRNS", b""),
        chunk(b"tRNS", b"\0" * 999),
        *(chunk(b"PLTE", b"\0" * n) for n in (0, 1, 3, 768, 771, 3000)),
        chunk(b"acTL", struct.pack(">2I", 2**31, 0)),
        chunk(b"acTL", b""),
        *(chunk(b"pHYs", b"\0" * n) for n in (0, 8, 9)),
        chunk(b"gAMA", b""),
        chunk(b"cHRM", b"\0"),
        chunk(b"sRGB", b""),
        chunk(b"IHDR", bytes(13)),
        chunk(b"\xff\xff\xff\xff", b""),
        chunk(b"fcTL", bytes(26)),
        chunk(b"fdAT", b""),
        chunk(b"IEND", b""),
        struct.pack(">I", 2**31) + b"zzzz",
        chunk(b"eXIf", bytes(2**20)),
    )
    bodies = (
        b"",
        b"x",
        zlib.compress(b""),
        zlib.compress(bytes(99)),
        zlib.compress(bytes(10**6)),
        zlib.compress(b"\x09" * 306),
        zlib.compress(bytes(306))[:-4],
    )
    return [
        *(
            (f"{width} x {height}", png(width, height, packed=b""))
            for width in _SIZES
            for height in (0, 1, 17, 2**31 - 1)
        ),
        *(
            (f"depth {depth}, colour {colour}", png(17, 17, depth=depth, colour=colour))
            for depth in (0, 1, 3, 16, 255)
            for colour in (0, 2, 3, 4, 5, 6, 255)
        ),
        *((f"{part[:12]!r}", png(17, 17, part)) for part in between),
        *((f"pixels {n}", png(17, 17, packed=body)) for n, body in enumerate(bodies)),
        *(
            (f"ending {rest!r}", png(17, 17, rest=rest))
            for rest in (b"\0\0\1", b"\0\0\2", b"\1\0\0", b"\0\1\0", b"\xff\xff\xff", b"")
        ),
        *((f"EXIF {n}", png(17, 17, chunk(b"eXIf", exif))) for n, exif in enumerate(_EXIFS)),
        ("another form's bytes", image("JPEG")),
        ("the signature alone", b"\x89PNG\r\n\x1a\n"),
        ("a GIF", b"GIF89a" + bytes(20)),
        ("an EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    ]


def _segment(marker: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 255, marker, len(body) + 2 if length is None else length) + body


def odd_jpeg() -> Odd:
    good = image("JPEG")
    start = good.index(b"\xff\xc0")
    scan = good.index(b"\xff\xda")

    def sized(height: int, width: int, frame: int = 0xC0, *, depth: int = 8, parts: int = 3) -> bytes:
        body = struct.pack(">B2HB", depth, height & 65535, width & 65535, parts) + good[start + 10 : start + 19]
        return good[:start] + _segment(frame, body) + good[start + 19 :]

    inserted = (
        *(
            _segment(marker, b"", length)
            for marker in (0xE0, 0xE1, 0xE2, 0xEE, 0xFE, 0xC4, 0xDB, 0xDD, 0xDA)
            for length in (0, 1, 2, 65535)
        ),
        *(_segment(0xE1, b"Exif\0\0" + exif) for exif in _EXIFS),
        _segment(0xE2, b"MPF\0" + _exif((0xB001, 4, 1, 3), (0xB002, 7, 48, 50))),
        _segment(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(99)),
        _segment(0xEE, b"Adobe\0d\0\0\0\0\x09"),
        _segment(0xED, b"Photoshop 3.0\x008BIM" + b"\xff" * 30),
        b"\xff" * 500,
        b"\xff\xd8" * 50,
    )
    return [
        *((f"{width} x {height}", sized(height, width)) for width in (0, 1, 17, 65535) for height in (0, 1, 13, 65500)),
        *((f"frame {frame:#x}", sized(13, 17, frame)) for frame in range(0xC1, 0xD0)),
        *((f"depth {depth}", sized(13, 17, depth=depth)) for depth in (0, 1, 12, 16)),
        *((f"{parts} parts", sized(13, 17, parts=parts)) for parts in (0, 1, 2, 4, 255)),
        *((f"{part[:16]!r} inserted", good[:2] + part + good[2:]) for part in inserted),
        *((f"cut at {n}", good[:n]) for n in (2, 3, 4, 20, start, start + 5, scan, scan + 20, len(good) - 2)),
        ("scans without an end", good[:-2] + good[scan:-2] * 300),
        ("a restart in every byte", good[:scan] + _segment(0xDD, b"\0\1") + good[scan:]),
        ("no tables", good[:20] + good[start:]),
    ]


Entry = tuple[int, int, int, int]


def tiff(
    entries: Sequence[Entry], data: bytes = bytes(300), after: int = 0, order: bytes = b"II*\0", first: int = 8
) -> bytes:
    """A TIFF whose pixels begin at 8 + 2 + 12 n + 4."""
    return (
        order
        + struct.pack("<IH", first, len(entries))
        + b"".join(struct.pack("<2H2I", *entry) for entry in entries)
        + struct.pack("<I", after)
        + data
    )


def _page(width: int = 17, height: int = 13, **tags: int) -> list[Entry]:
    """The entries of a grey page; `t258=16` sets a tag."""
    known = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 200, 277: 1, 278: height, 279: width * height}
    known |= {int(tag[1:]): value for tag, value in tags.items()}
    return [(tag, 4, 1, value & (2**32 - 1)) for tag, value in sorted(known.items())]


def odd_tiff() -> Odd:
    page, values = _page(), (0, 1, 2, 3, 9, 65535, 2**31 - 1, 2**32 - 1)
    tags = (256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339, 34665, 330)
    loop = 8 + 2 + 12 * len(page) + 4
    return [
        *((f"tag {tag} is {value}", tiff(_page(**{f"t{tag}": value}))) for tag in tags for value in values),
        *(
            (
                f"tag 273 of type {kind}, {count} times",
                tiff([(t, kind, count, v) if t == 273 else (t, k, c, v) for t, k, c, v in page]),
            )
            for kind in (0, 1, 2, 5, 12, 13, 16, 255)
            for count in (0, 1, 2, 2**31)
        ),
        *(
            (f"compression {how}", tiff(_page(t259=how)))
            for how in (2, 3, 4, 5, 6, 7, 8, 34712, 32773, 34925, 50000, 50001, 34892)
        ),
        *(
            (f"tiles of {side}, compression {how}", tiff(_page(t322=side, t323=side, t324=200, t325=99, t259=how)))
            for side in (16, 2048, 30000, 65536, 2**31 - 16)
            for how in (1, 5, 8)
        ),
        *((f"next page at {at}", tiff(page, after=at)) for at in (1, 8, loop, 2**31, 2**32 - 1)),
        ("first page at the end", tiff(page, first=2**31)),
        ("first page at itself", tiff(page, first=0)),
        ("no entries", tiff([])),
        ("2,000 entries", tiff([(i, 4, 1, 1) for i in range(2000)])),
        ("an entry a hundred times", tiff(page * 100)),
        ("BigTIFF", b"II+\0\x08\0\0\0" + struct.pack("<2Q", 16, 2**63) + bytes(99)),
        ("big-endian", b"MM\0*" + tiff(page)[4:]),
        ("nothing but order", b"II*\0"),
        ("a PNG in it", b"II*\0" + png(3, 3)),
    ]


def bmp(
    width: int,
    height: int,
    bits: int = 24,
    how: int = 0,
    data: bytes = bytes(900),
    *,
    header: int = 40,
    offset: int = 54,
    colours: int = 0,
) -> bytes:
    info = struct.pack(
        "<IiiHHIIiiII", header, width, height, 1, bits, how, len(data), 2835, 2835, colours & (2**32 - 1), 0
    )
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, offset) + info + data


def odd_bmp() -> Odd:
    sizes = (-(2**31), -1, 0, 1, 17, 40000, 2**24, 2**31 - 1)
    return [
        *((f"{width} x {height}", bmp(width, height)) for width in sizes for height in sizes),
        *(
            (f"{bits} bits, compression {how}", bmp(17, 13, bits, how))
            for bits in (0, 1, 2, 4, 8, 16, 24, 32, 64)
            for how in (0, 1, 2, 3, 4, 6, 99)
        ),
        *((f"header of {n}", bmp(17, 13, header=n)) for n in (0, 12, 16, 39, 52, 56, 64, 108, 124, 2**31)),
        *((f"{n} colours", bmp(17, 13, 8, colours=n)) for n in (1, 256, 257, 2**20, -1)),
        *((f"pixels at {at}", bmp(17, 13, offset=at)) for at in (0, 1, 54, 900, 2**31)),
        ("runs", bmp(17, 13, 8, 1, b"\xff\x07" * 400)),
        ("leaps", bmp(17, 13, 8, 1, b"\0\2\xff\xff" * 200)),
        ("lines", bmp(17, 13, 8, 1, b"\0\0" * 400)),
        ("the mark alone", b"BM"),
        ("cut", bmp(17, 13)[:60]),
    ]


def resized(content: bytes, width: int, height: int) -> bytes:
    """A JPEG that says another size."""
    start = content.index(b"\xff\xc0")
    return content[: start + 5] + struct.pack(">2H", height, width) + content[start + 9 :]

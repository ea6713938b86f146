"""Images: one file, or a folder of PNG, JPEG, TIFF and BMP files of one colour mode.

Sizes are read from the headers first, so memory is known before it is asked for; then threads decode the pixels.
Greyscale gives (n, h, w), colour (n, h, w, c), different sizes an array of arrays. Sub-folder names become the labels,
relative paths the ids.
"""

from __future__ import annotations

import math
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latens.data.finite import check_finite
from latens.data.paths import files_below, open_plain, size_of
from latens.data.ragged import check_images
from latens.data.stored import Stored, is_large, like_array
from latens.data.values import Source, check_memory, check_unpacked
from latens.errors import DataError, in_a_line

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["SUFFIXES", "folder_source", "image_source"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
# Of one image: the decompression bombs start above it. Pillow's own limit lies a little higher.
_MOST_PIXELS = 80_000_000
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error, zlib.error)
# What Pillow calls an open file.
_FILE = re.compile(r"<\S+ name=.*>")
# What a file's mode is read as, and the dtype its pixels then have.
_MODES = {
    **dict.fromkeys(("L", "1"), "L"),
    **dict.fromkeys(("RGB", "CMYK", "YCbCr"), "RGB"),
    **dict.fromkeys(("RGBA", "LA", "PA"), "RGBA"),
    **dict.fromkeys(("I;16", "I;16B", "I;16L", "I;16N", "F"), "F"),
}
_CHANNELS = {"L": (), "RGB": (3,), "RGBA": (4,), "F": ()}
# The EXIF orientations that exchange height and width.
_TURNED = (5, 6, 7, 8)


@dataclass(frozen=True)
class _Header:
    """What is known of an image before its pixels are decoded."""

    path: Path
    name: str
    mode: str
    shape: tuple[int, int]  # (h, w), upright
    packed: int  # bytes of the file

    @property
    def pixels(self) -> tuple[int, ...]:
        return (*self.shape, *_CHANNELS[self.mode])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.float32 if self.mode == "F" else np.uint8)


def image_source(path: Path) -> Source:
    """One image file, as a source of one row."""
    return _decoded([_header(path, path.name)], path.name, labels={}, ids=[path.name])


def folder_source(folder: Path, stream: bool | None = None) -> Source:
    """All images under a folder in natural order (``2.png`` before ``10.png``).

    Hidden files, files of other kinds, and links that lead out of the folder are passed over. Where images lie in
    sub-folders, the label of each is its sub-folder's path, empty for those that lie in none.

    Args:
        folder: Where they lie.
        stream: Whether images of one size stay on disk, and are decoded as they are wanted; None goes by their size.

    Raises:
        DataError: No images, images of different colour modes, or one that cannot be read.
    """
    name = folder.name or str(folder)
    paths = files_below(folder, SUFFIXES)
    if not paths:
        raise DataError(f"{name}: no images in this folder; put {', '.join(_FORMATS)} files into it")
    ids = [path.relative_to(folder).as_posix() for path in paths]
    headers = [_header(path, relative) for path, relative in zip(paths, ids, strict=True)]
    _check_alike(headers, name)
    _check_sum(headers, name)
    places = np.array([path.parent.relative_to(folder).as_posix() for path in paths])
    places[places == "."] = ""
    labels = {"label": places} if places.any() else {}
    alike = all(header.shape == headers[0].shape for header in headers)
    if stream and not alike:
        raise DataError(f"{name}: images of different sizes stay in memory; leave --stream (stream=True) out")
    if alike and (is_large(len(headers) * math.prod(headers[0].pixels)) if stream is None else stream):
        return _stored(headers, name, labels, ids)
    return _decoded(headers, name, labels=labels, ids=ids)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Image.Image]:
    """An image whose damage, met at any point of reading it, is a DataError."""
    from PIL import Image

    try:
        with open_plain(path) as file, Image.open(file, formats=_FORMATS) as image:
            yield image
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: {error}; cut it into tiles of at most {_MOST_PIXELS:,} pixels") from error
    except _DAMAGE as error:
        line = _FILE.sub("it", in_a_line(error))
        raise DataError(f"{name}: cannot be read as an image ({line}); replace it or take it out") from error


@cache
def _hush() -> None:
    """Keep Pillow's log and libtiff from writing to stderr by themselves; what they cannot read raises in any case."""
    import ctypes
    import logging

    from PIL import _imaging

    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with suppress(OSError, AttributeError):  # a Pillow without it
        library = ctypes.CDLL(_imaging.__file__)
        for handler in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns of large images and odd metadata; what matters of it is an error here."""
    _hush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _header(path: Path, name: str) -> _Header:
    with _quiet(), _opened(path, name) as image:
        width, height = image.size
        if width * height > _MOST_PIXELS:
            raise DataError(f"{name}: {width} x {height} pixels; cut it into tiles of at most {_MOST_PIXELS:,} pixels")
        mode = _target_mode(image, name)
        packed = size_of(image.fp)  # type: ignore[attr-defined]
        check_unpacked(width * height * len(image.getbands()), name, packed)
        if image.format == "TIFF":
            width, height = _tiff_size(image, name)
        elif _orientation(image) in _TURNED:
            width, height = height, width
        return _Header(path, name, mode, (height, width), packed)


def _tiff_size(image: Image.Image, name: str) -> tuple[int, int]:
    """Width and height of a TIFF of one page, upright."""
    _check_tiles(image, name)
    if _has_more_pages(image):
        raise DataError(f"{name}: holds more than one page; save each as an image of its own")
    if _orientation(image) in _TURNED:
        if image.info.get("compression") == "raw":
            # Pillow 12 and 13 decode these with width and height exchanged, which scrambles the pixels.
            raise DataError(f"{name}: an uncompressed TIFF that is stored turned cannot be read; save it upright")
        image.load()  # only then do all versions of Pillow say the upright size
    return image.size


def _has_more_pages(image: Image.Image) -> bool:
    """Whether there is a second page; how many there are could take for ever to count."""
    try:
        image.seek(1)
    except EOFError:
        return False
    return True


def _check_tiles(image: Image.Image, name: str) -> None:
    """Refuse tiles that are larger than the image, each of which would be allocated whole."""
    width, height = (int(image.tag_v2.get(tag, 0)) for tag in (0x142, 0x143))  # type: ignore[attr-defined]
    if width * height > 4 * math.prod(image.size) + 2**20:
        raise DataError(f"{name}: tiles of {width} x {height} pixels in a smaller image; save it again")


def _target_mode(image: Image.Image, name: str) -> str:
    if image.mode == "P":
        return "RGBA" if "transparency" in image.info else "RGB"
    if image.mode not in _MODES:
        raise DataError(f"{name}: colour mode {image.mode} is not supported; save it as greyscale, RGB or RGBA")
    return _MODES[image.mode]


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 if there is none; a PNG's is not looked for behind its pixels."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    return int(image.getexif().get(0x0112, 1))


def _check_alike(headers: Sequence[_Header], name: str) -> None:
    first = headers[0]
    for other in headers[1:]:
        if other.mode != first.mode:
            raise DataError(
                f"{name}: mixed colour modes: {first.name} is {_mode(first)}, {other.name} is {_mode(other)}; "
                'convert them to one, for instance with PIL: Image.open(f).convert("RGB")'
            )


def _check_sum(headers: Sequence[_Header], name: str) -> None:
    """Refuse images that come to more than their files can mean, each by itself or not."""
    pixels = sum(math.prod(header.pixels) * header.dtype.itemsize for header in headers)
    check_unpacked(pixels, name, sum(header.packed for header in headers))


def _mode(header: _Header) -> str:
    return {"L": "greyscale", "F": "16-bit or float greyscale"}.get(header.mode, header.mode)


def _decoded(headers: Sequence[_Header], name: str, labels: dict[str, np.ndarray], ids: Sequence[str]) -> Source:
    first = headers[0]
    needed = sum(math.prod(header.pixels) for header in headers) * first.dtype.itemsize
    check_memory(needed, name)
    alike = all(header.shape == first.shape for header in headers)
    values = np.empty((len(headers), *first.pixels), first.dtype) if alike else np.empty(len(headers), dtype=object)
    _decode(headers, values)
    check_images(values, name)
    return Source(values, kind="images", labels=labels, ids=np.array(ids), name=name)


def _decode(headers: Sequence[_Header], values: np.ndarray) -> None:
    """The pixels of each file into its place among `values`."""

    def decode(row: int) -> None:
        values[row] = _pixels(headers[row])

    with _quiet(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        list(pool.map(decode, range(len(headers))))


def _stored(headers: Sequence[_Header], name: str, labels: dict[str, np.ndarray], ids: Sequence[str]) -> Source:
    """Images of one size that are decoded as they are wanted."""
    first = headers[0]

    def read(start: int, stop: int) -> np.ndarray:
        block = np.empty((stop - start, *first.pixels), first.dtype)
        _decode(headers[start:stop], block)
        check_finite(block, name, start)
        return block

    values = Stored((len(headers), *first.pixels), first.dtype, read, name)
    return Source(like_array(values), kind="images", labels=labels, ids=np.array(ids), name=name)


def _pixels(header: _Header) -> np.ndarray:  # (h, w) or (h, w, c)
    with _opened(header.path, header.name) as image:
        orientation = _orientation(image)
        image.load()
        # Pillow turns a TIFF itself while it loads, and then says 1.
        turn = _upright(_orientation(image) if image.format == "TIFF" else orientation)
        upright = image if turn is None else image.transpose(turn)
        if header.mode == "F":
            return np.asarray(upright, dtype=np.float32)
        return np.asarray(upright.convert(header.mode))


def _upright(orientation: int) -> Image.Transpose | None:
    """The flip or turn that undoes an EXIF orientation."""
    from PIL.Image import Transpose

    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)

"""Many small pictures as one: a sheet in rows and columns, as data that a page carries with it."""

from __future__ import annotations

import io
import math
from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.plots.pictures import as_colours, image_range

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["sprite_sheet"]

# Pixels of a picture's longer side at most, and of the whole sheet: more than this telephones do not open.
_SIDE = 48
_AREA = 16_000_000
# Bytes of the sheet, which base64 makes a third longer.
_BYTES = 4_500_000
_SMALLEST = 8


def sprite_sheet(pictures: Sequence[np.ndarray] | np.ndarray) -> dict[str, Any] | None:
    """The pictures side by side, small enough for a page: PNG where that fits into 4.5 MB, else JPEG.

    Args:
        pictures: n of (h, w) or (h, w, c), in the data's own units and one range.

    Returns:
        Where the sheet is (``source``, a data URI), and how many cells of which size it is ``across``; None if no size
        that shows anything would fit.

    Example:
        >>> sheet = sprite_sheet(np.zeros((10, 5, 7)))
        >>> sheet["width"], sheet["height"], sheet["across"]
        (7, 5, 4)
    """
    extent = _extent(pictures)
    longest = max(max(picture.shape[:2]) for picture in pictures)
    side = min(_SIDE, longest, int(math.sqrt(_AREA / len(pictures))))
    while side >= min(_SMALLEST, longest):
        sheet = _drawn(pictures, side, extent)
        for form, options in (("PNG", {"optimize": False}), ("JPEG", {"quality": 75})):
            encoded = _encoded(sheet["image"], form, options)
            if len(encoded) <= _BYTES:
                source = f"data:image/{form.lower()};base64,{b64encode(encoded).decode('ascii')}"
                return {"source": source, **{name: sheet[name] for name in ("width", "height", "across")}}
        side = side * 3 // 4
    return None


def _extent(pictures: Sequence[np.ndarray] | np.ndarray) -> tuple[float, float]:
    low, high = min(float(each.min()) for each in pictures), max(float(each.max()) for each in pictures)
    return image_range(np.array([low, high]))


def _drawn(pictures: Sequence[np.ndarray] | np.ndarray, side: int, extent: tuple[float, float]) -> dict[str, Any]:
    from PIL import Image

    sizes = [_fitted(picture.shape[1], picture.shape[0], side) for picture in pictures]
    width, height = (max(lengths) for lengths in zip(*sizes, strict=True))
    across = math.ceil(math.sqrt(len(pictures)))
    drawn = [_as_image(picture, size, extent) for picture, size in zip(pictures, sizes, strict=True)]
    grey = all(image.mode == "L" for image in drawn)
    sheet = Image.new("L" if grey else "RGB", (across * width, math.ceil(len(drawn) / across) * height))
    for i, image in enumerate(drawn):
        x, y = i % across * width + (width - image.width) // 2, i // across * height + (height - image.height) // 2
        sheet.paste(image, (x, y))
    return {"image": sheet, "width": width, "height": height, "across": across}


def _fitted(width: int, height: int, side: int) -> tuple[int, int]:
    share = min(1.0, side / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


def _as_image(picture: np.ndarray, size: tuple[int, int], extent: tuple[float, float]) -> Image:
    from PIL import Image

    low, high = extent
    colours = as_colours(((picture - low) / (high - low))[None])[0]
    image = Image.fromarray(np.rint(255 * colours).astype(np.uint8))
    return image if image.size == size else image.resize(size, Image.Resampling.BOX)


def _encoded(image: Image, form: str, options: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=form, **options)
    return stream.getvalue()

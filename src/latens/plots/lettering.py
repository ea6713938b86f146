"""Words in a picture: whatever the data calls itself, it is drawn as it is and never read as mathematics."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["count", "lettering"]

_LONGEST = 32


def lettering(text: object, longest: int = _LONGEST) -> str:
    """A name from the data as one short line that matplotlib draws letter by letter.

    Args:
        text: A label, a column, a title.
        longest: Characters kept; of more the middle becomes an ellipsis.

    Example:
        >>> lettering("price in $\\nand in $")
        'price in \\\\$ and in \\\\$'
    """
    line = " ".join(str(text).split())
    if len(line) > longest:
        line = f"{line[: longest * 2 // 3]}…{line[-(longest // 3 - 1) :]}"
    # An unescaped pair of $ would make mathematics of what stands between
    return "".join(c if _drawable(c) else f"[{ord(c):x}]" for c in line).replace("$", r"\$") or "(empty)"


def count(n: int, noun: str) -> str:
    """A number of things.

    Example:
        >>> count(1, "row"), count(10000, "row")
        ('1 row', '10,000 rows')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


@lru_cache(maxsize=4096)
def _drawable(character: str) -> bool:
    """Whether the font has the character: matplotlib warns at drawing time, far from here, about one that it lacks."""
    if character.isascii():
        return character.isprintable()
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return character.isprintable() and get_font(findfont(FontProperties())).get_char_index(ord(character)) != 0

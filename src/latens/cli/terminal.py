"""What strangers wrote, shown on a terminal: it moves no cursor, changes no colours and turns no line round."""

from __future__ import annotations

__all__ = ["shown"]

_LONGEST = 60


def shown(value: object, longest: int = _LONGEST) -> object:
    """A text as one short line of characters that can be seen; anything else as it is.

    Control characters, escape sequences and marks that change the direction of writing become their escapes.

    Args:
        value: Of a cell.
        longest: Characters kept.

    Example:
        >>> shown("two\\nlines \\x1b[31m")
        'two lines \\\\x1b[31m'
    """
    if not isinstance(value, str):
        return value
    line = " ".join(value[: 4 * longest].split())
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return plain if len(plain) <= longest and len(value) <= 4 * longest else f"{plain[: longest - 1]}…"

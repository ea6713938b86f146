"""What strangers wrote, shown on a terminal: it moves no cursor, changes no colours and turns no line round.

Everything that the program prints goes through `say`: names of files and columns, labels and headers of model files are
other people's words.
"""

from __future__ import annotations

import json
import re
from typing import Any

import typer

__all__ = ["as_json", "say", "shown", "visible"]

_LONGEST = 60
# Control characters but for the newline and the tab, halves of characters, further ends of lines, and marks that change
# the direction of writing. What joins letters or an emoji's parts (U+200D) is harmless and stays.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """A text with its control characters as escapes; newlines and tabs stay.

    Example:
        >>> visible("red \\x1b[31m, and back\\r")
        'red \\\\x1b[31m, and back\\\\r'
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: object, *, err: bool = False) -> None:
    """Print a line that may hold other people's words."""
    typer.echo(visible(str(text)), err=err)


def as_json(value: Any) -> str:
    """JSON of JSON's own types that means the same and is as harmless: what cannot be seen is escaped in its way."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown(value: object, longest: int = _LONGEST) -> object:
    """A text as one short line of characters that can be seen; anything else as it is.

    Args:
        value: Of a cell.
        longest: Characters kept.

    Example:
        >>> shown("two\\nlines \\x1b[31m")
        'two lines \\\\x1b[31m'
    """
    if not isinstance(value, str):
        return value
    plain = visible(" ".join(value[: 4 * longest].split()))
    return plain if len(plain) <= longest and len(value) <= 4 * longest else f"{plain[: longest - 1]}…"

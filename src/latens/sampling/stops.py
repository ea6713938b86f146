"""Strings that end a text, looked for while it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from latens.errors import ConfigError

__all__ = ["StopStrings"]


class StopStrings:
    """Passes a text on piece by piece until a stop string is complete, and never shows a part of one.

    What may be the beginning of a stop string is held back until more is known. The stop string that is complete first
    ends the text, so that the result is the same however the text is cut into pieces.

    Args:
        stops: The strings, or one.

    Raises:
        ConfigError: A stop string is empty or no string.

    Example:
        >>> text = StopStrings(["THE END"])
        >>> text.feed("and so on. THE E"), text.feed("NDLESS")
        (('and so on. ', False), ('', True))
        >>> text = StopStrings("THE END")
        >>> text.feed("THE E"), text.feed("ELS"), text.rest()
        (('', False), ('THE EELS', False), '')
    """

    def __init__(self, stops: str | Iterable[str]) -> None:
        self.stops = tuple(stops) if isinstance(stops, Iterable) and not isinstance(stops, str) else (stops,)
        for stop in self.stops:
            if not isinstance(stop, str) or not stop:
                raise ConfigError(f"stop={stop!r} never ends a text; use strings of at least one character")
        self._held = ""
        self._stopped = False

    def feed(self, piece: str) -> tuple[str, bool]:
        """The next piece; what can be shown now, and whether the text has ended."""
        if self._stopped:
            return "", True
        text = self._held + piece
        ends = [(at + len(stop), at) for stop in self.stops if (at := text.find(stop)) >= 0]
        self._stopped = bool(ends)
        shown = min(ends)[1] if ends else len(text) - self._beginning(text)
        self._held = "" if ends else text[shown:]
        return text[:shown], self._stopped

    def first_end(self, pieces: Sequence[str]) -> int | None:
        """How many of the pieces to come it takes to end the text; None if they do not.

        Example:
            >>> StopStrings("ab").first_end(["x", "a", "b", "a"])
            3
        """
        if not self.stops or not any(stop in self._held + "".join(pieces) for stop in self.stops):
            return None
        text = self._held
        for count, piece in enumerate(pieces, 1):
            text += piece
            if any(stop in text for stop in self.stops):
                return count
        return None

    def rest(self) -> str:
        """What was held back, for when the text ends of itself."""
        rest, self._held = self._held, ""
        return rest

    def _beginning(self, text: str) -> int:
        """Length of the longest end of the text that a stop string begins with."""
        longest = min(len(text), max(map(len, self.stops), default=1) - 1)
        return next((n for n in range(longest, 0, -1) if any(s.startswith(text[-n:]) for s in self.stops)), 0)

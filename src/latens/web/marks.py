"""What people said of rows: fine or strange, kept in a small file beside the model."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from latens.errors import OutputError, choice

__all__ = ["MARKS", "Marks"]

MARKS = ("fine", "strange")
_TABLE = "CREATE TABLE IF NOT EXISTS marks (id TEXT PRIMARY KEY, mark TEXT NOT NULL, said TEXT NOT NULL)"
# More than anybody marks by hand; a page that was taken over fills no disk.
_MOST = 1_000_000


class Marks:
    """Marks by the ids of rows. Any thread may ask.

    Args:
        path: Of the file, which is made with the first mark; None keeps them in memory.

    Example:
        >>> marks = Marks(None)
        >>> marks.set("row 5", "strange")
        >>> marks.of("row 5"), marks.of("row 6"), len(marks.all())
        ('strange', None, 1)
    """

    def __init__(self, path: Path | None) -> None:
        self.path, self._lock = path, threading.Lock()
        self._said: dict[str, tuple[str, str]] = {}
        if path is not None and path.is_file():
            rows = self._run("SELECT id, mark, said FROM marks")
            self._said = {name: (mark, said) for name, mark, said in rows if mark in MARKS}

    @classmethod
    def beside(cls, model: Path | None) -> Marks:
        """Those of a model's file: ``digits.latens.marks.sqlite``.

        Raises:
            OutputError: What is there is no such file.
        """
        return cls(None if model is None else Path(f"{model}.marks.sqlite"))

    def of(self, name: str) -> str | None:
        """What was said of a row."""
        return self._said.get(name, (None, ""))[0]

    def set(self, name: str, mark: str | None) -> None:
        """Say it, or with None take it back.

        Raises:
            ConfigError: It is no mark.
            OutputError: The file cannot be written, or is full.
        """
        with self._lock:
            if mark is None:
                self._run("DELETE FROM marks WHERE id = ?", name)
                self._said.pop(name, None)
                return
            choice("mark", mark, MARKS)
            if name not in self._said and len(self._said) >= _MOST:
                raise OutputError(f"{self.path}: holds {_MOST:,} marks; export them and begin a new file")
            said = datetime.now(UTC).isoformat(timespec="seconds")
            self._run("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", name, mark, said)
            self._said[name] = (mark, said)

    def all(self) -> list[dict[str, Any]]:
        """All of them, the oldest first."""
        said = sorted(self._said.items(), key=lambda each: (each[1][1], each[0]))
        return [{"id": name, "mark": mark, "when": when} for name, (mark, when) in said]

    def _run(self, command: str, *values: str) -> list[tuple[Any, ...]]:
        if self.path is None:
            return []
        try:
            connection = sqlite3.connect(self.path, timeout=5.0)
            try:
                with connection:
                    connection.execute(_TABLE)
                    return connection.execute(command, values).fetchall()
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: marks cannot be kept there ({error}); move the file away") from error

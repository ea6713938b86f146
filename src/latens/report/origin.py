"""Where a report came from, as lines that make it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Origin", "as_setting"]


@dataclass(frozen=True)
class Origin:
    """The words of the command line, or what stands for them where there was none.

    Args:
        model: The model's file.
        source: The data, as `latens.open_source` takes it.
        output: The report's file.
        words: Further words of the command line: how to read the data, and the seed.
        how: The same for `latens.open_source`.
        digest: Of the model file.

    Example:
        >>> Origin("my model.latens", "x.csv", "report.html", ("--labels", "kind")).command
        "latens report 'my model.latens' x.csv -o report.html --labels kind"
    """

    model: str = "model.latens"
    source: str = "SOURCE"
    output: str = "report.html"
    words: Sequence[str] = ()
    how: Mapping[str, Any] = field(default_factory=dict)
    digest: str | None = None

    @property
    def command(self) -> str:
        """The shell's line."""
        return shlex.join(["latens", "report", self.model, self.source, "-o", self.output, *self.words])

    def fit_command(self, key: str, settings: Mapping[str, Any], columns: Mapping[str, str]) -> str:
        """The shell's line that fits such a model, in which settings differ from their defaults.

        Args:
            key: Of `MODELS`.
            settings: By name.
            columns: What columns of the data are, by option: those that were not named again for the report.
        """
        known = [
            word for name, value in columns.items() if f"--{name}" not in self.words for word in (f"--{name}", value)
        ]
        words = [word for name, value in settings.items() for word in ("--set", f"{name}={as_setting(value)}")]
        return shlex.join(["latens", "fit", self.source, "-o", self.model, "--model", key, *self.words, *known, *words])

    def python(self, seed: int) -> str:
        """The same in Python."""
        how = "".join(f", {name}={value!r}" for name, value in self.how.items())
        return (
            f"import latens\n\nmodel = latens.load({self.model!r})\n"
            f"data = latens.open_source({self.source!r}{how})\n"
            f"latens.report.write_report(model, data, {self.output!r}, random_state={seed})"
        )


def as_setting(value: object) -> str:
    """A value as ``--set`` reads it.

    Example:
        >>> as_setting([64, 32]), as_setting(True), as_setting(None), as_setting("wide")
        ('[64, 32]', 'true', 'None', 'wide')
    """
    return value if isinstance(value, str) else "None" if value is None else json.dumps(value)

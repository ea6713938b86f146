"""What a trial is, which modules have trials, and what this machine can do for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

FAILURES = Path(__file__).with_name("failures")

# The modules with trials, in the order they run; one name a line.
MODULES: tuple[str, ...] = (
    "kills",
    "readers",
    "ranks",
    "hosts",
    "saves",
    "shortage",
    "modelfiles",
    "bits",
    "connections",
)

# What a trial may need beside a command, and the command that shows whether it is there.
ABILITIES: dict[str, tuple[str, ...]] = {
    "tracing": ("strace", "-o", "/dev/null", "true"),
    "network namespaces": ("unshare", "-n", "true"),
    "mounting": ("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"),
}


@dataclass(frozen=True)
class Trial:
    """One thing to try.

    Args:
        check: The check that it counts for; a line of the report.
        run: Called with an empty folder and the parameters; it raises when the trial fails. At the top of its module.
        parameters: JSON, and all that the trial depends on.
        seconds: After which it has failed.
        needs: Commands, or names in `ABILITIES`.
    """

    check: str
    run: Callable[..., None]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 60.0
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> str | None:
        """What it needs and this machine has not."""
        return next((name for name in self.needs if not is_there(name)), None)

    def keep(self, message: str) -> Path:
        """Write the trial down for the short form."""
        known = {
            "check": self.check,
            "module": self.run.__module__,
            "function": self.run.__name__,
            "parameters": dict(self.parameters),
            "seconds": self.seconds,
            "needs": list(self.needs),
            "message": message.strip().splitlines()[-1][:200],
        }
        values = "-".join(str(value) for value in self.parameters.values())
        name = "".join(c if c.isalnum() else "-" for c in f"{known['module']}-{known['function']}-{values}")[:100]
        FAILURES.mkdir(exist_ok=True)
        path = FAILURES / f"{name}.json"
        path.write_text(json.dumps(known, indent=2) + "\n")
        return path


@cache
def is_there(name: str) -> bool:
    """Whether this machine has a command or an ability."""
    command = ABILITIES.get(name)
    if command is None:
        return shutil.which(name) is not None
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False, env=os.environ).returncode == 0


def kept_failures(module: str) -> Iterator[Trial]:
    """The trials of a module that once failed."""
    for path in sorted(FAILURES.glob("*.json")):
        known = json.loads(path.read_text())
        if known["module"] == module:
            run = getattr(import_module(module), known["function"])
            yield Trial(f"{module}, failed once", run, known["parameters"], known["seconds"], tuple(known["needs"]))


def trials_of(module: str, *, full: bool, replay: bool = False) -> Iterator[Trial]:
    """The kept failures of a module, and unless `replay` its trials."""
    yield from kept_failures(module)
    if not replay:
        yield from import_module(module).trials(full)

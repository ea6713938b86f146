"""Everything that latens raises on purpose.

.. code-block:: text

    LatensError                      the root: `except LatensError` catches all of them
    ├── DataError      (ValueError)          what was read: a file, an array, a row, a column
    ├── ModelFileError (ValueError)          a model file or a checkpoint
    ├── ConfigError    (ValueError)          an argument, a setting, a name
    ├── DivergedError  (ArithmeticError)     a loss, a weight or a logit is not a finite number
    ├── OutputError    (OSError)             a result that cannot be written
    ├── OutOfMemory    (MemoryError)         the host's or the device's memory does not suffice
    ├── Interrupted    (InterruptedError)    a signal stopped the fit after its last step was saved
    ├── RankError      (ConnectionError)     another process of the same run died, failed, or does other work
    └── MissingExtra   (ImportError)         an optional dependency that is not installed

A message names the argument (or the file, row and column), the value seen and the way out, in one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from operator import index

__all__ = [
    "ConfigError",
    "DataError",
    "DivergedError",
    "Interrupted",
    "LatensError",
    "MissingExtra",
    "ModelFileError",
    "OutOfMemory",
    "OutputError",
    "RankError",
    "choice",
    "finite",
    "in_a_line",
    "is_out_of_memory",
    "setting",
    "whole",
]


# Characters of what others say in a message of ours, and of a message's two ends.
_LONGEST, _HEAD, _TAIL = 300, 800, 400


class LatensError(Exception):
    """The root of the tree; never raised itself."""


class DataError(LatensError, ValueError):
    """Something that was read cannot be used.

    What was read may be of any length, and so may the names and cells that a message quotes: of a very long one the
    middle is left out, so that where it was and the way out are still there.

    Args:
        message: The line to show.
    """

    def __init__(self, message: str = "") -> None:
        line = " ".join(message.splitlines())
        super().__init__(line if len(line) <= _HEAD + _TAIL else f"{line[:_HEAD]} … {line[-_TAIL:]}")


class ModelFileError(LatensError, ValueError):
    """A model file or checkpoint is damaged, foreign, or from another version."""


class ConfigError(LatensError, ValueError):
    """An argument or setting has a value that cannot work."""


class DivergedError(LatensError, ArithmeticError):
    """The loss, a weight or what the model says of the next item stopped being a finite number."""


class OutputError(LatensError, OSError):
    """A result cannot be written where it was asked for."""


class OutOfMemory(LatensError, MemoryError):
    """The memory of the host or of the device does not suffice."""


class Interrupted(LatensError, InterruptedError):
    """A signal ended the fit; the last finished step is on disk.

    Args:
        message: The line to show.
        signal: The signal's number (2 for Ctrl-C, 15 for a polite kill).
    """

    def __init__(self, message: str, signal: int = 2) -> None:
        super().__init__(message)
        self.signal = signal


class RankError(LatensError, ConnectionError):
    """Another process of the same run died or failed, and this one cannot go on without it.

    Args:
        message: The line to show.
        code: The exit code of the whole run.
        told: Whether another process shows the line.
    """

    def __init__(self, message: str, code: int = 1, told: bool = False) -> None:
        super().__init__(message)
        self.code, self.told = code, told


class MissingExtra(LatensError, ImportError):
    """An optional dependency is needed and not installed."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtra:
        """The error with the exact command that installs what is missing."""
        return cls(f'{package} is not installed; use: pip install "latens[{extra}]"')


def choice(argument: str, value: object, allowed: Iterable[str]) -> str:
    """`value` if it is one of `allowed`, else a `ConfigError` with the nearest name.

    Example:
        >>> choice("hidden", "wide", ["taper", "wide"])
        'wide'
    """
    names = [str(name) for name in allowed]
    if isinstance(value, str) and value in names:
        return value
    near = get_close_matches(str(value), names, n=1)
    way_out = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(names)}"
    raise ConfigError(f"{argument}={value!r} is not known; {way_out}")


def finite(
    argument: str,
    value: float,
    *,
    at_least: float = float("-inf"),
    at_most: float = float("inf"),
) -> float:
    """`value` as a float if it is a number in [at_least, at_most], else a `ConfigError`.

    Example:
        >>> finite("std", 0.5, at_least=0)
        0.5
    """
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if at_least <= number <= at_most and abs(number) != float("inf"):
        return number
    bounds = [f">= {at_least:g}"] * (at_least > float("-inf")) + [f"<= {at_most:g}"] * (at_most < float("inf"))
    raise ConfigError(f"{argument}={value!r} is out of range; use a finite number {' and '.join(bounds)}".rstrip())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left: Python's, NumPy's, or PyTorch's of the host or of a device.

    Example:
        >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"))
        True
    """
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


def in_a_line(error: BaseException) -> str:
    """What a library's error says, as a part of a message: its first line, cut where it becomes long.

    Example:
        >>> in_a_line(ValueError("no such thing\\nas asked for"))
        'no such thing'
        >>> in_a_line(MemoryError())
        'MemoryError'
    """
    lines = str(error).splitlines() or [""]
    return f"{lines[0][:_LONGEST]}…" if len(lines[0]) > _LONGEST else lines[0] or type(error).__name__


def setting(name: str, value: object) -> str:
    """A setting that helps, as it is written in Python and in the shell; what reads data knows neither from which.

    Example:
        >>> setting("impute", "linear")
        'impute="linear" (--set impute=linear)'
    """
    written = f'"{value}"' if isinstance(value, str) else repr(value)
    return f"{name}={written} (--set {name}={value})"


def whole(argument: str, value: object, *, at_least: int) -> int:
    """`value` as an int if it is a whole number >= at_least, else a `ConfigError`.

    Example:
        >>> whole("batch_size", 128, at_least=1)
        128
    """
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = at_least - 1
    if number < at_least or isinstance(value, bool):
        raise ConfigError(f"{argument}={value!r} is out of range; use a whole number >= {at_least}")
    return number

"""The program: the verbs, and what becomes of an error, a warning or a signal."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import typer

from latens.cli import (
    apply,
    cluster,
    corrupt,
    datasets,
    experiments,
    export,
    figures,
    fit,
    forecast,
    generate,
    maps,
    models,
    outliers,
    probe,
    report,
    score,
    search,
    serve,
    sweep,
)
from latens.cli.launching import WORDS, Ended, is_first, speaks
from latens.cli.stopping import deadline
from latens.cli.terminal import say, visible
from latens.cli.verbs import app, close_quietly
from latens.errors import Interrupted, LatensError, OutOfMemory, OutputError, RankError, is_out_of_memory

__all__ = ["app", "main"]

# Importing a module registers its verbs; the help shows them in the order of use.
_NOUNS = (
    *(fit, models, apply, maps, figures, outliers, cluster, search, probe, corrupt, sweep),
    *(generate, score, forecast, report, serve, export, datasets, experiments),
)
_ORDER = (
    *("fit", "info", "embed", "reconstruct", "map", "pairs", "outliers", "cluster", "index", "search", "probe"),
    *(
        "corrupt",
        "sweep",
        "generate",
        "score",
        "forecast",
        "report",
        "serve",
        "export",
        "datasets",
        "reproduce",
        "demo",
    ),
)
# Exit codes of a signal that nobody had the time to answer with a line of its own.
_STOPPED = {128 + signal.SIGINT: "Ctrl-C", 128 + signal.SIGTERM: "SIGTERM"}
app.registered_commands.sort(key=lambda command: _ORDER.index(command.name or ""))


def _version(wanted: bool) -> None:
    if wanted:
        import latens

        say(f"latens {latens.__version__}")
        raise typer.Exit()


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Learn from data that nobody has labelled: tables, images and text in, codes, maps and new text out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code.

    0 done, 1 the data or the model is at fault (one line on stderr), 2 usage, 130 or 143 interrupted.

    Args:
        argv: The words after ``latens``; None takes those of the process.

    Example:
        >>> main(["--version"])  # doctest: +ELLIPSIS
        latens ...
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    WORDS.set(words)
    # Arrow's own allocator keeps a gigabyte for itself, more than data on disk take while they are read.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with deadline.kept(), _short_warnings(), _polite_kill():
        try:
            return _code(app(args=words, prog_name="latens", standalone_mode=False))
        except Ended as ending:
            return int(ending.code or 0)
        except SystemExit as ending:
            return _code(ending.code)
        except BrokenPipeError:
            close_quietly()
            return 0
        except (Exception, KeyboardInterrupt) as error:
            if hasattr(error, "show") and hasattr(error, "exit_code"):
                return _misused(error)
            if "--debug" in words:
                traceback.print_exc()
            return _report(_cause(error))


def _misused(error: Any) -> int:
    """Usage and a line on stderr, which may quote the names of files."""
    error.message = visible(str(error.message))
    error.show()
    return int(error.exit_code)


def _cause(error: BaseException) -> BaseException:
    """What is to be told: a failed write that names no file was one to standard output, for all others name theirs."""
    if is_out_of_memory(error) and not isinstance(error, LatensError):
        words = str(error).strip().splitlines() or ["no memory is left"]
        return OutOfMemory(f"out of memory ({words[0]:.200}); use a smaller batch_size, fewer rows or a larger machine")
    if isinstance(error, LatensError) or not isinstance(error, OSError) or error.filename or not error.errno:
        return error
    close_quietly()
    return OutputError(f"standard output: cannot be written ({error.strerror}); send it to another place")


def _report(error: BaseException) -> int:
    """One line on stderr, and the exit code."""
    line = " ".join(str(error).split())
    if isinstance(error, RankError):
        return _say(f"error: {line}", error.code) if not error.told else error.code
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return _say(line or "interrupted", 128 + getattr(error, "signal", signal.SIGINT))
    if not isinstance(error, LatensError):
        line = f"internal error, {type(error).__name__}: {line}; run again with --debug and report what it shows"
    return _say(f"error: {line}", 1)


def _say(line: str, code: int) -> int:
    """Why the program ends, which of several processes one says."""
    if speaks(line, code):
        say(f"latens: {line}", err=True)
    return code


def _code(ending: object) -> int:
    code = ending if isinstance(ending, int) else int(ending is not None)
    return _say(f"stopped by {_STOPPED[code]}", code) if code in _STOPPED else code


@contextmanager
def _short_warnings() -> Iterator[None]:
    """A warning is one line on stderr, without the place in the code that Python adds."""

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        if is_first():
            say(f"latens: warning: {' '.join(str(message).split())}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def _polite_kill() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C, so that temporary files go; a fit has its own handler that saves first."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: no handlers to set
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

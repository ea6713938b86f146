"""The program's verbs: how one is registered, and the options that they share."""

from __future__ import annotations

import functools
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from latens.cli.launching import take_place
from latens.cli.outputs import Target, is_folder
from latens.cli.terminal import as_json, say, visible
from latens.group import Group
from latens.json_types import json_types
from latens.ranks import place

__all__ = [
    "AnswersOption",
    "Columns",
    "ForceOption",
    "LabelsOption",
    "ModelArgument",
    "OutputOption",
    "Parting",
    "Reading",
    "Shared",
    "SourceArgument",
    "Streaming",
    "app",
    "as_table",
    "close_quietly",
    "verb",
]

# Plain help: rich's would double the time that `latens --help` takes.
app = typer.Typer(name="latens", rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)

ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A file that `latens fit` wrote.", show_default=False)
]
SourceArgument = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A file, a folder, - (standard input), or dataset:NAME.", show_default=False),
]
OutputOption = Annotated[Path, typer.Option("--output", "-o", help="What to write.", show_default=False)]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace an output that exists.")]

AnswersOption = Annotated[
    str, typer.Option("--output", "-o", help="A file, or a folder for parts: NAME/.", show_default=False)
]

Item = TypeVar("Item")
Function = TypeVar("Function", bound=Callable[..., None])


LabelsOption = Annotated[
    list[str] | None,
    typer.Option("--labels", help="Columns to carry along, never learned from: NAME[,NAME]; repeatable."),
]


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold text, or events."""

    column: Annotated[str | None, typer.Option("--column", metavar="NAME", help="Of a table: what holds the text.")] = (
        None
    )
    sequence: Annotated[
        str | None, typer.Option("--sequence", metavar="NAME", help="Of a table of events: which sequence one is of.")
    ] = None
    order: Annotated[
        str | None, typer.Option("--order", metavar="NAME", help="What puts them in order; as they come if left out.")
    ] = None
    item: Annotated[str | None, typer.Option("--item", metavar="NAME", help="What happened.")] = None

    @property
    def how(self) -> dict[str, Any]:
        """Those that are named, as `latens.open_source` takes them."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @property
    def kind(self) -> str | None:
        """The kind of data that has such columns; None if none is named."""
        return next(("text" if name == "column" else "events" for name in self.how), None)


@dataclass(frozen=True)
class Reading:
    """How to read a SOURCE."""

    kind: Annotated[
        str | None,
        typer.Option("--kind", help="table, images, text, events or series; inferred if left out.", show_default=False),
    ] = None
    labels: LabelsOption = None
    array: Annotated[str | None, typer.Option("--array", help="Which array of an .npz.", show_default=False)] = None
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--types",
            help="What columns hold: NAME=KIND[,NAME=KIND] of number, integer, boolean, category, datetime or ignore.",
        ),
    ] = None
    missing: Annotated[
        list[str] | None,
        typer.Option("--missing", help="Text that means that nothing is there, such as n/a; repeatable."),
    ] = None

    @property
    def label_names(self) -> list[str] | None:
        """The names, one by one; None if there are none."""
        return [name.strip() for word in self.labels or () for name in word.split(",")] or None

    @property
    def how(self) -> dict[str, Any]:
        """As `latens.open_source` takes it."""
        given = {"kind": self.kind, "array": self.array, "labels": self.label_names, "stream": self.streams}
        return given | {"types": self.kinds, "missing": tuple(self.missing or ())}

    @property
    def streams(self) -> bool | None:
        """Whether data stay on disk; None goes by their size."""
        return False

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds of columns, by name."""
        pairs = [pair.rpartition("=") for word in self.types or () for pair in word.split(",")]
        for name, _, kind in pairs:
            if not name:
                raise typer.BadParameter(f"{kind!r} is not NAME=KIND, as in --types zip=category", param_hint="--types")
        return {name.strip(): kind.strip() for name, _, kind in pairs}


@dataclass(frozen=True)
class Parting:
    """How rows are written that may be too many for one file, or whose answers take long."""

    part_rows: Annotated[
        int | None,
        typer.Option(
            "--part-rows", min=1, help="Of a folder: rows in a part; 262,144 if left out.", show_default=False
        ),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Of a folder: go on after the last whole part, or start if there is none.")
    ] = False
    force: ForceOption = False

    def target(self, output: str | Path, suffixes: Sequence[str], inputs: Sequence[str | Path]) -> Target:
        """Where the rows go, checked: a folder if it is one, ends in a slash or has no suffix."""
        target = Target(Path(output), is_folder(output), self.part_rows, self.resume)
        if place().rank == 0:  # a moment later it is there, for the others to see
            target.check(force=self.force, inputs=inputs, suffixes=suffixes)
        return target


@dataclass(frozen=True)
class Streaming(Reading):
    """How to read a SOURCE that need not fit into memory."""

    stream: Annotated[
        bool | None,
        typer.Option(
            "--stream/--no-stream",
            help="Read .npy, Parquet and images of one size from disk as they are wanted; above 1 GiB if left out.",
            show_default=False,
        ),
    ] = None

    @property
    def streams(self) -> bool | None:
        return self.stream


@dataclass(frozen=True)
class Shared:
    """The options that every verb has."""

    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on stdout.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no closing words.")] = False
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of all that is random; 0 if left out.")] = None
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto"
    devices: Annotated[
        int, typer.Option("--devices", min=1, help="How many, each with a process; fit, and answers in parts.")
    ] = 1
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False

    @property
    def group(self) -> Group:
        """The processes that do this verb together."""
        if place().count == 1:
            return Group()
        from latens.devices import join

        return join(self.device)

    def result(self, values: Mapping[str, Any], words: str) -> None:
        """What a verb that did something says: JSON if asked for, else words unless `quiet`."""
        if self.json or not self.quiet:
            self.answer(values, words)

    def answer(self, values: Mapping[str, Any] | Sequence[Any], words: str, *, exact: bool = False) -> None:
        """What a verb that was asked something says, also when `quiet`, and of several processes the first one.

        `exact` words stay as they are in a pipe.
        """
        if place().rank > 0:
            return
        if self.json:
            typer.echo(as_json(json_types(values)))
        else:
            typer.echo(words if exact and not sys.stdout.isatty() else visible(words))

    def report(self, line: str) -> None:
        """A line of progress, on stderr where that is a terminal."""
        if self._watched:
            say(line, err=True)

    @property
    def _watched(self) -> bool:
        return not self.quiet and sys.stderr.isatty() and place().rank == 0

    def track(self, items: Sequence[Item], doing: str) -> Iterable[Item]:
        """The items, with a bar and the time left on stderr if that is a terminal."""
        if len(items) < 2 or not self._watched:
            return items
        from rich.console import Console
        from rich.progress import track

        return track(items, doing, console=Console(stderr=True), transient=True)

    @contextmanager
    def bar(self, total: int, doing: str) -> Iterator[Callable[[int], None]]:
        """The same for what is no list: a function that says how much more of the total is done."""
        if not self._watched:
            yield lambda amount: None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(doing, total=total)
            yield lambda amount: progress.advance(task, amount)


def verb(example: str, name: str | None = None, together: bool = False) -> Callable[[Function], Function]:
    """Register the decorated function.

    A parameter whose type is a dataclass of options (`Shared`, `Reading`) becomes those options.

    Args:
        example: A line that works as pasted; it ends the verb's help.
        name: On the command line; the function's own if left out.
        together: Whether several processes can do it together.
    """

    def register(function: Function) -> Function:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
        groups: dict[str, Any] = {p.name: p.annotation for p in parameters if is_dataclass(p.annotation)}

        @functools.wraps(function)
        def flat(**given: Any) -> None:
            for key, group in groups.items():
                given[key] = group(**{option.name: given.pop(option.name) for option in fields(group)})
            shared: Shared = given["shared"]
            take_place(name or function.__name__, shared.devices, shared.device, together)
            with _until_nobody_reads():
                function(**given)

        own = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters if p.name not in groups]
        options = [option for group in groups.values() for option in _options(group)]
        flat.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
        app.command(name or function.__name__, epilog=f"\b\nExample:  {example}")(flat)
        return function

    return register


@contextmanager
def _until_nobody_reads() -> Iterator[None]:
    """Whoever reads standard output may have had enough, as ``head`` has: that is a good end, without a word."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        close_quietly()
        raise typer.Exit() from None


def close_quietly() -> None:
    """Standard output takes nothing more: say nothing of it, not even at the interpreter's own flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _options(group: type[Any]) -> list[inspect.Parameter]:
    """The fields of a dataclass as parameters of a function."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )
        for option in fields(group)
    ]


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of one shape as aligned text with a header."""
    if not rows:
        return ""
    header = [str(name).replace("_", " ") for name in rows[0]]
    cells = [header, *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return _number(value) if isinstance(value, float) else "" if value is None else str(value)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"

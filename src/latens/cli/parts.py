"""A folder of results in parts: each is there whole or not at all, and a stopped run goes on after the last one.

``part-00000.parquet`` and so on are plain Parquet; ``_latens.json`` says what they are parts of. Imported when a verb
has something to write, because it imports Arrow.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from latens.cli.answers import Asking, Counted, Reached, checksum
from latens.cli.outputs import STATE, Target, part_path, parts_in, remove
from latens.cli.sheets import Sheet, open_sheet
from latens.cli.terminal import shown
from latens.cli.verbs import Shared
from latens.errors import ConfigError, Interrupted, OutputError

__all__ = ["State", "Written", "write_answers"]

# Rows of a part where nobody says: what is lost when a run is stopped, and small enough for a few seconds.
_ROWS_PER_PART = 1 << 18
# Raised when an older latens could not go on from what this one writes.
_FORMAT = 1


@dataclass(frozen=True)
class Written:
    """What was written.

    Args:
        reached: All rows, and what was counted over them.
        parts: Of a folder; None of a file.
        resumed_from_row: Where this run went on; None if it began, or wrote a file.
    """

    reached: Reached
    parts: int | None = None
    resumed_from_row: int | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """For ``--json``."""
        if self.parts is None:
            return {"rows": self.reached.rows}
        return {"rows": self.reached.rows, "parts": self.parts, "resumed_from_row": self.resumed_from_row}


@dataclass(frozen=True)
class State:
    """What a folder's parts are, as its ``_latens.json`` has it.

    Args:
        asked: What they are parts of: JSON's own types by name.
        rows_per_part: Of every part but the last.
        parts: How many are whole.
        finished: There are no more.
        reached: What is in these.
    """

    asked: Mapping[str, Any]
    rows_per_part: int
    parts: int = 0
    finished: bool = False
    reached: Reached = field(default_factory=lambda: Reached(checksums={}))

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        from latens.persistence import atomic_path

        text = json.dumps({"format": _FORMAT, **asdict(self)}, indent=1, sort_keys=True)
        with atomic_path(folder / STATE) as temporary:
            temporary.write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> State:
        """The inverse of `asdict`."""
        return cls(**{**fields, "reached": Reached(**fields["reached"])})

    @classmethod
    def load(cls, folder: Path) -> State:
        """The inverse of `save`.

        Raises:
            OutputError: It is damaged, or another version of latens wrote it.
        """
        try:
            fields = json.loads((folder / STATE).read_text(encoding="utf-8"))
            if fields.pop("format") == _FORMAT:
                return cls.of(fields)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        raise OutputError(f"{folder / STATE}: is damaged, or from another version of latens; --force starts anew")


def write_answers(target: Target, asking: Asking, asked: Mapping[str, Any], shared: Shared) -> Written:
    """Write what a verb says of all rows, as it comes.

    Args:
        target: A file, or a folder for parts.
        asking: The rows, and what is asked.
        asked: By what model, of what data and how, for who goes on later.
        shared: What shows progress.

    Raises:
        OutputError: It cannot be written, or another run is writing there.
        ConfigError: The parts that are there are not of this.
        Interrupted: A signal came; it says what is there.
    """
    group = shared.group
    if target.parts:
        run = _Run(target, asking, json.loads(json.dumps(asked)), shared)
        with _interruptible(run.where), _owned(target.path) if group.first else nullcontext():
            return run.finish()
    if group.several:
        raise ConfigError(f"{target.path}: one file is work for one process; give several a folder, as in -o codes/")
    with _interruptible(lambda: "nothing was written; -o NAME/ writes parts, which --resume goes on from"):
        return _write_file(target.path, asking, shared)


def _write_file(path: Path, asking: Asking, shared: Shared) -> Written:
    reached = Reached()
    with shared.bar(asking.rows.total, asking.doing) as advance, open_sheet(path, asking.rows.count) as sheet:
        for taken in asking.taken(advance):
            reached = asking.answer(taken, reached, sheet.write)
    return Written(reached)


class _Run:
    """One run that writes parts, alone in its folder.

    Args:
        target: The folder.
        asking: What is asked of all rows.
        asked: What they are parts of.
        shared: What shows progress.
    """

    def __init__(self, target: Target, asking: Asking, asked: Mapping[str, Any], shared: Shared) -> None:
        self.folder, self.target = target.path, target
        self.asking, self.shared, self.group = asking, shared, shared.group
        self.state = State(asked, target.rows_per_part or _ROWS_PER_PART)

    def where(self) -> str:
        """What is there, for who was interrupted."""
        if not self.state.parts:
            return "nothing was written"
        parts, rows = self.state.parts, self.state.reached.rows
        return f"{self.folder} holds {rows:,} rows in {parts:,} whole part{'s' * (parts != 1)}; go on with --resume"

    def finish(self) -> Written:
        """Write the parts that are not there."""
        resumed = self.group.same(self._begin() if self.group.first else None)
        self.state = State.of(self.group.same(asdict(self.state)))
        try:
            if not self.state.finished:
                self._go_on()
        except BaseException:
            if resumed is None and not self.state.parts and self.group.first:  # nothing to go on from
                with suppress(OutputError):
                    remove([*_half_done(self.folder), self.folder / STATE])
            raise
        return Written(self.state.reached, self.state.parts, resumed)

    def _begin(self) -> int | None:
        """Find out where to go on, or make room; the row that a run before had come to."""
        there = (self.folder / STATE).exists()
        if there and self.target.resume:
            self.state = _same(self.folder, State.load(self.folder), self.target, self.state.asked)
            remove(_half_done(self.folder))
            return self.state.reached.rows
        remove(_half_done(self.folder))
        self.state.save(self.folder)  # before the parts go, so that they never stand without it
        remove(parts_in(self.folder))
        return None

    def _go_on(self) -> None:
        done = self._skip()
        with self.shared.bar(self.asking.rows.total, self.asking.doing) as advance:
            advance(done)
            while not self.state.finished:
                self.state = self._round(advance)
                if self.group.first:
                    self.state.save(self.folder)

    def _skip(self) -> int:
        """Read the rows of the parts that are there once more: they have to be the same. Their weight."""
        weight, left, rows = 0, self.state.reached.rows, self.asking.rows
        sums: dict[str, int] = {}
        with self.shared.bar(left, "comparing") as advance:
            while left and (taken := rows.read(min(rows.size, left))):
                sums, left, weight = checksum(taken, sums), left - len(taken), weight + taken.weight
                advance(len(taken))
        if sums != self.state.reached.checksums:
            raise ConfigError(
                f"{self.folder}: the first {self.state.reached.rows:,} rows are not those that its parts are of; "
                "give it the same data, or --force starts anew"
            )
        return weight

    def _round(self, advance: Callable[[int], None]) -> State:
        """The state with a part more of each process, or with the word that there are no more.

        All processes read all rows, and so agree on where they are; each asks of its own parts, and tells the others
        what it counted.
        """
        state, counted = self.state, self.state.reached.counted
        parts: list[Counted | None] = []
        for _ in range(self.group.place.count):
            state, part = self._next(state, advance)
            parts.append(part)
        for told in zip(*self.group.each(parts), strict=True):
            for part in told:
                counted = counted if part is None else self.asking.add(counted, part)
        return replace(state, reached=replace(state.reached, counted=counted))

    def _next(self, state: State, advance: Callable[[int], None]) -> tuple[State, Counted | None]:
        """The state with one more part, or with the word that there is none, and what this process counted in it."""
        mine = self.group.share.deals(state.parts)
        blocks = self.asking.taken(advance, 0 if state.finished else state.rows_per_part)
        first = next(blocks, None)
        if first is None:
            return replace(state, finished=True), None
        reached = replace(state.reached, counted={})
        with self._sheet(state.parts) if mine else nullcontext() as sheet:
            for taken in chain([first], blocks):
                reached = self.asking.answer(taken, reached, None if sheet is None else sheet.write)
        short = reached.rows - state.reached.rows < state.rows_per_part
        return replace(state, parts=state.parts + 1, finished=short, reached=reached), reached.counted if mine else None

    def _sheet(self, number: int) -> AbstractContextManager[Sheet]:
        return open_sheet(part_path(self.folder, number), schema=self._schema())

    def _schema(self) -> Any:
        """That of the first part, if there is one."""
        from pyarrow import parquet

        return parquet.read_schema(part_path(self.folder, 0)) if self.state.parts else None


def _same(folder: Path, state: State, target: Target, asked: Mapping[str, Any]) -> State:
    """The state of a run to go on with.

    Raises:
        ConfigError: It is of something else, or one of its parts is not as it was.
    """
    for name in {**asked, **state.asked}:
        was, now = (_short(each.get(name)) for each in (state.asked, asked))
        if state.asked.get(name) != asked.get(name):
            raise ConfigError(
                f"{folder}: its parts are of {name} {was}, and this is {now}; give it the same, or --force starts anew"
            )
    if target.rows_per_part not in (None, state.rows_per_part):
        raise ConfigError(
            f"{folder}: its parts have {state.rows_per_part:,} rows; leave --part-rows out, or --force starts anew"
        )
    for number in range(state.parts):
        _check_whole(part_path(folder, number))
    return state


def _short(value: Any) -> str:
    return str(shown(value if isinstance(value, str) else json.dumps(value), 24))


def _check_whole(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        parquet.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{path}: is missing or damaged, where it was whole; --force starts anew") from error


def _half_done(folder: Path) -> Iterable[Path]:
    """What a run that was killed left behind."""
    return [*folder.glob(".part-*.tmp"), *folder.glob(f".{STATE}.*.tmp")]


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """One run owns the folder.

    Raises:
        OutputError: Another one does, or it cannot be made.
    """
    made = not folder.is_dir()
    try:
        folder.mkdir(exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise OutputError(f"{folder}: another run is writing there; wait for it or choose another folder") from None
    except OSError:
        pass  # a file system on which folders cannot be locked
    try:
        yield
    finally:
        os.close(lock)
        if made:
            with suppress(OSError):  # not empty: something was written
                folder.rmdir()


@contextmanager
def _interruptible(where: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C and SIGTERM end in a line that says what is there.

    Raises:
        Interrupted: One of them came.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {where()}", signal.SIGINT) from None
    except SystemExit as ending:
        if ending.code != 128 + signal.SIGTERM:
            raise
        raise Interrupted(f"interrupted: {where()}", signal.SIGTERM) from None

"""What may watch a fit: progress, TensorBoard, checkpoints, signals, early stopping.

A callback hears of the start, each step, each epoch and the end; `enough` may end the fit. It never changes the model.
"""

from __future__ import annotations

import math
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from latens import persistence
from latens.errors import Interrupted, MissingExtra, OutputError
from latens.group import Group
from latens.history import History
from latens.profiling import Spent, Stopwatch
from latens.runs import checkpoint_path, checkpoints_in, keep_newest

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "Callback",
    "Checkpoints",
    "EarlyStopping",
    "Profile",
    "Progress",
    "SignalGuard",
    "TensorBoard",
    "Watched",
    "notify",
]

Event = Literal["fit_start", "step_end", "validating", "epoch_end", "fit_end"]

# Seconds of work that are worth a checkpoint at the end of a fit.
_WORTH_KEEPING = 30.0


class Watched(Protocol):
    """What a callback sees of the training state."""

    step: int
    epoch: int
    history: History

    @property
    def device(self) -> torch.device: ...
    @property
    def group(self) -> Group: ...
    @property
    def steps_per_epoch(self) -> int: ...
    @property
    def rows_per_epoch(self) -> int: ...
    @property
    def max_epochs(self) -> int: ...
    @property
    def running_loss(self) -> float: ...
    def checkpoint(self) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]: ...


class Callback:
    """The role, with every method doing nothing."""

    def fit_start(self, state: Watched) -> None: ...
    def step_end(self, state: Watched) -> None: ...
    def validating(self, state: Watched) -> None: ...  # after each batch of held-out rows; the state is the last step's
    def epoch_end(self, state: Watched) -> None: ...
    def fit_end(self, state: Watched) -> None: ...

    def enough(self, state: Watched) -> bool:
        """Whether to stop before the next epoch; a function of the state alone, so that a resume agrees."""
        return False


class EarlyStopping(Callback):
    """Stop when the held-out loss has not improved for some epochs (Prechelt, 1998).

    Args:
        patience: Epochs to wait for an improvement.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def enough(self, state: Watched) -> bool:
        losses = state.history.columns.get("validation_loss", ())
        return len(losses) - losses.index(min(losses)) > self.patience if losses else False


class Checkpoints(Callback):
    """Write the whole state to a folder, every so many steps or minutes, at the end of an epoch and of the fit.

    The newest two are kept. One that cannot be written does not end the fit, which may have run for days: a warning
    says so, the older ones stay, and the next one is tried at its time.

    Args:
        folder: Where; made with the first one.
        every_steps: Steps between two checkpoints; None for no such rule.
        every_minutes: Minutes between two checkpoints; an epoch's end obeys it too.
        owned: Whoever made this owns the folder already; else the fit does, as long as it lasts.
    """

    def __init__(
        self, folder: str | Path, every_steps: int | None = None, every_minutes: float = 5.0, owned: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.owned = owned
        self.every_steps = every_steps
        self.every_minutes = every_minutes
        self._last = time.monotonic()
        self._written = (-1, -1)
        self._failures = 0

    def step_end(self, state: Watched) -> None:
        due = bool(self.every_steps) and state.step % (self.every_steps or 1) == 0
        if due or self._is_time(state):
            self._try(state)

    def epoch_end(self, state: Watched) -> None:
        if self.every_steps is None and self._is_time(state):
            self._try(state)

    def fit_end(self, state: Watched) -> None:
        """What comes now, as a comparison with exact PCA, may take long or fail; it is not to cost the fit."""
        if sys.exception() is None and self._is_time(state, _WORTH_KEEPING):
            self._try(state)
        if self._failures:
            words = f"{self.folder}: the last {self._failures} checkpoint(s) could not be written; {self.newest()}"
            warnings.warn(words, RuntimeWarning, stacklevel=2)

    def _try(self, state: Watched) -> None:
        try:
            self.save(state)
        except OutputError as error:
            self._last, self._failures = time.monotonic(), self._failures + 1
            words = f"{error}; the fit goes on and will try again; {self.newest()}"
            if self._failures == 1:  # of a row of them; the end of the fit says how many
                warnings.warn(words, RuntimeWarning, stacklevel=2)

    def newest(self) -> str:
        """What there is to go on from, in words."""
        found = checkpoints_in(self.folder)
        return f"the newest is {found[-1]}" if found else "there is none"

    def _is_time(self, state: Watched, seconds: float | None = None) -> bool:
        """By any rank's clock: what is written may be held by all."""
        return bool(state.group.greatest(time.monotonic() - self._last > (seconds or 60 * self.every_minutes)))

    def save(self, state: Watched) -> Path:
        """Write a checkpoint of this moment and remove the older ones; the path written, by the first rank alone.

        Raises:
            OutputError: It cannot be written; the older ones are as they were.
        """
        if self._written != (state.step, state.epoch):
            saved = state.checkpoint()
            error = self._write(state.step, saved) if state.group.first else None
            said = state.group.same(None if error is None else str(error))
            if said is not None:  # all ranks know it, and go on in step
                raise error or OutputError(said)
        self._last, self._written, self._failures = time.monotonic(), (state.step, state.epoch), 0
        return checkpoint_path(self.folder, state.step)

    def _write(self, step: int, saved: tuple[Mapping[str, Any], Mapping[str, Tensor]]) -> OutputError | None:
        try:
            _make_folder(self.folder)
            persistence.write(checkpoint_path(self.folder, step), *saved)
            keep_newest(self.folder, step)
        except OutputError as error:
            return error
        return None

    def saved(self, state: Watched) -> str:
        """Write a checkpoint of this moment, and say where it is or why there is none."""
        try:
            return f"saved {self.save(state)}; continue with --resume"
        except OutputError as error:
            return f"nothing was saved: {error}; {self.newest()}"


class SignalGuard(Callback):
    """Between Ctrl-C (or SIGTERM) and the end of the process: save at the last finished step and say where.

    Use it as a context around the fit; outside it the process's own handlers stand. While steps are made, a signal
    waits for the end of the step, or of a batch of held-out rows; before and after, it ends what is going on at once,
    but for what is `finishing`. A second signal does not wait.

    Args:
        checkpoints: What writes the last state; None leaves nothing behind.
        saving: Makes a context around the writing of it.
    """

    def __init__(
        self, checkpoints: Checkpoints | None, saving: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.checkpoints, self.saving = checkpoints, saving
        self._received: int | None = None
        self._waits = self._raised = False
        self._before: dict[int, Any] = {}
        self._state: Watched | None = None

    def __enter__(self) -> SignalGuard:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None or self._raised:  # a signal after the last step is one all the same
            self.heed()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        first, self._received = self._received is None, self._received or number
        if first and self._waits:
            return
        self._raised = first
        # No Exception, which somebody on the way might take for a failure of its own.
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    def fit_start(self, state: Watched) -> None:
        self._state, self._waits = state, True

    def step_end(self, state: Watched) -> None:
        self.heed()

    def validating(self, state: Watched) -> None:
        if not state.group.several:  # whose batches are not the same number for all
            self.heed()

    def epoch_end(self, state: Watched) -> None:
        self.heed()

    def fit_end(self, state: Watched) -> None:
        self._waits = False
        if sys.exception() is None:
            self.heed()

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Around the writing of what the fit was for: the first signal waits for its end."""
        self._waits = True
        with self.saving():
            yield
        self._waits = False
        self.heed()

    def heed(self) -> None:
        """Save and raise if there was a signal.

        Raises:
            Interrupted: There was one.
        """
        state, alone = self._state, self._raised
        self._raised = False  # what is raised from here on says all
        group, where = Group() if state is None or alone else state.group, "nothing was saved"
        received = group.greatest(self._received or 0)  # a signal to one rank is one to all, after the same step
        if not received:
            return
        if self.checkpoints is not None and state is not None:
            with self.saving():
                # Between steps all ranks write one checkpoint; in between one of them has none to write.
                together = not (alone and state.group.several)
                where = self.checkpoints.saved(state) if together else f"{where}; {self.checkpoints.newest()}"
        step = 0 if state is None else state.step
        raise Interrupted(f"interrupted at step {step}: {where}", signal=received)


class Progress(Callback):
    """A bar with the loss and the time left on a terminal; nothing when stderr is a file or a pipe."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def fit_start(self, state: Watched) -> None:
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=state.max_epochs, completed=state.epoch)

    def step_end(self, state: Watched) -> None:
        # Ten looks an epoch: reading a loss makes the host wait for a GPU.
        if self._bar is not None and state.step % max(1, state.steps_per_epoch // 10) == 0:
            done = state.step / state.steps_per_epoch
            self._bar.update(self._task, completed=done, description=f"loss {state.running_loss:.5g}")

    def epoch_end(self, state: Watched) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=state.epoch, description=_losses(state.history))

    def fit_end(self, state: Watched) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class Profile(Callback):
    """Says where the time of a fit went: data, forward, backward, optimiser, validation, and the host for all else.

    On a GPU it does not make the host wait but for once an epoch; a step that is one recorded graph is one part.

    Example:
        >>> import numpy as np
        >>> from latens import Autoencoder
        >>> profile = Profile()
        >>> X = np.random.default_rng(0).normal(size=(100, 6))
        >>> ae = Autoencoder(n_components=2, max_epochs=3, verbose=0).fit(X, callbacks=[profile])
        >>> len(profile.spent.epochs), sorted(profile.spent.epochs[0])
        (3, ['backward', 'data', 'forward', 'host', 'optimiser', 'validation'])
    """

    def __init__(self) -> None:
        self._created = self._last = time.perf_counter()
        self._before, self._rows = 0.0, 0
        self._epochs: list[dict[str, float]] = []
        self._watching = ExitStack()

    def fit_start(self, state: Watched) -> None:
        self._stopwatch = Stopwatch(state.device)
        self._watching.enter_context(self._stopwatch.running())
        self._before, self._rows = self._lap(), state.rows_per_epoch

    def epoch_end(self, state: Watched) -> None:
        parts = self._stopwatch.taken()
        self._epochs.append(parts | {"host": max(0.0, self._lap() - sum(parts.values()))})

    def fit_end(self, state: Watched) -> None:
        self._watching.close()

    def _lap(self) -> float:
        """Seconds since the last call."""
        before, self._last = self._last, time.perf_counter()
        return self._last - before

    @property
    def spent(self) -> Spent:
        """Where the time went from when this was created until now."""
        after = time.perf_counter() - self._last
        return Spent(self._before, tuple(self._epochs), after, self._rows)


class TensorBoard(Callback):
    """Write the history as TensorBoard scalars.

    Args:
        folder: Where the event files go.

    Raises:
        MissingExtra: tensorboard is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra.of("tensorboard", "log") from error
        _make_folder(Path(folder))
        self._writer: Any = SummaryWriter(str(folder))

    def epoch_end(self, state: Watched) -> None:
        for name in ("train_loss", "validation_loss", "learning_rate"):
            if name in state.history.columns:
                self._writer.add_scalar(name, state.history[name][-1], state.step)

    def fit_end(self, state: Watched) -> None:
        self._writer.close()


def notify(callbacks: Sequence[Callback], event: Event, state: Watched) -> None:
    """Tell every callback of an event, in order."""
    for callback in callbacks:
        getattr(callback, event)(state)


def _losses(history: History) -> str:
    held_out = history.columns.get("validation_loss", (math.nan,))[-1]
    suffix = "" if math.isnan(held_out) else f", held out {held_out:.5g}"
    return f"loss {history['train_loss'][-1]:.5g}{suffix}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error

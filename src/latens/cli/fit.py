"""``latens fit``: train a model and write its file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.models import describe_referee, load_model, open_for
from latens.cli.outputs import check_output
from latens.cli.runs import owned, run_folder
from latens.cli.settings import SEQUENCES, build_estimator, parse_settings
from latens.cli.stopping import deadline
from latens.cli.terminal import say
from latens.cli.verbs import Columns, ForceOption, OutputOption, Reading, Shared, SourceArgument, Streaming, verb
from latens.errors import ConfigError
from latens.ranks import place

if TYPE_CHECKING:
    from latens.callbacks import Callback, Profile, SignalGuard
    from latens.data import AnySource, Source
    from latens.history import History

__all__ = ["fit"]

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="linear, deep (if left out), wide, convolutional, asymmetric, jigsaw; text (if it is), events, series.",
    ),
]
FromOption = Annotated[
    Path | None,
    typer.Option("--from", metavar="MODEL", help="Learn on from this model, on new data like its own."),
]
TargetOption = Annotated[
    str | None,
    typer.Option("--target", metavar="SOURCE", help="Clean partners to predict, by file name.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any argument of the estimator; repeatable: n_components=2, hidden=500,250, corruption=gaussian:0.5.",
        show_default=False,
    ),
]


# Share of the loss that a last epoch has to gain for more epochs to be worth a word.
_WORTH = 0.02


@dataclass(frozen=True)
class Run:
    """What becomes of a fit that is interrupted, and who watches it."""

    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint, or start.")] = False
    keep_run: Annotated[bool, typer.Option("--keep-run", help="Keep the checkpoints in OUTPUT.run when done.")] = False
    checkpoint_steps: Annotated[
        int | None, typer.Option("--checkpoint-steps", min=1, help="Steps between checkpoints.", show_default=False)
    ] = None
    checkpoint_minutes: Annotated[
        float, typer.Option("--checkpoint-minutes", min=0.0, help="Minutes between checkpoints.")
    ] = 5.0
    tensorboard: Annotated[
        Path | None, typer.Option("--tensorboard", metavar="FOLDER", help="Log for TensorBoard.", show_default=False)
    ] = None

    profile: Annotated[bool, typer.Option("--profile", help="Say on stderr where the time of the fit went.")] = False

    def callbacks(self, folder: Path) -> tuple[Sequence[Callback], SignalGuard]:
        """Who watches the fit, and the guard that is to stand around it."""
        from latens.callbacks import Checkpoints, SignalGuard, TensorBoard

        checkpoints = Checkpoints(folder, self.checkpoint_steps, self.checkpoint_minutes, owned=True)
        guard = SignalGuard(checkpoints, saving=deadline.unhurried)
        logs = [] if self.tensorboard is None or place().rank > 0 else [TensorBoard(self.tensorboard)]
        return [*logs, checkpoints, guard], guard

    def profiles(self) -> list[Profile]:
        """Who takes the time from now on, if that is asked for."""
        from latens.callbacks import Profile

        return [Profile()] if self.profile else []


@verb("latens fit dataset:digits -o digits.latens --model deep --set n_components=2", together=True)
def fit(
    source: SourceArgument,
    output: OutputOption,
    run: Run,
    reading: Streaming,
    columns: Columns,
    shared: Shared,
    model: ModelOption = None,
    settings: SetOption = None,
    begun: FromOption = None,
    target: TargetOption = None,
    force: ForceOption = False,
) -> None:
    """Train a model and write it to one file.

    Of a text file, a column of text or events it is the text or events model, which predicts the next item; of all else
    an autoencoder. Checkpoints go to OUTPUT.run; after an interruption the same line with --resume goes on from the
    newest one and ends with the same model.
    """
    group = shared.group
    if group.same(run.resume and os.path.exists(output) and not force):
        return _already_finished(output, shared)
    profiles = run.profiles()
    inputs = [word for word in (source, target, begun) if word is not None]
    if group.several and "-" in inputs:
        raise ConfigError("SOURCE=-: standard input can be read by one process only; give the path of a file")
    if group.first:
        check_output(output, force=force, inputs=inputs, way_out="--force replaces it, --resume keeps it")
    estimator, data = _opened(source, (reading, columns), shared, model, settings or (), begun)
    clean = None if target is None else _clean(target, estimator, reading)
    ours = owned(output, resume=run.resume, force=force, keep=run.keep_run)
    with ours if group.first else nullcontext(run_folder(output)) as folder:
        _train(estimator, data, clean, (run, profiles), (folder, output))
    shared.result(_result(estimator, output) | _spent(profiles), _closing_words(estimator, source, output))


def _clean(target: str, estimator: Any, reading: Reading) -> Source:
    from latens.data import open_samples

    if estimator.network_name() in SEQUENCES:
        raise ConfigError(f"--target={target!r}: a model of {estimator.network_name()} predicts SOURCE; leave it out")
    return open_samples(target, **reading.how)


def _defaults(shared: Shared) -> dict[str, Any]:
    return {"random_state": shared.seed or 0, "device": shared.device, "verbose": int(not shared.quiet)}


def _opened(
    source: str,
    how: tuple[Reading, Columns],
    shared: Shared,
    model: str | None,
    settings: Sequence[str],
    begun: Path | None,
) -> tuple[Any, AnySource]:
    """The estimator to fit and its data: a new one, or the one in a file with data like its own."""
    if begun is None:
        model = model or _meant(source, *how)
        return build_estimator(model, settings, _defaults(shared)), _open_for_model(model, source, *how)
    if model is not None:
        raise typer.BadParameter("the model is the one of --from; leave --model out", param_hint="--model")
    estimator = load_model(begun, shared)
    given = parse_settings(settings, estimator.get_params())
    estimator.set_params(**_defaults(shared) | given)
    return estimator, open_for(estimator, source, *how)


def _meant(source: str, reading: Reading, columns: Columns) -> str:
    """The model that data of this kind is for."""
    from latens.data.documents import is_text_file

    kind = reading.kind or columns.kind or ("text" if is_text_file(source) else None)
    return kind if kind in SEQUENCES else "deep"


def _open_for_model(model: str, source: str, reading: Reading, columns: Columns) -> AnySource:
    """The data, of the kind that the model learns from."""
    from latens.data import open_samples, open_source

    if model not in SEQUENCES:
        return open_samples(source, **reading.how, **columns.how)
    if reading.kind not in (None, model):
        raise ConfigError(f"--kind={reading.kind!r} is not what --model {model} learns from; leave --kind out")
    return open_source(source, **reading.how | {"kind": model}, **columns.how)


def _train(
    estimator: Any, data: AnySource, clean: Source | None, watched: tuple[Run, list[Profile]], where: tuple[Path, Path]
) -> None:
    """Fit and save; a signal in between leaves a last checkpoint, as it does while fitting."""
    (folder, output), (run, profiles) = where, watched
    others, guard = run.callbacks(folder)
    callbacks = [*profiles, *others]
    fit = estimator.continue_fit if hasattr(estimator, "schema_") else estimator.fit  # a loaded one goes on
    deadline.last_words = lambda: _where_to_go_on(folder)
    with guard:
        fit(data, target=clean, callbacks=callbacks, run_folder=folder, resume=run.resume)
        with guard.finishing():
            if place().rank == 0:
                estimator.save(output)


def _where_to_go_on(folder: Path) -> str:
    from latens.runs import checkpoints_in

    found = checkpoints_in(folder)
    return f"; continue with --resume from {found[-1]}" if found else "; there is no checkpoint yet"


def _spent(profiles: list[Profile]) -> dict[str, Any]:
    """Where the time went, for the result and on stderr, if somebody took it."""
    for profile in profiles:
        spent = profile.spent
        if place().rank == 0:
            say(str(spent), err=True)
        return {"profile": spent.to_json()}
    return {}


def _already_finished(output: Path, shared: Shared) -> None:
    from latens.runs import checkpoints_in

    estimator = load_model(output, shared)
    words = f"{output} is finished already; nothing was changed"
    if checkpoints_in(run_folder(output)):
        words += f" ({run_folder(output)} holds checkpoints; --resume --force goes on from them)"
    shared.result(_result(estimator, output) | {"already_finished": True}, words)


def _result(estimator: Any, output: Path) -> dict[str, Any]:
    epochs = list(estimator.history_.rows())
    vocabulary = getattr(estimator.schema_, "n_items", None)
    return {
        "output": str(output),
        "model": estimator.network_name(),
        "n_components": estimator.n_components_,
        "epochs": len(epochs),
        "last_epoch": epochs[-1] if epochs else None,
        "referee": describe_referee(estimator.referee_),
        "resumed_from_step": estimator.resumed_from_step_,
        "already_finished": False,
    } | ({} if vocabulary is None else {"vocabulary_size": vocabulary})


def _closing_words(estimator: Any, source: str, output: Path) -> str:
    resumed, name = estimator.resumed_from_step_, estimator.network_name()
    lines = [f"{_what(estimator)}: {estimator.referee_.verdict}"]
    if resumed is not None:
        lines.insert(0, f"went on from step {resumed}")
    lines += _still_falling(estimator.history_)
    lines += [] if getattr(estimator, "early_stopping", False) else _learned_by_heart(estimator.history_)
    following = shlex.join(["latens", *_NEXT.get(name, _map)(str(output), source)])
    return "\n".join([*lines, f"wrote {output}; next: {following}"])


def _what(estimator: Any) -> str:
    """The model by its name and size; of items what it costs to predict one."""
    name, n = estimator.network_name(), estimator.n_components_
    vocabulary = getattr(estimator.schema_, "n_items", None)
    if vocabulary is None:
        return f"{name} model, {n} component{'s' * (n != 1)}"
    referee = estimator.referee_
    bits = f"{referee.model_bits:.4g} bits per {'character' if name == 'text' else 'item'}"
    return f"{name} model, {vocabulary:,} items in its vocabulary, {referee.model_nats:.4g} nats per item, {bits}"


def _map(output: str, source: str) -> list[str]:
    return ["map", output, source, "-o", "map.png"]


# What one does next with a model, in words of the command line.
_NEXT: dict[str, Callable[[str, str], list[str]]] = {
    "text": lambda output, source: ["generate", output, "-n", "500"],
    "events": lambda output, source: ["generate", output, "--count", "5"],
    "series": lambda output, source: ["forecast", output, source, "--horizon", "96", "-o", "forecast.csv"],
}


def _still_falling(history: History) -> list[str]:
    """A word of advice where the last epoch gained so much that another would gain more."""
    name = "validation_loss" if "validation_loss" in history.columns else "train_loss"
    *_, before, last = (0.0, 0.0, *history[name])
    if len(history) < 2 or min(before, last) <= 0 or last > (1 - _WORTH) * before:  # densities may be below 0
        return []
    gained = 100 * (1 - last / before)
    return [
        f"the loss still fell by {gained:.0f} % in the last epoch; more may gain: --set max_epochs={2 * len(history)}"
    ]


def _learned_by_heart(history: History) -> list[str]:
    """A word of advice where the held-out loss ended above its least."""
    best = history.best_before
    if best is None:
        return []
    losses, epoch = history["validation_loss"], int(history["epoch"][best])
    return [
        f"the held-out loss was least after epoch {epoch} ({losses[best]:.4g}) and ended at {losses[-1]:.4g}: rows "
        "were learned by heart; --set early_stopping=true keeps the best"
    ]

"""``latens generate``: what a model of text or events goes on with."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.models import load_model
from latens.cli.outputs import check_output
from latens.cli.terminal import say, visible
from latens.cli.verbs import ForceOption, ModelArgument, Shared, close_quietly, verb
from latens.errors import ConfigError, DataError, whole

if TYPE_CHECKING:
    from latens.analysis.copies import Copy

__all__ = ["generate"]

PromptArgument = Annotated[
    str,
    typer.Argument(
        metavar="PROMPT",
        help="What to go on from, or - for standard input; nothing if left out. Events with commas or spaces between.",
        show_default=False,
    ),
]
LengthOption = Annotated[
    int | None,
    typer.Option(
        "--max-new",
        "-n",
        help="Items at most: 500 of text, 100 events, 50 of a search if left out.",
        show_default=False,
    ),
]
CountOption = Annotated[int, typer.Option("--count", help="How many continuations.")]
CopiesOption = Annotated[
    Path | None,
    typer.Option(
        "--check-copies",
        metavar="TEXT",
        help="Say on stderr how long a run was copied from this file or folder, the training text.",
        show_default=False,
    ),
]

# Seconds between two writes to what is no terminal.
_PATIENCE = 0.25
# Characters of a copied run that are shown.
_SHOWN = 60
# Of Python's arguments those that are no settings here.
_NO_SETTINGS = ("prompt", "n", "random_state", "stream", "details")


def _number(flag: str, words: str) -> Any:
    return typer.Option(flag, help=words, show_default=False)


@dataclass(frozen=True)
class Drawing:
    """How the next item is drawn; what is left out is off."""

    temperature: Annotated[
        float | None, _number("--temperature", "0 takes the likeliest item; 0.75 for text, 1 for events if left out.")
    ] = None
    top_k: Annotated[int | None, _number("--top-k", "Draw from the so many likeliest items.")] = None
    top_p: Annotated[float | None, _number("--top-p", "From the likeliest that have this probability together.")] = None
    min_p: Annotated[float | None, _number("--min-p", "From those with this share of the likeliest's.")] = None
    typical: Annotated[
        float | None, _number("--typical", "From those about as surprising as expected, of this mass together.")
    ] = None
    repetition_penalty: Annotated[
        float | None, _number("--repetition-penalty", "Above 1: what was there already is less likely.")
    ] = None
    stop: Annotated[
        list[str] | None,
        typer.Option(
            "--stop", help="A text ends before this string, events before this item; repeatable.", show_default=False
        ),
    ] = None

    @property
    def given(self) -> dict[str, Any]:
        """Those that were asked for."""
        return {name: value for name, value in vars(self).items() if value is not None and value != []}


@dataclass(frozen=True)
class Search:
    """The likeliest continuations instead of drawn ones."""

    beams: Annotated[int | None, _number("--beams", "Search along so many instead of drawing; text only.")] = None
    length_penalty: Annotated[
        float | None, _number("--length-penalty", "Of the search: log p over length to this power; 1 if left out.")
    ] = None


@dataclass(frozen=True)
class States:
    """Where to go on from, and what to keep of where it ended."""

    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help="Go on from what --save-state kept.", show_default=False),
    ] = None
    save_state: Annotated[
        Path | None,
        typer.Option("--save-state", metavar="FILE", help="Keep where the text ended; text only.", show_default=False),
    ] = None


@dataclass(frozen=True)
class Continuation:
    """What came after the prompt, as it is written, and what is known of it."""

    text: str
    facts: Mapping[str, Any]
    state: Any = None


@dataclass(frozen=True)
class Asked:
    """A request to a model."""

    estimator: Any
    prompt: Any
    length: Mapping[str, int]
    count: int
    seed: int
    given: Mapping[str, Any]

    def __call__(self, *, stream: bool) -> Any:
        """What the estimator draws."""
        how = {**self.length, **self.given, "n": self.count, "random_state": self.seed}
        return self.estimator.generate(self.prompt, **how, stream=stream, details=True)


@verb('latens generate shakespeare.latens "EMILIA:" -n 500 --temperature 0.75')
def generate(
    model: ModelArgument,
    drawing: Drawing,
    search: Search,
    states: States,
    shared: Shared,
    prompt: PromptArgument = "",
    length: LengthOption = None,
    count: CountOption = 1,
    check_copies: CopiesOption = None,
    force: ForceOption = False,
) -> None:
    """Continue PROMPT.

    Standard output gets the continuation as it is drawn, exactly the one that Python's generate gives, and a newline;
    PROMPT is not repeated. Several are each under a heading; those of one line each, and events, are one a line. --json
    adds the log-probability of every item.
    """
    _check(model, drawing, search, states, count, check_copies, force)
    estimator = load_model(model, shared, "generate")
    name = estimator.network_name()
    _check_able(name, estimator, drawing, search, states, check_copies)
    begun = _begun(estimator, _PROMPTS[name](estimator, _read(prompt)), states.state)
    amount = {} if length is None else {_LENGTHS[name]: whole("--max-new", length, at_least=1)}
    asked = Asked(estimator, begun, amount, count, shared.seed or 0, _given(name, estimator, drawing))
    streaming = search.beams is None and count == 1 and not shared.json
    if streaming:
        found = _streamed(asked, whole=states.save_state is not None or check_copies is not None)
    else:
        found = _drawn(asked) if search.beams is None else _searched(asked, search)
        shared.answer(_result(asked, search, found, prompt), _under_headings(found, estimator), exact=True)
    if states.save_state is not None:
        estimator.save_state(found[0].state, states.save_state)
    if check_copies is not None:
        say(_in_words(*_copied(estimator, found, check_copies), check_copies), err=True)


# ---- what is asked -------------------------------------------------------------------------------------------------


def _check(
    model: Path,
    drawing: Drawing,
    search: Search,
    states: States,
    count: int,
    copies: Path | None,
    force: bool,
) -> None:
    """What can be said before a model is loaded."""
    whole("--count", count, at_least=1)
    if search.beams is None and search.length_penalty is not None:
        raise typer.BadParameter("goes with --beams", param_hint="--length-penalty")
    if search.beams is not None:
        whole("--beams", search.beams, at_least=count)
        unwanted = [*drawing.given, *(name for name, path in vars(states).items() if path is not None)]
        if unwanted:
            raise typer.BadParameter("goes with drawing, not with --beams", param_hint=_flag(unwanted[0]))
    if states.save_state is not None:
        if count > 1:
            raise typer.BadParameter("keeps one continuation; leave --count out", param_hint="--save-state")
        read = [path for path in (model, states.state, copies) if path is not None]
        check_output(states.save_state, force=force, inputs=read)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _check_able(
    name: str, estimator: Any, drawing: Drawing, search: Search, states: States, copies: Path | None
) -> None:
    """Refuse what only another model has."""
    known = inspect.signature(estimator.generate).parameters
    unknown = [option for option in drawing.given if option not in known]
    others = {"beams": search.beams, **vars(states), "check_copies": copies} if name != "text" else {}
    unknown += [option for option, value in others.items() if value is not None]
    if unknown:
        raise ConfigError(f"{_flag(unknown[0])} is for models of 'text', and this is one of {name!r}; leave it out")


def _read(prompt: str) -> str:
    """The prompt; of standard input all that stands there."""
    if prompt != "-":
        return prompt
    from latens.data.piped import read_pipe

    try:
        return read_pipe().decode()
    except UnicodeDecodeError as error:
        raise DataError(f"stdin: byte {error.start:,} is not UTF-8; convert it with iconv") from None


def _text_prompt(estimator: Any, prompt: str) -> str:
    return prompt


def _event_prompt(estimator: Any, prompt: str) -> list[str | int]:
    """The items between commas, or between spaces where there is no comma; whole numbers where the model's are."""
    words = [word.strip() for word in prompt.split(",")] if "," in prompt else prompt.split()
    return _items(estimator, [word for word in words if word])


def _items(estimator: Any, words: Sequence[str]) -> list[str | int]:
    known = set(estimator.schema_.items)
    return [int(word) if word not in known and _whole(word) in known else word for word in words]


def _given(name: str, estimator: Any, drawing: Drawing) -> dict[str, Any]:
    """How to draw, in the model's own terms: what stops events is an item."""
    given = drawing.given
    return given | {"stop": _items(estimator, given["stop"])} if name == "events" and "stop" in given else given


def _whole(word: str) -> int | None:
    try:
        return int(word)
    except ValueError:
        return None


_PROMPTS: dict[str, Callable[[Any, str], Any]] = {"text": _text_prompt, "events": _event_prompt}
_LENGTHS = {"text": "max_new_tokens", "events": "max_new_items"}


def _begun(estimator: Any, prompt: Any, path: Path | None) -> Any:
    """The prompt, or where a state stands once it is read."""
    if path is None:
        return prompt
    state = estimator.load_state(path)
    if len(state) != 1:
        raise DataError(f"{path}: holds {len(state)} sequences; name a state of one, as --save-state keeps it")
    return estimator.read(prompt, state) if prompt else state


# ---- what comes of it ----------------------------------------------------------------------------------------------


def _searched(asked: Asked, search: Search) -> list[Continuation]:
    """The best ones, by their score."""
    given = {} if search.length_penalty is None else {"length_penalty": search.length_penalty}
    found = asked.estimator.beam_search(asked.prompt, **asked.length, beams=search.beams, **given)
    return [Continuation(text, {"text": text, "score": score}) for text, score in found[: asked.count]]


def _drawn(asked: Asked) -> list[Continuation]:
    """All of them at once, which costs little more than one."""
    found = asked(stream=False)
    return [_continuation(asked.estimator, each) for each in (found if asked.count > 1 else [found])]


def _streamed(asked: Asked, whole: bool) -> list[Continuation]:
    """One, written as it comes.

    Args:
        asked: For one.
        whole: It is wanted to its end though nobody reads on.
    """
    write, pieces = _writing(whole), asked(stream=True)
    before, between = "", _between(asked.estimator)
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            write("\n")
            return [_continuation(asked.estimator, end.value)]
        write(before + _word(piece))
        before = between


def _writing(whole: bool) -> Callable[[str], None]:
    """Write to standard output: at once and visibly to a terminal, else as it is, a few times a second."""
    at_once, last = sys.stdout.isatty(), time.monotonic()

    def write(piece: str) -> None:
        nonlocal last
        try:
            sys.stdout.write(visible(piece) if at_once else piece)
            if at_once or time.monotonic() - last > _PATIENCE:
                sys.stdout.flush()
                last = time.monotonic()
        except BrokenPipeError:
            if not whole:
                raise
            close_quietly()

    return write


def _continuation(estimator: Any, found: Any) -> Continuation:
    facts: dict[str, Any] = {"log_probabilities": found.log_probs}
    if hasattr(found, "text"):
        return Continuation(found.text, {"text": found.text, **facts}, found.state)
    text = _between(estimator).join(map(_word, found.items))
    return Continuation(text, {"text": text, "items": found.items, **facts})


def _word(piece: object) -> str:
    return "<unknown>" if piece is None else str(piece)


def _between(estimator: Any) -> str:
    """What separates the pieces of a continuation, so that it can be a prompt again."""
    if estimator.network_name() == "text":
        return ""
    return ", " if any(len(str(item).split()) != 1 for item in estimator.schema_.items) else " "


def _under_headings(found: Sequence[Continuation], estimator: Any) -> str:
    """Several texts, told apart; those that are a line each need nothing for it."""
    if len(found) == 1 or getattr(estimator.schema_, "lines", True):
        return "\n".join(each.text for each in found)
    return "\n".join(f"--- {i} of {len(found)} ---\n{each.text}" for i, each in enumerate(found, start=1))


def _result(asked: Asked, search: Search, found: Sequence[Continuation], prompt: str) -> dict[str, Any]:
    method = asked.estimator.generate if search.beams is None else asked.estimator.beam_search
    known = inspect.signature(method).parameters
    settings = {name: parameter.default for name, parameter in known.items() if name not in _NO_SETTINGS}
    chosen = {name: value for name, value in vars(search).items() if value is not None}
    return {
        "model": asked.estimator.network_name(),
        "prompt": prompt,
        "continuations": [each.facts for each in found],
        "seed": asked.seed,
        "settings": settings | dict(asked.length) | dict(asked.given) | chosen,
    }


# ---- what was copied -----------------------------------------------------------------------------------------------


def _copied(estimator: Any, found: Sequence[Continuation], path: Path) -> tuple[Copy, str]:
    """The longest run of any of the texts that stands in a file, and that run."""
    from latens.analysis.copies import longest_copy
    from latens.data import open_source
    from latens.data.named_columns import has_columns
    from latens.schema.characters import lowered

    schema = estimator.schema_
    column = {"column": schema.column} if has_columns(path) else {}
    source: Any = open_source(str(path), kind="text", **column)
    corpus = "".join(text + source.terminator for text in source.texts())
    copies = [(longest_copy(each.text, lowered(corpus) if schema.lower else corpus), each.text) for each in found]
    copy, text = max(copies, key=lambda pair: pair[0].length)
    return copy, text[copy.start : copy.start + copy.length]


def _in_words(copy: Copy, run: str, path: Path) -> str:
    shown = run if len(run) <= _SHOWN else f"{run[:_SHOWN]}…"
    share = f"{100 * copy.share:.0f} % of it lies in copied runs of {copy.at_least} and more"
    where = f" ({shown!r}, there at character {copy.place:,})" if copy.length else ""
    return f"latens: the longest run copied from {path}: {copy.length} characters{where}; {share}"

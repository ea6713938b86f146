"""``latens outliers``: which rows do not belong, how sure that is, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from latens.cli.apply import asked_of, where
from latens.cli.cluster import PlotOption, check_outputs
from latens.cli.judged import Judged, fit_on, judged, rows_of
from latens.cli.models import load_saved, open_for
from latens.cli.outputs import FIGURES, TABLES, Target
from latens.cli.terminal import shown
from latens.cli.verbs import Columns, Parting, Reading, Shared, Streaming, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    from latens.analysis import Reason
    from latens.cli.parts import Written
    from latens.cli.verdicts import Verdicts

__all__ = ["outliers"]

# Causes of a row that are shown.
_SHOWN = 5
# Rows in a picture, of images and of tables.
_PICTURED, _PANELS = 16, 8
# Characters of a card.
_LONGEST = 600

WordsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="[MODEL] SOURCE",
        help="What is judged; before it a file of a detector or another model, or nothing for the default detector.",
        show_default=False,
    ),
]
TopOption = Annotated[int, typer.Option("--top", min=1, help="How many of the strangest rows are explained here.")]
TableOption = Annotated[
    str | None,
    typer.Option("--output", "-o", help="Write all rows: .parquet, .csv, or parts into NAME/.", show_default=False),
]
SaveOption = Annotated[
    Path | None,
    typer.Option("--save", metavar="DETECTOR", help="Keep the detector, for other data.", show_default=False),
]


@dataclass(frozen=True)
class Judging:
    """When a row is strange."""

    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            help="Of ordinary rows the share that may be flagged; 0.001 if left out.",
            show_default=False,
        ),
    ] = None
    fdr: Annotated[
        str | None,
        typer.Option(
            "--fdr",
            metavar="RATE",
            help="Instead: of flagged rows the share that may be false (Benjamini-Hochberg).",
            show_default=False,
        ),
    ] = None
    evidence: Annotated[
        str | None,
        typer.Option("--evidence", help="residual, neighbours, or both if left out.", show_default=False),
    ] = None
    trim: Annotated[
        str | None,
        typer.Option(
            "--trim",
            metavar="SHARE",
            help="Of the default detector: the strangest rows, not learned from; 0.4 if left out.",
            show_default=False,
        ),
    ] = None
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="TRAIN",
            help="Learn and calibrate on these rows; on SOURCE if left out.",
            show_default=False,
        ),
    ] = None

    def check(self, model: str | None) -> None:
        """Refuse what is no rate, and what a model has decided already."""
        if self.rate is not None and self.fdr is not None:
            raise typer.BadParameter("goes instead of --rate; give one of them", param_hint="--fdr")
        _share("--rate", self.rate)
        _share("--fdr", self.fdr)
        if model is not None and self.trim is not None:
            raise ConfigError(f"--trim={self.trim}: {model} has learned already; leave it out")

    @property
    def settings(self) -> dict[str, Any]:
        """Those that were given, as `OutlierDetector` takes them."""
        evidence = None if self.evidence is None else [name.strip() for name in self.evidence.split(",")]
        given = {
            "false_alarm_rate": _share("--rate", self.rate),
            "evidence": "auto" if evidence == ["auto"] else evidence,
            "trim": self.trim if self.trim in (None, "auto") else _number("--trim", self.trim),
        }
        return {name: value for name, value in given.items() if value is not None}


@verb("latens outliers dataset:digits --rate 0.01 -o outliers.parquet --plot cards.png", together=True)
def outliers(
    words: WordsArgument,
    judging: Judging,
    reading: Streaming,
    columns: Columns,
    parting: Parting,
    shared: Shared,
    top: TopOption = 10,
    output: TableOption = None,
    plot: PlotOption = None,
    save: SaveOption = None,
) -> None:
    """Find the rows that do not belong, and say why.

    With SOURCE alone, a table or images, the default detector learns from it (or from --reference) and judges it.
    Another model before it is calibrated on the rows instead, and a detector that --save wrote judges as it is. Of text
    a row is a line, of events a sequence, of one series a step. The threshold is one that held-out rows exceed at the
    rate asked for.
    """
    model, source = _parted(words)
    judging.check(model)
    if model is None and shared.group.several:
        raise ConfigError("the default detector is work for one process; give several a MODEL, as --save writes it")
    inputs: list[str | Path] = [*words, *([] if judging.reference is None else [judging.reference])]
    check_outputs({plot: FIGURES, save: ()}, parting.force, inputs)
    target = None if output is None else parting.target(output, TABLES[:2], inputs)
    detector, data, calibrated = _detector(model, source, judging, (reading, columns), shared)
    _check_plot(plot, data)
    judgement = _judge(detector, data, judging, max(top, _PICTURED), shared)
    written = _answers(judgement, target, _asked(judgement, model, judging), shared)
    if not shared.group.first:  # who explains, draws and saves
        return
    rows = {row: flagged for _, row, flagged in written.reached.counted["top"]}
    cards = _cards(judgement, rows, top, shared)
    _write(judgement, rows, plot, save, shared)
    paths = {name: path for name, path in (("output", output), ("plot", plot), ("saved", save)) if path is not None}
    facts = _facts(judgement, written, cards) | {"calibration": calibrated} | paths
    places = [*([] if output is None else [where(output, written)]), *(path for path in (plot, save) if path)]
    shared.answer(facts, _words(judgement, facts, cards, places))


def _parted(words: Sequence[str]) -> tuple[str | None, str]:
    """The model, if there are two words, and the source."""
    if len(words) > 2:
        raise typer.BadParameter(f"{len(words)} given; give a SOURCE, or a MODEL and a SOURCE", param_hint="SOURCE")
    if len(words) == 1 and words[0].endswith(".latens"):
        raise typer.BadParameter(f"is missing: what {words[0]} is to judge", param_hint="SOURCE")
    return (None, words[0]) if len(words) == 1 else (words[0], words[1])


def _number(option: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ConfigError(f"{option}={word!r} is not a number; use one such as 0.1") from None


def _share(option: str, word: str | None) -> float | None:
    """A rate in (0, 0.5]; None stays None."""
    if word is None:
        return None
    rate = _number(option, word)
    if not 0.0 < rate <= 0.5:
        raise ConfigError(f"{option}={word} is out of range; use a number above 0 and up to 0.5, such as 0.001")
    return rate


def _check_plot(plot: Path | None, data: Judged) -> None:
    if plot is not None and data.steps:
        raise ConfigError(f"--plot={plot}: a step of a series has no causes to draw; use -o steps.csv")


# ---- the detector ----------------------------------------------------------------------------------------------------

How: TypeAlias = tuple[Reading, Columns]


def _detector(model: str | None, source: str, judging: Judging, how: How, shared: Shared) -> tuple[Any, Judged, str]:
    """The fitted detector, what it is to judge, and in words what it was calibrated on."""
    import latens

    if model is None:
        return _default(source, judging, how, shared)
    saved = load_saved(Path(model), shared)
    if isinstance(saved, latens.OutlierDetector):
        data = judged(saved.estimator_, open_for(saved.estimator_, source, *how))
        return _as_saved(saved, model, judging), data, f"as {model} was saved"
    return _around(saved, source, judging, how, shared)


def _fresh(judging: Judging, shared: Shared, estimator: Any = None) -> Any:
    import latens

    how: dict[str, Any] = {"random_state": shared.seed or 0, "device": shared.device, "verbose": int(not shared.quiet)}
    return latens.OutlierDetector(estimator, **how, **judging.settings)


def _default(source: str, judging: Judging, how: How, shared: Shared) -> tuple[Any, Judged, str]:
    from latens.data import open_samples

    learned = open_samples(judging.reference or source, **how[0].how, **how[1].how)
    detector, name = fit_on(_fresh(judging, shared), learned, shared.seed or 0)
    data = learned if judging.reference is None else open_for(detector.estimator_, source, *_unlabelled(how))
    return detector, judged(detector.estimator_, data), f"rows of {name} that were held out from learning"


def _around(estimator: Any, source: str, judging: Judging, how: How, shared: Shared) -> tuple[Any, Judged, str]:
    """A detector around a model that has learned: calibrated, nothing else."""
    from sklearn.frozen import FrozenEstimator

    data = reference = judged(estimator, open_for(estimator, source, *how))
    if judging.reference is not None:
        reference = judged(estimator, open_for(estimator, judging.reference, *_unlabelled(how)))
    detector, name = fit_on(_fresh(judging, shared, FrozenEstimator(estimator)), reference.rows, shared.seed or 0)
    warning = "if the model learned from these, the threshold is too low for rows that it never saw"
    return detector, data, f"rows of {name or reference.name}; {warning} (--reference names others)"


def _unlabelled(how: How) -> How:
    """The same, for rows that need not have the columns of --labels: those that they have are carried along."""
    reading, columns = how
    return replace(reading, labels=None), columns


def _as_saved(detector: Any, model: str, judging: Judging) -> Any:
    """A detector from its file, at the rate asked for."""
    for option, given in (("--reference", judging.reference), ("--evidence", judging.evidence)):
        if given is not None:
            raise ConfigError(f"{option}={given}: {model} is a detector and learns nothing more; leave it out")
    rate = _share("--rate", judging.rate)
    return detector if rate is None else detector.at_rate(rate)


# ---- what is said ----------------------------------------------------------------------------------------------------


def _judge(detector: Any, data: Judged, judging: Judging, top: int, shared: Shared) -> Verdicts:
    from latens.cli.verdicts import Verdicts

    return Verdicts.of(detector, data, _share("--fdr", judging.fdr), top, shared)


def _asked(judgement: Verdicts, model: str | None, judging: Judging) -> dict[str, Any]:
    """What the answers are to, for who goes on with them."""
    threshold = -judgement.detector.offset_
    how = {"threshold": threshold, "cut": judgement.cut, "fdr": judgement.rate, "reference": judging.reference}
    return asked_of("outliers", model, judgement.data, **how, evidence=list(judgement.detector.standards_))


def _answers(judgement: Verdicts, target: Target | None, asked: dict[str, Any], shared: Shared) -> Written:
    from latens.cli.parts import Written, write_answers

    asking = judgement.asking(target is not None)
    if target is None:
        return Written(asking.counted(shared))
    return write_answers(target, asking, asked, shared)


def _cards(judgement: Verdicts, rows: dict[int, bool], top: int, shared: Shared) -> list[Reason]:
    """The strangest rows, explained."""
    from latens.cli.verdicts import reasons_of

    first = dict(islice(rows.items(), top))
    return reasons_of(judgement.detector, judgement.data, first, _SHOWN, shared)


def _write(judgement: Verdicts, rows: dict[int, bool], plot: Path | None, save: Path | None, shared: Shared) -> None:
    from latens.cli.writers import write_figure

    if plot is not None:
        write_figure(plot, _picture(judgement, rows, shared))
    if save is not None:
        judgement.detector.save(save)


def _picture(judgement: Verdicts, rows: dict[int, bool], shared: Shared) -> Any:
    import numpy as np

    from latens.plots import plot_outliers

    detector, data = judgement.detector, judgement.data
    reasons = _cards(judgement, rows, _PICTURED if data.kind == "images" else _PANELS, shared)
    images = made = None
    if data.kind == "images":
        part = rows_of(data.rows, np.array([reason.row for reason in reasons]))
        images, made = list(part.values), list(detector.estimator_.reconstruct(part))
    carried = [_carried(data, reason.row)["labels"] for reason in reasons]
    captions = [", ".join(f"{name} {value}" for name, value in labels.items()) for labels in carried]
    title = f"{shown(data.name)}: the strangest of {len(data):,} rows"
    return plot_outliers(reasons, images, made, captions=captions, title=title)


def _facts(judgement: Verdicts, written: Written, cards: Sequence[Reason]) -> dict[str, Any]:
    promise, flagged = judgement.promise, written.reached.counted["flagged"]
    return {
        **written.facts,
        "flagged": flagged,
        "false_alarm_rate": promise.false_alarm_rate,
        "false_discovery_rate": promise.false_discovery_rate,
        "threshold": promise.threshold,
        "held_out": promise.n_held_out,
        "extrapolated": promise.extrapolated,
        "trimmed": len(judgement.detector.trimmed_),
        "evidence": list(judgement.detector.standards_),
        "outliers": [asdict(card) | _nearest(card) | _carried(judgement.data, card.row) for card in cards],
        "verdict": promise.verdict_of(written.reached.rows, flagged),
    }


def _nearest(card: Reason) -> dict[str, Any]:
    return {"nearest": [{"row": row, "distance": distance} for row, distance in card.nearest]}


def _carried(data: Judged, row: int) -> dict[str, Any]:
    """A row's id and labels."""
    return {
        "id": None if data.ids is None else data.ids[row : row + 1][0],
        "labels": {name: column[row : row + 1][0] for name, column in data.labels.items()},
    }


def _words(judgement: Verdicts, facts: dict[str, Any], cards: Sequence[Reason], places: Sequence[object]) -> str:
    lines = [str(shown(_card(judgement.data, card), _LONGEST)) for card in cards]
    lines += ["", facts["verdict"], f"calibration: {shown(facts['calibration'], _LONGEST)}"]
    return "\n".join([*lines, *(f"wrote {place}" for place in places)])


def _card(data: Judged, card: Reason) -> str:
    carried = _carried(data, card.row)
    names = [] if carried["id"] is None else [str(shown(str(carried["id"])))]
    names += [f"{name} {shown(str(value))}" for name, value in carried["labels"].items()]
    return f"[{', '.join(names)}] {card.words}" if names else card.words

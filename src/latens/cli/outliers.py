"""``latens outliers``: which rows do not belong, how sure that is, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from latens.cli.cluster import PlotOption, check_outputs
from latens.cli.judged import Judged, judged
from latens.cli.models import load_saved, open_for
from latens.cli.outputs import FIGURES, TABLES
from latens.cli.terminal import shown
from latens.cli.verbs import Columns, ForceOption, Reading, Shared, Streaming, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    from latens.analysis import Cause, OutlierScores, Reason

__all__ = ["outliers"]

# Of rows that are explained at a time, so that memory stays bounded and the bar moves.
_BLOCK = 512
# Causes of a row that are written and drawn.
_WRITTEN, _DRAWN = 3, 5
# Of a row's error, the share below which a cell is no cause of it.
_LEAST = 0.01
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
    Path | None,
    typer.Option("--output", "-o", help="Write all rows: .parquet or .csv.", show_default=False),
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


@verb("latens outliers dataset:digits --rate 0.01 -o outliers.parquet --plot cards.png")
def outliers(
    words: WordsArgument,
    judging: Judging,
    reading: Streaming,
    columns: Columns,
    shared: Shared,
    top: TopOption = 10,
    output: TableOption = None,
    plot: PlotOption = None,
    save: SaveOption = None,
    force: ForceOption = False,
) -> None:
    """Find the rows that do not belong, and say why.

    With SOURCE alone, a table or images, the default detector learns from it (or from --reference) and judges it.
    Another model before it is calibrated on the rows instead, and a detector that --save wrote judges as it is. Of text
    a row is a line, of events a sequence, of one series a step. The threshold is one that held-out rows exceed at the
    rate asked for.
    """
    model, source = _parted(words)
    judging.check(model)
    inputs: list[str | Path] = [*words, *([] if judging.reference is None else [judging.reference])]
    check_outputs({output: TABLES[:2], plot: FIGURES, save: ()}, force, inputs)
    detector, data, calibrated = _detector(model, source, judging, (reading, columns), shared)
    _check_plot(plot, data)
    found = detector.detect(data.rows, _share("--fdr", judging.fdr))
    cards = _reasons(detector, data, found, found.ranked[:top], shared)
    _write(detector, data, found, {"output": output, "plot": plot, "save": save}, shared)
    written = {name: path for name, path in (("output", output), ("plot", plot), ("saved", save)) if path is not None}
    facts = _facts(detector, data, found, cards) | {"calibration": calibrated} | written
    shared.answer(facts, _words(data, found, cards, calibrated, list(written.values())))


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
    detector = _fresh(judging, shared).fit(learned)
    data = learned if judging.reference is None else open_for(detector.estimator_, source, *_unlabelled(how))
    return detector, judged(detector.estimator_, data), f"rows of {learned.name} that were held out from learning"


def _around(estimator: Any, source: str, judging: Judging, how: How, shared: Shared) -> tuple[Any, Judged, str]:
    """A detector around a model that has learned: calibrated, nothing else."""
    from sklearn.frozen import FrozenEstimator

    data = reference = judged(estimator, open_for(estimator, source, *how))
    if judging.reference is not None:
        reference = judged(estimator, open_for(estimator, judging.reference, *_unlabelled(how)))
    detector = _fresh(judging, shared, FrozenEstimator(estimator)).fit(reference.rows)
    warning = "if the model learned from these, the threshold is too low for rows that it never saw"
    return detector, data, f"rows of {reference.name}; {warning} (--reference names others)"


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


def _reasons(
    detector: Any, data: Judged, found: OutlierScores, rows: Any, shared: Shared, causes: int = _DRAWN
) -> list[Reason]:
    """Why these rows are strange, by their numbers in the data and flagged as all rows together are."""
    parts = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    return [
        replace(reason, row=int(row), flagged=bool(found.flagged[row]), causes=_worth(reason.causes))
        for part in shared.track(parts, "explaining")
        for row, reason in zip(part, data.explained(detector, part, causes), strict=True)
    ]


def _worth(causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """The first, and what else carries enough to be told."""
    return tuple(cause for place, cause in enumerate(causes) if not place or cause.share >= _LEAST)


def _write(detector: Any, data: Judged, found: OutlierScores, outputs: dict[str, Path | None], shared: Shared) -> None:
    from latens.cli.writers import write_figure, write_table

    table, plot, save = outputs["output"], outputs["plot"], outputs["save"]
    if table is not None:
        flagged = _reasons(detector, data, found, found.flagged.nonzero()[0], shared, _WRITTEN)
        frame = found.to_frame(flagged, _WRITTEN)
        write_table(table, frame, list(frame.columns), data)
    if plot is not None:
        write_figure(plot, _picture(detector, data, found, shared))
    if save is not None:
        detector.save(save)


def _picture(detector: Any, data: Judged, found: OutlierScores, shared: Shared) -> Any:
    from latens.plots import plot_outliers

    rows = found.ranked[: _PICTURED if data.kind == "images" else _PANELS]
    reasons = _reasons(detector, data, found, rows, shared)
    images = made = None
    if data.kind == "images":
        part = data.rows.take(rows)
        images, made = list(part.values), list(detector.estimator_.reconstruct(part))
    captions = [", ".join(f"{name} {value}" for name, value in _carried(data, row)["labels"].items()) for row in rows]
    title = f"{shown(data.name)}: the strangest of {len(found.scores):,} rows"
    return plot_outliers(reasons, images, made, captions=captions, title=title)


def _facts(detector: Any, data: Judged, found: OutlierScores, cards: Sequence[Reason]) -> dict[str, Any]:
    return {
        "rows": len(found.scores),
        "flagged": int(found.flagged.sum()),
        "false_alarm_rate": found.false_alarm_rate,
        "false_discovery_rate": found.false_discovery_rate,
        "threshold": found.threshold,
        "held_out": found.n_held_out,
        "extrapolated": found.extrapolated,
        "trimmed": len(detector.trimmed_),
        "evidence": list(detector.standards_),
        "outliers": [asdict(card) | _nearest(card) | _carried(data, card.row) for card in cards],
        "verdict": found.verdict,
    }


def _nearest(card: Reason) -> dict[str, Any]:
    return {"nearest": [{"row": row, "distance": distance} for row, distance in card.nearest]}


def _carried(data: Judged, row: int) -> dict[str, Any]:
    """A row's id and labels."""
    return {
        "id": None if data.ids is None else data.ids[row],
        "labels": {name: column[row] for name, column in data.labels.items()},
    }


def _words(
    data: Judged, found: OutlierScores, cards: Sequence[Reason], calibration: str, written: Sequence[Path]
) -> str:
    lines = [str(shown(_card(data, card), _LONGEST)) for card in cards]
    lines += ["", found.verdict, f"calibration: {shown(calibration, _LONGEST)}"]
    return "\n".join([*lines, *(f"wrote {path}" for path in written)])


def _card(data: Judged, card: Reason) -> str:
    carried = _carried(data, card.row)
    names = [] if carried["id"] is None else [str(shown(str(carried["id"])))]
    names += [f"{name} {shown(str(value))}" for name, value in carried["labels"].items()]
    return f"[{', '.join(names)}] {card.words}" if names else card.words

"""``latens info``, and how a verb comes by a model and the data it is applied to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latens.cli.settings import ESTIMATORS, SEQUENCES
from latens.cli.verbs import Columns, ModelArgument, Reading, Shared, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    from latens.data import AnySource, Source

__all__ = ["describe_referee", "info", "load_model", "load_saved", "open_for"]

_AUTOENCODERS = tuple(name for name in ESTIMATORS if name not in (*SEQUENCES, "jigsaw"))
# The models that a verb can be asked of; what is not here, all of them do.
_CAN = {
    "reconstruct": _AUTOENCODERS,
    "pairs": _AUTOENCODERS,
    "generate": ("text", "events"),
    "score": ("text", "events"),
    "forecast": ("series",),
}
_UNNAMED = Columns()
_BITS = ("model_bits", "unigram_bits", "ngram_bits", "xz_bits")


@verb("latens info digits.latens")
def info(model: ModelArgument, shared: Shared) -> None:
    """Say what a model is and how it was fitted.

    With it come the data it expects, its settings, its history, and how it compares with exact PCA, or with counting
    and xz.
    """
    facts = _facts(load_saved(model, shared), model)
    shared.answer(facts, _in_words(facts))


def load_saved(path: Path, shared: Shared) -> Any:
    """What a file holds, on the device asked for: an estimator, or a detector around one."""
    import latens
    from latens.devices import resolve_device

    resolve_device(shared.device)
    return latens.load(path, device=shared.device)


def load_model(path: Path, shared: Shared, verb: str | None = None) -> Any:
    """The estimator in a file, on the device asked for; of a detector the one that it judges with.

    Args:
        path: Of the file.
        shared: What says the device.
        verb: What it is loaded for, if not every model can do that.

    Raises:
        ConfigError: The model cannot do it.
    """
    saved = load_saved(path, shared)
    estimator = getattr(saved, "estimator_", saved)
    name = estimator.network_name()
    if name not in _CAN.get(verb or "", (name,)):
        does = ["embed", "map", *(other for other, models in _CAN.items() if name in models)]
        raise ConfigError(f"{path}: {verb} is not for a model of {name!r}; use it with {', '.join(does)}")
    return estimator


def open_for(estimator: Any, source: str, reading: Reading, columns: Columns = _UNNAMED) -> AnySource:
    """The data to apply a model to: its columns in its order, its label columns carried along where they are there."""
    if estimator.schema_.kind in SEQUENCES:
        return _open_sequences(estimator.schema_, source, reading, columns)
    return _open_samples(estimator.schema_, source, reading, columns)


def _open_samples(schema: Any, source: str, reading: Reading, columns: Columns) -> Source:
    from latens.data import open_samples

    as_fitted = schema.reading()
    how = reading.how | {"columns": as_fitted["columns"], "types": (as_fitted["types"] or {}) | reading.kinds}
    data = open_samples(source, **how, **columns.how, optional_labels=schema.label_names)
    if None not in schema.shape:
        data = data.one_size()
    schema.check(data)
    return data


def _open_sequences(schema: Any, source: str, reading: Reading, columns: Columns) -> AnySource:
    """Text, or sequences of the model's own columns unless others are named."""
    from latens.data import open_source
    from latens.data.named_columns import has_columns

    if reading.kind not in (None, schema.kind):
        raise ConfigError(f"--kind={reading.kind!r}: the model learned from {schema.kind}; leave --kind out")
    as_fitted = schema.reading()
    if schema.kind == "text" and not has_columns(source):
        del as_fitted["column"]
    return open_source(source, **reading.how | as_fitted | columns.how)


def describe_referee(referee: Any) -> dict[str, Any]:
    """Its fields, the ratio and the verdict; of a sequence model the bits, too."""
    bits = {name: getattr(referee, name) for name in _BITS if hasattr(referee, name)}
    return asdict(referee) | bits | {"ratio": referee.ratio, "verdict": referee.verdict}


def _facts(saved: Any, path: Path) -> dict[str, Any]:
    from latens.persistence import read_header

    header, estimator = read_header(path), getattr(saved, "estimator_", saved)
    judged = {} if saved is estimator else {"detector": _detector_facts(saved)}
    return (
        judged
        | {
            "file": str(path),
            "bytes": path.stat().st_size,
            "latens": header.get("latens"),
            "estimator": header["estimator"],
            "model": header["model"],
            "n_components": estimator.n_components_,
            "parameters": sum(weight.numel() for weight in estimator.network_.network.parameters()),
            "config": header["config"],
            "settings": header["params"],
            "schema": header["schema"],
            "history": list(estimator.history_.rows()),
            "referee": describe_referee(estimator.referee_),
        }
        | {"data": estimator.schema_.describe()}
    )


def _detector_facts(detector: Any) -> dict[str, Any]:
    return {
        "false_alarm_rate": detector.false_alarm_rate,
        "threshold": -detector.offset_,
        "held_out": len(detector.calibration_),
        "extrapolated": detector.calibration_.extrapolated(detector.false_alarm_rate),
        "trimmed": len(detector.trimmed_),
        "evidence": list(detector.standards_),
    }


def _detector_words(detector: dict[str, Any] | None) -> str:
    if detector is None:
        return ""
    how = "extrapolated from" if detector["extrapolated"] else "calibrated on"
    return (
        f"flags scores above {detector['threshold']:.4g}, a false-alarm rate of {detector['false_alarm_rate']:g} "
        f"{how} {detector['held_out']:,} held-out rows; {detector['trimmed']:,} strange rows set aside; "
        f"evidence {', '.join(detector['evidence'])}"
    )


def _in_words(facts: dict[str, Any]) -> str:
    history, describe = facts["history"], _DATA.get(facts["schema"]["kind"], _described)
    rows = {
        "file": f"{facts['file']} ({facts['bytes']:,} bytes, latens {facts['latens']})",
        "detector": _detector_words(facts.get("detector")),
        "model": f"{facts['model']} ({facts['estimator']}), {facts['parameters']:,} parameters",
        "code": f"{facts['n_components']} component{'s' * (facts['n_components'] != 1)}",
        **describe(facts),
        "epochs": _epochs(history),
        "referee": facts["referee"]["verdict"],
        "settings": ", ".join(f"{name}={value}" for name, value in facts["settings"].items()),
    }
    return "\n".join(f"{name:<9} {text}" for name, text in rows.items() if text)


def _sample_data(facts: dict[str, Any]) -> dict[str, str]:
    schema = facts["schema"]
    labels = ", ".join(schema["label_names"]) or "none"
    return {
        "data": f"{facts['data']}, scaling {schema['scaling']}, labels {labels}",
        "columns": _columns(schema),
    }


def _text_data(facts: dict[str, Any]) -> dict[str, str]:
    entries = "short entries, a newline after each: " if facts["schema"]["lines"] else ""
    return {"data": f"text, {entries}{facts['data']}", "column": facts["schema"]["column"] or ""}


def _event_data(facts: dict[str, Any]) -> dict[str, str]:
    names = zip(("sequence", "order", "item"), facts["schema"]["columns"] or (), strict=False)
    columns = ", ".join(f"{what} {name}" for what, name in names if name is not None)
    return {"data": f"sequences of events, {facts['data']}", "columns": columns}


def _described(facts: dict[str, Any]) -> dict[str, str]:
    return {"data": facts["data"]}


# What is said of the data, by their kind.
_DATA: dict[str, Callable[[dict[str, Any]], dict[str, str]]] = {
    "table": _sample_data,
    "images": _sample_data,
    "text": _text_data,
    "events": _event_data,
}


def _columns(schema: dict[str, Any]) -> str:
    """The columns by name, with what they hold where that is not a number."""
    kinds = {column["name"]: column["kind"] for column in (schema["table"] or {"types": ()})["types"]}
    names = schema["columns"] or ()
    return ", ".join(name if kinds.get(name, "number") == "number" else f"{name} ({kinds[name]})" for name in names)


def _epochs(history: list[dict[str, float]]) -> str:
    if not history:
        return "0"
    losses = ", ".join(f"{name} {value:.4g}" for name, value in history[-1].items() if name.endswith("loss"))
    return f"{len(history)} in {history[-1]['seconds']:.1f} s, {losses}"

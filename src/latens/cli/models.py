"""``latens info``, and how a verb comes by a model and the data it is applied to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latens.cli.verbs import ModelArgument, Reading, Shared, verb

if TYPE_CHECKING:
    from latens.analysis import Referee
    from latens.data import Source
    from latens.estimators.reconstruction import Reconstructor

__all__ = ["describe_referee", "info", "load_model", "open_for"]


@verb("latens info digits.latens")
def info(model: ModelArgument, shared: Shared) -> None:
    """Say what a model is and how it was fitted.

    With it come the data it expects, its settings, its history, and how it compares with exact PCA.
    """
    facts = _facts(load_model(model, shared), model)
    shared.answer(facts, _in_words(facts))


def load_model(path: Path, shared: Shared) -> Any:
    """The estimator in a file, on the device asked for."""
    import latens
    from latens.devices import resolve_device

    resolve_device(shared.device)
    return latens.load(path, device=shared.device)


def open_for(estimator: Reconstructor, source: str, reading: Reading) -> Source:
    """The data to apply a model to: its columns in its order, its label columns carried along where they are there."""
    from latens.data import open_samples

    schema = estimator.schema_
    as_fitted = schema.reading()
    how = reading.how | {"columns": as_fitted["columns"], "types": (as_fitted["types"] or {}) | reading.kinds}
    data = open_samples(source, **how, optional_labels=schema.label_names)
    if None not in schema.shape:
        data = data.one_size()
    schema.check(data)
    return data


def describe_referee(referee: Referee) -> dict[str, Any]:
    """Its fields, the ratio and the verdict."""
    return asdict(referee) | {"ratio": referee.ratio, "verdict": referee.verdict}


def _facts(estimator: Reconstructor, path: Path) -> dict[str, Any]:
    from latens.persistence import read_header

    header = read_header(path)
    return {
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
    } | {"data": estimator.schema_.describe()}


def _in_words(facts: dict[str, Any]) -> str:
    schema, history = facts["schema"], facts["history"]
    rows = {
        "file": f"{facts['file']} ({facts['bytes']:,} bytes, latens {facts['latens']})",
        "model": f"{facts['model']} ({facts['estimator']}), {facts['parameters']:,} parameters",
        "code": f"{facts['n_components']} component{'s' * (facts['n_components'] != 1)}",
        "data": f"{facts['data']}, scaling {schema['scaling']}, labels {', '.join(schema['label_names']) or 'none'}",
        "columns": _columns(schema),
        "epochs": _epochs(history),
        "referee": facts["referee"]["verdict"],
        "settings": ", ".join(f"{name}={value}" for name, value in facts["settings"].items()),
    }
    return "\n".join(f"{name:<9} {text}" for name, text in rows.items() if text)


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

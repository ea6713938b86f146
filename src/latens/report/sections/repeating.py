"""Everything that is needed to make the same again."""

from __future__ import annotations

import inspect
import json
import platform
from importlib import metadata
from typing import Any

from latens.report.blocks import Block, Listing, Section, Table, Words
from latens.report.origin import as_setting
from latens.report.scatter import clipped
from latens.report.subject import Subject

__all__ = ["repeating"]

_PACKAGES = ("latens", "torch", "numpy", "scikit-learn", "pandas", "pyarrow")
# What says nothing about the model.
_ASIDE = ("verbose", "device")


def repeating(subject: Subject) -> Section:
    """Commands, settings and versions."""
    model, origin = subject.model, subject.origin
    params = {name: _plain(value) for name, value in model.get_params(deep=False).items()}
    usual = {name: parameter.default for name, parameter in inspect.signature(type(model)).parameters.items()}
    chosen = {name: value for name, value in params.items() if name not in _ASIDE and value != usual[name]}
    settings = Table(
        ("setting", "value", "usual"),
        [
            (name, clipped(as_setting(value), 80), clipped(as_setting(_plain(usual[name])), 80))
            for name, value in params.items()
            if name not in _ASIDE
        ],
        caption="All settings of the model",
    )
    versions = Table(("program", "version"), _versions(), caption="Versions")
    blocks: list[Block] = [
        Listing(origin.command, "This report, from the shell:"),
        Listing(origin.python(subject.seed), "The same from Python:"),
        Listing(
            origin.fit_command(model.network_name(), chosen, _columns(model.schema_)),
            "Such a model, fitted to this data:",
        ),
        settings,
        versions,
    ]
    digest = [Words(f"Digest of the model file: {origin.digest}.", "faint")] if origin.digest else []
    few = f"{len(chosen)} of {len(params) - len(_ASIDE)} settings are not the usual ones"
    verdict = f"{few}; the lines below make model and report again."
    return Section("To repeat it", verdict, [*blocks, *digest])


def _plain(value: Any) -> Any:
    """A setting as a file or a command line holds it."""
    from latens.corruptions import Corruption, corruption_config, resolve_corruption

    if isinstance(value, Corruption) or callable(value):
        return corruption_config(resolve_corruption(value)) or "a function of your own"
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return str(value)


def _columns(schema: Any) -> dict[str, str]:
    """What the model knows of the columns that it does not learn from, or that put the rest in order."""
    reading = schema.reading()
    found = {name: reading.get(name) for name in ("column", "sequence", "order", "item")}
    found["kind"] = schema.kind if schema.kind == "series" else None
    found["labels"] = ",".join(getattr(schema, "label_names", ())) or None
    return {name: value for name, value in found.items() if value is not None}


def _versions() -> list[tuple[str, str]]:
    return [("Python", platform.python_version()), *((name, metadata.version(name)) for name in _PACKAGES)]

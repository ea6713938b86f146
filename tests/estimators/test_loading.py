"""A model file that somebody altered is refused in one line, before it costs anything, or answers nonsense."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import latens
from latens import persistence
from latens.errors import ModelFileError


@pytest.fixture(scope="module")
def _fitted_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 4)), columns=list("abcd"))
    path = tmp_path_factory.mktemp("models") / "m.latens"
    latens.Autoencoder(n_components=2, hidden=[3], max_epochs=2, verbose=0).fit(frame).save(path)
    return path


@pytest.fixture
def altered(_fitted_once: Path, tmp_path: Path) -> Callable[..., Path]:
    """The file with its header or its tensors changed, and a digest that is right again."""

    def call(change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> Path:
        file = persistence.read(_fitted_once)
        header = {key: value for key, value in json.loads(json.dumps(file.header)).items() if key != "digest"}
        tensors = dict(file.tensors)
        change(header, tensors)
        persistence.write(tmp_path / "m.latens", header, tensors)
        return tmp_path / "m.latens"

    return call


def at(*keys: str | int) -> Callable[[dict[str, Any], object], Callable[..., None]]:
    """Sets the header's value under some keys."""

    def setter(value: object) -> Callable[..., None]:
        def change(header: dict[str, Any], tensors: object) -> None:
            place: Any = header
            for key in keys[:-1]:
                place = place[key]
            place[keys[-1]] = value

        return change

    return setter  # type: ignore[return-value]


HEADERS = {
    "a list as estimator": (at("estimator")([]), "estimator .* is not known"),
    "an object as estimator": (at("estimator")({}), "estimator .* is not known"),
    "a list as model": (at("model")([]), "model="),
    "a long model": (at("model")("x" * 2_000_000), "model is longer than 3000 characters"),
    "a long activation": (at("config", "block")({"activation": "x" * 2_000_000}), "config is longer than"),
    "a list as config": (at("config")([1]), "does not describe a model"),
    "a list as params": (at("params")([]), "params are no object"),
    "null as params": (at("params")(None), "params are no object"),
    "a list as schema": (at("schema")([]), "does not describe a model"),
    "a list as kind of data": (at("schema", "kind")([]), "kind="),
    "a long scaling": (at("schema", "scaling")("x" * 2_000_000), "schema is longer than"),
    "no shape": (at("schema", "shape")([]), "shape="),
    "a shape of text": (at("schema", "shape")("4"), "shape="),
    "a shape of a truth": (at("schema", "shape")([True]), "shape="),
    "a shape below one": (at("schema", "shape")([0]), "shape="),
    "another shape": (at("schema", "shape")([3]), "4 types for 3 features"),
    "too few columns": (at("schema", "columns")(["a"]), "1 columns for 4 features"),
    "columns of numbers": (at("schema", "columns")([1, 2, 3, 4]), "columns are no list of names"),
    "columns as text": (at("schema", "columns")("abcd"), "columns are no list of names"),
    "labels of numbers": (at("schema", "label_names")([1]), "label_names are no list of names"),
    "types as text": (at("schema", "table", "types")("abcd"), "does not describe a model"),
    "types of text": (at("schema", "table", "types")(["a", "b", "c", "d"]), "does not describe a model"),
    "too few types": (at("schema", "table", "types")([{}, {}]), "2 types for 4 features"),
    "feature names of numbers": (at("feature_names")([1, 2]), "feature_names are no list of names"),
    "history of unequal lengths": (at("history", "step")([1]), "history's columns are no lists of one length"),
    "history of text": (at("history", "seconds")(["a", "b"]), "history holds something else than finite numbers"),
    "history as text": (at("history", "seconds")("ab"), "history's columns are no lists of one length"),
    "history without seconds": (lambda header, _: header["history"].pop("seconds"), "no column 'seconds'"),
    "history as a list": (at("history")([]), "does not describe a model"),
    "no referee": (at("referee")(None), "does not describe a model"),
    "an error of null": (at("referee", "pca_error")(None), "referee's pca_error=None"),
    "an error of text": (at("referee", "model_error")("1"), "referee's model_error='1'"),
    "rows that are a list": (at("referee", "rows")([]), r"referee's rows=\[\]"),
    "a number of rows that is a list": (at("referee", "n_rows")([]), r"referee's n_rows=\[\]"),
    "a size that is a truth": (at("referee", "n_components")(True), "referee's n_components=True"),
    "an estimator's data without end": (at("schema", "kind")([1] * 5000), r"kind=\[1, .{300,500}; take another copy"),
    "a number that is too large": (at("referee", "pca_error")(10**400), "does not describe a model"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_describes_no_model(altered, case):
    change, message = HEADERS[case]
    with pytest.raises(ModelFileError, match=rf"m\.latens: .*{message}") as caught:
        latens.load(altered(change))
    assert len(str(caught.value)) < 1000


def test_a_shape_that_no_tensor_has(altered):
    def change(header, tensors):
        header["schema"] |= {"shape": [100_000, 100_000], "columns": None, "kind": "images", "table": None}
        header["feature_names"] = None
        tensors |= {"schema.offset": torch.zeros((), dtype=torch.float64)}
        tensors |= {"schema.scale": torch.ones((), dtype=torch.float64)}

    with pytest.raises(ModelFileError, match="samples of 10000000000 numbers, and no tensor so wide"):
        latens.load(altered(change))


def test_a_shape_that_its_network_does_not_take(altered):
    def change(header, tensors):
        header["schema"] |= {"shape": [2], "columns": None}
        header["feature_names"] = None
        tensors |= {f"schema.{name}": tensors[f"schema.{name}"][:2] for name in ("offset", "scale")}

    with pytest.raises(ModelFileError, match="its header does not describe a model"):
        latens.load(altered(change))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["schema.scale", "schema.offset", "model.encoder.0.linear.weight"])
def test_numbers_that_are_not_finite(altered, name, number):
    def change(header, tensors):
        tensors[name].flatten()[1] = number

    with pytest.raises(ModelFileError, match=rf"tensor '{name}' holds NaN or infinity; take another copy"):
        latens.load(altered(change))


@pytest.mark.parametrize("number", [0.0, -1.0])
def test_a_scale_that_cannot_be_divided_by(altered, number):
    def change(header, tensors):
        tensors["schema.scale"][2] = number

    with pytest.raises(ModelFileError, match=rf"the scale of its data holds {number:g}; take another copy"):
        latens.load(altered(change))


def test_what_a_later_latens_adds_to_the_schema_is_passed_over(altered):
    def change(header, tensors):
        header["schema"] |= {"types": [{"kind": "number"}] * 4, "has_missing": True, "later": [1, 2]}

    assert latens.load(altered(change)).n_features_in_ == 4


def test_layers_without_end_cost_nothing(altered, tmp_path):
    path = altered(at("config", "encoder")([6, *[1] * 300_000, 3]))
    code = f"""
import resource, latens
from latens.errors import ModelFileError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    latens.load({str(path)!r})
except ModelFileError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    kilobytes, message = ended.stdout.split(" ", 1)
    assert "config is longer than 3000 characters" in message
    assert int(kilobytes) * 1024 < path.stat().st_size + (64 << 20)


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    """Files of a model of each kind of sequence."""
    folder = tmp_path_factory.mktemp("sequences")
    quick = {"hidden_size": 8, "chunk": 8, "max_epochs": 1, "verbose": 0}
    latens.TextAutoregressor(**quick).fit(["to be", "or not", "to be"] * 9).save(folder / "text.latens")
    latens.EventAutoregressor(**quick).fit([["a", "b"], ["a"]] * 9).save(folder / "events.latens")
    latens.SeriesAutoregressor(**quick).fit(np.sin(np.arange(90.0))).save(folder / "series.latens")
    return folder


SEQUENCE_HEADERS = {
    "another kind": (at("schema", "kind")("table"), "is not what"),
    "an estimator of tables": (at("estimator")("Autoencoder"), "is not what Autoencoder learns from"),
    "another model": (at("model")("deep"), "model='deep' is none of"),
    "layers without end": (at("config", "n_layers")(10**9), "1000000000 layers, and"),
    "no whole number of layers": (at("config", "n_layers")(1.5), "1.5 layers, and"),
    "another size": (at("config", "hidden_size")(10**6), "tensors are not those of its model"),
    "another cell": (at("config", "cell")("lstm"), "tensors are not those of its model"),
    "an unknown cell": (at("config", "cell")("rnn"), "cell='rnn' is not known"),
    "no referee": (at("referee")(None), "does not describe a model"),
    "a schema of another": (at("schema")({"kind": "text"}), "does not describe a model"),
    "a list as a schema": (at("schema")([]), "does not describe a model"),
}


@pytest.mark.parametrize("kind", ["text", "events", "series"])
@pytest.mark.parametrize("case", SEQUENCE_HEADERS)
def test_a_header_that_describes_no_model_of_sequences(sequences, tmp_path, kind, case):
    change, message = SEQUENCE_HEADERS[case]
    file = persistence.read(sequences / f"{kind}.latens")
    header = {name: copy.deepcopy(value) for name, value in file.header.items() if name not in ("format", "digest")}
    tensors = dict(file.tensors)
    change(header, tensors)
    persistence.write(tmp_path / "m.latens", header, tensors)
    with pytest.raises(ModelFileError, match=rf"m\.latens: .*{message}"):
        latens.load(tmp_path / "m.latens")

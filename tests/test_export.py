"""An exported file gives what the model gives, without latens, in the user's own units."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

import latens
from latens import export as exports
from latens.cli import main
from latens.errors import ConfigError, MissingExtra, OutputError

DOCS = Path(__file__).parents[1] / "docs"


def run(path, **given):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, given)


@pytest.fixture(scope="module")
def digits():
    return latens.open_source("dataset:digits").take(np.arange(120))


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(120, 4)) * [1, 50, 1e-3, 1] + [0, 1e6, 5, -3], columns=list("abcd"))
    frame.iloc[3, 1] = np.nan
    return frame


QUICK = {"max_epochs": 1, "verbose": 0}


class TestAutoencoders:
    @pytest.mark.parametrize("tied", [False, True])
    def test_of_images(self, digits, tmp_path, tied):
        model = latens.Autoencoder(n_components=3, tied=tied, **QUICK).fit(digits)
        made = latens.export_onnx(model, tmp_path / "e.onnx")
        assert (made.part, made.inputs[0]) == ("encoder", ("x", "uint8", ("batch", 8, 8)))
        for n in (1, 2, 50):
            (codes,) = run(made.path, x=digits.values[:n])
            assert np.abs(codes - model.transform(digits.values[:n])).max() < 1e-4
        (back,) = run(latens.export_onnx(model, tmp_path / "d.onnx", "decoder").path, code=codes)
        assert np.abs(back - model.inverse_transform(codes)).max() < 16e-4

    def test_of_large_numbers_in_their_own_units(self, tmp_path):
        X = np.random.default_rng(0).normal(size=(100, 5)) + 1e9
        model = latens.LinearAutoencoder(n_components=2, solver="exact", verbose=0).fit(X)
        (codes,) = run(latens.export_onnx(model, tmp_path / "e.onnx").path, x=X)
        assert np.abs(codes - model.transform(X)).max() < 1e-4
        (back,) = run(latens.export_onnx(model, tmp_path / "w.onnx", "whole").path, x=X)
        assert np.abs(back - model.reconstruct(X)).max() < 1e-4

    def test_of_tables_with_missing_cells(self, table, tmp_path):
        model = latens.Autoencoder(n_components=2, **QUICK).fit(table)
        rows = table.to_numpy()
        (codes,) = run(latens.export_onnx(model, tmp_path / "e.onnx").path, x=rows)
        assert np.abs(codes - model.transform(table)).max() < 1e-4
        (back,) = run(latens.export_onnx(model, tmp_path / "w.onnx", "whole").path, x=rows)
        assert (np.abs(back - model.reconstruct(table)) / table.std()).to_numpy().max() < 1e-4

    def test_of_images_of_any_size(self, digits, tmp_path):
        model = latens.ConvAutoencoder(hidden=[4, 4], **QUICK).fit(digits.take(np.arange(20)))
        made = latens.export_onnx(model, tmp_path / "w.onnx", "whole")
        image = np.random.default_rng(0).integers(0, 17, size=(2, 13, 21)).astype(np.uint8)
        assert np.abs(run(made.path, x=image)[0] - model.reconstruct(image)).max() < 16e-4
        made = latens.export_onnx(model, tmp_path / "e.onnx")
        assert np.abs(run(made.path, x=image)[0] - model.transform(image)).max() < 1e-4

    def test_with_a_dense_encoder(self, digits, tmp_path):
        model = latens.ConvAutoencoder(encoder="dense", n_components=4, **QUICK).fit(digits.take(np.arange(40)))
        made = latens.export_onnx(model, tmp_path / "w.onnx", "whole")
        assert np.abs(run(made.path, x=digits.values[:5])[0] - model.reconstruct(digits.values[:5])).max() < 16e-4


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_step_reads_as_the_model_does(tmp_path, cell):
    texts = ["to be or not", "hello there"] * 5
    model = latens.TextAutoregressor(hidden_size=8, cell=cell, chunk=16, **QUICK).fit(texts)
    made = latens.export_onnx(model, tmp_path / "s.onnx")
    (item, _, _), (state, _, sizes) = made.inputs
    assert (made.part, item, state) == ("step", "item", "state")
    session = onnxruntime.InferenceSession(made.path, providers=["CPUExecutionProvider"])
    now = np.zeros((sizes[0], 1, sizes[2]), dtype=np.float32)
    for each in model.schema_.encode("to be", "text"):
        _, now = session.run(None, {"item": np.array([each], dtype=np.int64), "state": now})
    assert np.abs(now[-1, :, :8] - model.transform(["to be"])).max() < 1e-4


def test_a_step_of_series(tmp_path):
    series = [np.sin(np.arange(60) * 0.3)] * 4
    made = latens.export_onnx(latens.SeriesAutoregressor(hidden_size=8, **QUICK).fit(series), tmp_path / "s.onnx")
    assert made.part == "step"
    assert '"offset"' in onnx.load(made.path).metadata_props[-2].value


def test_the_file_is_one_and_says_what_it_is(digits, tmp_path):
    model = latens.Autoencoder(n_components=3, **QUICK).fit(digits)
    latens.export_onnx(model, tmp_path / "e.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["e.onnx"]
    loaded = onnx.load(tmp_path / "e.onnx")
    facts = {each.key: each.value for each in loaded.metadata_props}
    assert (facts["latens"], facts["part"], facts["data"]) == (latens.__version__, "encoder", "images of 8 x 8")
    assert loaded.producer_name == "latens"


def test_says_nothing(digits, tmp_path, capfd):
    latens.export_onnx(latens.Autoencoder(n_components=3, **QUICK).fit(digits), tmp_path / "e.onnx")
    assert capfd.readouterr() == ("", "")


class TestRefuses:
    def test_columns_that_are_no_numbers(self, tmp_path):
        frame = pd.DataFrame({"a": np.arange(40.0), "town": ["Bern", "Ulm"] * 20})
        model = latens.Autoencoder(n_components=1, **QUICK).fit(frame)
        with pytest.raises(ConfigError, match=r"column 'town' holds category cells, .*--types 'town=ignore'"):
            latens.export_onnx(model, tmp_path / "e.onnx")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("part", "words"),
        [("encodr", "did you mean 'encoder'"), ("step", "goes with models of text, events and series")],
    )
    def test_parts_that_there_are_not(self, table, tmp_path, part, words):
        model = latens.LinearAutoencoder(n_components=1, solver="exact", verbose=0).fit(table.to_numpy()[4:])
        with pytest.raises(ConfigError, match=words):
            latens.export_onnx(model, tmp_path / "e.onnx", part)

    def test_a_decoder_of_a_map(self, digits, tmp_path):
        model = latens.ConvAutoencoder(hidden=[4], **QUICK).fit(digits.take(np.arange(10)))
        with pytest.raises(ConfigError, match="a convolutional encoder's code is a map"):
            latens.export_onnx(model, tmp_path / "e.onnx", "decoder")

    def test_parts_of_a_reader(self, tmp_path):
        model = latens.TextAutoregressor(hidden_size=8, chunk=16, **QUICK).fit(["to be or not"] * 5)
        with pytest.raises(ConfigError, match="an autoregressive model has one part, its step"):
            latens.export_onnx(model, tmp_path / "e.onnx", "whole")

    def test_a_file_that_differs(self, table, tmp_path, monkeypatch):
        monkeypatch.setattr(exports, "TOLERANCE", -1.0)
        model = latens.LinearAutoencoder(n_components=1, solver="exact", verbose=0).fit(table.to_numpy()[4:])
        with pytest.raises(OutputError, match=r"not written, for onnxruntime differs from torch by"):
            latens.export_onnx(model, tmp_path / "e.onnx")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
    def test_without_the_packages(self, table, tmp_path, monkeypatch, package):
        model = latens.LinearAutoencoder(n_components=1, solver="exact", verbose=0).fit(table.to_numpy()[4:])
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtra, match=rf'{package} is not installed; use: pip install "latens\[onnx\]"'):
            latens.export_onnx(model, tmp_path / "e.onnx")


@pytest.mark.timeout(300)
def test_the_lines_of_the_page_run(tmp_path, monkeypatch):
    """The shell's lines with latens, and the rest without."""
    page = (DOCS / "export.md").read_text()
    (shell,), (code,) = (
        re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL) for language in ("sh", "python")
    )
    monkeypatch.chdir(tmp_path)
    for line in shell.splitlines():
        words = line.split()[1:]
        assert main([*words, *(("--set", "max_epochs=1") if "fit" in words else ()), "-q"]) == 0
    alone = f"import sys\nsys.modules['latens'] = sys.modules['torch'] = None\n{code}"
    done = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "(5, 8) (5, 8, 8)\nimages of 8 x 8\n", done.stderr


def test_an_encoder_that_leads_nowhere_back(tmp_path):
    images = np.random.default_rng(0).uniform(size=(30, 9, 8)).astype("f4")
    encoder = latens.JigsawEncoder(max_epochs=1, hidden=[3], verbose=0).fit(images)
    exports.export_onnx(encoder, tmp_path / "m.onnx")
    (codes,) = run(tmp_path / "m.onnx", x=images)
    assert np.allclose(codes, encoder.transform(images), atol=1e-5)
    with pytest.raises(ConfigError, match="part='whole': JigsawEncoder has no way back from its codes; use encoder"):
        exports.export_onnx(encoder, tmp_path / "n.onnx", part="whole")

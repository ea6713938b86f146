"""``latens export``, and what it refuses."""

from __future__ import annotations

import pytest


def test_writes_and_says_what(run, digits, tmp_path):
    output = tmp_path / "d.onnx"
    made = run("export", digits, "-o", output, "--json").json
    assert (made["output"], made["part"], made["inputs"][0][0]) == (str(output), "encoder", "x")
    assert made["largest_difference"] < 1e-4
    refused = run("export", digits, "-o", output)
    assert (refused.code, refused.out) == (1, "")
    assert "exists; --force replaces it" in refused.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("-o", "d.bin"), "says no format that this verb writes; use .onnx"),
        (("-o", "d.onnx", "--part", "decodr"), "did you mean 'decoder'"),
        (("-o", "d.onnx", "--part", "step"), "goes with models of text, events and series"),
    ],
)
def test_refuses(run, digits, words, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = run("export", digits, *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert line in outcome.err
    assert not (tmp_path / "d.onnx").exists()

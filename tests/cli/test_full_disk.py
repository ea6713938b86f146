"""Every verb that writes, on a disk that is full: one line, and nothing left."""

from __future__ import annotations

import resource
import shutil

import pytest


@pytest.fixture
def full_disk():
    """No file grows beyond a size: it is written up to there, and then that fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


QUICK = ("--set", "n_components=2", "--set", "max_epochs=1", "--device", "cpu")
TEST = "dataset:digits/test"


@pytest.mark.parametrize(
    "words",
    [
        ("fit", TEST, "-o", "o.latens", *QUICK),
        ("embed", "m.latens", TEST, "-o", "o.csv"),
        ("reconstruct", "m.latens", TEST, "-o", "pictures"),
        ("reconstruct", "m.latens", TEST, "-o", "parts", "--part-rows", "100"),
        ("outliers", "m.latens", TEST, "-o", "o.parquet", "--plot", "o.png", "--save", "d.latens"),
        ("cluster", "m.latens", TEST, "-o", "o.csv", "--plot", "o.png"),
        ("map", "m.latens", TEST, "-o", "o.html"),
        ("map", "m.latens", TEST, "-o", "o.parquet"),
        ("pairs", "m.latens", TEST, "-o", "o.png"),
        ("corrupt", TEST, "--corruption", "gaussian:0.5", "-o", "noisy"),
        ("index", "m.latens", TEST, "-o", "index"),
        ("score", "play.latens", "play.txt", "-o", "o.csv"),
        ("generate", "play.latens", "to", "-n", "5", "--save-state", "s.latens"),
        ("export", "m.latens", "-o", "o.onnx"),
        ("report", "m.latens", TEST, "-o", "o.html"),
    ],
    ids=lambda words: " ".join(words[:1] + words[-1:]),
)
def test_one_line_and_nothing_left(run, digits, texts, tmp_path, monkeypatch, full_disk, words):
    shutil.copy(digits, tmp_path / "m.latens")
    for name in ("play.latens", "play.txt"):
        shutil.copy(texts / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    full_disk(100)
    outcome = run(*words, "-q")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "cannot be written" in outcome.err
    assert "too large" in outcome.err
    assert "standard output" not in outcome.err
    assert sorted(tmp_path.rglob("*")) == before

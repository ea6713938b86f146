"""The command line in this process: quick, with its output and exit code caught."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latens.cli import main

QUICK = ("--set", "n_components=2", "--set", "max_epochs=1", "--set", "batch_size=256", "--device", "cpu")


@dataclass(frozen=True)
class Outcome:
    """What a shell would see."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Runner = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Runner:
    """``run("info", "m.latens")`` is ``latens info m.latens``."""

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        caught = capsys.readouterr()
        return Outcome(code, caught.out, caught.err)

    return call


@pytest.fixture
def fit(run: Runner, tmp_path: Path) -> Callable[..., Path]:
    """Fit in seconds and give the model file's path."""

    def call(source: object, *words: object, name: str = "fitted.latens") -> Path:
        output = tmp_path / name
        outcome = run("fit", source, "-o", output, *QUICK, *words)
        assert outcome.code == 0, outcome.err
        return output

    return call


@pytest.fixture(scope="session")
def _digits_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("models") / "digits.latens"
    assert main(["fit", "dataset:digits", "-o", str(output), "--quiet", *QUICK]) == 0
    return output


@pytest.fixture
def digits(_digits_once: Path, tmp_path: Path) -> Path:
    """A model of ``dataset:digits`` in the test's own folder."""
    return Path(shutil.copy(_digits_once, tmp_path / "digits.latens"))


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A CSV with four numeric columns, a species and ids in its first, unnamed column."""
    random = np.random.default_rng(0)
    lines = [",a,b,c,d,species"]
    for row in range(60):
        cells = ",".join(f"{value:.4f}" for value in random.normal(size=4))
        lines.append(f"f{row},{cells},{'setosa' if row % 2 else 'virginica'}")
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of twelve colour images of 5 x 7 in two sub-folders."""
    from PIL import Image

    random = np.random.default_rng(0)
    for row in range(12):
        path = tmp_path / "photos" / ("cats" if row % 2 else "dogs") / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, size=(7, 5, 3), dtype=np.uint8)).save(path)
    return tmp_path / "photos"

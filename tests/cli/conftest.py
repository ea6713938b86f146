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

SMALL = ("--set", "hidden_size=16", "--set", "max_epochs=2", "--set", "chunk=32", "--device", "cpu")
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


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A play, news and a log, each with a model: ``play.txt`` and ``play.latens``, and so on."""
    folder = tmp_path_factory.mktemp("text")
    play = "".join(f"EMILIA: to be, number {i % 17}.\nIAGO: or not {i % 13}!\n\n" for i in range(40))
    (folder / "play.txt").write_text(play)
    news = "".join(f"stocks rise {i % 7},business\nteam wins {i % 9},sport\n" for i in range(20))
    (folder / "news.csv").write_text(f"title,topic\n{news}")
    paths = [["login", "search", "buy now"], ["login", "search", "search", "leave"]]
    rows = [f"u{user},{at},{item},{user % 2}\n" for user in range(30) for at, item in enumerate(paths[user % 2])]
    (folder / "log.csv").write_text("user,at,item,plan\n" + "".join(rows))
    events = ("--sequence", "user", "--order", "at", "--item", "item")
    how = {"play.txt": (), "news.csv": ("--column", "title"), "log.csv": events}
    for name, words in how.items():
        output = folder / f"{Path(name).stem}.latens"
        assert main(["fit", str(folder / name), "-o", str(output), "-q", *words, *SMALL]) == 0
    return folder


@pytest.fixture
def play(texts: Path) -> Path:
    return texts / "play.latens"


@pytest.fixture
def news(texts: Path) -> Path:
    return texts / "news.latens"


@pytest.fixture
def log(texts: Path) -> Path:
    return texts / "log.latens"

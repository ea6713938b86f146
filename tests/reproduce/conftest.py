"""The experiments and the demonstration at a size that takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from latens.reproduce import ROWS, digits, run, texts
from latens.reproduce.demo import DEMOS, run_demo
from latens.reproduce.digits import QuickSize
from latens.reproduce.texts import QuickTexts


@contextmanager
def shortened() -> Iterator[pytest.MonkeyPatch]:
    """The small digits, 200 of them, little text, two epochs."""
    full = DEMOS["digits"]
    settings = {name: getattr(full, name) | {"max_epochs": 2} for name in ("linear", "deep", "denoising")}
    settings["deep"] |= {"learning_rate": 1e-4}  # far from done: PCA has to win
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LATENS_DATA", raising=False)
        patch.setattr(digits, "QUICK", QuickSize(train_rows=200, test_rows=60, small_max_epochs=2, pixel_rows=24))
        patch.setattr(texts, "QUICK", QuickTexts(characters=1000, titles=60, max_epochs=2, generated=20))
        patch.setitem(DEMOS, "digits", replace(full, **settings))
        yield patch


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[pytest.MonkeyPatch]:
    """Nothing here takes longer than it must."""
    with shortened() as patch:
        yield patch


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """All rows of the chapter carried out in one folder."""
    folder = tmp_path_factory.mktemp("everything")
    with shortened():
        return folder, run([row for row in ROWS if row.startswith("S")], quick=True, seeds=(0,), folder=folder)


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], list[str]]:
    """A demonstration: its folder, its table, and what it told."""
    folder, told = tmp_path_factory.mktemp("demonstrated") / "demo", []
    return folder, run_demo(folder, report=told.append), told

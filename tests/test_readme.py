"""What the README says works as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_lines_run(elsewhere, capsys):
    (code,) = blocks("python")
    assert len(code.strip().splitlines()) <= 22
    exec(compile(code, "README.md", "exec"), {})
    assert "beats exact PCA of the same size by" in capsys.readouterr().out
    assert {path.name for path in elsewhere.iterdir()} == {"map.png", "pairs.png", "digits.latens"}


def test_the_shell_lines_run(elsewhere):
    lines = [line for line in blocks("sh")[1].splitlines() if line]
    assert len(lines) <= 20
    run(lines)
    assert {"codes.parquet", "map.png", "pairs.png", "cleaned.npy"} <= {path.name for path in elsewhere.iterdir()}


def test_the_lines_about_outliers_run(elsewhere, capsys):
    page = (ROOT / "docs" / "outliers.md").read_text()
    (shell,), (code,) = blocks("sh", page), blocks("python", page)
    run(shell.splitlines())
    exec(compile(code, "outliers.md", "exec"), {})
    assert "expected by chance at a false-alarm rate of 0.01" in capsys.readouterr().out
    names = {path.name for path in elsewhere.iterdir()}
    assert names == {"outliers.csv", "cards.png", "detector.latens", "digits.latens"}


def run(lines: list[str]) -> None:
    for line in lines:
        command = [sys.executable, "-m", *shlex.split(line, comments=True)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "100"})
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target

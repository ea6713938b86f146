"""The short form: a few trials of each check, in the way of `make robust`."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def modules() -> tuple[str, ...]:
    """`MODULES` of trials.py, read and not imported: here are names that others may have, too."""
    tree = ast.parse((HERE / "trials.py").read_text())
    named = next(node for node in tree.body if isinstance(node, ast.AnnAssign) and node.target.id == "MODULES")
    return ast.literal_eval(named.value)


@pytest.mark.parametrize("module", modules())
def test_short_form(module: str) -> None:
    command = [sys.executable, HERE, module, "--short", "--jobs", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counts = re.findall(r"^(.+?): ([\d,]+) trials, 0 failed(.*)$", ended.stdout, re.MULTILINE)
    assert counts, ended.stdout
    skipped = [f"{check}: {rest}" for check, trials, rest in counts if trials == "0"]
    if skipped:
        pytest.skip("; ".join(skipped))


def test_every_module_is_registered() -> None:
    with_trials = {path.stem for path in HERE.glob("*.py") if "\ndef trials(" in path.read_text()}
    assert with_trials == set(modules())


@pytest.mark.slow
@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_larger_than_memory_in_small(form: str) -> None:
    # That it works, and how fast; memory is flat only from two windows on, which takes `make robust-memory`.
    command = [sys.executable, HERE / "memory.py", "--gigabytes", "0.1", "0.3", "--forms", form]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(re.findall(r"on disk", ended.stdout)) == 4

"""Kernels on disk: found again, never stale, and not needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import pytest

from latens.kernels import compiling

SCRIPT = """
from latens.kernels.compiling import compiled

@compiled
def twice(x):
    return 2 * x

print(twice(4), sum(twice.stats.cache_hits.values()))
"""


def run(folder: Path, kernels: str = "") -> list[str]:
    """What a new process prints: the answer, and how many kernels it found on disk."""
    script = folder / "script.py"
    if not script.exists():
        script.write_text(SCRIPT)
    start = f"import latens.kernels.compiling as c; c._sources = lambda: {kernels!r}; "
    words = [sys.executable, "-c", start + f"import runpy, sys; sys.path.insert(0, {str(folder)!r}); import script"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()


def test_a_kernel_is_found_again_until_any_kernel_changes(tmp_path: Path) -> None:
    assert run(tmp_path, "these") == ["8", "0"]
    assert run(tmp_path, "these") == ["8", "1"]
    assert run(tmp_path, "others") == ["8", "0"]


def test_the_digest_is_of_all_kernels() -> None:
    assert len(compiling._sources()) == 64


def test_without_a_place_on_disk_it_is_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(function: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(compiling, "_Kept", nowhere)

    @compiling.compiled
    def twice(x: int) -> int:
        return 2 * x

    assert twice(4) == 8
    assert isinstance(twice, numba.core.registry.CPUDispatcher)

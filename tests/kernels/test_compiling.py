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


def test_a_damaged_file_is_compiled_anew_and_written_again(tmp_path: Path) -> None:
    run(tmp_path)
    for path in sorted((tmp_path / "__pycache__").glob("script.twice*.nb[ci]")):
        whole = path.read_bytes()
        flipped = bytes([*whole[:200], whole[200] ^ 1, *whole[201:]])
        for damaged in (b"", whole[: len(whole) // 2], flipped, whole[:-1], b"nonsense" * 100):
            path.write_bytes(damaged)
            assert run(tmp_path) == ["8", "0"], path.suffix
            assert run(tmp_path) == ["8", "1"], path.suffix


def test_the_code_of_another_kernel_is_not_run(tmp_path: Path) -> None:
    run(tmp_path, "these")
    (code,) = (tmp_path / "__pycache__").glob("script.twice*.nbc")
    others = code.read_bytes()
    run(tmp_path, "those")
    written = {path: path.read_bytes() for path in code.parent.glob("script.twice*.nbc")}
    assert sum(content != others for content in written.values()) == 1
    for path in written:
        path.write_bytes(others)
    assert run(tmp_path, "those") == ["8", "0"]


def test_a_disk_that_takes_nothing_costs_no_more_than_time(tmp_path: Path) -> None:
    run(tmp_path)
    for path in (tmp_path / "__pycache__").glob("script.twice*.nb[ci]"):
        path.unlink()
        path.mkdir()
    assert run(tmp_path) == ["8", "0"]


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

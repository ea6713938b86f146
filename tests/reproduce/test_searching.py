"""S21 at a size that takes seconds."""

from __future__ import annotations

import sys

from latens.reproduce import run


def test_says_how_exactly_and_how_fast(tmp_path, monkeypatch):
    (line,) = run(["S21"], quick=True, seeds=(0,), folder=tmp_path)
    assert line["row"] == "S21"
    assert "exact index: 1.000 in" in line["verdict"]
    assert "times as fast as pixels" in line["verdict"]
    assert list((tmp_path / "pictures").glob("S21-*neighbours.png"))


def test_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lancedb", None)
    (line,) = run(["S21"], quick=True, seeds=(0,), folder=tmp_path)
    assert 'not carried out: lancedb is not installed; use: pip install "latens[search]"' in line["verdict"]

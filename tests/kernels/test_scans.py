"""Which kernel is chosen, and what happens without one."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from latens.kernels import cpu_scan, optional, threads
from latens.kernels.scans import fastest
from latens.recurrent import LayerNormGRUCell, scan


@pytest.fixture
def without_numba(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = importlib.import_module

    def missing(name: str, package: str | None = None) -> Any:
        if name.startswith("latens.kernels.cpu_"):
            raise ImportError("No module named 'numba'")
        return real(name, package)

    for cached in (optional.optional, optional._say_once):
        cached.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    yield
    for cached in (optional.optional, optional._say_once):
        cached.cache_clear()


def test_on_the_cpu_it_is_numbas() -> None:
    assert fastest("gru", torch.zeros(2, 3, 12)) is cpu_scan.scan
    assert fastest("gru", torch.zeros(2, 3, 12, dtype=torch.bfloat16)) is None


def test_without_numba_it_is_said_once_and_everything_works(without_numba: None) -> None:
    cell = LayerNormGRUCell(3, 4)
    cell.initialise(torch.Generator().manual_seed(0))
    with pytest.warns(RuntimeWarning, match=r"without numba .*slower .*pip install numba"):
        outputs, _ = scan(cell, torch.ones(5, 2, 3), torch.zeros(2, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again, _ = scan(cell, torch.ones(5, 2, 3), torch.zeros(2, 4))
    assert torch.equal(outputs, again)


def test_a_second_backward_is_refused() -> None:
    cell = LayerNormGRUCell(3, 4)
    cell.initialise(torch.Generator().manual_seed(0))
    outputs, _ = scan(cell, torch.ones(5, 2, 3), torch.zeros(2, 4))
    outputs.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"a second backward .*run forward again"):
        outputs.sum().backward()


@pytest.mark.parametrize("rows", [1, 15, 16, 40])
def test_threads_change_nothing(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_SMALL", 0)
    cell = LayerNormGRUCell(3, 20)
    cell.initialise(torch.Generator().manual_seed(0))
    x = torch.randn(30, rows, 3, generator=torch.Generator().manual_seed(0))
    found = []
    for count in (1, 2, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        outputs, _ = scan(cell, x, torch.zeros(rows, 20))
        gradients = torch.autograd.grad(outputs.sin().sum(), list(cell.parameters()))
        found.append([outputs, *gradients])
    for other in found[1:]:
        assert all(torch.equal(*pair) for pair in zip(found[0], other, strict=True))

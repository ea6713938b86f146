"""The kernels for CUDA: what they take, how their work is shared out, and, on a GPU, their numbers there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latens.kernels import triton_scan
from latens.kernels.scans import Scan, fastest
from latens.kernels.triton_scan import supports
from latens.recurrent import CELLS, Cell, scan_in_torch

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
HERE = "cuda" if torch.cuda.is_available() else "cpu"


def made(kind: str, size: int, dtype: torch.dtype = torch.float64) -> Cell:
    random = torch.Generator().manual_seed(5)
    cell = CELLS[kind](2, size).to(dtype)
    cell.initialise(random)
    with torch.no_grad():
        cell.norm.weight.uniform_(0.5, 1.5, generator=random)
        cell.norm.bias.uniform_(-0.5, 0.5, generator=random)
    return cell.to(HERE)


def inputs(cell: Cell, items: int, rows: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(items)
    sizes = ((items, rows, len(cell.weight_state)), (rows, cell.state_size))
    first, second = (torch.randn(size, generator=random, dtype=cell.weight_state.dtype).to(HERE) for size in sizes)
    return first, second


def answers(run: Scan, cell: Cell, projected: Tensor, state: Tensor) -> list[Tensor]:
    given = [x.clone().requires_grad_() for x in (projected, state)]
    outputs, last = run(cell.kind, *given, *cell.recurrence)
    gradients = torch.autograd.grad(outputs.sin().sum() + last.cos().sum(), [*given, *cell.recurrence[:4]])
    return [outputs.detach(), last.detach(), *gradients]


def assert_same(cell: Cell, items: int, rows: int, bound: float) -> None:
    given = inputs(cell, items, rows)
    for found, expected in zip(*(answers(run, cell, *given) for run in (triton_scan.scan, scan_in_torch)), strict=True):
        assert (found - expected).abs().max() <= bound * max(float(expected.abs().max()), 1.0)


@pytest.mark.parametrize("kind", CELLS)
class TestEveryCell:
    @pytest.mark.parametrize("each", [1, 2, 4])
    def test_programs_of_few_rows(self, kind: str, each: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(triton_scan, "_rows_each", lambda *_: each)
        assert_same(made(kind, 7), items=3, rows=5, bound=1e-12)

    @pytest.mark.parametrize("size", [20, 32])
    def test_weights_that_do_not_fit_stream(self, kind: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(triton_scan, "_REGISTERS", 0)
        cell = made(kind, size)
        assert triton_scan._plan(cell.weight_state, 5)["CHUNK"] < 32
        assert_same(cell, items=3, rows=5, bound=1e-12)

    def test_a_state_is_gone_on_from(self, kind: str) -> None:
        cell = made(kind, 6)
        projected, state = inputs(cell, 4, 3)
        whole, last = triton_scan.scan(kind, projected, state, *cell.recurrence)
        first, state = triton_scan.scan(kind, projected[:3], state, *cell.recurrence)
        second, state = triton_scan.scan(kind, projected[3:], state, *cell.recurrence)
        assert torch.equal(torch.cat([first, second]), whole)
        assert torch.equal(state, last)

    def test_any_strides(self, kind: str) -> None:
        cell = made(kind, 6)
        projected, state = inputs(cell, 3, 2)
        expected = answers(triton_scan.scan, cell, projected, state)
        turned = (x.transpose(0, 1).contiguous().transpose(0, 1) for x in (projected, state))
        cell.weight_state.data = cell.weight_state.data.T.contiguous().T
        assert all(torch.equal(*pair) for pair in zip(answers(triton_scan.scan, cell, *turned), expected, strict=True))

    def test_gates_of_half_precision_are_computed_in_the_weights(self, kind: str) -> None:
        cell = made(kind, 6, torch.float32)
        projected, state = (x.bfloat16() for x in inputs(cell, 3, 2))
        found = answers(triton_scan.scan, cell, projected, state)
        expected = answers(triton_scan.scan, cell, projected.float(), state.float())
        assert [x.dtype for x in found[:4]] == [torch.float32, torch.float32, torch.bfloat16, torch.bfloat16]
        assert torch.equal(found[0], expected[0])
        torch.testing.assert_close(found[4:], expected[4:])

    def test_only_what_is_wanted_is_computed(self, kind: str) -> None:
        cell = made(kind, 6)
        cell.requires_grad_(False)
        projected, state = inputs(cell, 3, 2)
        outputs, _ = triton_scan.scan(kind, projected, state.requires_grad_(), *cell.recurrence)
        (found,) = torch.autograd.grad(outputs.sum(), state)
        assert found.shape == state.shape

    @on_gpu
    @pytest.mark.parametrize(("rows", "size"), [(16, 128), (130, 128), (300, 100), (600, 64), (40, 256), (1, 8)])
    def test_on_the_gpu_as_in_float64(self, kind: str, rows: int, size: int) -> None:
        cell = made(kind, size, torch.float32)
        given = inputs(cell, 250, rows)
        found = answers(triton_scan.scan, cell, *given)
        expected = answers(scan_in_torch, cell.double(), *(x.double() for x in given))
        for ours, truth in zip(found, expected, strict=True):
            assert (ours - truth).norm() <= 1e-4 * truth.norm()

    @on_gpu
    def test_on_the_gpu_it_is_chosen(self, kind: str) -> None:
        gates = 3 if kind == "gru" else 4
        assert fastest(kind, torch.zeros(2, 3, gates * 128, device="cuda")) is triton_scan.scan
        assert fastest(kind, torch.zeros(2, 3, gates * 300, device="cuda")) is None


def test_it_is_for_gpus_only() -> None:
    assert not supports("gru", torch.zeros(2, 3, 12))
    assert not supports("lstm", torch.zeros(2, 3, 12, device="meta"))


@pytest.mark.parametrize(
    ("rows", "gates", "wide", "each"),
    [
        (1, 3, 128, 1),
        (132, 3, 128, 1),
        (133, 3, 128, 2),
        (264, 3, 128, 2),
        (265, 3, 128, 4),
        (1, 4, 128, 2),
        (265, 4, 128, 2),
    ],
)
def test_programs_wait_for_no_processor_while_registers_last(rows: int, gates: int, wide: int, each: int) -> None:
    assert triton_scan._rows_each(rows, 132, gates, wide) == each


def test_a_second_derivative_is_refused() -> None:
    cell = made("gru", 3)
    projected, state = inputs(cell, 2, 1)
    outputs, _ = triton_scan.scan("gru", projected.requires_grad_(), state, *cell.recurrence)
    (first,) = torch.autograd.grad(outputs.sin().sum(), projected, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()

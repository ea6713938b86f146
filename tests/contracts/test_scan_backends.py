"""Every kernel of the recurrence gives the numbers of the reference in torch, and its gradients."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor

from latens.kernels import cpu_scan, triton_scan
from latens.kernels.scans import Scan
from latens.models.autoregressive import TokenNetwork
from latens.recurrent import CELLS, Cell, scan_in_torch


def on_a_gpu(kind: str, *given: Any) -> tuple[Tensor, Tensor]:
    """The kernel for CUDA, on the GPU or interpreted; with few programs, as the interpreter runs one after another."""
    *tensors, eps = given
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with mock.patch.object(triton_scan, "_rows_each", return_value=64 if device == "cpu" else 2):
        outputs, state = triton_scan.scan(kind, *(x.to(device) for x in tensors), eps)
    return outputs.cpu(), state.cpu()


BACKENDS: dict[str, Scan] = {"torch": scan_in_torch, "cpu": cpu_scan.scan, "triton": on_a_gpu}
# Items, rows, numbers: of one, of parts of a block of rows and of a vector, and of more than one of each.
SHAPES = [(1, 1, 1), (3, 2, 7), (5, 9, 16), (4, 17, 40), (70, 33, 24)]


def made(kind: str, size: int, dtype: torch.dtype) -> Cell:
    random = torch.Generator().manual_seed(3)
    cell = CELLS[kind](2, size).to(dtype)
    cell.initialise(random)
    with torch.no_grad():
        cell.norm.weight.uniform_(0.5, 1.5, generator=random)
        cell.norm.bias.uniform_(-0.5, 0.5, generator=random)
    return cell


def inputs(cell: Cell, items: int, rows: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(items)
    dtype, width = cell.weight_state.dtype, len(cell.weight_state)
    projected = torch.randn(items, rows, width, generator=random, dtype=dtype)
    return projected, torch.randn(rows, cell.state_size, generator=random, dtype=dtype)


def answers(run: Scan, cell: Cell, projected: Tensor, state: Tensor) -> list[Tensor]:
    """Outputs, state, and the gradients of something that both matter to."""
    given = [x.clone().requires_grad_() for x in (projected, state)]
    outputs, last = run(cell.kind, *given, *cell.recurrence)
    loss = (
        outputs * torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    ).sum() + last.sin().sum()
    return [outputs.detach(), last.detach(), *torch.autograd.grad(loss, [*given, *cell.recurrence[:5]])]


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("backend", BACKENDS)
class TestEveryBackend:
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_same_numbers_and_gradients(
        self, backend: str, kind: str, shape: tuple[int, int, int], dtype: torch.dtype
    ) -> None:
        items, rows, size = shape
        cell = made(kind, size, dtype)
        given = inputs(cell, items, rows)
        expected, found = (answers(run, cell, *given) for run in (scan_in_torch, BACKENDS[backend]))
        bound = 2e-5 if dtype == torch.float32 else 1e-12
        for ours, theirs in zip(found, expected, strict=True):
            assert (ours - theirs).abs().max() <= bound * max(float(theirs.abs().max()), 1.0)

    def test_gradients(self, backend: str, kind: str) -> None:
        cell = made(kind, 3, torch.float64)
        given = [x.requires_grad_() for x in inputs(cell, 3, 2)]
        *weights, eps = cell.recurrence

        def run(*given: Tensor) -> tuple[Tensor, Tensor]:
            return BACKENDS[backend](kind, *given, eps)  # type: ignore[call-arg,arg-type]

        # The interpreter is slow; and every gradient was compared above.
        assert torch.autograd.gradcheck(run, (*given, *weights), fast_mode=backend == "triton")

    def test_gradients_add_up(self, backend: str, kind: str) -> None:
        cell = made(kind, 5, torch.float32)
        given = inputs(cell, 4, 3)
        for _ in range(2):
            outputs, _ = BACKENDS[backend](kind, *(x.clone() for x in given), *cell.recurrence)
            outputs.square().sum().backward()
        twice = [parameter.grad for parameter in cell.recurrence[:5]]
        cell.zero_grad()
        outputs, _ = BACKENDS[backend](kind, *(x.clone() for x in given), *cell.recurrence)
        outputs.square().sum().backward()
        for both, parameter in zip(twice, cell.recurrence[:5], strict=True):
            torch.testing.assert_close(both, 2 * parameter.grad)

    def test_only_what_needs_a_gradient_gets_one(self, backend: str, kind: str) -> None:
        cell = made(kind, 5, torch.float32)
        projected, state = inputs(cell, 4, 3)
        kept = projected.clone()
        with torch.no_grad():
            outputs, last = BACKENDS[backend](kind, projected, state, *cell.recurrence)
        assert not outputs.requires_grad
        assert not last.requires_grad
        assert torch.equal(projected, kept)

    def test_a_nan_is_not_lost(self, backend: str, kind: str) -> None:
        cell = made(kind, 5, torch.float32)
        projected, state = inputs(cell, 4, 3)
        projected[1, 2, 4] = torch.nan
        outputs, _ = BACKENDS[backend](kind, projected, state, *cell.recurrence)
        assert outputs[1:, 2].isnan().all()
        assert outputs[:, :2].isfinite().all()

    def test_a_rows_answer_does_not_depend_on_its_batch(self, backend: str, kind: str) -> None:
        cell = made(kind, 32, torch.float32)
        projected, state = inputs(cell, 6, 24)
        with torch.no_grad():
            together = BACKENDS[backend](kind, projected, state, *cell.recurrence)[0]
            apart = BACKENDS[backend](kind, projected[:, 8:16].clone(), state[8:16], *cell.recurrence)[0]
        assert torch.equal(together[:, 8:16], apart)

    def test_losses_agree_over_50_steps(self, backend: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        expected, found = (losses(kind, run, monkeypatch) for run in (scan_in_torch, BACKENDS[backend]))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


def losses(kind: str, run: Scan, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Of a small network that learns which item comes next."""
    monkeypatch.setattr("latens.recurrent.fastest", lambda *_: run)
    network = TokenNetwork(n_items=6, embedding_size=8, hidden_size=24, n_layers=1, cell=kind).train()
    random = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=random)
    items = torch.randint(6, (16, 6), generator=random).cumsum(dim=1) % 6
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    found = []
    for _ in range(50):
        optimizer.zero_grad()
        logits, _ = network(items[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), items[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        found.append(loss.detach())
    return torch.stack(found)

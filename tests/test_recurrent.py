"""Cells: PyTorch's equations, then the norm that is fed back; the scan is the steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from latens.recurrent import CELLS, Cell, LayerNormGRUCell, LayerNormLSTMCell, scan


def made(kind: str, dtype: torch.dtype = torch.float32, inputs: int = 5, size: int = 6) -> Cell:
    random = torch.Generator().manual_seed(3)
    cell = CELLS[kind](inputs, size).to(dtype)
    cell.initialise(random)
    with torch.no_grad():  # a norm that does something
        cell.norm.weight.uniform_(0.5, 1.5, generator=random)
        cell.norm.bias.uniform_(-0.5, 0.5, generator=random)
    return cell


def randn(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


def as_torch(cell: Cell, theirs: nn.GRUCell | nn.LSTMCell) -> None:
    names = {"weight_ih": "weight_input", "weight_hh": "weight_state", "bias_ih": "bias_input", "bias_hh": "bias_state"}
    theirs.load_state_dict({name: getattr(cell, ours) for name, ours in names.items()})


def test_the_gru_is_pytorchs_with_a_norm_behind_it() -> None:
    cell = made("gru")
    assert isinstance(cell, LayerNormGRUCell)
    theirs = nn.GRUCell(5, 6)
    as_torch(cell, theirs)
    x, state = randn(4, 5), randn(4, 6)
    torch.testing.assert_close(cell(cell.project(x), state), cell.norm(theirs(x, state)))


def test_the_lstm_is_pytorchs_with_a_norm_behind_its_output() -> None:
    cell = made("lstm")
    assert isinstance(cell, LayerNormLSTMCell)
    theirs = nn.LSTMCell(5, 6)
    as_torch(cell, theirs)
    x, state = randn(4, 5), randn(4, 12)
    h, c = theirs(x, state.chunk(2, dim=1))
    torch.testing.assert_close(cell(cell.project(x), state), torch.cat([cell.norm(h), c], dim=1))


@pytest.mark.parametrize("kind", CELLS)
class TestEveryCell:
    def test_the_norm_is_in_the_state_that_is_fed_back(self, kind: str) -> None:
        cell = made(kind)
        outputs, state = scan(cell, randn(9, 4, 5), torch.zeros(4, cell.state_size))
        assert torch.equal(outputs[-1], state[..., : cell.hidden_size])
        plain = (outputs - cell.norm.bias) / cell.norm.weight
        torch.testing.assert_close(plain.mean(dim=-1), torch.zeros(9, 4), atol=1e-5, rtol=0)
        torch.testing.assert_close(plain.var(dim=-1, unbiased=False), torch.ones(9, 4), atol=2e-2, rtol=0)

    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-4), (torch.float64, 1e-10)])
    def test_250_steps_are_the_scan(self, kind: str, dtype: torch.dtype, tolerance: float) -> None:
        cell = made(kind, dtype)
        x, state = randn(250, 3, 5, dtype=dtype), torch.zeros(3, cell.state_size, dtype=dtype)
        outputs, last = scan(cell, x, state)
        for item, expected in zip(x, outputs, strict=True):
            state = cell(cell.project(item), state)
            assert (state[..., : cell.hidden_size] - expected).abs().max() <= tolerance
        torch.testing.assert_close(state, last, atol=tolerance, rtol=0)

    def test_gradients(self, kind: str) -> None:
        cell = made(kind, torch.float64, inputs=2, size=3)
        x, state = (tensor.requires_grad_() for tensor in (randn(3, 2, 2).double(), randn(2, cell.state_size).double()))
        parameters = list(cell.parameters())

        def run(*given: Tensor) -> Tensor:
            return scan(cell, given[0], given[1])[0]

        assert torch.autograd.gradcheck(run, (x, state, *parameters))

    def test_what_comes_later_changes_nothing_before(self, kind: str) -> None:
        cell = made(kind)
        x = randn(8, 2, 5)
        changed = x.clone()
        changed[5] += 1.0
        state = torch.zeros(2, cell.state_size)
        first, second = scan(cell, x, state)[0], scan(cell, changed, state)[0]
        assert torch.equal(first[:5], second[:5])
        assert not torch.equal(first[5:], second[5:])

    def test_weights_begin_as_pytorchs_and_as_the_generator_says(self, kind: str) -> None:
        cells = [CELLS[kind](5, 64) for _ in range(2)]
        for cell in cells:
            cell.initialise(torch.Generator().manual_seed(0))
        assert all(torch.equal(*pair) for pair in zip(*(cell.parameters() for cell in cells), strict=True))
        assert cells[0].weight_input.abs().max() <= 1 / 8
        assert float(cells[0].weight_input.detach().std()) == pytest.approx(1 / 8 / 3**0.5, rel=0.1)

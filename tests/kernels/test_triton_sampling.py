"""The draws of one launch are those of the loop in torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from latens.kernels.triton_sampling import Sampler, fits
from latens.models.autoregressive import TokenNetwork
from latens.sampling import build_filters, generate
from latens.seeds import sequence_uniform

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
HERE = "cuda" if torch.cuda.is_available() else "cpu"


def network(cell: str = "gru", n_items: int = 9, size: int = 10, layers: int = 2) -> TokenNetwork:
    made = TokenNetwork(n_items, embedding_size=4, hidden_size=size, n_layers=layers, cell=cell)
    random = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=random)
    made.initialise(random)
    return made.to(HERE).eval()


def begun(made: TokenNetwork, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    said = made.opening(rows).clone()
    return made.empty(rows), said, torch.zeros_like(said, dtype=torch.bool)


def assert_the_loops(made: TokenNetwork, rows: int, count: int, settings: dict[str, Any]) -> None:
    state, said, seen = begun(made, rows)
    loop = list(generate(made.step, state, said, max_new=count, filters=build_filters(**settings), seed=3))
    uniform = sequence_uniform(3, torch.arange(rows, device=HERE), range(count))
    drawn = Sampler(made).draw(state, said, seen, uniform, settings)
    ids = torch.stack([each.ids for each in loop], dim=1)
    assert torch.equal(drawn.ids, ids)
    log_probs = torch.stack([each.log_probs for each in loop], dim=1)
    torch.testing.assert_close(drawn.log_probs, log_probs, atol=1e-4, rtol=0)
    logits, after = made(ids)
    torch.testing.assert_close(drawn.said, logits[:, -1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(drawn.state, after, atol=1e-4, rtol=1e-4)
    assert not drawn.broken.any()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.6, "top_k": None}, {"temperature": 0}, {"temperature": 2.0, "repetition_penalty": 1.7}],
    ids=str,
)
def test_draws_of_the_loop(cell: str, settings: dict[str, Any]) -> None:
    assert_the_loops(network(cell), rows=3, count=8, settings=settings)


@pytest.mark.parametrize(("layers", "n_items", "size"), [(1, 17, 16), (3, 2, 5)])
def test_any_sizes(layers: int, n_items: int, size: int) -> None:
    assert_the_loops(network("lstm", n_items, size, layers), rows=2, count=4, settings={"temperature": 0.9})


@on_gpu
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_draws_of_the_loop_on_the_gpu(cell: str) -> None:
    assert_the_loops(network(cell, n_items=90, size=128), rows=256, count=50, settings={"temperature": 0.75})


def test_going_on_is_drawing_more() -> None:
    made, settings = network(), {"temperature": 0.8}
    uniform = sequence_uniform(0, torch.arange(2, device=HERE), range(6))
    sampler, (state, said, seen) = Sampler(made), begun(made, 2)
    whole = sampler.draw(state, said, seen, uniform, settings)
    first = sampler.draw(state, said, seen, uniform[:, :2], settings)
    second = sampler.draw(first.state, first.said, seen, uniform[:, 2:], settings)
    assert torch.equal(torch.cat([first.ids, second.ids], dim=1), whole.ids)
    assert torch.equal(second.state, whole.state)
    assert torch.equal(second.said, whole.said)
    assert not said.isnan().any()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the interpreter
def test_broken_logits_are_noted_and_draw_an_item_that_exists() -> None:
    made = network()
    state, said, seen = begun(made, 3)
    said[0, 2], said[1] = torch.nan, -torch.inf
    drawn = Sampler(made).draw(state, said, seen, torch.full((3, 2), 0.5, dtype=torch.float64, device=HERE), {})
    assert drawn.broken[:, 0].tolist() == [True, True, False]
    assert drawn.ids.max() < 9


def test_what_fits_in_a_program() -> None:
    assert fits(TokenNetwork(256, hidden_size=128), {"temperature": 0.5, "repetition_penalty": 2.0, "top_p": None})
    assert not fits(TokenNetwork(257), {})
    assert not fits(TokenNetwork(9, hidden_size=129), {})
    assert not fits(TokenNetwork(9).double(), {})
    assert not fits(TokenNetwork(9), {"top_p": 0.9})

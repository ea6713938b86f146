"""What is replayed is what the loop of `generate` draws, and what reading item by item gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from latens.kernels.recordings import Record, record
from latens.models.autoregressive import TokenNetwork
from latens.sampling import build_filters, generate
from latens.sampling.generation import refuse_faults
from latens.sampling.replays import Replayed
from latens.seeds import sequence_uniform

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
SETTINGS = [
    {},
    {"temperature": 0.7, "top_k": 4},
    {"repetition_penalty": 1.5, "top_p": 0.8, "min_p": 0.01, "typical": 0.9},
    {"temperature": 0.0},
]


def as_it_is(work: Callable[[], None]) -> Callable[[], None]:
    return work


def network(device: str = "cpu") -> TokenNetwork:
    made = TokenNetwork(n_items=9, embedding_size=4, hidden_size=8)
    random = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.6, generator=random)
    made.initialise(random)
    return made.to(device).eval()


def begun(made: TokenNetwork, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    said = made.opening(rows).clone()
    return made.empty(rows), said, torch.zeros_like(said, dtype=torch.bool)


def drawn_by_generate(made: TokenNetwork, rows: int, length: int, settings: dict[str, Any]) -> tuple[Tensor, Tensor]:
    state, said, _ = begun(made, rows)
    filters = build_filters(**settings)
    found = list(generate(made.step, state, said, max_new=length, filters=filters, seed=3))
    return torch.stack([each.ids for each in found]), torch.stack([each.log_probs for each in found])


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(
    ("device", "how"), [("cpu", as_it_is), pytest.param("cuda", record, marks=on_gpu)], ids=["cpu", "cuda"]
)
def test_the_draws_are_those_of_the_loop(device: str, how: Record, settings: dict[str, Any]) -> None:
    made = network(device)
    ids, log_probs = drawn_by_generate(made, 3, 20, settings)
    replayed = Replayed(made.step, steps=8, record=how)
    state, said, seen = begun(made, 3)
    sequence = torch.arange(3, device=device)
    for first in range(0, 20, 8):  # the last stretch is shorter
        steps = range(first, min(first + 8, 20))
        tape = replayed.draw(state, said, seen, sequence_uniform(3, sequence, steps), settings)
        assert torch.equal(tape.items[: len(steps)], ids[first : steps.stop])
        torch.testing.assert_close(tape.log_probs[: len(steps)], log_probs[first : steps.stop])
        assert not tape.faults[: len(steps)].any()
        state, said, seen = tape.state.clone(), tape.said.clone(), tape.seen.clone()


def test_each_kind_of_work_is_recorded_once() -> None:
    recorded = []

    def count(work: Callable[[], None]) -> Callable[[], None]:
        recorded.append(work)
        return work

    made = network()
    replayed = Replayed(made.step, record=count)
    for rows, settings in ((2, {}), (2, {}), (3, {}), (2, {"top_k": 2}), (2, {})):
        replayed.draw(*begun(made, rows), torch.full((rows, 4), 0.5, dtype=torch.float64), settings)
    assert len(recorded) == 3


def test_a_first_use_may_do_the_work_beforehand() -> None:
    def tried(work: Callable[[], None]) -> Callable[[], None]:
        for _ in range(2):
            work()
        return work

    made = network()
    for steps in (1, 5):
        uniform = torch.full((2, steps), 0.3, dtype=torch.float64)
        found = [Replayed(made.step, steps, how).draw(*begun(made, 2), uniform, {}) for how in (as_it_is, tried)]
        assert torch.equal(found[0].items, found[1].items)
        assert torch.equal(found[0].seen, found[1].seen)


@pytest.mark.parametrize(
    ("device", "how"), [("cpu", as_it_is), pytest.param("cuda", record, marks=on_gpu)], ids=["cpu", "cuda"]
)
def test_rows_of_any_length_are_read(device: str, how: Record) -> None:
    made = network(device)
    items = torch.randint(9, (3, 11), generator=torch.Generator().manual_seed(1)).to(device)
    lengths = torch.tensor([11, 0, 5], device=device)
    state, said, _ = begun(made, 3)
    tape = Replayed(made.step, steps=4, record=how).read(state, said, items, lengths)
    assert torch.equal(tape.said[1], said[1])
    assert torch.equal(tape.state[:, 1], state[:, 1])
    for row in (0, 2):
        expected, after = made(items[row : row + 1, : int(lengths[row])])
        torch.testing.assert_close(tape.said[row], expected[0, -1])
        torch.testing.assert_close(tape.state[:, row], after[:, 0])


def test_broken_logits_are_noted_at_their_step() -> None:
    made = network()
    state, said, seen = begun(made, 2)
    said[1] = torch.nan
    replayed = Replayed(made.step, steps=4, record=as_it_is)
    tape = replayed.draw(state, said, seen, torch.full((2, 3), 0.5, dtype=torch.float64), {})
    assert tape.faults[0, 0].tolist() == [False, True]
    with pytest.raises(ArithmeticError, match="logits of row 1, step 0"):
        refuse_faults(list(tape.faults[:3].unbind()), last=2)

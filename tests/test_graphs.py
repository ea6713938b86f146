"""A recorded step, with a recorder that does the work again instead of replaying it."""

from __future__ import annotations

import copy

import pytest
import torch

from latens.data.batches import ResidentRows
from latens.devices import launch
from latens.graphs import CapturedStep
from latens.models import build
from latens.steps import EagerStep
from latens.training import TrainConfig


class Again:
    """Records by remembering what to do; the answer's memory stays the same, as that of a graph."""

    def __init__(self) -> None:
        self.recorded = self.asides = 0

    def aside(self, work):
        self.asides += 1
        return work()

    def record(self, work):
        self.recorded += 1
        answer = torch.zeros(())
        return lambda: answer.copy_(work()), answer


class Refuses(Again):
    def record(self, work):
        raise RuntimeError("operation not permitted when stream is capturing")


@pytest.fixture
def rows() -> ResidentRows:
    x = torch.rand((40, 6), generator=torch.Generator().manual_seed(0))
    return ResidentRows(x, x, torch.arange(40), batch_size=8, seed=0)


def both(config, recorder):
    runtime, rules = launch("cpu"), TrainConfig()
    network = build("deep", config, seed=0).train()
    twin = copy.deepcopy(network)
    return CapturedStep(EagerStep(network, rules, runtime), recorder), EagerStep(twin, rules, runtime)


def losses(step, rows, epochs: int = 3) -> list[float]:
    found = [step(batch, 1e-3 / (1 + epoch)) for epoch in range(epochs) for batch in rows.batches(epoch)]
    return [float(loss) for loss in found]  # read at the end: each has memory of its own


def test_repeats_with_the_numbers_of_each_batch(rows):
    recorder = Again()
    captured, eager = both({"encoder": [6, 4, 2]}, recorder)
    assert losses(captured, rows) == losses(eager, rows)
    assert (recorder.asides, recorder.recorded) == (3, 1)


def test_is_recorded_anew_where_the_draws_have_another_key(rows):
    recorder = Again()
    captured, eager = both({"encoder": [6, 4, 2], "corruption": "gaussian:0.5"}, recorder)
    assert losses(captured, rows) == losses(eager, rows)
    assert recorder.recorded == 3


def test_a_last_batch_of_another_size_is_not_recorded(rows):
    recorder = Again()
    captured, eager = both({"encoder": [6, 4, 2]}, recorder)
    fewer = ResidentRows(rows.x, rows.target, rows.rows[:37], batch_size=8, seed=0)
    assert losses(captured, fewer) == losses(eager, fewer)
    assert recorder.recorded == 1


def test_goes_on_without_and_says_so_once(rows):
    captured, eager = both({"encoder": [6, 4, 2]}, Refuses())
    with pytest.warns(RuntimeWarning, match="taken kernel by kernel") as said:
        assert losses(captured, rows) == losses(eager, rows)
    assert len(said) == 1

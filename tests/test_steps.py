"""Steps: every way to take one gives the same losses as PyTorch's autograd, operation by operation."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from latens import steps
from latens.data.batches import ResidentRows
from latens.devices import Runtime, launch
from latens.models import build
from latens.steps import DenseStep, EagerStep, step_for
from latens.training import TrainConfig

NETWORKS = {
    "deep": {"encoder": [13, 9, 7, 2]},
    "sigmoid": {"encoder": [13, 9, 2], "activations": {"output": "sigmoid"}},
    "without normalisation": {"encoder": [13, 9, 7, 2], "block": {"batch_norm": False}},
    "identity": {"encoder": [13, 9, 2], "block": {"activation": "identity"}},
    "nothing between": {"encoder": [13, 3]},
    "asymmetric": {"encoder": [13, 9, 2], "decoder": [2, 5, 6, 13]},
    "dropout": {"encoder": [13, 9, 2], "block": {"dropout": 0.3}},
    "dropout alone": {"encoder": [13, 9, 2], "block": {"dropout": 0.3, "batch_norm": False}},
    "denoising": {"encoder": [13, 26, 26, 26], "corruption": "gaussian:0.5"},
}
RULES = {
    "plain": {},
    "values": {"clip_value": 1e-3},
    "norm": {"clip_norm": 0.05},
    "both": {"clip_value": 0.01, "clip_norm": 0.05},
}


@pytest.fixture
def runtime() -> Runtime:
    return launch("cpu")


@pytest.fixture
def rows() -> ResidentRows:
    x = torch.rand((150, 13), generator=torch.Generator().manual_seed(0))
    return ResidentRows(x, x, torch.arange(150), batch_size=16, seed=3)


def losses(step, rows: ResidentRows, n: int = 50, rate: float = 1e-3) -> list[float]:
    found, epoch = [], 0
    while len(found) < n:
        found += [float(step(batch, rate)) for batch in rows.batches(epoch)]
        epoch += 1
    return found[:n]


def twins(config, dtype=torch.float32) -> tuple[nn.Module, nn.Module]:
    network = build("deep", config, seed=1).to(dtype).train()
    return network, copy.deepcopy(network)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("name", NETWORKS)
def test_fifty_losses_are_those_of_the_definition(name, rules, rows, runtime):
    ours, theirs = twins(NETWORKS[name])
    config = TrainConfig(**RULES[rules])
    native, eager = DenseStep(ours, config), EagerStep(theirs, config, runtime)
    assert losses(native, rows) == pytest.approx(losses(eager, rows), rel=1e-4)


def test_what_the_optimiser_remembers_goes_from_one_way_to_the_other(rows, runtime):
    ours, theirs = twins(NETWORKS["deep"])
    native, eager = DenseStep(ours, TrainConfig()), EagerStep(theirs, TrainConfig(), runtime)
    losses(native, rows, 7)
    theirs.load_state_dict(ours.state_dict())
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        eager.remember(other, native.state[mine])
    assert losses(native, rows, 9) == pytest.approx(losses(eager, rows, 9), rel=1e-4)


def test_the_plain_stack_on_the_cpu_needs_no_graph(runtime):
    assert isinstance(step_for(build("deep", NETWORKS["deep"], seed=0), TrainConfig(), runtime), DenseStep)
    assert isinstance(
        step_for(build("linear", {"n_features": 3, "n_components": 2}, 0), TrainConfig(), runtime), EagerStep
    )


def test_without_numba_it_is_the_definition(runtime, monkeypatch):
    monkeypatch.setattr(steps, "optional", lambda module, package: None)
    assert isinstance(step_for(build("deep", NETWORKS["deep"], seed=0), TrainConfig(), runtime), EagerStep)

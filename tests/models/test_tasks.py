"""What is hidden is what is asked for: it alone has a gradient, and each hidden cell counts once."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from latens.corruptions import CORRUPTIONS, Custom
from latens.data.batches import Batch, ResidentRows
from latens.errors import ConfigError
from latens.models import build
from latens.models.tasks import Task
from latens.seeds import Keyed, keyed
from latens.training import evaluate

HIDING = sorted(name for name, leaf in CORRUPTIONS.items() if hasattr(leaf, "hidden"))
COLUMNS = [{}, {"levels": 3, "entropy": 1.0, "gini": 0.6}, {}]
NETWORKS = {
    "deep": {"encoder": [35, 8, 3], "block": {"batch_norm": False}},
    "convolutional": {"widths": [1, 4, 2], "block": {"batch_norm": False}},
    "asymmetric": {"shape": [5, 7], "encoder": [35, 3], "decoder": [3, 2], "block": {"batch_norm": False}},
}


def network(name: str = "deep", corruption: str = "masking", region: str = "hidden"):
    config = NETWORKS[name] | {"corruption": Task.of(corruption, region)}
    return build(name, config, seed=0).double()


def batch(n: int = 32, first: int = 0, epoch: int = 3) -> Batch:
    x = torch.rand(40, 5, 7, generator=torch.Generator().manual_seed(0)).double()[first : first + n]
    return Batch(x, x, keyed(7, epoch, torch.arange(first, first + n)))


def rows(item: Batch, places: slice) -> Batch:
    index = item.random.index[places]
    return replace(item, x=item.x[places], target=item.target[places], random=replace(item.random, index=index))


def gradients(model, parts: list[Batch]) -> torch.Tensor:
    """Of the mean over all parts, each weighed by what it is the mean over."""
    model.train().zero_grad()
    total = sum(model.counted(part) for part in parts)
    sum(model.loss(part) * model.counted(part) / total for part in parts).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("corruption", HIDING)
class TestTheHiddenRegion:
    def test_is_the_plain_mean_squared_error_over_its_cells(self, name, corruption):
        model, item = network(name, corruption).train(), batch()
        random = item.random.stream("corruption")
        leaf = CORRUPTIONS[corruption]()
        hidden = leaf.hidden(item.x, random).expand(item.x.shape)
        made = model(leaf(item.x, random)).reshape(item.x.shape)
        assert 0 < int(hidden.sum()) < hidden.numel()
        expected = torch.nn.functional.mse_loss(made[hidden], item.x[hidden])
        assert float(model.loss(item).detach()) == pytest.approx(float(expected.detach()), rel=1e-12)
        assert int(model.counted(item)) == int(hidden.sum())

    def test_has_all_of_the_gradient(self, name, corruption):
        model, item = network(name, corruption).train(), batch()
        target = item.target.clone().requires_grad_()
        model.loss(replace(item, target=target)).backward()
        hidden = CORRUPTIONS[corruption]().hidden(item.x, item.random.stream("corruption")).expand(item.x.shape)
        assert torch.equal(target.grad != 0, hidden)

    def test_does_not_depend_on_how_rows_come_together(self, name, corruption):
        model, item = network(name, corruption), batch()
        whole = gradients(model, [item])
        singles = gradients(model, [rows(item, slice(i, i + 1)) for i in range(32)])
        uneven = gradients(model, [rows(item, slice(0, 5)), rows(item, slice(5, 32))])
        assert torch.allclose(singles, whole, rtol=1e-6, atol=1e-12)
        assert torch.allclose(uneven, whole, rtol=1e-6, atol=1e-12)

    def test_is_hidden_from_held_out_rows_too_in_one_way_for_good(self, name, corruption):
        model, item = network(name, corruption).eval(), batch(epoch=0)
        assert torch.equal(model.loss(item), model.loss(item))
        assert not torch.equal(model.loss(item), network(name, corruption, "all").eval().loss(item))
        changed = item.x.clone()
        hidden = CORRUPTIONS[corruption]().hidden(item.x, item.random.stream("corruption")).expand(item.x.shape)
        changed[hidden] += 1.0  # what is hidden cannot be looked at
        assert torch.equal(model.loss(replace(item, x=changed)), model.loss(item))

    def test_survives_in_the_config(self, name, corruption):
        config = network(name, corruption).config
        assert config["corruption"]["loss_region"] == "hidden"
        assert build(name, config, seed=0).task == Task.of(corruption, "hidden")
        assert "loss_region" not in network(name, corruption, "all").config["corruption"]


def test_evaluation_counts_every_hidden_cell_once(monkeypatch):
    model, x = network(), batch(40).x
    held_out = ResidentRows(x, x, torch.arange(40), batch_size=8, seed=7)
    whole = evaluate(model, held_out)
    monkeypatch.setattr("latens.data.batches.EVALUATION_BATCH", 7)
    assert evaluate(model, held_out) == pytest.approx(whole, rel=1e-12)


def test_cells_that_are_missing_are_not_asked_for():
    config = {"encoder": [8, 2], "decoder": [2, 5], "cells": {"columns": COLUMNS}}
    model = build("deep", config | {"corruption": Task.of("masking:0.5", "hidden")}, seed=0).train()
    x = torch.tensor([[0.5, 1.0, math.nan], [0.1, -1.0, 2.0], [math.nan, 2.0, 1.0], [1.0, 0.0, 0.0]])
    item = Batch(x, x, keyed(0, 0, torch.arange(4)))
    there = ~x.isnan() & (x != -1.0)
    hidden = CORRUPTIONS["masking"](0.5).hidden(x, item.random.stream("corruption"))
    assert 0 < int(model.counted(item)) == int((hidden & there).sum()) < int(hidden.sum())
    model.loss(item).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_a_batch_in_which_nothing_is_hidden_costs_nothing():
    model = network(corruption="masking:1e-9").train()
    loss = model.loss(batch())
    loss.backward()
    assert (float(loss.detach()), int(model.counted(batch()))) == (0.0, 0)


class Own(Custom):
    """A corruption of a user's that knows what it hid."""

    def hidden(self, x: torch.Tensor, random: Keyed) -> torch.Tensor:
        return torch.arange(x.shape[-1]) < 2


def test_a_users_corruption_may_hide():
    config = NETWORKS["deep"] | {"corruption": Task(Own(lambda x: x * (torch.arange(7) >= 2)), "hidden")}
    model = build("deep", config, seed=0).double()
    assert int(model.counted(batch())) == 32 * 5 * 2
    assert model.config["corruption"] is None


@pytest.mark.parametrize("corruption", [None, "gaussian:0.5", "block:0", "masking:0", "swap"])
def test_what_hides_nothing_is_refused(corruption):
    with pytest.raises(ConfigError, match=r'loss_region="hidden": corruption=.* hides nothing; use corruption="block'):
        Task.of(corruption, "hidden")


def test_a_region_that_there_is_not():
    with pytest.raises(ConfigError, match="loss_region='hiden' is not known; did you mean 'hidden'"):
        Task.of("block", "hiden")

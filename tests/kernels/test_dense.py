"""The pass without a graph gives the loss and the gradients of PyTorch's autograd, in float64 to the last digits."""

from __future__ import annotations

import copy

import pytest
import torch

from latens.data.batches import Batch
from latens.kernels import adamw
from latens.kernels.adamw import FlatAdamW
from latens.kernels.dense import DensePass
from latens.models import build
from latens.seeds import keyed

NETWORKS = {
    "normalised": {"encoder": [5, 4, 3, 2]},
    "not normalised": {"encoder": [5, 4, 2], "block": {"batch_norm": False}},
    "not rectified": {"encoder": [5, 4, 2], "block": {"activation": "identity"}},
    "sigmoid": {"encoder": [5, 4, 2], "activations": {"output": "sigmoid"}},
    "two layers": {"encoder": [5, 2]},
    "dropout": {"encoder": [5, 40, 2], "block": {"dropout": 0.5}},
}
OTHERS = {
    "tied": {"encoder": [5, 4, 2], "tied": True},
    "activation": {"encoder": [5, 4, 2], "block": {"activation": "tanh"}},
    "code": {"encoder": [5, 4, 2], "activations": {"code": "relu"}},
    "beside": {"encoder": [5, 4, 2], "beside": True},
    "hidden region": {"encoder": [5, 4, 2], "corruption": {"name": "masking", "loss_region": "hidden"}},
}


def batch(rows: int = 6) -> Batch:
    x = torch.rand((rows, 5), generator=torch.Generator().manual_seed(rows), dtype=torch.float64)
    return Batch(x, x.flip(0), keyed(0, 0, torch.arange(rows)))


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_autograd(name):
    ours = build("deep", NETWORKS[name], seed=0).double().train()
    theirs = copy.deepcopy(ours)
    optimizer = FlatAdamW(ours.parameters(), weight_decay=0.0)
    native = DensePass(ours.dense_layers(), ours.squashed, optimizer)
    for rows in (6, 5, 6):  # buffers of each size are used again
        item = batch(rows)
        loss = native.loss(ours.training_input(item), item.target)
        native.backward()
        expected = theirs.loss(item)
        theirs.zero_grad()
        expected.backward()
        assert loss == pytest.approx(expected.item(), rel=1e-12)
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            found = optimizer.blocks(mine)[0].gradient if mine.ndim > 1 else optimizer.gradient(mine)
            assert torch.allclose(found, other.grad, rtol=1e-9, atol=1e-12)
        for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
            assert torch.allclose(mine, other, rtol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_are_left_to_autograd(name):
    assert build("deep", OTHERS[name], seed=0).dense_layers() is None


@pytest.mark.parametrize("clip", [{}, {"clip_value": 1e-3}])
def test_a_weight_in_parts_is_updated_as_a_whole_one(monkeypatch, clip):
    def after(steps: int) -> torch.nn.Module:
        # Without normalisation: a bias in front of one has no gradient but that of rounding.
        network = build("deep", {"encoder": [5, 40, 7, 2], "block": {"batch_norm": False}}, seed=0).train()
        optimizer = FlatAdamW(network.parameters(), 0.01, **clip)
        native = DensePass(network.dense_layers(), False, optimizer)
        x = batch().x.float()
        for _ in range(steps):
            native.loss(x, x)
            optimizer.begin(1e-3)
            native.backward()
            optimizer.finish()
        return network

    whole = after(20)
    monkeypatch.setattr(adamw, "_AT_ONCE", 0)
    monkeypatch.setattr(adamw, "_PART", 64)
    for one, other in zip(whole.parameters(), after(20).parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_no_number_stays_no_number():
    network = build("deep", NETWORKS["normalised"], seed=0).train()
    native = DensePass(network.dense_layers(), False, FlatAdamW(network.parameters(), 0.0))
    x = torch.full((4, 5), torch.nan)
    assert native.loss(x, x) != native.loss(x, x)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_folded_network_answers_as_its_modules(name):
    network = build("deep", NETWORKS[name], seed=0).double().train()
    with torch.no_grad():
        for _ in range(3):
            network.loss(batch())  # running statistics that are not those of the beginning
        network.eval()
        x, folded = batch(9).x, network.folded()
        assert torch.allclose(folded.encode(x), network.encode(x), rtol=1e-10, atol=1e-12)
        assert torch.allclose(folded(x), network(x), rtol=1e-10, atol=1e-12)

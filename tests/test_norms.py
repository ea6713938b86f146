"""The shared batch normalisation of one rank is torch's; of two, see tests/integration/test_together.py."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from latens.group import Group
from latens.norms import SharedBatchNorm1d, SharedBatchNorm2d, share_norms


@pytest.fixture(params=[(nn.BatchNorm1d, (6, 3)), (nn.BatchNorm2d, (2, 3, 5, 4))], ids=["1d", "2d"])
def pair(request):
    """A network with torch's layer, its twin with ours, and a batch."""
    kind, shape = request.param
    theirs = nn.Sequential(nn.Identity(), nn.Sequential(kind(3)))
    ours = copy.deepcopy(theirs)
    share_norms(ours, Group())
    return theirs, ours, 100.0 + torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_outputs_gradients_and_running_statistics(pair):
    theirs, ours, x = pair
    found = []
    for network in (theirs, ours):
        entered = x.clone().requires_grad_()
        y = network(network(entered) * entered)  # twice, for the statistics to be those of several steps
        y.square().mul(x).sum().backward()
        found.append([y, entered.grad, *(p.grad for p in network.parameters()), *network.buffers()])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=2e-4, atol=2e-4)


def test_in_double_precision_to_the_last_digits(pair):
    theirs, ours, x = (part.double() for part in pair)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-14, atol=0.0)


def test_evaluation_is_torchs_bit_for_bit(pair):
    theirs, ours, x = pair
    ours.load_state_dict(theirs.state_dict())
    assert torch.equal(ours.eval()(x), theirs.eval()(x))


def test_parameters_buffers_and_names_stay(pair):
    _, ours, _ = pair
    before = nn.Sequential(nn.Identity(), nn.BatchNorm1d(3))
    weights = dict(before.named_parameters())
    share_norms(before, Group())
    assert all(weights[name] is parameter for name, parameter in before.named_parameters())
    assert isinstance(before[1], SharedBatchNorm1d)
    assert isinstance(ours[1][0], (SharedBatchNorm1d, SharedBatchNorm2d))
    assert isinstance(ours[1][0], (nn.BatchNorm1d, nn.BatchNorm2d))

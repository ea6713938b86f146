"""Layers: tied weights are one parameter, dropout is keyed, weights come from the seed."""

from __future__ import annotations

import copy

import pytest
import torch

from latens.errors import ConfigError
from latens.layers import ACTIVATIONS, Block, Conv, Dropout, Linear, Resize, TransposeLinear, View, activation_layer
from latens.models import MODELS, build, with_weights
from latens.seeds import keyed

CONFIGS = {
    "linear": {"n_features": 6, "n_components": 2, "bias": True},
    "deep": {"encoder": [6, 4, 2], "tied": True},
    "wide": {"encoder": [6, 12, 12, 12, 12]},
    "convolutional": {"widths": [1, 4, 3, 2], "dilations": [1, 2]},
    "asymmetric": {"shape": [2, 3], "encoder": [6, 4, 2], "decoder": [4, 3]},
    "jigsaw": {"shape": [2, 3], "n_components": 4, "hidden": [2], "head": 3},
    "text": {"n_items": 7, "hidden_size": 5, "cell": "lstm"},
    "events": {"n_items": 4, "n_layers": 1},
    "series": {"n_features": 2, "patch": 3, "hidden_size": 5, "likelihood": "mixture:2"},
}


class TestTransposeLinear:
    def test_is_the_transpose(self):
        linear = Linear(5, 3)
        y = torch.rand(2, 3)
        assert torch.equal(TransposeLinear(linear)(y), y @ linear.weight)

    def test_is_counted_once(self):
        network = build("deep", CONFIGS["deep"], seed=0)
        untied = build("deep", {"encoder": [6, 4, 2]}, seed=0)
        weights = 6 * 4 + 4 * 2
        count = [sum(p.numel() for p in n.parameters()) for n in (network, untied)]
        assert count[1] - count[0] == weights
        assert sum(t.numel() for name, t in network.state_dict().items() if name.endswith(".weight")) == weights + 8

    @pytest.mark.parametrize("copied", ["deepcopy", "file"])
    def test_the_tie_survives_a_copy_and_a_step(self, copied):
        network = build("deep", CONFIGS["deep"], seed=0)
        twin = (
            copy.deepcopy(network)
            if copied == "deepcopy"
            else with_weights("deep", network.config, copy.deepcopy(network.state_dict()))
        )
        optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
        twin.eval()(torch.rand(4, 6)).square().sum().backward()
        optimizer.step()
        first, last = twin.encoder[0][0], twin.decoder[1]
        assert not torch.equal(first.weight, network.encoder[0][0].weight)
        y = torch.rand(2, 4)
        assert torch.allclose(last(y), y @ first.weight + last.bias, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
class TestInitialWeights:
    def test_are_a_function_of_the_seed(self, name):
        first, same, other = (build(name, CONFIGS[name], seed) for seed in (0, 0, 1))
        for key, tensor in first.state_dict().items():
            assert torch.equal(tensor, same.state_dict()[key])
        assert any(not torch.equal(t, other.state_dict()[key]) for key, t in first.state_dict().items())

    def test_leave_the_global_random_state_alone(self, name):
        before = torch.get_rng_state()
        build(name, CONFIGS[name], seed=0)
        assert torch.equal(before, torch.get_rng_state())

    def test_config_rebuilds_the_network(self, name):
        network = build(name, CONFIGS[name], seed=0)
        again = with_weights(name, network.config, network.state_dict())
        items = torch.tensor([[1, 2]])
        x = {"text": items, "events": items, "series": torch.rand(3, 2, 6)}.get(name, torch.rand(3, 2, 3))
        ours, theirs = network.eval()(x), again(x)
        if isinstance(ours, tuple):  # what is said of the next items, and the state after them
            ours, theirs = (torch.cat([part.flatten() for part in parts]) for parts in (ours, theirs))
        assert torch.equal(ours, theirs)
        assert again.config == network.config


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("widths", [[8, 12, 7, 4], [9, 5, 3], [100, 261, 33, 25, 31], [784, 392, 261, 196, 2]])
@pytest.mark.parametrize("tied", [False, True])
def test_a_rows_answer_does_not_depend_on_its_place(dtype, widths, tied):
    network = build("deep", {"encoder": widths, "tied": tied}, seed=0).to(dtype).eval()
    row = torch.rand(1, widths[0], dtype=dtype, generator=torch.Generator().manual_seed(0))
    answers = network(row.repeat(1024, 1))
    assert torch.equal(answers, answers[:1].expand_as(answers))


def test_linear_starts_orthonormal():
    weight = build("linear", CONFIGS["linear"], seed=0).encoder.weight
    assert torch.allclose(weight @ weight.T, torch.eye(2), atol=1e-6)


class TestDropout:
    def test_is_the_identity_in_evaluation_and_without_draws(self):
        layer, x = Dropout(0.5), torch.rand(4, 10)
        assert torch.equal(layer(x), x)
        layer.random = keyed(0, 0, torch.arange(4))
        assert not torch.equal(layer(x), x)
        assert torch.equal(layer.eval()(x), x)

    def test_keeps_the_mean(self):
        layer = Dropout(0.5)
        layer.random = keyed(0, 0, torch.arange(100))
        assert float(layer(torch.ones(100, 1000)).mean()) == pytest.approx(1.0, abs=0.02)


class TestBlock:
    def test_has_the_published_order(self):
        kinds = [type(layer).__name__ for layer in Block(Linear(4, 3), 3, dropout=0.1)]
        assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Dropout"]

    def test_parts_can_be_left_out(self):
        assert len(Block(Linear(4, 3), 3, batch_norm=False)) == 2


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_keeps_the_shape(name):
    assert activation_layer(name)(torch.rand(2, 3)).shape == (2, 3)


def test_an_unknown_activation_names_the_nearest():
    with pytest.raises(ConfigError, match=r"activation='rellu' is not known; did you mean 'relu'\?"):
        activation_layer("rellu")


class TestConv:
    @pytest.mark.parametrize(("height", "width"), [(33, 47), (1, 7), (5, 1), (1, 1)])
    @pytest.mark.parametrize("dilation", [1, 9])
    def test_keeps_height_and_width(self, height, width, dilation):
        assert Conv(2, 3, dilation=dilation)(torch.ones(4, 2, height, width)).shape == (4, 3, height, width)

    def test_reaches_as_far_as_it_says(self):
        conv = Conv(1, 1, kernel_size=5, dilation=3)
        x = torch.zeros(1, 1, 1, 41)
        x[..., 20] = 1
        changed = (conv(x) != conv(torch.zeros_like(x))).flatten().nonzero()
        assert conv.reach == 6
        assert (int(changed.min()), int(changed.max())) == (14, 26)

    def test_an_even_kernel_has_no_middle(self):
        with pytest.raises(ConfigError, match="kernel_size=4 has no middle pixel; use an odd number such as 5"):
            Conv(1, 1, kernel_size=4)

    def test_a_block_normalises_channels(self):
        assert isinstance(Block(Conv(1, 4), 4)[1], torch.nn.BatchNorm2d)


def test_a_view_undoes_flatten():
    x = torch.rand(3, 2, 5, 7)
    assert torch.equal(View(2, 5, 7)(x.flatten(1)), x)


def test_resize_repeats_the_nearest():
    x = torch.arange(4.0).reshape(1, 1, 2, 2)
    assert Resize(4, 2)(x).flatten().tolist() == [0, 1, 0, 1, 2, 3, 2, 3]

"""Convolutions keep the size, whatever it is; a row's answer does not depend on its place."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.data.batches import Batch
from latens.errors import ConfigError
from latens.layers import Conv, View
from latens.models import build, with_weights
from latens.seeds import keyed

SIZES = st.sampled_from([(33, 47), (1, 1), (1, 9), (7, 1), (2, 3), (16, 16), (5, 30)])


def network(channels: int, **how):
    return build("convolutional", {"widths": [channels, 5, 4, 3], "dilations": [1, 3], **how}, seed=0)


def asymmetric(shape, /, **how):
    config = {"shape": shape, "encoder": [math.prod(shape), 6, 2], "decoder": [4, 3, 2]}
    return build("asymmetric", {**config, **how}, seed=0)


def images(size, channels: int, n: int = 4) -> torch.Tensor:
    return torch.rand(n, *size, channels, generator=torch.Generator().manual_seed(0))


def loss(model, x: torch.Tensor) -> torch.Tensor:
    return model.loss(Batch(x, x, keyed(0, 0, torch.arange(len(x)))))


class TestConvolutional:
    @settings(max_examples=20, deadline=None)
    @given(size=SIZES, channels=st.integers(1, 4))
    def test_any_size_and_channels(self, size, channels):
        model, x = network(channels), images(size, channels)
        assert model(x).shape == x.shape
        assert model.encode(x).shape == (4, 3, *size)
        loss(model, x).backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())

    def test_grey_images_need_no_channel(self):
        model, x = network(1).eval(), images((5, 7), 1)
        assert torch.equal(model(x[..., 0]), model(x)[..., 0])

    @pytest.mark.parametrize("where", [(0, 0), (20, 13)])
    def test_a_pixel_reaches_no_farther_than_reach(self, where):
        model, x = network(1, kernel_size=5).eval(), images((41, 41), 1, n=1)[..., 0]
        other = x.clone()
        other[0][where] += 1
        changed = (model(x) != model(other))[0].nonzero()
        assert model.reach == 2 * 2 * (1 + 3) + 2
        assert int((changed - torch.tensor(where)).abs().max()) <= model.reach

    def test_there_is_no_pooling_and_no_stride(self):
        convolutions = [layer for layer in network(1).modules() if isinstance(layer, Conv)]
        assert all(layer.stride == (1, 1) for layer in convolutions)
        assert [layer.dilation[0] for layer in convolutions] == [1, 3, 1, 3, 1, 1]

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"widths": [1, 2]}, r"widths \[1, 2\] leave no block between image and code"),
            ({"widths": [1, 4, 2], "dilations": [1, 2]}, r"dilation=\[1, 2\] has 2 numbers for 1 blocks; give one"),
            ({"widths": [1, 4, 2], "output": "tanh"}, "output='tanh' is not known"),
        ],
    )
    def test_settings_that_cannot_work(self, config, message):
        with pytest.raises(ConfigError, match=message):
            build("convolutional", config, seed=0)


class TestAsymmetric:
    @settings(max_examples=20, deadline=None)
    @given(size=SIZES, channels=st.integers(1, 4))
    def test_any_size_and_channels(self, size, channels):
        model, x = asymmetric((*size, channels)), images(size, channels)
        assert model.encode(x).shape == (4, 2)
        assert model(x).shape == (4, math.prod(size) * channels)
        loss(model, x).backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())

    def test_a_view_stands_between_the_dense_and_the_convolutional_part(self):
        view = next(layer for layer in asymmetric((33, 47)).decoder if isinstance(layer, View))
        assert view.shape == (4, 9, 12)

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"shape": [6]}, r"shape=\(6,\) is no image's"),
            ({"encoder": [5, 2]}, r"encoder widths \[5, 2\] do not lead from the 6 numbers of an image"),
            ({"decoder": []}, r"decoder channels \[\] make no image"),
        ],
    )
    def test_settings_that_cannot_work(self, config, message):
        with pytest.raises(ConfigError, match=message):
            asymmetric((2, 3), **config)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(33, 47), (5, 3), (1, 7), (28, 28)])
@pytest.mark.parametrize("model", [network(3), asymmetric((33, 47, 3))], ids=["convolutional", "asymmetric"])
def test_a_rows_answer_does_not_depend_on_its_place(model, size, dtype):
    if model.config.get("shape", [*size, 3]) != [*size, 3]:
        return  # of one size
    again = with_weights(
        "convolutional" if "widths" in model.config else "asymmetric", model.config, model.state_dict()
    )
    again, x = again.to(dtype), images(size, 3, n=16).to(dtype)
    whole = again(x)
    for row in range(16):
        alone = torch.zeros_like(x)
        alone[0] = x[row]
        assert torch.equal(again(alone)[0], whole[row])


@pytest.mark.parametrize("model", [network(1), asymmetric((9, 7))], ids=["convolutional", "asymmetric"])
def test_corruption_is_active_in_training_only(model):
    config = model.config | {"corruption": "gaussian:0.5"}
    noisy = build("convolutional" if "widths" in config else "asymmetric", config, seed=0)
    x = images((9, 7), 1)[..., 0]
    assert torch.equal(loss(noisy.eval(), x), loss(model.eval(), x))
    assert not torch.equal(loss(noisy.train(), x), loss(model.train(), x))
    assert noisy.config["corruption"] == {"name": "gaussian", "std": 0.5, "mean": 0.0}

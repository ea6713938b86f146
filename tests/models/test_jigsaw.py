"""Tiles come from where they should, orders are a row's own, and a code is that of the image as it is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.data.batches import Batch
from latens.errors import ConfigError
from latens.losses import sequence_cross_entropy
from latens.models import build, with_weights
from latens.models.jigsaw import JigsawNetwork, tile_size
from latens.seeds import keyed


def network(shape=(9, 10), /, **how) -> JigsawNetwork:
    config = {"shape": list(shape), "n_components": 12, "hidden": [4], "head": 8}
    return build("jigsaw", config | how, seed=0)  # type: ignore[return-value]


def images(n: int = 6, shape=(9, 10)) -> torch.Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(0))


def batch(n: int = 6, epoch: int = 0, first: int = 0) -> Batch:
    x = images(first + n)[first:]
    return Batch(x, x, keyed(3, epoch, torch.arange(first, first + n)))


class TestTiles:
    def test_lie_in_their_cells_line_after_line(self):
        x = torch.arange(2 * 9 * 10).reshape(2, 9, 10)
        tiles = network()._centred(x)
        assert tiles.shape == (2, 4, 4, 5, 1)
        assert torch.equal(tiles[1, 2, ..., 0], x[1, 4:8, :5])
        assert torch.equal(tiles[0, 1, ..., 0], x[0, :4, 5:])

    def test_come_from_the_middle_of_their_cells_and_in_training_from_anywhere_in_them(self):
        x = torch.arange(12 * 12).reshape(1, 12, 12).expand(400, -1, -1)
        model = network((12, 12), gap=2)
        assert torch.equal(model._centred(x)[0, 3, ..., 0], x[0, 7:11, 7:11])
        corners = model._jittered(x, keyed(0, 0, torch.arange(400)))[:, 3, 0, 0, 0]
        assert set(corners.tolist()) == {12 * row + column for row in (6, 7, 8) for column in (6, 7, 8)}

    def test_without_a_gap_both_are_the_same(self):
        model, x = network(), images()
        assert torch.equal(model._centred(x), model._jittered(x, keyed(0, 0, torch.arange(6))))

    @settings(max_examples=25, deadline=None)
    @given(
        size=st.tuples(st.integers(4, 17), st.integers(4, 17)),
        channels=st.sampled_from([None, 1, 2, 3, 4]),
        grid=st.sampled_from([2, 3, 4]),
        gap=st.integers(0, 1),
    )
    def test_any_size_and_channels(self, size, channels, grid, gap):
        if min(side // grid for side in size) <= gap:
            return
        shape = size if channels is None else (*size, channels)
        model = network(shape, grid=grid, gap=gap, n_components=2 * grid**2, hidden=[3, 4])
        x = images(3, shape)
        assert model.encode(x).shape == (3, 2 * grid**2)
        model.loss(Batch(x, x, keyed(0, 0, torch.arange(3)))).backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())


class TestLoss:
    def test_is_the_cross_entropy_of_the_places_of_shuffled_tiles(self):
        model, item = network().eval(), batch()
        order = item.random.stream("jigsaw").uniform((6, 4)).argsort(dim=1)
        assert len({tuple(each) for each in order.tolist()}) > 1
        codes = model._codes(model._centred(item.x))
        shuffled = torch.stack([codes[row, order[row]] for row in range(6)])
        expected = sequence_cross_entropy(model._places(shuffled), order).mean()
        assert torch.allclose(model.loss(item), expected)

    def test_a_row_has_the_order_and_the_jitter_that_it_has_alone(self):
        model = network(gap=1, block={"batch_norm": False}).double().train()
        item = batch()
        item = Batch(item.x.double(), item.x.double(), item.random)
        parts = [(0, 2), (2, 6)]
        split = [Batch(item.x[a:b], item.x[a:b], keyed(3, 0, torch.arange(a, b))) for a, b in parts]
        total = sum(model.loss(part) * len(part) for part in split) / 6
        assert torch.allclose(total, model.loss(item), rtol=1e-12)

    def test_another_epoch_has_another_order(self):
        model = network().eval()
        assert torch.equal(model.loss(batch()), model.loss(batch()))
        assert not torch.equal(model.loss(batch()), model.loss(batch(epoch=1)))

    def test_starts_near_knowing_nothing(self):
        assert 1.0 < float(network().eval().loss(batch()).detach()) < 2.0  # ln 4 = 1.39


class TestAnswers:
    def test_a_code_is_made_of_tiles_in_their_own_order(self):
        model, x = network().eval(), images()
        tiles = model._centred(x)
        parts = [model.encoder(tiles[:, k].permute(0, 3, 1, 2)) for k in range(4)]
        assert torch.allclose(model.encode(x), torch.cat(parts, dim=1), atol=1e-6)

    def test_each_turn_shows_the_tiles_one_further(self):
        model, x = network().eval(), images()
        codes = model._codes(model._centred(x))
        turned = model.turned(x)
        assert turned.shape == (6, 4, 4, 4)
        shown = codes[:, [1, 2, 3, 0]]
        assert torch.allclose(turned[:, 1], model._places(shown).log_softmax(dim=2), atol=1e-6)
        assert torch.allclose(turned.exp().sum(dim=3), torch.ones(6, 4, 4))

    def test_tiles_that_nobody_can_tell_apart(self):
        x = images()
        x[2, :4] = 0.5
        alike = network().alike(x)
        assert torch.equal(alike[0], torch.eye(4))
        assert alike[2].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_a_rows_code_does_not_depend_on_its_place(self, dtype):
        first = network(gap=1)
        model = with_weights("jigsaw", first.config, first.state_dict()).to(dtype)
        x = images(16).to(dtype)
        whole = model.encode(x)
        for row in range(16):
            alone = torch.zeros_like(x)
            alone[0] = x[row]
            assert torch.equal(model.encode(alone)[0], whole[row])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"grid": 1}, "grid=1 is out of range"),
        ({"grid": 10}, "grid=10 with gap=0 leaves nothing of the tiles of images of 9 x 10; use grid=2"),
        ({"gap": 4}, "gap=4 leaves nothing"),
        ({"gap": -1}, "gap=-1 is out of range"),
        ({"n_components": 10}, "n_components=10 cannot be shared by 4 tiles; use a multiple, such as 8 or 12"),
        ({"n_components": 3}, "use a multiple, such as 4"),
        ({"kernel_size": 2}, "kernel_size=2 has no middle pixel"),
        ({"head": 0}, "head=0 is out of range"),
    ],
)
def test_settings_that_cannot_work(config, message):
    with pytest.raises(ConfigError, match=message):
        network(**config)


def test_the_size_of_a_tile():
    assert tile_size((28, 29, 3), grid=3, gap=1) == (8, 8)

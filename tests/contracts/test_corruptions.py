"""What every corruption promises; a registry line is all that a new one needs."""

from __future__ import annotations

import pytest
import torch

from latens.corruptions import CORRUPTIONS, Custom, corruption_config, resolve_corruption
from latens.data.batches import Batch
from latens.errors import ConfigError
from latens.models import build
from latens.persistence import read, write
from latens.seeds import Pool, keyed


def images(n: int = 16) -> torch.Tensor:
    return torch.rand(n, 3, 11, generator=torch.Generator().manual_seed(0)) + 0.1


@pytest.fixture
def batch() -> torch.Tensor:
    return images()


def draws(epoch: int = 0, first: int = 0, n: int = 16):
    """With other rows to take values from, as a fit has them."""
    pool = Pool(images(40), torch.arange(30))
    return keyed(seed=7, epoch=epoch, index=torch.arange(first, first + n), pool=pool)


IMAGES_ONLY = {"affine", "blur", "rotation", "stains"}


@pytest.mark.parametrize("name", CORRUPTIONS)
class TestEveryCorruption:
    def test_is_the_identity_in_evaluation(self, name, batch):
        network = build("deep", {"encoder": [33, 8, 2], "corruption": name}, seed=0)
        clean = build("deep", {"encoder": [33, 8, 2]}, seed=0)
        item = Batch(batch, batch, draws())
        assert torch.equal(network.eval().loss(item), clean.eval().loss(item))
        assert not torch.equal(network.train().loss(item), clean.train().loss(item))

    def test_changes_the_batch_and_not_its_argument(self, name, batch):
        before = batch.clone()
        assert not torch.equal(CORRUPTIONS[name]()(batch, draws()), batch)
        assert torch.equal(batch, before)

    def test_same_key_gives_same_bits(self, name, batch):
        corruption = CORRUPTIONS[name]()
        assert torch.equal(corruption(batch, draws()), corruption(batch, draws()))

    def test_a_row_alone_gets_the_noise_it_has_in_a_batch(self, name, batch):
        corruption = CORRUPTIONS[name]()
        alone = corruption(batch[5:6], draws(first=5, n=1))
        assert torch.equal(corruption(batch, draws())[5:6], alone)

    def test_other_epoch_gives_other_noise(self, name, batch):
        corruption = CORRUPTIONS[name]()
        assert not torch.equal(corruption(batch, draws(epoch=0)), corruption(batch, draws(epoch=1)))

    def test_rows_do_not_share_noise(self, name, batch):
        first, second = CORRUPTIONS[name]()(batch[:1].expand(2, -1, -1), draws(n=2))
        assert not torch.equal(first, second)

    def test_takes_colour_images_of_any_size_and_one_row(self, name):
        x = torch.rand(1, 9, 4, 3, generator=torch.Generator().manual_seed(0))
        key = keyed(0, 0, torch.tensor([5]), Pool(x.expand(8, -1, -1, -1) / 2, torch.arange(8)))
        corrupted = CORRUPTIONS[name]()(x, key)
        assert corrupted.shape == x.shape
        assert corrupted.isfinite().all()

    def test_takes_flat_data_or_says_that_it_needs_images(self, name):
        x = torch.rand(4, 12, generator=torch.Generator().manual_seed(0))
        key = keyed(0, 0, torch.arange(4), Pool(x, torch.arange(4)))
        if name in IMAGES_ONLY:
            with pytest.raises(ConfigError, match=rf"'{name}' needs images .* not \(4, 12\); use X.reshape"):
                CORRUPTIONS[name]()(x, key)
        else:
            assert CORRUPTIONS[name]()(x, key).shape == x.shape

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
    def test_keeps_shape_dtype_and_device(self, name, batch, dtype):
        corrupted = CORRUPTIONS[name]()(batch.to(dtype), draws())
        assert (corrupted.shape, corrupted.dtype, corrupted.device) == (batch.shape, dtype, batch.device)

    def test_calculates_where_the_batch_is(self, name):
        # On the meta device whatever was made elsewhere is an error, as it would be on a GPU.
        x, index = torch.empty(4, 9, 8, 3, device="meta"), torch.arange(4, device="meta")
        assert CORRUPTIONS[name]()(x, keyed(0, 0, index, Pool(x, index))).device == x.device

    def test_what_it_says_is_hidden_is_what_changes(self, name, batch):
        corruption = CORRUPTIONS[name]()
        if not hasattr(corruption, "hidden"):
            return
        hidden = corruption.hidden(batch, draws())
        assert hidden.dtype == torch.bool
        assert torch.equal(corruption(batch, draws()) == 0.0, hidden.expand(batch.shape))

    def test_leaves_the_global_random_state_alone(self, name, batch):
        before = torch.get_rng_state()
        CORRUPTIONS[name]()(batch, draws())
        assert torch.equal(before, torch.get_rng_state())

    def test_round_trips_through_the_model_file(self, name, tmp_path):
        corruption = CORRUPTIONS[name](0.125)
        write(tmp_path / "c.latens", {"corruption": corruption_config(corruption)}, {})
        assert resolve_corruption(read(tmp_path / "c.latens").header["corruption"]) == corruption

    def test_round_trips_through_the_command_line(self, name):
        assert resolve_corruption(f"{name}:0.125") == CORRUPTIONS[name](0.125)

    def test_refuses_nonsense(self, name):
        with pytest.raises(ConfigError, match=r"=-1 .* use "):
            CORRUPTIONS[name](-1)
        with pytest.raises(ConfigError, match=r"=nan .* use "):
            CORRUPTIONS[name](float("nan"))


class TestLevels:
    """The published constants mean what they say."""

    def test_gaussian_has_its_deviation(self):
        noise = CORRUPTIONS["gaussian"](0.5)(torch.zeros(100, 1000), draws(n=100))
        assert float(noise.std()) == pytest.approx(0.5, rel=0.01)
        assert float(noise.mean()) == pytest.approx(0.0, abs=0.01)

    def test_dropout_keeps_the_mean(self):
        kept = CORRUPTIONS["dropout"](0.2)(torch.ones(100, 1000), draws(n=100))
        assert float((kept == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
        assert float(kept.mean()) == pytest.approx(1.0, abs=0.01)

    def test_masking_only_hides(self):
        masked = CORRUPTIONS["masking"](0.3)(torch.ones(100, 1000), draws(n=100))
        assert set(masked.unique().tolist()) == {0.0, 1.0}
        assert float((masked == 0).float().mean()) == pytest.approx(0.3, abs=0.01)

    def test_salt_and_pepper_come_in_equal_parts(self):
        x = CORRUPTIONS["salt-and-pepper"](0.2)(torch.full((100, 1000), 0.5), draws(n=100))
        for extreme in (0.0, 1.0):
            assert float((x == extreme).float().mean()) == pytest.approx(0.1, abs=0.01)


class TestAUsersFunction:
    def test_may_take_the_batch_or_the_draws_too(self, batch):
        assert torch.equal(Custom(lambda x: x * 2)(batch, draws()), batch * 2)
        noisy = Custom(lambda x, random: x + random.normal(x.shape))(batch, draws())
        assert torch.equal(noisy, batch + draws().normal(batch.shape))

    def test_must_keep_the_shape(self, batch):
        with pytest.raises(ConfigError, match=r"returned \(16, 3\); return a tensor of shape \(16, 3, 11\)"):
            Custom(lambda x: x[..., 0])(batch, draws())

    def test_is_not_saved(self):
        assert corruption_config(Custom(lambda x: x)) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("gausian:0.5", "did you mean 'gaussian'"),
        ("gaussian:much", "'much' is not a number"),
        ({"name": "gaussian", "sigma": 1}, "its settings are std, mean"),
        ("gaussian:1:2:3", "its settings are std, mean"),
        (3, "is no corruption; use one of gaussian"),
    ],
)
def test_a_mistyped_corruption_says_the_way_out(value, message):
    with pytest.raises(ConfigError, match=message):
        resolve_corruption(value)

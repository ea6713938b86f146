"""Counter-based randomness: functions of integers, and nobody's global state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from latens.errors import ConfigError
from latens.seeds import Pool, generator, keyed, order, resolve_seed, sequence_uniform, split_order


class TestKeyed:
    def test_normal_numbers_are_normal(self):
        draws = keyed(0, 0, torch.arange(500)).normal((500, 101)).flatten()
        assert stats.kstest(draws.numpy(), "norm").pvalue > 0.001
        assert abs(float(draws.mean())) < 0.02

    def test_uniform_numbers_are_uniform_and_below_one(self):
        draws = keyed(0, 0, torch.arange(500)).uniform((500, 101)).flatten()
        assert stats.kstest(draws.numpy(), "uniform").pvalue > 0.001
        assert float(draws.min()) >= 0
        assert float(draws.max()) < 1

    def test_neighbouring_rows_columns_epochs_seeds_and_streams_are_uncorrelated(self):
        rows = torch.arange(2000)
        here = keyed(0, 0, rows).normal((2000, 50))
        others = [
            keyed(0, 1, rows).normal((2000, 50)),
            keyed(1, 0, rows).normal((2000, 50)),
            keyed(0, 0, rows).stream("x").normal((2000, 50)),
            keyed(0, 0, rows + 1).normal((2000, 50)),
            here.roll(1, dims=1),
        ]
        for other in others:
            assert abs(float((here * other).mean())) < 4 / (2000 * 50) ** 0.5

    @pytest.mark.parametrize("draw", ["normal", "uniform"])
    def test_a_row_gets_the_same_numbers_in_any_batch(self, draw):
        together = getattr(keyed(3, 5, torch.arange(10)), draw)((10, 2, 7))
        alone = getattr(keyed(3, 5, torch.tensor([8])), draw)((1, 2, 7))
        assert torch.equal(together[8:9], alone)

    def test_a_call_is_pure(self):
        key = keyed(0, 0, torch.arange(4))
        assert torch.equal(key.normal((4, 3)), key.normal((4, 3)))

    def test_a_cell_is_a_feature(self):
        key = keyed(0, 0, torch.arange(4))
        assert torch.equal(key.cells((4, 3)), key.uniform((4, 3)))

    def test_others_keep_shape_and_dtype_and_copy_no_more_than_they_give(self):
        values = torch.rand(50, 2, 3, dtype=torch.float64)
        others = keyed(0, 0, torch.arange(4), Pool(values, torch.arange(50))).others((4, 2, 3))
        assert (others.shape, others.dtype, others.untyped_storage().nbytes()) == ((4, 2, 3), values.dtype, 4 * 6 * 8)

    def test_one_row_a_key(self):
        with pytest.raises(ConfigError, match=r"shape\[0\]=3 differs from the 2 keyed rows"):
            keyed(0, 0, torch.arange(2)).normal((3, 1))


class TestOrder:
    def test_is_a_permutation_and_a_function_of_seed_and_epoch(self):
        assert sorted(order(0, 0, 100)) == list(range(100))
        assert np.array_equal(order(0, 0, 100), order(0, 0, 100))
        assert not np.array_equal(order(0, 0, 100), order(0, 1, 100))
        assert not np.array_equal(order(0, 0, 100), order(1, 0, 100))
        assert not np.array_equal(order(0, 0, 100), split_order(100, 0))


class TestResolveSeed:
    def test_takes_what_scikit_learn_takes(self):
        assert resolve_seed(np.int64(5)) == 5
        assert resolve_seed(np.random.RandomState(0)) == resolve_seed(np.random.RandomState(0))
        assert resolve_seed(np.random.default_rng(0)) == resolve_seed(np.random.default_rng(0))
        assert resolve_seed(None) != resolve_seed(None)

    @pytest.mark.parametrize("nonsense", [-1, 2**63, 0.5, "seven"])
    def test_refuses_nonsense(self, nonsense):
        with pytest.raises(ConfigError, match=r"random_state=.* is no seed; use an integer"):
            resolve_seed(nonsense)


def test_generators_differ_by_purpose_and_leave_the_global_one_alone():
    before = torch.get_rng_state()
    first, second = generator(0, "weights"), generator(0, "other")
    assert not torch.equal(torch.rand(4, generator=first), torch.rand(4, generator=second))
    assert torch.equal(before, torch.get_rng_state())


class TestSequenceUniform:
    def test_is_uniform_below_one_and_in_double_precision(self):
        draws = sequence_uniform(0, torch.arange(500), range(100)).flatten()
        assert draws.dtype == torch.float64
        assert stats.kstest(draws.numpy(), "uniform").pvalue > 0.001
        assert float(draws.min()) >= 0
        assert float(draws.max()) < 1
        assert len(draws.to(torch.float32).double().sub(draws).nonzero()) > 49_000  # more than 24 bits

    def test_depends_on_seed_sequence_and_step_alone(self):
        together = sequence_uniform(3, torch.arange(10), range(9))
        assert torch.equal(together[8:9, 5:6], sequence_uniform(3, torch.tensor([8]), range(5, 6)))

    @pytest.mark.parametrize("other", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2**40)])
    def test_neighbours_are_uncorrelated(self, other):
        seed, sequence, step = other
        here = sequence_uniform(0, torch.arange(2000), range(10)) - 0.5
        there = sequence_uniform(seed, torch.arange(2000) + sequence, range(step, step + 10)) - 0.5
        assert abs(float((here * there).mean()) * 12) < 4 / 20_000**0.5

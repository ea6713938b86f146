"""Products with a packed weight against NumPy's; a row's answer is the same bits alone and among others."""

from __future__ import annotations

import numpy as np
import pytest

from latens.kernels.tiles import aligned, packed, packed_bias, product, row_product


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (33, 5), (96, 32), (200, 17)])
class TestProducts:
    def test_are_numpys(self, n: int, k: int, dtype: type) -> None:
        random = np.random.default_rng(0)
        a, weight, bias = (random.standard_normal(shape).astype(dtype) for shape in ((16, k), (n, k), n))
        layout = packed(weight)
        wide = packed_bias(bias, layout, k)
        c = np.empty(16 * len(wide), dtype=dtype)
        product(a.ravel(), 16, k, layout, wide, c)
        found = c.reshape(16, -1)
        np.testing.assert_allclose(
            found[:, :n], a @ weight.T + bias, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-5
        )
        assert (found[:, n:] == 0).all()

    def test_of_one_row_are_the_same_bits(self, n: int, k: int, dtype: type) -> None:
        random = np.random.default_rng(1)
        a, weight, bias = (random.standard_normal(shape).astype(dtype) for shape in ((8, k), (n, k), n))
        layout, single = packed(weight), packed(weight, single=True)
        wide, wider = packed_bias(bias, layout, k), packed_bias(bias, single, k)
        c, one = np.empty(8 * len(wide), dtype=dtype), np.empty(len(wider), dtype=dtype)
        product(a.ravel(), 8, k, layout, wide, c)
        for row in range(8):
            row_product(a.ravel(), row * k, k, single, wider, one)
            assert np.array_equal(one[:n], c.reshape(8, -1)[row, :n])


def test_a_packed_weight_begins_where_a_line_of_a_cache_does() -> None:
    for n in range(1, 40):
        assert aligned(n, np.float32).ctypes.data % 64 == 0
        assert packed(np.ones((n, 3), dtype=np.float64)).ctypes.data % 64 == 0

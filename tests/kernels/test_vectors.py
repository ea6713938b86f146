"""Functions of vectors against NumPy in a wider precision; loads and stores that touch nothing beyond their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from latens.kernels.vectors import exp, keep, lanes, load, sigmoid, splat, store, tanh, total

FUNCTIONS: dict[str, tuple[Any, Callable[[np.ndarray], np.ndarray], float]] = {
    "exp": (exp, np.exp, 3.0),
    "sigmoid": (sigmoid, lambda x: 1 / (1 + np.exp(-x)), 4.0),
    "tanh": (tanh, np.tanh, 10.0),
}


def applied(name: str, x: np.ndarray) -> np.ndarray:
    function = FUNCTIONS[name][0]

    @numba.njit
    def run(x: np.ndarray, y: np.ndarray) -> None:
        for j in range(0, len(x), 64 // x.itemsize):
            store(y, j, function(load(x, j, len(x) - j)), len(x) - j)

    y = np.empty_like(x)
    run(x, y)
    return y


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestEveryFunction:
    def test_is_right_to_a_few_units_in_the_last_place(self, name: str, dtype: type) -> None:
        x = np.concatenate([np.linspace(-80, 80, 5003), np.linspace(-1, 1, 5003), [0.0]]).astype(dtype)
        expected = FUNCTIONS[name][1](x.astype(np.longdouble))
        found = applied(name, x).astype(np.longdouble)
        error = np.abs(found - expected) / np.where(expected == 0, 1, np.abs(expected))
        assert float(error.max()) <= FUNCTIONS[name][2] * np.finfo(dtype).eps

    def test_far_out_and_nan(self, name: str, dtype: type) -> None:
        x = np.array([-np.inf, -1e30, 1e30, np.inf, np.nan], dtype=dtype)
        found = applied(name, x)
        assert np.isnan(found[4])
        assert np.isfinite(found[:4]).all()
        if name != "exp":
            np.testing.assert_allclose(found[:4], FUNCTIONS[name][1](np.clip(x[:4], -80, 80)), atol=1e-30, rtol=1e-6)


@numba.njit
def part(x: np.ndarray, y: np.ndarray, n: int) -> float:
    loaded = load(x, 0, n)
    store(y, 0, loaded, n)
    return total(keep(loaded + splat(1.0, x), n))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_the_first_are_read_and_written(dtype: type) -> None:
    for n in range(1, lanes(dtype) + 3):
        x = np.full(2 * lanes(dtype), np.nan, dtype=dtype)
        x[: min(n, lanes(dtype))] = np.arange(min(n, lanes(dtype)))
        y = np.full_like(x, -1.0)
        summed = part(x, y, n)
        there = min(n, lanes(dtype))
        assert summed == np.arange(there).sum() + there
        assert np.array_equal(y[:there], x[:there])
        assert (y[there:] == -1.0).all()

"""Units that a dropout keeps, drawn in numba: bit by bit those of the definition in torch."""

from __future__ import annotations

import pytest
import torch

from latens import layers
from latens.errors import ConfigError
from latens.kernels.draws import kept
from latens.seeds import keyed


def by_definition(dropout: layers.Dropout, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "optional", lambda *names: None)
        return dropout.factors(shape, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (32, 64), (3, 2, 5, 5), (0, 4), (4, 0)])
@pytest.mark.parametrize("probability", [0.0, 0.1, 0.2, 0.3, 0.5, 2.0**-24, 0.999])
def test_has_the_bits_of_the_definition(probability, shape, dtype):
    dropout = layers.Dropout(probability)
    dropout.random = keyed(3, 1, torch.arange(shape[0]) * 977 + 5).stream("layer-2")
    expected = by_definition(dropout, shape, dtype)
    found = kept(dropout.random, shape, probability, dtype)
    assert found.dtype == dtype
    assert torch.equal(found, expected)


def test_other_rows_are_refused():
    with pytest.raises(ConfigError, match=r"shape\[0\]=3 differs from the 2 keyed rows"):
        kept(keyed(0, 0, torch.arange(2)), (3, 4), 0.5, torch.float32)


def test_a_row_keeps_its_units_in_any_batch():
    alone, among = (keyed(0, 4, torch.tensor(rows)) for rows in ([8], [3, 8, 1]))
    ours = [kept(random, (len(random.index), 30), 0.4, torch.float32) for random in (alone, among)]
    assert torch.equal(ours[0][0], ours[1][1])
    assert not torch.equal(ours[1][0], ours[1][1])

"""Blocks of another size, as a GPU has them, hold the same answers; and no answer depends on the others."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from latens.estimators.reading import POOLINGS, Reader
from latens.layers import initialise
from latens.models.autoregressive import TokenNetwork

V = 6


@pytest.fixture
def readers() -> tuple[Reader, Reader]:
    """With the blocks of a CPU, and with those of a GPU."""
    network = TokenNetwork(V, embedding_size=4, hidden_size=8)
    initialise(network, torch.Generator().manual_seed(0))
    small, large = (Reader(network, torch.device("cpu")) for _ in range(2))
    large.rows, large.group = 256, 64
    return small, large


def sequences() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(V, size=length) for length in (3, 70, 0, 130, 1, 64, 65, 9, 12, 7, 5)]


def test_blocks_of_any_size_hold_the_same_answers(readers: tuple[Reader, Reader]) -> None:
    small, large = readers
    for ours, theirs in zip(large.costs(sequences()), small.costs(sequences()), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for pooling in POOLINGS:
        ours, theirs = (reader.vectors(sequences(), pooling) for reader in (large, small))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_groups_of_any_size_give_the_same_steps(readers: tuple[Reader, Reader]) -> None:
    items = torch.arange(70) % V
    state = torch.randn(2, 70, 8, generator=torch.Generator().manual_seed(0))
    for ours, theirs in zip(*(reader.step(items, state) for reader in readers), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("which", [0, 1])
def test_a_rows_answer_does_not_depend_on_the_others(readers: tuple[Reader, Reader], which: int) -> None:
    reader = readers[which]
    together, vectors = reader.costs(sequences()), reader.vectors(sequences())
    for place in (1, 4, 10):
        alone = sequences()[place : place + 1]
        assert np.array_equal(reader.costs(alone)[0], together[place])
        assert np.array_equal(reader.vectors(alone)[0], vectors[place])


def test_a_reader_that_has_read_can_be_copied(readers: tuple[Reader, Reader]) -> None:
    reader = readers[0]
    expected = reader.states(sequences())
    for other in (copy.deepcopy(reader), pickle.loads(pickle.dumps(reader))):
        assert all(torch.equal(*pair) for pair in zip(other.states(sequences()), expected, strict=True))

"""Autoregressive networks: one loss whatever the batch, nothing seen of what comes, step by step as all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from latens.data.batches import TrainingData
from latens.data.sequences import SequenceBatch, SequenceRows, plain_windows
from latens.devices import launch
from latens.models import build
from latens.seeds import keyed
from latens.training import TrainConfig, train

CPU = torch.device("cpu")
TOKENS = {"n_items": 7, "embedding_size": 4, "hidden_size": 8}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "gru": ("text", TOKENS),
    "lstm": ("text", TOKENS | {"cell": "lstm"}),
    "one layer": ("events", TOKENS | {"n_layers": 1}),
    "mse": ("series", {"n_features": 2, "hidden_size": 8, "likelihood": "mse"}),
    "gaussian": ("series", {"n_features": 2, "hidden_size": 8, "cell": "lstm"}),
    "mixture": ("series", {"n_features": 1, "hidden_size": 8, "likelihood": "mixture:3"}),
    "relative": ("series", {"n_features": 2, "hidden_size": 8, "relative": True, "patch": 3}),
}


def made(name: str, dtype: torch.dtype = torch.float64, seed: int = 0) -> Any:
    return build(*CONFIGS[name], seed=seed).to(dtype)


def items_for(network: Any, rows: int, length: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    if "n_items" in network.config:
        return torch.randint(0, network.config["n_items"], (rows, length), generator=random)
    return torch.randn(rows, length, network.values_per_item, generator=random, dtype=dtype)


def batch_of(items: torch.Tensor, scored: torch.Tensor) -> SequenceBatch:
    return SequenceBatch(items, scored, int(scored.sum()), keyed(0, 0, torch.arange(len(items))))


@pytest.mark.parametrize("name", CONFIGS)
class TestEveryNetwork:
    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-4), (torch.float64, 1e-10)])
    def test_step_by_step_is_the_whole_sequence(self, name: str, dtype: torch.dtype, tolerance: float) -> None:
        network = made(name, dtype)
        items = items_for(network, 3, 250, dtype)
        whole, last = network(items)
        state = network.empty(3)
        for t in range(items.shape[1]):
            said, state = network.step(items[:, t], state)
            assert (said - whole[:, t]).abs().max() <= tolerance
        assert (state - last).abs().max() <= tolerance

    def test_what_comes_later_changes_nothing_before(self, name: str) -> None:
        network = made(name, torch.float32).eval()
        items = items_for(network, 2, 12, torch.float32)
        changed = items.clone()
        changed[:, 7] = (changed[:, 7] + 1) % 7
        first, second = network(items)[0], network(changed)[0]
        assert torch.equal(first[:, :7], second[:, :7])
        assert not torch.equal(first[:, 7], second[:, 7])

    def test_the_loss_of_all_is_that_of_parts_and_padding_is_nothing(self, name: str) -> None:
        network = made(name)
        items, lengths = items_for(network, 32, 11), torch.arange(32) % 9 + 2
        scored = torch.arange(11) < lengths[:, None]

        def gradients(*parts: slice, fill: int = 0, more: int = 0) -> list[torch.Tensor]:
            network.zero_grad()
            padding = torch.full((32, more, *items.shape[2:]), fill, dtype=items.dtype)
            padded = torch.cat([torch.where(_like(scored, items), items, fill), padding], dim=1)
            counts = torch.cat([scored, torch.zeros(32, more, dtype=torch.bool)], dim=1)
            for part in parts:
                batch = batch_of(padded[part], counts[part])
                (network.loss(batch) * len(batch) / scored.sum()).backward()
            return [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]

        whole = gradients(slice(None))
        for other in (
            gradients(*[slice(i, i + 1) for i in range(32)]),
            gradients(slice(5), slice(5, 32)),
            gradients(slice(None), fill=3, more=4),
        ):
            for ours, theirs in zip(whole, other, strict=True):
                torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)

    def test_an_empty_state_after_another_sequence_is_an_empty_state(self, name: str) -> None:
        network = made(name).eval()
        items = items_for(network, 2, 6)
        network(items[:1])
        both, _ = network(items)
        alone, _ = network(items[1:])
        torch.testing.assert_close(both[1:], alone)

    def test_a_copy_of_a_state_is_another_reader_of_the_same_past(self, name: str) -> None:
        network = made(name).eval()
        items = items_for(network, 1, 8)
        _, state = network(items[:, :4])
        before = state.clone()
        network(items[:, 4:], state)
        assert torch.equal(state, before)
        torch.testing.assert_close(network(items[:, 4:], state)[0], network(items)[0][:, 4:])

    def test_dropout_is_of_training_only_and_a_function_of_the_key(self, name: str) -> None:
        key, config = CONFIGS[name]
        network: Any = build(key, config | {"dropout": 0.5}, seed=0)
        items = items_for(network, 4, 9, torch.float32)
        batch = batch_of(items, torch.ones(4, 9, dtype=torch.bool))
        assert torch.equal(network.loss(batch), network.loss(batch))
        other = SequenceBatch(items, batch.scored, batch.count, keyed(0, 1, torch.arange(4)))
        assert not torch.equal(network.loss(batch), network.loss(other))
        quiet: Any = build(key, config, seed=0)
        assert torch.equal(network.eval().loss(batch), quiet.eval().loss(batch))


def _like(mask: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    return mask if items.dim() == 2 else mask[:, :, None]


def rows_of(ids: np.ndarray, chunk: int, **more: Any) -> SequenceRows:
    return SequenceRows(torch.from_numpy(ids), plain_windows(np.array([0, len(ids)]), chunk), 8, 0, CPU, **more)


def test_counting_is_learned() -> None:
    ids = np.arange(700) % 7
    network: Any = build("text", {"n_items": 7, "hidden_size": 16}, seed=0)
    network.begin_with(torch.tensor([1, 0, 0, 0, 0, 0, 0]), torch.full((7,), 100))
    rows = rows_of(ids, 20)
    history = train(network, TrainingData(rows, rows_of(ids[:0], 20)), TrainConfig(30, 1e-2), launch("cpu"))
    assert history["train_loss"][-1] < 0.05


def test_a_carried_state_goes_from_batch_to_batch() -> None:
    """What a chunk cannot show by itself: each one is a run of one item, told by the chunk before."""
    pattern = np.repeat([0, 1, 2, 3, 4], 4)
    ids = np.tile(pattern, 60)
    rows = rows_of(ids, 4, carry=True)
    network: Any = build("text", {"n_items": 5, "hidden_size": 16}, seed=0)
    network.train()
    batches = rows.batches(0)
    network.loss(next(batches))
    state = network.carried["state"]
    assert not state.requires_grad
    second = next(batches)
    alone = SequenceBatch(second.items, second.scored, second.count, second.random)
    assert not torch.equal(network.loss(second), network.loss(alone))


def test_the_first_item_is_predicted_by_counts() -> None:
    network: Any = build("text", {"n_items": 3, "hidden_size": 4}, seed=0)
    network.begin_with(torch.tensor([6, 2, 0]), torch.tensor([2, 1, 7]))
    expected = (torch.tensor([6.0, 2.0, 0.0]) + torch.tensor([3.0, 2.0, 8.0]) / 13) / 9
    torch.testing.assert_close(network.opening(1)[0].exp(), expected)
    assert network.opening(2).shape == (2, 3)


def test_a_relative_network_knows_no_level() -> None:
    network = made("relative").eval()
    items = items_for(network, 2, 6)
    said, moved = network(items)[0], network(items + 5.0)[0]
    mean = network.likelihood.mean
    torch.testing.assert_close(mean(moved), mean(said) + 5.0)

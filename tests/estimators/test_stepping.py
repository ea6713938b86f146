"""Native code draws what the steps in torch draw; a row's items are the same alone and among others."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from latens.errors import DivergedError
from latens.estimators.reading import POOLINGS, Reader
from latens.estimators.states import SequenceState
from latens.estimators.stepping import Stretch, native_stepper, stretches
from latens.layers import initialise
from latens.models.autoregressive import TokenNetwork
from latens.recurrent import CELLS

V = 11


def network(cell: str = "gru", n_layers: int = 2, hidden_size: int = 20) -> TokenNetwork:
    random = torch.Generator().manual_seed(0)
    made = TokenNetwork(V, embedding_size=6, hidden_size=hidden_size, n_layers=n_layers, cell=cell)
    initialise(made, random)
    with torch.no_grad():  # norms that do something, and items that differ
        for name, parameter in made.named_parameters():
            if "norm" in name or name.startswith("head"):
                parameter.add_(torch.randn(parameter.shape, generator=random) * 0.3)
    return made


def readers(made: TokenNetwork) -> tuple[Reader, Reader]:
    """In native code, and in torch."""
    native, stepped = Reader(made, torch.device("cpu")), Reader(made, torch.device("cpu"))
    assert native.native is not None
    vars(stepped)["native"] = None
    return native, stepped


def begun(made: TokenNetwork, rows: int) -> SequenceState:
    seen = torch.zeros(rows, V, dtype=torch.bool)
    return SequenceState(made.empty(rows), made.opening(rows).clone(), seen, torch.arange(rows) + 5, 0)


def drawn(reader: Reader, start: SequenceState, length: int, **settings: float) -> tuple[np.ndarray, np.ndarray]:
    found: list[Stretch] = list(stretches(reader, start, length, settings, seed=3))
    return tuple(np.concatenate([getattr(each, name) for each in found], axis=1) for name in ("ids", "log_probs"))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("rows", [1, 9])
class TestDrawing:
    def test_gives_what_steps_in_torch_give(self, cell: str, n_layers: int, rows: int) -> None:
        made = network(cell, n_layers)
        native, stepped = readers(made)
        for settings in ({}, {"temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.3}):
            ours, theirs = (drawn(reader, begun(made, rows), 300, **settings) for reader in (native, stepped))
            assert np.array_equal(ours[0], theirs[0])
            np.testing.assert_allclose(ours[1], theirs[1], atol=1e-5)

    def test_goes_on_from_anywhere(self, cell: str, n_layers: int, rows: int) -> None:
        made = network(cell, n_layers)
        for reader in readers(made):
            whole = drawn(reader, begun(made, rows), 300)[0]
            later = list(stretches(reader, begun(made, rows), 300, {}, seed=3))[-1].before
            assert 0 < later.steps < 300
            assert np.array_equal(drawn(reader, later, 300 - later.steps)[0], whole[:, later.steps :])


def test_rows_do_not_depend_on_each_other() -> None:
    made = network(hidden_size=33)
    native, _ = readers(made)
    start = begun(made, 21)
    together = drawn(native, start, 100)
    for row in (0, 8, 20):
        one = slice(row, row + 1)
        alone = SequenceState(start.state[:, one], start.said[one], start.seen[one], start.keys[one], 0)
        assert all(
            np.array_equal(mine, all_[one]) for mine, all_ in zip(drawn(native, alone, 100), together, strict=True)
        )


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latens.kernels.threads._SMALL", 0)
    made = network()
    native, _ = readers(made)
    found = []
    for count in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        found.append(drawn(native, begun(made, 40), 20)[0])
    assert np.array_equal(*found)


@pytest.mark.parametrize("cell", CELLS)
def test_reading_is_the_same_in_one_go_and_in_two_and_in_torch(cell: str) -> None:
    made = network(cell)
    native, stepped = readers(made)
    random = np.random.default_rng(0)
    sequences = [random.integers(0, V, length) for length in (0, 1, 7, 30)]
    whole = native.states(sequences)
    first = native.states([ids[:4] for ids in sequences])
    both = native.states([ids[4:] for ids in sequences], first)
    assert all(torch.equal(*pair) for pair in zip(whole, both, strict=True))
    for ours, theirs in zip(whole, stepped.states(sequences), strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_broken_logits_name_row_and_step() -> None:
    made = network()
    start = begun(made, 3)
    start.said[1, 4] = torch.nan
    for reader in readers(made):
        with pytest.raises(DivergedError, match=r"logits of row 1, step 0: NaN, .*weights are finite"):
            drawn(reader, start, 5)


def test_weights_that_are_not_finite_are_noticed() -> None:
    made = network()
    with torch.no_grad():
        made.head[3].bias[2] = torch.inf
    for reader in readers(made):
        with pytest.raises(DivergedError, match=r"logits of row 0, step 1"):
            drawn(reader, begun(made, 2), 5)


def test_nothing_is_drawn_of_nothing_to_draw() -> None:
    made = network()
    for reader in readers(made):
        assert list(stretches(reader, begun(made, 2), 0, {}, seed=0)) == []


def test_where_there_is_no_native_code() -> None:
    made = network()
    assert native_stepper(made.double(), torch.device("cpu")) is None
    assert native_stepper(torch.nn.Linear(1, 1), torch.device("cpu")) is None
    assert native_stepper(network(), torch.device("meta")) is None


@pytest.mark.parametrize("cell", CELLS)
class TestReading:
    def sequences(self) -> list[np.ndarray]:
        random = np.random.default_rng(1)
        return [random.integers(0, V, length) for length in (5, 0, 1, 70, 2, 31, 31, 4, 9, 100, 3)]

    def test_costs_are_those_in_torch(self, cell: str) -> None:
        native, stepped = readers(network(cell))
        for ours, theirs in zip(native.costs(self.sequences()), stepped.costs(self.sequences()), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-5)

    @pytest.mark.parametrize("pooling", POOLINGS)
    def test_vectors_are_those_in_torch(self, cell: str, pooling: str) -> None:
        native, stepped = readers(network(cell))
        ours, theirs = (reader.vectors(self.sequences(), pooling) for reader in (native, stepped))
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=2e-5)

    def test_a_rows_answer_does_not_depend_on_its_batch(self, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("latens.kernels.threads._SMALL", 0)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
        native, _ = readers(network(cell))
        sequences = self.sequences()
        costs, vectors = native.costs(sequences), native.vectors(sequences)
        for row, ids in enumerate(sequences):
            assert np.array_equal(native.costs([ids])[0], costs[row])
            assert np.array_equal(native.vectors([ids])[0], vectors[row])

    def test_nan_is_not_hidden(self, cell: str) -> None:
        made = network(cell)
        with torch.no_grad():
            made.cells[0].bias_state[0] = torch.nan
        native, _ = readers(made)
        assert np.isnan(native.costs([np.arange(5)])[0][1:]).all()
        assert all(np.isnan(native.vectors([np.arange(5)], pooling)).any() for pooling in POOLINGS)


def test_a_reader_can_be_copied() -> None:
    native, _ = readers(network())
    other = copy.deepcopy(native)
    assert np.array_equal(other.costs([np.arange(5)])[0], native.costs([np.arange(5)])[0])

"""On a GPU the same items are drawn as on a CPU; tried on a CPU, where work is done as it is instead of recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from latens import TextAutoregressor
from latens.errors import DivergedError
from latens.estimators import device_stepping
from latens.estimators.device_stepping import DeviceStepper
from latens.estimators.reading import Reader
from latens.estimators.states import SequenceState
from latens.estimators.stepping import stretches
from latens.layers import initialise
from latens.models.autoregressive import TokenNetwork

V = 7
SETTINGS = [{"temperature": 0.7, "top_k": None}, {"temperature": 0.7, "top_k": 3}]
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def network() -> TokenNetwork:
    made = TokenNetwork(V, embedding_size=4, hidden_size=6)
    initialise(made, torch.Generator().manual_seed(0))
    return made


def as_it_is(work: Callable[[], None]) -> Callable[[], None]:
    return work


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Of a GPU, as far as that goes without one; stretches are short."""
    monkeypatch.setattr(device_stepping, "_ITEMS", 4)
    found = Reader(network(), torch.device("cpu"))
    vars(found)["native"] = DeviceStepper(found.network, found.step, record=as_it_is)
    return found


def begun(reader: Reader, rows: int) -> SequenceState:
    state, said = reader.network.empty(rows), reader.network.opening(rows).clone()
    return SequenceState(state, said, torch.zeros(rows, V, dtype=torch.bool), torch.arange(rows) + 5, 0)


def drawn(reader: Reader, start: SequenceState, length: int, settings: dict[str, Any]) -> list[np.ndarray]:
    found = list(stretches(reader, start, length, settings, seed=3))
    return [np.concatenate([getattr(each, name) for each in found], axis=1) for name in ("ids", "log_probs")]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
class TestDrawing:
    def test_gives_what_the_cpu_gives(self, reader: Reader, settings: dict[str, Any]) -> None:
        cpu = Reader(reader.network, torch.device("cpu"))
        ours, theirs = (drawn(each, begun(each, 3), 10, settings) for each in (reader, cpu))
        assert np.array_equal(ours[0], theirs[0])
        np.testing.assert_allclose(ours[1], theirs[1], atol=1e-5)

    def test_goes_on_from_the_start_of_any_stretch(self, reader: Reader, settings: dict[str, Any]) -> None:
        whole = drawn(reader, begun(reader, 2), 10, settings)[0]
        for later in list(stretches(reader, begun(reader, 2), 10, settings, seed=3)):
            before = later.before
            assert np.array_equal(drawn(reader, before, 10 - before.steps, settings)[0], whole[:, before.steps :])
        assert before.steps == 8
        assert before.seen.sum(dim=1).tolist() == [len(set(row)) for row in whole[:, :8].tolist()]

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the interpreter
    def test_broken_logits_are_an_error_at_their_step(self, reader: Reader, settings: dict[str, Any]) -> None:
        start = begun(reader, 3)
        start.said[1] = torch.nan
        with pytest.raises(DivergedError, match=r"logits of row 1, step 0: NaN, .* use a model"):
            drawn(reader, start, 3, settings)


def test_rows_of_any_length_are_read(reader: Reader) -> None:
    cpu = Reader(reader.network, torch.device("cpu"))
    sequences = [np.arange(6) % V, np.array([], dtype=np.int64), np.array([3])]
    for ours, theirs in zip(reader.states(sequences), cpu.states(sequences), strict=True):
        torch.testing.assert_close(ours, theirs)
    state, said = reader.states(sequences[1:2])
    assert not state.any()
    assert torch.equal(said, reader.network.opening(1))


def test_other_networks_and_devices_go_on_as_before() -> None:
    assert not isinstance(Reader(network(), torch.device("cpu")).native, DeviceStepper)


@on_gpu
@pytest.mark.parametrize("top_k", [None, 5])
def test_text_from_a_gpu(top_k: int | None) -> None:
    model = TextAutoregressor(hidden_size=32, max_epochs=1, device="cuda", verbose=0)
    model.fit(["the quick brown fox jumps over the lazy dog\n" * 20])
    prompts = ["the ", "a dog "]
    together = model.generate(prompts, max_new_tokens=300, top_k=top_k)
    assert together == [model.generate(prompt, max_new_tokens=300, top_k=top_k) for prompt in prompts]

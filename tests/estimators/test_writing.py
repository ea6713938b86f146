from __future__ import annotations

import numpy as np
import pytest
import torch

import latens

ROCK = ["to be or not to be, that is the question"] * 20
LOG = [["login", "search", "buy"], ["login", "search", "search", "leave"]] * 20


@pytest.fixture(scope="module")
def text() -> latens.TextAutoregressor:
    return latens.TextAutoregressor(hidden_size=16, chunk=16, max_epochs=2, device="cpu", verbose=0).fit(ROCK)


@pytest.fixture(scope="module")
def events() -> latens.EventAutoregressor:
    return latens.EventAutoregressor(hidden_size=8, chunk=8, max_epochs=2, device="cpu", verbose=0).fit(LOG)


def drained(pieces):
    """All pieces, and what the iterator returned."""
    found = []
    while True:
        try:
            found.append(next(pieces))
        except StopIteration as end:
            return found, end.value


class TestText:
    def test_a_row_that_ended_first_stands_at_its_own_end(self, text):
        prompts = ["to", "be", "question"]
        written = text.generate(prompts, max_new_tokens=60, temperature=1, details=True)
        assert len({len(each.ids) for each in written}) > 1
        for prompt, each in zip(prompts, written, strict=True):
            again = text.read(text.schema_.decode(each.ids), text.read(prompt))
            assert torch.equal(each.state.state, again.state)
            assert torch.equal(each.state.seen, again.seen)
            assert each.state.steps == len(each.ids)

    def test_goes_on_as_if_it_had_never_stopped_also_under_a_repetition_penalty(self, text):
        how = {"stop": (), "temperature": 1.0, "repetition_penalty": 1.5}
        whole = text.generate("to", max_new_tokens=40, **how)
        first = text.generate("to", max_new_tokens=15, details=True, **how)
        assert first.text + text.generate(first.state, max_new_tokens=25, **how) == whole

    def test_a_stream_returns_what_is_returned_without_it(self, text):
        pieces, written = drained(text.generate("to", max_new_tokens=9, stop=(), stream=True, details=True))
        assert "".join(pieces) == written.text == text.generate("to", max_new_tokens=9, stop=())
        assert written.log_probs.shape == (9,)

    def test_a_stream_of_several_too(self, text):
        steps, written = drained(text.generate(["to", "be"], max_new_tokens=5, stop=(), stream=True))
        assert ["".join(column) for column in zip(*steps, strict=True)] == written

    def test_map(self, text):
        assert text.plot_map(["to be", "or not", "that"], labels=["a", "b", "a"]).axes


class TestEvents:
    def test_details_have_the_log_probability_of_each_item_and_the_end(self, events):
        written = events.generate(["login"], max_new_items=30, details=True)
        assert written.items == events.generate(["login"], max_new_items=30)
        assert len(written.ids) == len(written.log_probs)
        assert written.ids[-1] == events.schema_.end
        costs = events.surprisal(["login", *written.items])[1:]
        np.testing.assert_allclose(written.log_probs[:-1], -costs, atol=1e-5)

    def test_a_stream_returns_what_is_returned_without_it(self, events):
        items, written = drained(events.generate(["login"], stream=True))
        assert items == written == events.generate(["login"])

"""Beam search against all there is."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from latens.errors import ConfigError, DivergedError
from latens.sampling import beam_search

V, T = 4, 4


def table_step(seed: int):
    """Logits of the next item by the last one and by its place, so that no two hypotheses are level."""
    tables = torch.randn(T + 1, V, V, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2
    step = lambda items, place: (tables[place[0, :, 0] + 1, items], place + 1)  # noqa: E731
    return step, torch.zeros(1, 1, 1, dtype=torch.int64), tables[0, :1]


def recurrent_step(seed: int, layers: int = 2, width: int = 3):
    """A network of two layers, so that the state of each has to follow its hypothesis."""
    random = torch.Generator().manual_seed(seed)
    embed, head = (torch.randn(s, generator=random, dtype=torch.float64) for s in ((V, width), (width, V)))
    mix = torch.randn(layers, width, width, generator=random, dtype=torch.float64)

    def step(items, state):
        x, after = embed[items], []
        for layer in range(layers):
            x = torch.tanh(x + state[layer] @ mix[layer])
            after.append(x)
        return 3 * x @ head, torch.stack(after)

    logits, state = step(torch.tensor([0]), torch.zeros(layers, 1, width, dtype=torch.float64))
    return step, state, logits


def log_prob(step, state, logits, ids) -> float:
    total = 0.0
    for item in ids:
        total += float(logits.log_softmax(1)[0, item])
        logits, state = step(torch.tensor([item]), state)
    return total


def everything(problem, alpha: float, end: int | None) -> list[tuple[float, tuple[int, ...]]]:
    """All hypotheses with their scores, best first."""
    full = [ids for ids in product(range(V), repeat=T) if end not in ids[:-1]]
    shorter = [(*ids, end) for n in range(T - 1) for ids in product(range(V), repeat=n) if end not in ids]
    found = full + (shorter if end is not None else [])
    return sorted(((log_prob(*problem, ids) / len(ids) ** alpha, ids) for ids in found), reverse=True)


@pytest.mark.parametrize("make", [table_step, recurrent_step])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.7, -0.5])
@pytest.mark.parametrize("end", [None, 2])
class TestAgainstBruteForce:
    def test_with_room_for_all_the_order_is_exact(self, make, alpha, end):
        problem = make(seed=0)
        expected = everything(problem, alpha, end)
        beams = beam_search(*problem, max_new=T, beams=V**T, length_penalty=alpha, end=end)
        assert [beam.ids for beam in beams] == [ids for _, ids in expected]
        assert torch.allclose(torch.tensor([b.score for b in beams]), torch.tensor([s for s, _ in expected]))

    def test_with_few_beams_what_is_returned_has_its_own_score(self, make, alpha, end):
        for seed in range(5):
            problem = make(seed)
            beams = beam_search(*problem, max_new=T, beams=3, length_penalty=alpha, end=end)
            scores = {ids: score for score, ids in everything(problem, alpha, end)}
            assert len({beam.ids for beam in beams}) == 3
            assert [beam.score for beam in beams] == sorted((beam.score for beam in beams), reverse=True)
            for beam in beams:
                assert beam.score == pytest.approx(scores[beam.ids])
                assert beam.log_prob == pytest.approx(log_prob(*problem, beam.ids))


def test_one_beam_is_greedy():
    step, state, logits = recurrent_step(1)
    (beam,) = beam_search(step, state, logits, max_new=10, beams=1)
    for item in beam.ids:
        assert item == int(logits.argmax())
        logits, state = step(torch.tensor([item]), state)


def test_a_finished_hypothesis_is_kept_though_better_ones_go_on():
    # After 0 or 1 nothing is certain; the end item 2 comes first with a probability of 0.2.
    table = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]).log()
    step = lambda items, state: (table[items], state)  # noqa: E731
    first = torch.tensor([[0.4, 0.4, 0.2]]).log()
    best, *_ = beam_search(step, torch.zeros(1, 1, 1), first, max_new=6, beams=2, length_penalty=0.0, end=2)
    assert best.ids == (2,)


def test_a_search_ends_when_nothing_better_can_come():
    taken = []
    table = torch.tensor([[0.01, 0.99], [0.5, 0.5]]).log()

    def step(items, state):
        taken.append(len(items))
        return table[items], state

    best, *_ = beam_search(step, torch.zeros(1, 1, 1), table[:1], max_new=1000, beams=1, length_penalty=0.0, end=1)
    assert best.ids == (1,)
    assert not taken


def test_what_is_impossible_is_not_returned():
    only = torch.eye(3).log()
    beams = beam_search(lambda i, s: (only[i], s), torch.zeros(1, 1, 1), only[:1], max_new=3, beams=4)
    assert [beam.ids for beam in beams] == [(0, 0, 0)]


def test_equals_come_in_the_order_of_their_ids():
    flat = torch.zeros(1, 3)
    beams = beam_search(lambda i, s: (flat.expand(len(i), -1), s), torch.zeros(1, 1, 1), flat, max_new=2, beams=4)
    assert [beam.ids for beam in beams] == [(0, 0), (0, 1), (0, 2), (1, 0)]


def test_any_state_with_its_own_gather():
    step, state, logits = recurrent_step(3)
    pairs = lambda items, two: (lambda out: (out[0], tuple(out[1])))(step(items, torch.stack(two)))  # noqa: E731
    gather = lambda two, parents: tuple(part[parents] for part in two)  # noqa: E731
    ours = beam_search(pairs, tuple(state), logits, max_new=T, beams=5, gather=gather)
    assert ours == beam_search(step, state, logits, max_new=T, beams=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beams": 0}, r"beams=0 is out of range; use a whole number >= 1"),
        ({"max_new": 0}, r"max_new=0 is out of range"),
        ({"length_penalty": float("nan")}, r"length_penalty=nan is out of range"),
        ({"end": V}, r"end=4 is beyond the 4 items; use an id below"),
        ({"logits": torch.zeros(2, V)}, r"logits of shape \(2, 4\); use one row"),
    ],
)
def test_refuses_nonsense(change, message):
    step, state, logits = table_step(0)
    arguments = {"logits": logits, "max_new": T, "beams": 2} | change
    with pytest.raises(ConfigError, match=message):
        beam_search(step, state, **arguments)


def test_broken_logits_name_beam_and_step():
    step = lambda items, state: (torch.zeros(len(items), V).index_fill(0, torch.tensor([1]), torch.nan), state)  # noqa: E731
    with pytest.raises(DivergedError, match=r"logits of row 1, step 1: NaN"):
        beam_search(step, torch.zeros(1, 1, 1), torch.zeros(1, V), max_new=3, beams=2)

"""The loop: a row's items depend on nothing but its own keys, and each step is taken once."""

from __future__ import annotations

import pytest
import torch

from latens.errors import ConfigError, DivergedError
from latens.sampling import build_filters, generate, top_k
from latens.sampling.generation import refuse_faults

V, L, H = 7, 2, 5


def weights() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    shapes = {"embed": (V, H), "mix": (L, H, H), "head": (H, V)}
    return {name: torch.randn(shape, generator=random, dtype=torch.float64) for name, shape in shapes.items()}


W = weights()


def step(items, state):  # a recurrent network of two layers
    x, layers = W["embed"][items], []
    for layer in range(L):
        x = torch.tanh(x + (state[layer][:, :, None] * W["mix"][layer]).sum(1))
        layers.append(x)
    return (x[:, :, None] * W["head"]).sum(1) * 2, torch.stack(layers)


def start(n: int):
    logits, state = step(torch.arange(n) % V, torch.zeros(L, n, H, dtype=torch.float64))
    return state, logits


def ids_of(steps) -> torch.Tensor:  # (T, B)
    return torch.stack([drawn.ids for drawn in steps])


class TestGenerate:
    def test_a_row_alone_gets_what_it_gets_in_a_batch(self):
        state, logits = start(6)
        together = ids_of(generate(step, state, logits, max_new=20, seed=3))
        row, number = slice(4, 5), torch.tensor([4])
        alone = ids_of(generate(step, state[:, row], logits[row], max_new=20, seed=3, sequence=number))
        assert torch.equal(together[:, row], alone)

    def test_rows_seeds_and_sequences_differ(self):
        state, logits = start(1)
        state, logits = state.expand(-1, 3, -1), logits.expand(3, -1)
        here = ids_of(generate(step, state, logits, max_new=30, seed=0))
        assert len({tuple(row.tolist()) for row in here.T}) == 3
        assert not torch.equal(here, ids_of(generate(step, state, logits, max_new=30, seed=1)))
        same = ids_of(generate(step, state, logits, max_new=30, sequence=torch.zeros(3, dtype=torch.int64)))
        assert torch.equal(same[:, 0], same[:, 2])

    @pytest.mark.parametrize("first", [5, 64, 70])
    def test_goes_on_with_its_draws_after_a_break(self, first):
        state, logits = start(3)
        whole = ids_of(generate(step, state, logits, max_new=150))
        for ids in whole[:first]:
            logits, state = step(ids, state)
        rest = generate(step, state, logits, max_new=150 - first, first=first)
        assert torch.equal(ids_of(rest), whole[first:])

    def test_temperature_zero_takes_the_likeliest_item_of_each_step(self):
        state, logits = start(3)
        drawn = list(generate(step, state, logits, max_new=5, filters=build_filters(temperature=0)))
        for each in drawn:
            assert torch.equal(each.ids, logits.argmax(1))
            logits, state = step(each.ids, state)

    def test_log_probabilities_are_the_models_own(self):
        state, logits = start(3)
        for drawn in generate(step, state, logits, max_new=5, filters=build_filters(temperature=0.3, top_k=2)):
            expected = logits.log_softmax(1).gather(1, drawn.ids[:, None])[:, 0]
            assert torch.allclose(drawn.log_probs, expected, atol=1e-12)
            logits, state = step(drawn.ids, state)

    def test_takes_one_step_an_item_and_none_that_is_not_needed(self):
        taken = []

        def counted(items, state):
            taken.append(len(items))
            return step(items, state)

        steps = generate(counted, *start(2), max_new=9)
        next(steps)
        assert not taken
        assert len(list(steps)) == 8
        assert taken == [2] * 8

    def test_takes_any_state(self):
        after = lambda items, state: (torch.eye(V)[(items + 1) % V].log(), {"n": state["n"] + 1})  # noqa: E731
        drawn = ids_of(generate(after, {"n": 0}, torch.eye(V)[[3, 5]].log(), max_new=4))
        assert drawn.T.tolist() == [[3, 4, 5, 6], [5, 6, 0, 1]]

    def test_leaves_gradients_and_the_global_random_state_alone(self):
        before = torch.get_rng_state()
        state, logits = start(1)
        for drawn in generate(step, state, logits.requires_grad_(), max_new=2):
            assert torch.is_grad_enabled()
            assert not drawn.log_probs.requires_grad
        assert torch.equal(before, torch.get_rng_state())

    def test_none_new_items_are_none(self):
        assert list(generate(step, *start(2), max_new=0)) == []


class TestEnds:
    def test_a_row_ends_with_its_item_and_the_others_go_on(self):
        after = lambda items, state: (torch.eye(V)[(items + 1) % V].log(), state)  # noqa: E731
        drawn = list(generate(after, None, torch.eye(V)[[4, 1]].log(), stop=[5]))
        assert [each.counts.tolist() for each in drawn] == [[True, True]] * 2 + [[False, True]] * 3
        assert [each.alive.tolist() for each in drawn] == [[True, True]] + [[False, True]] * 3 + [[False, False]]
        assert [each.step for each in drawn] == [0, 1, 2, 3, 4]

    def test_a_function_may_end_rows(self):
        drawn = list(generate(step, *start(2), max_new=5, stop=lambda ids: torch.tensor([True, False])))
        assert [each.alive.tolist() for each in drawn] == [[False, True]] * 5

    def test_may_have_no_end(self):
        steps = generate(step, *start(1))
        assert [next(steps).step for _ in range(100)] == list(range(100))

    def test_rows_that_ended_may_break(self):
        def broken_after_end(items, state):
            return torch.eye(3)[(items + 1) % 3].log().masked_fill((items == 2)[:, None], float("nan")), state

        drawn = list(generate(broken_after_end, None, torch.eye(3)[[2, 0]].log(), stop=[2]))
        assert len(drawn) == 3


class TestSeen:
    def test_the_penalty_knows_prompt_and_continuation(self):
        flat = torch.full((1, V), -1.0)
        prompt = torch.zeros(1, V, dtype=torch.bool)
        prompt[0, :2] = True
        greedy = build_filters(temperature=0, repetition_penalty=5.0)
        drawn = ids_of(generate(lambda i, s: (flat, s), None, flat, max_new=6, filters=greedy, seen=prompt))
        assert drawn[:, 0].tolist() == [2, 3, 4, 5, 6, 0]
        assert prompt.sum() == 2  # the caller's own


class TestErrors:
    def test_name_row_and_step(self):
        def breaks(items, state):
            logits = torch.zeros(2, V)
            logits[1, 3] = float("nan") if state == 6 else 0.0
            return logits, state + 1

        with pytest.raises(DivergedError, match=r"logits of row 1, step 17: NaN, infinite or all -inf"):
            list(generate(breaks, 0, torch.zeros(2, V), max_new=20, first=10))

    def test_name_the_first_of_many_steps_that_were_looked_at_together(self):
        faults = [torch.zeros(2, 3, dtype=torch.bool) for _ in range(5)]
        refuse_faults(kept := [*faults], last=12)
        assert not kept
        faults[3][0, 1] = faults[4][0, 0] = True
        with pytest.raises(DivergedError, match=r"row 1, step 11"):
            refuse_faults(faults, last=12)

    def test_nothing_left_is_the_filters_fault(self):
        with pytest.raises(ConfigError, match=r"filters leave no item at row 0, step 0; ban fewer items"):
            list(generate(step, *start(1), max_new=1, filters=build_filters(ban=range(V), temperature=0.5, top_k=2)))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"max_new": -1}, r"max_new=-1 is out of range; use a whole number >= 0"),
            ({"first": -1}, r"first=-1 is out of range"),
            ({"stop": [-2]}, r"stop=-2 is out of range"),
            ({"sequence": torch.arange(3)}, r"sequence has 3 rows for 2 of logits; use one for each"),
            ({"seen": torch.zeros(1, V, dtype=torch.bool)}, r"seen has 1 rows for 2"),
        ],
    )
    def test_come_before_the_first_step(self, change, message):
        state, logits = start(2)
        with pytest.raises(ConfigError, match=message):
            generate(step, state, logits, **change)

    @pytest.mark.parametrize("logits", [torch.zeros(3), torch.zeros(0, 3), torch.zeros(2, 3, dtype=torch.int64)])
    def test_logits_are_floating_and_of_two_dimensions(self, logits):
        with pytest.raises(ConfigError, match=r"logits of shape .* use floating numbers \(B, V\)"):
            generate(step, None, logits, filters=top_k(1))

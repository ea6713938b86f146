"""One uniform number, one item."""

from __future__ import annotations

import math

import torch

from latens.sampling import pick
from latens.seeds import sequence_uniform

LAST = 1.0 - 2.0**-53


def test_is_the_inverse_of_the_distribution_function():
    logits = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64).log().expand(6, -1)
    uniform = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75, LAST], dtype=torch.float64)
    assert pick(logits, uniform).tolist() == [0, 0, 1, 1, 2, 2]


def test_never_draws_what_has_no_probability():
    logits = torch.tensor([float("-inf"), 0.0, float("-inf"), 0.1, float("-inf")])
    draws = sequence_uniform(0, torch.arange(1_000_000), range(1))[:, 0]
    assert set(pick(logits.expand(len(draws), -1), draws).unique().tolist()) == {1, 3}
    ends = torch.tensor([0.0, LAST], dtype=torch.float64)
    assert pick(logits.expand(2, -1), ends).tolist() == [1, 3]


def test_the_last_number_below_one_draws_an_item_of_any_distribution():
    logits = torch.randn(2000, 37, generator=torch.Generator().manual_seed(0)) * 5
    ids = pick(logits, torch.full((2000,), LAST, dtype=torch.float64))
    assert (logits.double().softmax(1).gather(1, ids[:, None]) > 0).all()


def test_rare_items_are_as_rare_as_they_should_be():
    # Single precision would give all of these items a probability that is wrong by several percent.
    logits = torch.zeros(1, 2)
    logits[0, 1] = -math.log(2.0**30)
    below = torch.tensor([1.0 - 2.0**-29, 1.0 - 2.0**-31], dtype=torch.float64)
    assert pick(logits.expand(2, -1), below).tolist() == [0, 1]


def test_a_row_alone_draws_what_it_draws_in_a_batch():
    logits = torch.randn(50, 11, generator=torch.Generator().manual_seed(0))
    draws = sequence_uniform(0, torch.arange(50), range(4, 5))[:, 0]
    assert all(int(pick(logits[i : i + 1], draws[i : i + 1])) == int(pick(logits, draws)[i]) for i in range(50))


def test_broken_logits_still_give_an_id_that_exists():
    ids = pick(torch.full((2, 3), float("nan")), torch.tensor([0.5, 0.9]))
    assert ((ids >= 0) & (ids < 3)).all()

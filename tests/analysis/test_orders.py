"""Orders are whole, alike tiles may change places, and chance is what chance would do."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from latens.analysis import OrderAccuracy, judge_orders


def perfect(n: int, tiles: int) -> np.ndarray:
    """Scores of somebody who knows: in turn r the slot s shows tile s + r."""
    scores = np.zeros((n, tiles, tiles, tiles))
    for turn, slot in itertools.product(range(tiles), repeat=2):
        scores[:, turn, slot, (slot + turn) % tiles] = 1.0
    return scores


def apart(n: int, tiles: int) -> np.ndarray:
    return np.broadcast_to(np.eye(tiles), (n, tiles, tiles))


@pytest.mark.parametrize("tiles", [4, 9])
def test_who_knows_is_right_and_who_is_wrong_is_wrong(tiles):
    found = judge_orders(perfect(3, tiles), apart(3, tiles))
    assert (found.positions, found.orders) == (1.0, 1.0)
    assert found.chance_positions == pytest.approx(1 / tiles)
    assert found.chance_orders == pytest.approx(1 / math.factorial(tiles))
    wrong = judge_orders(np.roll(perfect(3, tiles), 1, axis=3), apart(3, tiles))
    assert (wrong.positions, wrong.orders) == (0.0, 0.0)


def test_no_place_is_taken_twice():
    """Each slot likes place 0 best; together they do better otherwise."""
    scores = np.array([[3.0, 2.0, 0.0], [3.0, 0.0, 2.0], [3.0, 0.0, 0.0]])
    found = judge_orders(scores[None, None], apart(1, 3))
    best = max(itertools.permutations(range(3)), key=lambda order: sum(scores[i, p] for i, p in enumerate(order)))
    assert best == (1, 2, 0)
    assert found.positions == 0.0  # of no slot is its own place the best


def test_alike_tiles_may_change_places():
    alike = np.eye(4)
    alike[0, 1] = alike[1, 0] = 1.0
    swapped = perfect(1, 4)[..., [1, 0, 2, 3]]
    found = judge_orders(swapped, alike[None])
    assert (found.positions, found.orders) == (1.0, 1.0)
    assert found.chance_positions == pytest.approx(6 / 16)
    assert found.chance_orders == pytest.approx(2 / 24)


def test_chance_is_what_random_orders_do():
    random = np.random.default_rng(0)
    alike = np.eye(4)
    alike[:3, :3] = 1.0
    found = judge_orders(random.uniform(size=(4000, 4, 4, 4)), np.broadcast_to(alike, (4000, 4, 4)))
    assert found.positions == pytest.approx(found.chance_positions, abs=0.01)
    assert found.orders == pytest.approx(found.chance_orders, abs=0.01)
    assert found.ratio == pytest.approx(1.0, abs=0.03)


def test_the_answer_in_words():
    found = OrderAccuracy(4, 0.983, 0.9, 0.25, 1 / 24, "held-out", 1200)
    assert found.verdict == (
        "puts 98.3 % of 4 tiles in place (chance 25 %) and 90 % of images whole (chance 4.17 %) "
        "on 1,200 held-out images"
    )
    assert found.ratio == pytest.approx(0.017 / 0.75)
    assert math.isnan(OrderAccuracy(4, 1.0, 1.0, 1.0, 1.0, "given", 1).ratio)

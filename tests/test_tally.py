"""The losses of an epoch."""

from __future__ import annotations

import math

import pytest
import torch

from latens.tally import Tally


def test_tensors_and_numbers_add_up():
    tally = Tally()
    tally.add(1, torch.tensor(2.0), 3)
    tally.add(2, 1.0, torch.tensor(1))
    assert tally.unread == 2
    assert tally.read() == 0
    assert (tally.unread, tally.total, tally.things) == (0, 7.0, 4.0)
    assert tally.mean == pytest.approx(7 / 4)


def test_the_first_step_that_was_no_number_is_remembered():
    tally = Tally()
    for step, loss in enumerate((1.0, math.inf, math.nan), start=5):
        tally.add(step, loss, 1)
    assert tally.read() == 6
    tally.begin()
    assert tally.read() == 6


def test_an_epoch_begins_at_nothing_or_where_it_was():
    tally = Tally()
    tally.begin(6.0, 2.0)
    tally.add(1, 1.0, 1)
    tally.read()
    assert tally.mean == pytest.approx(7 / 3)
    tally.begin()
    assert tally.mean == 0.0

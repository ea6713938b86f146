from __future__ import annotations

import pickle

import pytest

from latens.errors import DataError, in_a_line


class TestDataError:
    def test_a_line_stays_as_it_is(self):
        assert str(DataError("x.csv: is empty; give it rows")) == "x.csv: is empty; give it rows"

    def test_lines_become_one(self):
        assert str(DataError("x.csv: a\nb\r\nc\u2028d")) == "x.csv: a b c d"

    def test_of_a_very_long_one_both_ends_stay(self):
        message = str(DataError(f"x.csv: {'y' * 10_000!r}; correct it"))
        assert len(message) < 1300
        assert message.startswith("x.csv: 'yyy")
        assert " … " in message
        assert message.endswith("y'; correct it")

    def test_survives_a_process(self):
        error = DataError("x" * 5000)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("error", "line"),
    [(ValueError("a\nb"), "a"), (MemoryError(), "MemoryError"), (ValueError("x" * 400), "x" * 300 + "…")],
)
def test_in_a_line(error, line):
    assert in_a_line(error) == line

"""Words of the data's own are drawn as they are."""

from __future__ import annotations

import pytest

from latens.plots.lettering import count, lettering


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("plain", "plain"),
        ("$x^2$", r"\$x^2\$"),
        ("a\nb\tc", "a b c"),
        ("", "(empty)"),
        ("bell\x07", "bell[7]"),
        ("é", "é"),
        ("日", "[65e5]"),
        (3, "3"),
    ],
)
def test_a_name_is_one_line_of_what_the_font_can_draw(text: object, drawn: str) -> None:
    assert lettering(text) == drawn


def test_a_long_name_keeps_its_ends_so_that_two_stay_different() -> None:
    first, second = lettering("x" * 100 + "first"), lettering("x" * 100 + "second")
    assert first != second
    assert max(len(first), len(second)) <= 32


def test_one_is_singular() -> None:
    assert (count(1, "row"), count(2, "row"), count(60000, "row")) == ("1 row", "2 rows", "60,000 rows")

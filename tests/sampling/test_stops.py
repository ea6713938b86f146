"""Stop strings in a text that is still being written."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.errors import ConfigError
from latens.sampling import StopStrings


def told(stops, pieces) -> tuple[str, bool]:
    text, shown = StopStrings(stops), ""
    for piece in pieces:
        more, stopped = text.feed(piece)
        shown += more
        if stopped:
            return shown, True
    return shown + text.rest(), False


def test_holds_back_what_may_be_the_beginning():
    text = StopStrings(["<|end|>"])
    assert text.feed("a <") == ("a ", False)
    assert text.feed("|en") == ("", False)
    assert text.feed("t|> ") == ("<|ent|> ", False)
    assert text.feed("<|end|> more") == ("", True)
    assert text.feed("more") == ("", True)
    assert text.rest() == ""


def test_the_one_that_is_complete_first_ends_the_text():
    assert told(["abc", "b"], ["xabcx"]) == ("xa", True)
    assert told(["bc", "abc"], ["xabcx"]) == ("x", True)


def test_without_stop_strings_all_passes_at_once():
    assert StopStrings([]).feed("abc") == ("abc", False)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    st.text("abc", max_size=20),
    st.lists(st.integers(0, 20), max_size=6),
)
def test_the_result_does_not_depend_on_the_pieces(stops, text, cuts):
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    whole = told(stops, [text])
    assert told(stops, [text[a:b] for a, b in pairwise(ends)]) == whole
    assert told(stops, text) == whole
    assert not any(stop in whole[0] for stop in stops)
    assert whole == (text, False) or whole[1]


@pytest.mark.parametrize("stops", ["", ["a", ""], [3]])
def test_an_empty_stop_string_is_refused(stops):
    with pytest.raises(ConfigError, match=r"stop=.* never ends a text; use strings of at least one character"):
        StopStrings(stops)

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latens.errors import ConfigError, DataError
from latens.schema import EventSchema

ITEMS = st.text(max_size=5) | st.integers(-(2**63), 2**63 - 1)


@given(st.lists(ITEMS, min_size=1))
def test_round_trip(items):
    schema = EventSchema.learn(items)
    assert schema.items == tuple(dict.fromkeys(items))
    assert schema.decode([*schema.encode(items), schema.end]) == items
    assert EventSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_the_end_is_the_last_id():
    for unknown, n_items in (("error", 3), ("drop", 3), ("token", 4)):
        schema = EventSchema.learn(["a", "b", "a"], unknown)
        assert (schema.n_items, schema.end) == (n_items, n_items - 1)


def test_numbers_and_text_are_different_items():
    schema = EventSchema.learn([1, "1", np.int64(2), 3.0])
    assert schema.items == (1, "1", 2, 3)
    assert schema.encode([np.uint8(1), np.str_("1"), 2.0]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("n", "dtype"), [(255, "uint8"), (256, "uint16"), (65_536, "int32")])
def test_the_smallest_dtype_has_room_for_the_end(n, dtype):
    assert EventSchema.learn(range(n)).encode([0, n - 1]).dtype == dtype


class TestUnknown:
    def test_error(self):
        with pytest.raises(
            DataError, match=r"sequence 7: item 'c' at position 1 was not in the sequences that the model"
        ):
            EventSchema.learn(["a", "b"]).encode(["a", "c"], "sequence 7")

    @pytest.mark.parametrize(("known", "asked"), [("7", 7), (7, "7")])
    def test_its_twin_is_named(self, known, asked):
        with pytest.raises(DataError, match=rf"item {asked!r} at position 0 was not .*; {known!r} was$"):
            EventSchema.learn([known]).encode([asked])

    def test_drop(self):
        assert EventSchema.learn(["a", "b"], "drop").encode(["a", "c", "b"]).tolist() == [0, 1]

    def test_token(self):
        schema = EventSchema.learn(["a", "b"], "token")
        assert schema.encode(["a", "c", "b"]).tolist() == [0, 2, 1]
        assert schema.decode([0, 2, 1, 3]) == ["a", None, "b"]


@pytest.mark.parametrize("item", [True, 1.5, b"a", 2**63, ["a"], float("inf")])
def test_what_is_no_item(item):
    with pytest.raises(
        DataError, match=r"sequence: position 1: the item is .*; convert items to text or whole numbers"
    ):
        EventSchema.learn(["a"], "drop").encode(["a", item])


@pytest.mark.parametrize("item", [None, float("nan")])
def test_a_missing_item(item):
    with pytest.raises(DataError, match=r"events: the item is missing; drop such rows"):
        EventSchema.learn(["a", item])


def test_nothing():
    with pytest.raises(DataError, match=r"events: there are none; give it some sequences"):
        EventSchema.learn([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "text"}, r"kind='text' is not known; use one of events"),
        ({"items": "ab"}, r"its items or its columns are no list"),
        ({"items": []}, r"items: there are none, or too many"),
        ({"items": ["a", "a"]}, r"items: one is there twice"),
        ({"items": [1, True]}, r"items: not all are text or whole numbers"),
        ({"items": [[1]]}, r"items: not all are text or whole numbers"),
        ({"items": [2**63]}, r"items: not all are text or whole numbers"),
        ({"unknown": None}, r"unknown=None is not known"),
        ({"columns": ["a"]}, r"columns: no names; use \(sequence, order, item\)"),
        ({"columns": ["a", "b", 3]}, r"columns: no names"),
        ({"more": 1}, r"schema: 'more' is missing or not known"),
    ],
)
def test_hostile_files(change, message):
    fields = EventSchema.learn(["a", 1], columns=("who", None, "what")).to_json()
    with pytest.raises(ConfigError, match=message):
        EventSchema.from_json(fields | change)


def test_in_words_and_how_to_read_it():
    schema = EventSchema.learn(["a"], "token", ("who", None, "what"))
    assert schema.describe() == "1 item and the end of a sequence; an item that was not there is the unknown item"
    assert schema.reading() == {"kind": "events", "sequence": "who", "order": None, "item": "what"}
    with pytest.raises(ConfigError, match=r"ids=3 is out of range; use whole numbers from 0 to 2"):
        schema.decode([3])

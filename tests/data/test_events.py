from __future__ import annotations

import io
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latens.data import EventSource, encode_events, learn_events, open_samples, open_source
from latens.errors import ConfigError, DataError
from latens.schema import EventSchema

COLUMNS = {"sequence": "who", "order": "when", "item": "what"}
FRAME = pd.DataFrame(
    {
        "who": ["b", "a", "b", "a", "b"],
        "when": [3, 2, 1, 1, 2],
        "what": ["buy", "leave", "login", "login", "search"],
        "country": ["x", "y", "x2", "y2", "x3"],
    }
)


class TestLists:
    def test_sequences(self):
        source = open_source([["a", "b"], [], ("a", 1), np.array([2, 3])], kind="events", labels=list("wxyz"))
        assert [source[i] for i in range(len(source))] == [["a", "b"], [], ["a", 1], [2, 3]]
        assert (source.kind, source[-1], source.label().tolist()) == ("events", [2, 3], list("wxyz"))
        taken = source.take(np.array([2, 0]))
        assert ([taken[0], taken[1]], taken.label().tolist()) == ([["a", 1], ["a", "b"]], ["y", "w"])

    @given(st.lists(st.lists(st.text(max_size=2) | st.integers(0, 9)), min_size=1).filter(any))
    def test_round_trip(self, sequences):
        source = open_source(sequences, kind="events")
        schema = learn_events(source)
        ids, offsets = encode_events(source, schema)
        assert (ids.dtype, offsets.dtype) == (schema.dtype, np.int64)
        for i, sequence in enumerate(sequences):
            part = ids[offsets[i] : offsets[i + 1]]
            assert part.tolist() == [*schema.encode(sequence).tolist(), schema.end]
            assert schema.decode(part) == sequence

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ([], r"events: a list holds no sequences; give a list of lists, or a table"),
            ([[], []], r"events: holds no events; give it some"),
            (["ab"], r"events: sequence 0 \(counted from 0\) is 'ab', no list; give a list of lists"),
            ([["a"], 3], r"events: sequence 1 \(counted from 0\) is 3, no list"),
            ([["a", None]], r"sequence 0 \(counted from 0\), position 1: the item is missing; drop such rows"),
            ([["a", 1.5]], r"position 1: the item is 1.5; convert items to text or whole numbers"),
            ([[1, True]], r"position 1: the item is True; convert"),
            (np.zeros((2, 2)), r"events: a ndarray holds no sequences"),
        ],
    )
    def test_no_events(self, data, message):
        with pytest.raises(DataError, match=message):
            open_source(data, kind="events")


class TestTables:
    @pytest.fixture(params=["pandas", "polars", "csv", "tsv", "parquet"])
    def table(self, request, tmp_path):
        path = tmp_path / f"log.{request.param}"
        if request.param == "pandas":
            return FRAME
        if request.param == "polars":
            return pl.DataFrame(FRAME)
        if request.param == "parquet":
            FRAME.to_parquet(path)
        else:
            FRAME.to_csv(path, sep="\t" if request.param == "tsv" else ",", index=False)
        return path

    def test_are_sorted_within_a_sequence(self, table):
        source = open_source(table, **COLUMNS, labels="country", optional_labels=["none"])
        assert source.ids.tolist() == ["b", "a"]
        assert [source[0], source[1]] == [["login", "search", "buy"], ["login", "leave"]]
        assert source.items == ("login", "search", "buy", "leave")
        assert source.label().tolist() == ["x2", "y2"]
        assert learn_events(source).columns == source.columns == ("who", "when", "what")

    def test_without_an_order_the_rows_are_in_order(self, table):
        source = open_source(table, sequence="who", item="what")
        assert [source[0], source[1]] == [["buy", "login", "search"], ["leave", "login"]]

    def test_what_was_learned_from_one_is_asked_about_lists(self, table):
        reading = learn_events(open_source(table, **COLUMNS)).reading()
        assert open_source([["buy"]], **reading)[0] == ["buy"]
        assert len(open_source(table, **reading)) == 2

    def test_no_such_column(self, table):
        with pytest.raises(DataError, match=r"column 'whom' is not there; did you mean 'who'\?"):
            open_source(table, **COLUMNS | {"sequence": "whom"})

    @pytest.mark.parametrize(("left_out", "named"), [("sequence", "sequence"), ("item", "item")])
    def test_a_column_is_not_named(self, table, left_out, named):
        columns = {name: column for name, column in COLUMNS.items() if name != left_out}
        with pytest.raises(DataError, match=rf"a table of events needs {named}=NAME, the column that says it"):
            open_source(table, **columns)


class TestOrder:
    @pytest.mark.parametrize(
        "when",
        [
            [3.5, -1.0, 2.25],
            pd.to_datetime(["2024-03-01", "2024-01-01", "2024-02-01"]),
            pd.to_datetime(["2024-03-01", "2024-01-01", "2024-02-01"], utc=True),
            pd.to_timedelta([3, 1, 2], unit="h"),
            ["2024-03-01T10:00", "2024-01-01", "2024-02-01"],
            ["2024-03-01T10:00:00Z", "2024-03-01T10:00:00+03:00", "2024-03-01T09:59:59Z"],
            pd.array([3, 1, 2], dtype="Int64"),
            [2**60 + 2, 2**60, 2**60 + 1],
        ],
    )
    def test_numbers_and_times(self, when, tmp_path):
        frame = pd.DataFrame({"who": 1, "when": when, "what": ["c", "a", "b"]})
        assert open_source(frame, **COLUMNS)[0] == ["a", "b", "c"]
        if not isinstance(when, pd.TimedeltaIndex):
            frame.to_csv(tmp_path / "log.csv", index=False)
            assert open_source(tmp_path / "log.csv", **COLUMNS)[0] == ["a", "b", "c"]

    def test_twice(self):
        frame = pd.DataFrame({"who": ["a", "b", "b", "a"], "when": [1, 2, 2, 3], "what": list("wxyz")})
        message = r"frame: column 'when', row 2 \(counted from 0\): 2 is there twice in sequence 'b'; make it differ"
        with pytest.raises(DataError, match=message):
            open_source(frame, **COLUMNS)

    @pytest.mark.parametrize("column", ["who", "when", "what"])
    def test_missing(self, column, tmp_path):
        frame = FRAME.astype(object)
        frame.loc[3, column] = None
        of = "" if column == "who" else ", of sequence 'a'"
        with pytest.raises(DataError, match=rf"frame: column '{column}', row 3 \(counted from 0\){of}: is missing"):
            open_source(frame, **COLUMNS)
        frame.to_csv(tmp_path / "log.csv", index=False)
        with pytest.raises(DataError, match=rf"log.csv: column '{column}', data row 4{of}: is missing; fill it in"):
            open_source(tmp_path / "log.csv", **COLUMNS)

    def test_neither_numbers_nor_times(self):
        with pytest.raises(DataError, match=r"column 'when' is neither numbers nor times \('first'\); convert it"):
            open_source(FRAME.assign(when="first"), **COLUMNS)


class TestItems:
    @pytest.mark.parametrize(
        ("cells", "items"),
        [
            ([3, 1, 3], (3, 1)),
            ([3.0, 1.0, 3.0], (3, 1)),
            (["b", "a", "b"], ("b", "a")),
            (pd.Categorical(["b", "a", "b"]), ("b", "a")),
            (pd.array(["b", "a", "b"], dtype="string"), ("b", "a")),
            ([3, "3", "a"], (3, "3", "a")),
        ],
    )
    def test_of_a_frame_are_what_they_are(self, cells, items):
        source = open_source(pd.DataFrame({"who": "a", "what": cells}), sequence="who", item="what")
        assert source.items == items
        assert {type(item) for item in source.items} <= {int, str}

    @pytest.mark.parametrize(
        ("cells", "items"), [("1,2", (1, 2)), ("007,2", ("007", "2")), ("NA,b", ("NA", "b")), ("1.0,2", ("1.0", "2"))]
    )
    def test_of_text_are_whole_numbers_only_if_written_so(self, tmp_path, cells, items):
        path = tmp_path / "log.csv"
        path.write_text("who,what\n" + "".join(f"a,{cell}\n" for cell in cells.split(",")))
        assert open_source(path, sequence="who", item="what").items == items

    @pytest.mark.parametrize("cells", [[1.5, 2.0], [True, False], [1, True], pd.to_datetime(["2024", "2025"])])
    def test_what_is_no_item(self, cells):
        frame = pd.DataFrame({"who": "a", "what": pd.Series(list(cells), dtype=object)})
        with pytest.raises(
            DataError, match=r"frame: column 'what', row \d \(.*: the item is .*; convert items to text"
        ):
            open_source(frame, sequence="who", item="what")


class TestEncoding:
    source = open_source(FRAME, **COLUMNS)

    def test_unknown(self):
        with pytest.raises(DataError, match=r"frame: sequence b: item 'search' at position 1 was not in the sequences"):
            encode_events(self.source, EventSchema(("login", "buy", "leave")))

    def test_drop_and_token(self):
        items = ("login", "leave")
        ids, offsets = encode_events(self.source, EventSchema(items, "drop"))
        assert (ids.tolist(), offsets.tolist()) == ([0, 2, 0, 1, 2], [0, 2, 5])
        ids, offsets = encode_events(self.source, EventSchema(items, "token"))
        assert (ids.tolist(), offsets.tolist()) == ([0, 2, 2, 3, 0, 1, 3], [0, 4, 7])
        ids, offsets = encode_events(self.source, EventSchema(("other",), "drop"))
        assert (ids.tolist(), offsets.tolist()) == ([1, 1], [0, 1, 2])


class TestKinds:
    def test_from_standard_input(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"who,what\na,x\n")))
        assert open_source("-", sequence="who", item="what")[0] == ["x"]

    def test_another_kind_is_refused(self):
        source = open_source([["a"]], kind="events")
        assert isinstance(open_source(source), EventSource)
        with pytest.raises(DataError, match=r"events: holds sequences of events; leave kind='table' out"):
            open_source(source, kind="table")
        with pytest.raises(DataError, match=r"events: holds sequences of events; give it a table or images"):
            open_samples(source)
        with pytest.raises(ConfigError, match=r"item='what' goes with kind='events'; leave it out"):
            open_source(FRAME, kind="text", column="what", item="what")


def test_a_missing_item_names_its_sequence_in_plain_words():
    frame = pd.DataFrame({"who": [1, 1, 2], "what": ["a", None, "b"]})
    with pytest.raises(DataError, match="of sequence '1': is missing"):
        open_source(frame, sequence="who", item="what")

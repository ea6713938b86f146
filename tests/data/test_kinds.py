"""What a column holds is inferred from its cells, or is what the user says."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from latens.data import open_source
from latens.errors import ConfigError, DataError

BERLIN = "Europe/Berlin"


def column(cells, **how):
    source = open_source(pd.DataFrame({"a": cells}), **how)
    return source.table.types[0], source.values[:, 0].tolist()


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ([1.5, 2.0], "number", [1.5, 2.0]),
        ([1, 2], "integer", [1, 2]),
        (pd.array([1, None], dtype="Int64"), "integer", [1, np.nan]),
        ([True, False], "boolean", [1, 0]),
        (pd.array([True, None], dtype="boolean"), "boolean", [1, np.nan]),
        (np.array([True, None], dtype=object), "boolean", [1, np.nan]),
        (["x", "y", "x", None], "category", [0, 1, 0, np.nan]),
        (["01", "02", "01"], "category", [0, 1, 0]),
        (pd.Categorical(["x", None], categories=["y", "x"]), "category", [1, np.nan]),
        (pd.to_datetime(["1970-01-02", None]), "datetime", [86400, np.nan]),
        (pd.to_datetime(["1970-01-02"]).tz_localize(BERLIN), "datetime", [82800]),
        (["1970-01-02", "1970-01-01T00:00:01"], "datetime", [86400, 1]),
        ([datetime.date(1970, 1, 2), None], "datetime", [86400, np.nan]),
        (pd.to_timedelta(["1 min"]), "number", [60]),
    ],
)
def test_is_inferred(cells, kind, values):
    known, found = column(cells)
    assert known.kind == kind
    np.testing.assert_array_equal(found, values)


class TestLeftOut:
    def test_identifiers_and_free_text_are_named(self):
        n = 60
        frame = pd.DataFrame(
            {
                "x": np.linspace(0, 1, n),
                "customer_id": np.arange(n)[::-1] * 7,
                "row": np.arange(1, n + 1),
                "code": [f"k{i}" for i in range(n)],
                "note": [f"the note number {i}" for i in range(n)],
                "void": [None] * n,
            }
        )
        source = open_source(frame)
        assert source.columns == ("x",)
        reasons = ["identifier", "identifier", "identifier", "free text", "empty"]
        assert source.table.left_out == dict(zip(["customer_id", "row", "code", "note", "void"], reasons, strict=True))

    def test_integers_that_happen_to_differ_are_numbers(self):
        assert column(np.random.default_rng(0).permutation(1000)[:60])[0].kind == "integer"

    def test_as_asked(self):
        source = open_source(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), types={"b": "ignore"})
        assert (source.columns, source.table.left_out) == (("a",), {"b": "as asked"})

    def test_nothing_is_left(self):
        with pytest.raises(DataError, match=r"0 feature\(s\) are left, without 'id' \(identifier\); .* --types NAME="):
            open_source(pd.DataFrame({"id": np.arange(100)}))


class TestAsTheUserSays:
    def test_an_identifier_is_a_number(self):
        assert column(np.arange(100), types={"a": "integer"})[0].kind == "integer"

    def test_numbers_are_a_category(self):
        known, values = column([10, 30, 10], types={"a": "category"})
        assert (known.levels, values) == ((10, 30), [0, 1, 0])

    def test_zeros_and_ones_are_a_boolean(self):
        known, values = column([0, 1, 1], types={"a": "boolean"})
        assert (known.kind, known.levels, values) == ("boolean", (False, True), [0, 1, 1])

    def test_text_is_a_number(self):
        assert column(["1", " 2.5", None], types={"a": "number"})[1][:2] == [1, 2.5]
        with pytest.raises(DataError, match=r"column 'a', row 1 .*'x' is not a number"):
            column(["1", "x"], types={"a": "number"})

    def test_zip_codes_of_a_file_keep_their_zeros(self, tmp_path):
        (tmp_path / "x.csv").write_text("zip,n\n01067,1\n01069,2\n01067,3\n")
        source = open_source(tmp_path / "x.csv", types={"zip": "category"})
        assert source.table.types[0].levels == ("01067", "01069")

    def test_a_word_for_missing(self):
        _, values = column(["1", "n/a"], types={"a": "number"}, missing=["n/a"])
        np.testing.assert_array_equal(values, [1.0, np.nan])

    def test_an_unknown_kind(self):
        with pytest.raises(ConfigError, match=r"types\['a'\]='catgory' is not known; did you mean 'category'\?"):
            column([1, 2], types={"a": "catgory"})

    def test_a_column_that_is_not_there(self):
        with pytest.raises(DataError, match=r"types names column 'aa', which is not there; did you mean 'a'\?"):
            column([1, 2], types={"aa": "category"})


class TestRefusals:
    @pytest.mark.parametrize(
        "cells",
        [
            ["2020-01-01T00:00+01:00", "2020-01-01T00:00+02:00"],
            ["2020-01-01T00:00+01:00", "2020-01-01T00:00"],
            [pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-01-01", tz=BERLIN)],
        ],
    )
    def test_mixed_time_zones(self, cells):
        with pytest.raises(DataError, match=r"column 'a', row 0 .*: mixed timezones in one column; .*utc=True"):
            column(pd.Series(cells, dtype=object))

    def test_a_date_that_is_none(self):
        with pytest.raises(DataError, match=r"column 'a', row 1 .*'2020-99-01' is not a time that can be read"):
            column(["2020-01-01", "2020-99-01"])

    def test_mixed_objects(self):
        with pytest.raises(DataError, match=r"column 'a', row 1 .*'y' is not a number"):
            column(pd.Series([1, "y"], dtype=object))


class TestNumbersInAnotherForm:
    @pytest.mark.parametrize("cell", ["1,234.50", "1.234,5", "0,5", "1'234", "$1.50", "12 %", "7%", "-3,25 €"])
    def test_are_refused_rather_than_taken_for_names(self, cell):
        with pytest.raises(DataError, match=r"row 0 .* is a number in a form that is not read; write it like 1234.56"):
            column([cell, "3.5", cell])

    def test_unless_the_user_says_so(self):
        assert column(["1,5", "2,5"], types={"a": "category"})[0].levels == ("1,5", "2,5")

    @pytest.mark.parametrize("cell", ["1-2", "a,5", "10.0.0.1", "<5", "1 2", "2/3"])
    def test_other_text_is_text(self, cell):
        assert column([cell, "x"])[0].kind == "category"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([f"{i % 28 + 1:02d}.{i % 12 + 1:02d}.{2000 + i}" for i in range(60)], "times like '01.01.2000', write them"),
        ([f"{i // 6}:{i % 6}0" for i in range(60)], "times like '0:00', write them like 2026-01-31T08:30:00"),
        ([f"{i}.5" for i in range(60)], "numbers as text such as '0.5', use a=number"),
    ],
)
def test_says_what_text_looks_like(cells, reason):
    source = open_source(pd.DataFrame({"a": cells, "x": range(60)}), types={"x": "number"})
    assert source.table.left_out["a"].startswith(reason)


def test_a_boolean_is_true_or_false():
    with pytest.raises(DataError, match=r"column 'a', row 1 .*: 2 is no boolean; write 0 or 1, or --types a=category"):
        column([1, 2], types={"a": "boolean"})


def test_dates_of_arrow():
    days = pd.Series([datetime.date(1970, 1, 2), None], dtype=pd.ArrowDtype(pa.date32()))
    known, values = column(days)
    assert (known.kind, known.dtype) == ("datetime", "date")
    np.testing.assert_array_equal(values, [86400, np.nan])


@pytest.mark.parametrize("cell", [b"x", datetime.timedelta(1), [1, 2], datetime.time(1)])
def test_an_object_of_another_sort_is_named(cell):
    with pytest.raises(DataError, match=rf"row 0 .*, a {type(cell).__name__}, is not a number; .* --types a=ignore"):
        column(pd.Series([cell, None], dtype=object))


def test_what_to_paste_is_quoted():
    with pytest.raises(DataError, match=r"--missing 'not known' \(missing=\['not known'\]\).*--types 'a b'=category"):
        open_source(pd.DataFrame({"a b": ["1", "not known", "2"]}))


def test_a_category_keeps_its_most_frequent_levels():
    names = [f"level {i}" for i in range(300) for _ in range(3 if i != 7 else 2)]
    known, values = column(names)
    assert len(known.levels) == 256
    assert "level 7" not in known.levels
    assert sum(value == -1 for value in values) == 3 * 43 + 2
    assert known.rare == 44


class TestFiles:
    TEXT = "n,x,flag,when,kind,gap\n1,0.5,true,2020-01-01,a,\n2,1.5,false,2020-02-01, b,3\n3,2,true,NA,a,4\n"

    @pytest.mark.parametrize("late", [False, True])
    def test_csv(self, tmp_path, late):
        text = self.TEXT
        if late:  # a column that is not what its first block says makes all of them be judged as text
            text = (
                text.replace("n,x", "n,x").rstrip() + "\n" + "4,2,true,2020-01-01,a,1\n" * 60_000 + "4.5,2,true,,a,1\n"
            )
        (tmp_path / "x.csv").write_text(text)
        source = open_source(tmp_path / "x.csv")
        kinds = ["number" if late else "integer", "number", "boolean", "datetime", "category", "integer"]
        assert [column.kind for column in source.table.types] == kinds
        np.testing.assert_array_equal(source.values[:3, 3], [1577836800.0, 1580515200.0, np.nan])
        assert source.table.types[4].levels == ("a", "b")
        assert source.table.types[5].dtype == "Int64"

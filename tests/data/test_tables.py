from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latens.data import open_source
from latens.errors import DataError

MANY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.lists(st.text("abcdé _.1", min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=4, unique=True)


@st.composite
def frames(draw) -> pd.DataFrame:
    names = draw(NAMES)
    shape = (draw(st.integers(1, 6)), len(names))
    values = draw(hnp.arrays(np.float64, shape, elements=st.floats(allow_nan=False, allow_infinity=False)))
    return pd.DataFrame(values, columns=names)


class TestFrames:
    @MANY
    @given(frame=frames())
    def test_values_names_and_order_stay(self, frame):
        source = open_source(frame)
        assert (source.kind, source.typed, source.name, source.ids) == ("table", True, "frame", None)
        assert source.columns == tuple(frame.columns)
        np.testing.assert_array_equal(source.values, frame.to_numpy())

    @pytest.mark.parametrize(
        ("dtypes", "kept"),
        [
            (["uint8", "uint8"], "uint8"),
            (["float32", "uint8"], "float32"),
            (["float32", "float64"], "float64"),
            (["int64", "bool"], "float64"),
            (["Int64", "boolean"], "float64"),
            (["Float32", "float16"], "float32"),
            (["Float64", "int8"], "float64"),
            (["object", "object"], "float64"),
            (["Sparse[float64]", "float64"], "float64"),
        ],
    )
    def test_dtypes(self, dtypes, kept):
        frame = pd.DataFrame({"a": [0, 1], "b": [1, 1]}).astype(dict(zip("ab", dtypes, strict=True)))
        source = open_source(frame)
        assert source.values.dtype == np.dtype(kept)
        np.testing.assert_array_equal(source.values, [[0, 1], [1, 1]])

    def test_objects_that_are_numbers(self):
        frame = pd.DataFrame({"a": [decimal.Decimal("1.5"), True, 2]}, dtype=object)
        assert open_source(frame).values.ravel().tolist() == [1.5, 1.0, 2.0]

    def test_an_index_becomes_the_ids(self):
        source = open_source(pd.DataFrame({"a": [1, 2]}, index=["u", "v"]))
        assert source.ids.tolist() == ["u", "v"]

    def test_names_that_are_not_text_are_none(self):
        assert open_source(pd.DataFrame(np.ones((2, 2)))).columns is None
        assert open_source(pd.DataFrame({"a": [1], 2: [3]})).columns is None

    @pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas])
    def test_other_frames(self, convert):
        source = open_source(convert(pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})), labels="a")
        assert source.columns == ("b",)
        assert source.label().tolist() == [1, 2]

    def test_labels_are_carried_and_not_features(self):
        frame = pd.DataFrame({"a": [1, 2], "kind": ["x", None], "b": [3, 4], "day": pd.to_datetime(["2020", "2021"])})
        source = open_source(frame, labels=["day", "kind"])
        assert source.columns == ("a", "b")
        assert list(source.labels) == ["day", "kind"]
        assert source.labels["kind"][0] == "x"
        assert open_source(frame[["a", "b"]], labels=np.array([8, 9])).label().tolist() == [8, 9]

    @pytest.mark.parametrize(
        ("frame", "labels", "match"),
        [
            (pd.DataFrame({"price": [1.0]}), "pric", "label column 'pric' is not there; did you mean 'price'"),
            (pd.DataFrame({"price": [1.0]}), "price", r"0 feature\(s\) are left, all columns are labels; name fewer"),
            (pd.DataFrame({"a": [1.0]}), np.array([1, 2]), r"labels of shape \(2,\) for 1 rows"),
            (pd.DataFrame({"a": []}), None, r"0 sample\(s\) \(shape=\(0, 1\)\)"),
            (pd.DataFrame(index=[1, 2]), None, r"0 feature\(s\) \(shape=\(2, 0\)\) while a minimum of 1 is required\."),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "column 'a' is there twice; rename"),
            (pd.DataFrame({"a": [1 + 2j]}), None, "column 'a', row 0 .* Complex data not supported"),
            (pd.DataFrame({"a": [1.0, np.inf]}), None, r"column 'a', row 1 \(counted from 0\) is inf; replace"),
            (pd.DataFrame({1: [1.0, np.inf]}), None, r"column '1', row 1 \(counted from 0\) is inf"),
            (pd.DataFrame({"a": ["1", "y"]}), None, r"column 'a', row 1 .*'y' is not a number.* --missing y "),
            (pd.DataFrame({"a": [1, "y"]}, dtype=object), None, r"column 'a', row 1 .*'y' is not a number"),
            (
                pd.DataFrame({"a": pd.interval_range(0, 2)}),
                None,
                r"column 'a', row 0 .* cells of interval\[int64, right\]",
            ),
        ],
    )
    def test_refuses(self, frame, labels, match):
        with pytest.raises(DataError, match=match):
            open_source(frame, labels=labels)

    def test_an_object_that_is_no_number(self):
        with pytest.raises(DataError, match=r"column 'a', row 0 .*\{\}, a dict, is not a number; drop the column"):
            open_source(pd.DataFrame({"a": [{}]}))

    @pytest.mark.parametrize(
        "column",
        [
            [1.0, np.nan, 2, np.nan],
            pd.array([1, None, 2, None], dtype="Int64"),
            pd.array([1, None, 2, None], dtype="Float32"),
            np.array([1, None, 2, pd.NA], dtype=object),
        ],
    )
    def test_a_missing_value_is_nan(self, column):
        source = open_source(pd.DataFrame({"a": np.ones(4), "b": column}))
        np.testing.assert_array_equal(source.values[:, 1], [1.0, np.nan, 2.0, np.nan])

    def test_images_of_a_frame(self):
        with pytest.raises(DataError, match="holds a table; leave kind='images' out"):
            open_source(pd.DataFrame({"a": [1]}), kind="images")


class TestParquet:
    @MANY
    @given(frame=frames())
    def test_round_trip(self, frame, tmp_path):
        frame.to_parquet(tmp_path / "x.parquet")
        source = open_source(tmp_path / "x.parquet")
        assert (source.name, source.columns, source.typed) == ("x.parquet", tuple(frame.columns), True)
        np.testing.assert_array_equal(source.values, frame.to_numpy())

    def test_labels_and_ids(self, tmp_path):
        frame = pd.DataFrame({"a": [1, 2], "k": ["u", "v"]}, index=pd.Index(["r", "s"], name="id"))
        frame.to_parquet(tmp_path / "x.pq")
        source = open_source(tmp_path / "x.pq", labels="k")
        assert (source.ids.tolist(), source.label().tolist()) == (["r", "s"], ["u", "v"])

    def test_nested(self, tmp_path):
        pq.write_table(pa.table({"a": [[1], [2]]}), tmp_path / "x.parquet")
        with pytest.raises(DataError, match=r"x.parquet: column 'a', row 0 .*; drop the column, or --types a=ignore"):
            open_source(tmp_path / "x.parquet")

    def test_dates_and_gaps(self, tmp_path):
        table = pa.table({"a": [datetime.date(2020, 1, 1), None], "n": [None, 2]})
        pq.write_table(table, tmp_path / "x.parquet")
        source = open_source(tmp_path / "x.parquet")
        assert [column.kind for column in source.table.types] == ["datetime", "number"]
        np.testing.assert_array_equal(source.values, [[1577836800.0, np.nan], [np.nan, 2.0]])

    @pytest.mark.parametrize("keep", [6, 100, -1, -20])
    def test_truncated(self, tmp_path, keep):
        pd.DataFrame({"a": np.arange(100.0)}).to_parquet(tmp_path / "x.parquet")
        content = (tmp_path / "x.parquet").read_bytes()
        (tmp_path / "x.parquet").write_bytes(content[:keep])
        with pytest.raises(DataError, match=r"x.parquet: damaged or truncated Parquet file"):
            open_source(tmp_path / "x.parquet")

    def test_more_than_the_machine_has(self, tmp_path, monkeypatch):
        pd.DataFrame({"a": np.arange(1000.0)}).to_parquet(tmp_path / "x.parquet")
        monkeypatch.setattr("latens.data.values.physical_memory", lambda: 1000)
        with pytest.raises(DataError, match=r"x.parquet: needs .* where this machine has 1000 bytes"):
            open_source(tmp_path / "x.parquet")


class TestColumnsOfAModel:
    frame = pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]})

    def test_are_put_in_order(self):
        source = open_source(self.frame, columns=["c", "a", "b"])
        assert source.columns == ("c", "a", "b")
        assert source.values.tolist() == [[3.0, 1.0, 2.0]]

    def test_a_missing_one(self):
        with pytest.raises(DataError, match="frame: column 'd' is missing; it has a, b, c"):
            open_source(self.frame, columns=["a", "b", "d"])

    def test_one_too_many(self):
        with pytest.raises(
            DataError, match=r"column 'c' was not there when the model was fitted; drop it, or `--labels c`"
        ):
            open_source(self.frame, columns=["a", "b"])
        assert open_source(self.frame, columns=["b", "a"], labels="c").values.tolist() == [[2.0, 1.0]]

    def test_several_are_named_in_one_line(self):
        frame = pd.DataFrame(np.ones((2, 3)), columns=list("abc"))
        with pytest.raises(DataError, match=r"columns 'x', 'y' are missing; it has a, b, c"):
            open_source(frame, columns=["x", "a", "y"])
        with pytest.raises(DataError, match=r"columns 'b', 'c' were not there .*; drop them, or `--labels b,c` "):
            open_source(frame, columns=["a"])

    def test_an_array_has_no_names_to_order_by(self):
        assert open_source([[1.0, 2.0]], columns=["a", "b"]).columns is None

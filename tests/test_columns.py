"""Columns keep their types from block to block, and no cell of a CSV is a formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from latens.columns import arrow_type, as_table, harmless, harmless_frame
from latens.errors import DataError

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "=", "-", "--1", "-1-1"]
HARMLESS = ["a=b", "", "'=1", "-5", "+3.5", "-1e-9", "-.5", "+1,5", "-5%", "5", " =1", "Zoë", "x-1"]


class TestHarmless:
    @pytest.mark.parametrize("cell", FORMULAS)
    def test_a_formula_gets_a_quote(self, cell):
        assert harmless(pa.table({"x": [cell]})).column("x").to_pylist() == [f"'{cell}"]

    @pytest.mark.parametrize("cell", HARMLESS)
    def test_all_else_stays(self, cell):
        assert harmless(pa.table({"x": [cell, None]})).column("x").to_pylist() == [cell, None]

    def test_twice_is_once(self):
        once = harmless(pa.table({"x": FORMULAS}))
        assert harmless(once).equals(once)

    def test_names_of_columns_and_categories(self):
        table = pa.table({"=x": pa.array(["=1", "b", "=1"]).dictionary_encode(), "y": [-1.5, 2.0, 3.0]})
        written = harmless(table)
        assert written.column_names == ["'=x", "y"]
        assert written.column("'=x").to_pylist() == ["'=1", "b", "'=1"]
        assert written.column("y").to_pylist() == [-1.5, 2.0, 3.0]

    def test_a_frame(self):
        frame = pd.DataFrame({"=s": ["=1", "b"], "n": [-1, 2], "t": pd.to_datetime(["2020-01-01", "2020-01-02"])})
        written = harmless_frame(frame)
        assert list(written) == ["'=s", "n", "t"]
        assert written["'=s"].tolist() == ["'=1", "b"]
        assert written[["n", "t"]].equals(frame[["n", "t"]])


class TestAsTable:
    def test_what_is_empty_at_first_is_text(self):
        first = as_table({"x": np.array([None, None], dtype=object)})
        assert as_table({"x": np.array([1, "a"], dtype=object)}, first.schema).column("x").to_pylist() == ["1", "a"]

    def test_a_later_block_has_the_types_of_the_first(self):
        first = as_table({"x": np.array([0.5])})
        assert as_table({"x": np.array([1, 2])}, first.schema).schema == first.schema

    def test_another_thing_is_refused(self):
        first = as_table({"x": np.array([1, 2])})
        with pytest.raises(DataError, match=r"column 'x': holds string where its first rows held int64"):
            as_table({"x": np.array(["a", "b"])}, first.schema)

    @pytest.mark.parametrize(
        ("column", "kind"),
        [
            (np.array([None, 1], dtype=object), pa.int64()),
            (np.array([None, "a", 1], dtype=object), pa.string()),
            (np.array([None, None], dtype=object), pa.string()),
            (np.array(["a", "bcd"]), pa.string()),
            (np.array([1, 2], dtype=np.uint8), pa.uint8()),
        ],
    )
    def test_a_whole_column_says_its_type(self, column, kind):
        assert arrow_type(column) == kind

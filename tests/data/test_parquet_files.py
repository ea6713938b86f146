from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from latens.data.parquet_files import open_parquet
from latens.data.sources import open_source
from latens.data.tables import parquet_frame
from latens.errors import DataError

FRAME = pd.DataFrame(
    {"a": np.arange(200.0), "s": [f"level {i % 7}" for i in range(200)], "t": ["x" * i for i in range(200)]}
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.parquet"


def repeated(path, word, n):
    """A column of one word, kept once."""
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([word]))
    pq.write_table(pa.table({"x": words}), path, store_schema=False)


class TestRead:
    @pytest.mark.parametrize(
        "how", [{}, {"compression": "zstd", "data_page_version": "2.0"}, {"use_dictionary": False}]
    )
    @pytest.mark.parametrize("measured", [False, True])
    def test_is_what_arrow_reads(self, path, monkeypatch, how, measured):
        monkeypatch.setattr("latens.data.parquet_files._UNMEASURED", 0 if measured else 2**26)
        pq.write_table(pa.Table.from_pandas(FRAME), path, row_group_size=60, **how)
        pd.testing.assert_frame_equal(parquet_frame(path), FRAME)
        chosen = parquet_frame(path, lambda names: [names[2], names[0]])
        pd.testing.assert_frame_equal(chosen, FRAME[["t", "a"]])

    def test_other_sorts_of_text(self, path, monkeypatch):
        monkeypatch.setattr("latens.data.parquet_files._UNMEASURED", 0)
        words = ["a", "b", None, "a"]
        table = pa.table({str(kind): pa.array(words, kind) for kind in (pa.string(), pa.large_string(), pa.binary())})
        pq.write_table(table.append_column("l", pa.array(words).dictionary_encode()), path)
        with open_parquet(path) as file:
            assert file.read().select(range(3)).equals(table)
            assert file.read()["l"].to_pylist() == words

    def test_text_is_measured_before_it_is_written_out(self, path, monkeypatch):
        monkeypatch.setattr("latens.data.parquet_files._UNMEASURED", 1000)
        monkeypatch.setattr("latens.data.values._SMALL", 2**20)
        repeated(path, "w" * 10_000, 10_000)
        with pytest.raises(DataError, match=r"x.parquet: .* that unpack to 95.4 MiB or more look like a decompression"):
            open_source(path)

    def test_text_that_is_none(self, path):
        table = pa.table({"x": ["good", "caf\u00e9", "good"]})
        pq.write_table(table, path, compression="none", row_group_size=1, write_statistics=False)
        path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xfe"))
        with pytest.raises(DataError, match=r"column .x., row 1 \(counted from 0\): Invalid UTF8 .*; write"):
            open_source(path, kind="text", column="x")

    def test_a_bomb_of_rows(self, path, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 2**20)
        pq.write_table(pa.table({"x": np.zeros(1_000_000)}), path)
        with pytest.raises(DataError, match=r"x.parquet: .* that unpack to 7.63 MiB or more look like"):
            open_source(path)

    def test_only_what_is_chosen_counts(self, path, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 2**20)
        pq.write_table(pa.table({"x": np.zeros(1_000_000), "y": np.zeros(1_000_000, np.uint8)}), path)
        with pytest.raises(DataError, match=r"look like a decompression bomb"):
            parquet_frame(path)
        with open_parquet(path) as file, file.opened() as parquet:
            assert file.check(parquet, ["z"]) == []

    def test_what_pandas_is_told_cannot_hurt(self, path):
        for told in (
            "[" * 50_000,
            "{",
            "1",
            json.dumps({"index_columns": [{"kind": "range", "start": 0, "stop": 9, "step": 0}]}),
        ):
            pq.write_table(pa.table({"x": [1]}).replace_schema_metadata({"pandas": told}), path)
            with pytest.raises(
                DataError, match=r"x.parquet: damaged or truncated Parquet file \(.*\); write it again$"
            ):
                open_source(path)

    def test_very_many_row_groups(self, path, monkeypatch):
        monkeypatch.setattr("latens.data.parquet_files._MOST_GROUPS", 3)
        pq.write_table(pa.table({"x": [1, 2, 3, 4]}), path, row_group_size=1)
        with pytest.raises(DataError, match=r"x.parquet: damaged .*\(4 row groups where 3 are read\)"):
            open_source(path)

    def test_no_file_and_no_bytes(self, path):
        path.write_bytes(b"PAR1")
        with pytest.raises(DataError, match=r"x.parquet: damaged or truncated Parquet file \(4 bytes are too few\)"):
            open_source(path)
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(DataError, match=r"x.parquet: is neither a file nor a folder"), open_parquet(path):
            pass

    @pytest.mark.parametrize("stream", [None, True])
    def test_what_arrow_would_end_the_process_for(self, path, stream):
        pq.write_table(pa.table({"x": [1, 2], "y": [3, 4]}), path)
        content = path.read_bytes()
        counts = b"\x19\x26\x00\x04"  # of definition levels: none at 0, 2 at 1
        assert content.count(counts) >= 2
        path.write_bytes(content.replace(counts, b"\x19\x16\x80\x04"))  # one count, of as many bytes
        with pytest.raises(
            DataError, match=r"x.parquet: damaged .* \(counts of levels that are not as many as the lev"
        ):
            open_source(path, stream=stream)


class TestOnDisk:
    def test_text_that_is_none(self, path):
        table = pa.table({"n": [1.0, 2.0, 3.0], "x": ["good", "caf\u00e9", "good"]})
        pq.write_table(table, path, compression="none", row_group_size=1, write_statistics=False)
        path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xfe"))
        with pytest.raises(DataError, match=r"column .x., row 1 \(counted from 0\): Invalid UTF8 .*; write"):
            open_source(path, stream=True, labels="x")

    def test_what_pandas_is_told_cannot_hurt(self, path):
        for told in ("[" * 50_000, "{", "1", "{}"):
            pq.write_table(pa.table({"x": [1, 2]}).replace_schema_metadata({"pandas": told}), path)
            with pytest.raises(DataError, match=r"x.parquet: damaged or truncated Parquet file \(.*\); write it"):
                open_source(path, stream=True)

    def test_text_is_measured(self, path, monkeypatch):
        monkeypatch.setattr("latens.data.parquet_files._UNMEASURED", 1000)
        monkeypatch.setattr("latens.data.values._SMALL", 2**20)
        repeated(path, "w" * 10_000, 10_000)
        with pytest.raises(DataError, match=r"x.parquet: .* that unpack to 95.4 MiB or more look like a decompression"):
            open_source(path, stream=True)

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latens.data import EventSource, Source, TextSource, encode_corpus, learn_text, open_samples, open_source
from latens.data.text import BLOCK
from latens.errors import ConfigError, DataError

GRIN = "\N{GRINNING FACE}"


@pytest.fixture
def write(tmp_path):
    def writer(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


def stdin(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


class TestFiles:
    @pytest.mark.parametrize("name", ["a.txt", "a.TEXT", "a.md", "a.log", "a.txt.gz"])
    def test_are_text_by_their_name(self, write, name):
        content = b"To be\n"
        source = open_source(write(name, gzip.compress(content) if name.endswith("gz") else content))
        assert isinstance(source, TextSource)
        assert (source.kind, len(source), source[0], source.lines, source.name) == ("text", 1, "To be\n", False, name)

    def test_any_other_file_when_asked(self, write):
        assert open_source(write("README", "To be"), kind="text")[0] == "To be"

    @pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
    def test_line_ends_and_byte_order_mark(self, write, ends):
        path = write("a.txt", b"\xef\xbb\xbf" + f"a{ends}{ends}b{ends}".encode())
        assert open_source(path)[0] == "a\n\nb\n"
        raw = b"".join(block for _, block in open_source(path).byte_blocks())
        assert raw == path.read_bytes()

    @pytest.mark.parametrize("cut", range(-5, 5))
    def test_blocks_cut_nothing_in_two(self, write, cut):
        text = "x" * (BLOCK + cut) + GRIN + "\r\n" + "\ufeffß"
        source = open_source(write("a.txt", text))
        assert source[0] == text.replace("\r\n", "\n")
        assert all(0 < len(block) <= BLOCK + 1 for _, block in source.blocks())

    @given(st.text(min_size=1))
    def test_any_text(self, tmp_path_factory, text):
        path = tmp_path_factory.mktemp("text") / "a.txt"
        path.write_text("." + text, encoding="utf-8", newline="")
        assert open_source(path)[0] == path.read_text(encoding="utf-8")

    def test_a_huge_single_line(self, write):
        text = "ab" * 2_000_000
        source = open_source(write("a.txt", text))
        assert [len(block) for _, block in source.blocks()] == [BLOCK, BLOCK, BLOCK, 4_000_000 - 3 * BLOCK]
        np.testing.assert_array_equal(encode_corpus(source, learn_text(source)).ids, np.tile([0, 1], 2_000_000))

    @pytest.mark.parametrize("before", [0, 7, BLOCK - 1, BLOCK + 1])
    def test_not_utf8(self, write, before):
        source = open_source(write("a.txt", b"x" * before + b"\xc3\xff"))
        message = rf"a.txt: byte 0xc3 at offset {before:,} is not UTF-8; convert the file \(iconv .*tokens=\"bytes\""
        with pytest.raises(DataError, match=message):
            learn_text(source)
        corpus = encode_corpus(source, learn_text(source, tokens="bytes", lower=False))
        assert corpus.ids.tobytes() == b"x" * before + b"\xc3\xff"

    def test_cut_off_in_a_character(self, write):
        source = open_source(write("a.txt", "aß".encode()[:-1]))
        with pytest.raises(DataError, match=r"a.txt: byte 0xc3 at offset 1 is not UTF-8"):
            source[0]

    @pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
    def test_empty(self, write, content):
        with pytest.raises(DataError, match=r"is empty; give it some text"):
            learn_text(open_source(write("a.txt", content)))

    def test_only_a_byte_order_mark(self, write):
        with pytest.raises(DataError, match=r"text: is empty; give it some text to learn from"):
            learn_text(open_source(write("a.txt", b"\xef\xbb\xbf")))

    def test_damaged_gzip(self, write):
        source = open_source(write("a.txt.gz", gzip.compress(b"To be" * 1000)[:-9]))
        with pytest.raises(DataError, match=r"a.txt.gz: damaged or truncated gzip"):
            source[0]

    def test_a_decompression_bomb(self, write, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 2**20)
        source = open_source(write("a.txt.gz", gzip.compress(bytes(2**22))))
        with pytest.raises(DataError, match=r"a.txt.gz: .* look like a decompression bomb"):
            learn_text(source)

    def test_a_pipe_is_refused(self, tmp_path):
        os.mkfifo(tmp_path / "a.txt")
        with pytest.raises(DataError, match=r"a.txt: is neither a file nor a folder; give a file"):
            open_source(tmp_path / "a.txt")

    def test_one_that_is_gone(self, write):
        path = write("a.txt", "x")
        source = open_source(path)
        path.unlink()
        with pytest.raises(DataError, match=r"a.txt: cannot be read \(No such file or directory\)"):
            source[0]

    @pytest.mark.parametrize("text", ["hello, this is text", "", "x" * 5000, "a\0b"])
    def test_a_string_is_no_text(self, text):
        with pytest.raises(
            DataError, match=r"is no file; give a path, or a list of strings for text itself|name of the"
        ):
            open_source(text, kind="text")

    def test_a_misspelt_name(self, write, monkeypatch, tmp_path):
        write("corpus.txt", "x")
        with pytest.raises(DataError, match=r"no file; did you mean 'corpus.txt'\?"):
            open_source(tmp_path / "corpsu.txt")


class TestFoldersAndLists:
    def test_a_folder(self, write, tmp_path):
        for name in ("b/10.txt", "b/2.md", "a.text", "c.txt.gz", "d.csv", ".hidden.txt"):
            write(name, gzip.compress(name.encode()) if name.endswith("gz") else name)
        source = open_source(tmp_path, kind="text")
        assert source.ids.tolist() == ["a.text", "b/2.md", "b/10.txt", "c.txt.gz"]
        assert list(source.texts()) == source.ids.tolist()
        assert source.label().tolist() == ["", "b", "b", ""]

    def test_a_folder_without_text(self, tmp_path):
        with pytest.raises(DataError, match=r"no text in this folder; put .txt, .text or .md files into it"):
            open_source(tmp_path, kind="text")

    def test_a_link_out_of_it_is_passed_over(self, write, tmp_path):
        write("in/a.txt", "inside")
        (tmp_path / "in" / "b.txt").symlink_to(write("out.txt", "outside"))
        assert list(open_source(tmp_path / "in", kind="text").texts()) == ["inside"]

    @pytest.mark.parametrize("cast", [str, Path])
    def test_files_in_the_given_order(self, write, cast):
        paths = [cast(write(name, name)) for name in ("b.txt", "a.txt")]
        source = open_source(paths, labels=["x", "y"])
        assert (list(source.texts()), source.lines, source.name) == (["b.txt", "a.txt"], False, "2 files")
        assert source.take(np.array([1])).label().tolist() == ["y"]
        assert source.take(np.array([False, True])).ids.tolist() == [str(paths[1])]

    def test_paths_of_any_name(self, write):
        assert list(open_source([write("README", "x")], kind="text").texts()) == ["x"]

    def test_a_folder_among_files(self, tmp_path):
        with pytest.raises(DataError, match=r"is a folder; give a file"):
            open_source([tmp_path], kind="text")

    def test_a_file_that_is_not_there(self, write):
        with pytest.raises(DataError, match=r"/b.txt': no such file or folder; .*strings that are text themselves"):
            open_source([str(write("a.txt", "x")), "/b.txt"])

    @pytest.mark.parametrize("cast", [list, tuple, np.array, pd.Series])
    def test_strings(self, cast):
        source = open_source(cast(["To be\r\n", "", "or not"]), kind="text", labels=np.array([1, 2, 3]))
        assert (list(source.texts()), source.lines) == (["To be\r\n", "", "or not"], True)
        assert source.label().tolist() == [1, 2, 3]
        with pytest.raises(DataError, match=r"labels of shape \(2,\) for 3 rows"):
            open_source(cast(["a", "b", "c"]), kind="text", labels=np.array([1, 2]))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ([], r"list: is empty; give it some strings"),
            (["", ""], r"list: is empty; give it some text"),
            (["a", None], r"list: item 1 \(counted from 0\): is missing; drop such entries"),
            (["a", 3], r"list: item 1 \(counted from 0\): 3 is no text; convert it with str"),
            (3.5, r"a float is no text; give a path, or a list of strings"),
            (Source(np.zeros((2, 2))), r"a Source is no text"),
        ],
    )
    def test_no_text(self, data, message):
        with pytest.raises(DataError, match=message):
            open_source(data, kind="text")

    def test_without_saying_so_a_list_of_strings_is_no_text(self):
        with pytest.raises(DataError, match=r"expected a 2-D array"):
            open_source(["To be", "or not"])


class TestStandardInput:
    def test_text(self, monkeypatch):
        stdin(monkeypatch, "\ufeffTo be\r\n".encode())
        source = open_source("-", kind="text")
        assert (source[0], source[0], source.name) == ("To be\n", "To be\n", "stdin")

    def test_a_table(self, monkeypatch):
        stdin(monkeypatch, b"text,stars\nTo be,5\n")
        assert open_source("-", column="text", labels="stars").label().tolist() == [5]

    def test_nothing(self, monkeypatch):
        stdin(monkeypatch, b"")
        with pytest.raises(DataError, match=r"stdin: is empty; give it some text"):
            open_source("-", kind="text")


class TestTables:
    frame = pd.DataFrame({"body": ["To be,", "or\nnot"], "stars": [5, 1], "more": ["x", "y"]}, index=["r1", "r2"])

    @pytest.fixture(params=["pandas", "polars", "csv", "csv.gz", "tsv", "parquet"])
    def table(self, request, tmp_path):
        path = tmp_path / f"reviews.{request.param}"
        if request.param == "pandas":
            return self.frame
        if request.param == "polars":
            return pl.DataFrame(self.frame.reset_index(drop=True))
        if request.param == "parquet":
            self.frame.to_parquet(path)
        else:
            self.frame.to_csv(path, sep="\t" if request.param == "tsv" else ",")
        return path

    def test_a_column(self, table):
        source = open_source(table, column="body", labels=["stars"], optional_labels=["more", "none"])
        assert (list(source.texts()), source.lines, source.column) == (["To be,", "or\nnot"], True, "body")
        assert source.labels["stars"].tolist() == [5, 1]
        assert list(source.labels) == ["stars", "more"]
        if not isinstance(table, pl.DataFrame):
            assert source.ids.tolist() == ["r1", "r2"]
        assert open_source(table, column="body", labels=np.array([7, 8])).label().tolist() == [7, 8]

    def test_what_was_learned_from_one_is_asked_about_strings(self, table):
        schema = learn_text(open_source(table, column="body"))
        assert schema.column == "body"
        assert schema.lines
        assert open_source(["to be"], **schema.reading())[0] == "to be"
        assert len(open_source(table, **schema.reading())) == 2

    def test_no_such_column(self, table):
        with pytest.raises(DataError, match=r"column 'bodi' is not there; did you mean 'body'\?"):
            open_source(table, column="bodi")

    def test_no_column(self, table):
        with pytest.raises(DataError, match=r"one column of a table holds the text; name it with column=NAME"):
            open_source(table, kind="text")

    def test_cells_are_text_as_they_stand(self, write):
        source = open_source(write("a.csv", 'body,n\nNA,1\n007,2\n,3\n"a\r\nb",4\n'), column="body")
        assert list(source.texts()) == ["NA", "007", "", "a\nb"]

    @pytest.mark.parametrize(("cell", "message"), [(None, "is missing; drop such"), (3, "3 is no text; convert")])
    def test_a_cell_that_is_no_text(self, cell, message):
        with pytest.raises(DataError, match=rf"frame: column 'body', row 1 \(counted from 0\): {message}"):
            open_source(pd.DataFrame({"body": ["a", cell]}, dtype=object), column="body")

    def test_no_rows(self, write):
        with pytest.raises(DataError, match=r"frame: has 0 rows"):
            open_source(self.frame[:0], column="body")
        with pytest.raises(DataError, match=r"a.csv: has 0 rows"):
            open_source(write("a.csv", "body,x\n"), column="body")

    def test_what_is_no_table(self, write):
        with pytest.raises(DataError, match=r"a.txt: is no table with columns; give a CSV"):
            open_source(write("a.txt", "x"), column="body")

    def test_not_utf8(self, write):
        with pytest.raises(DataError, match=r"a.csv: byte 0xff at offset 7 is not UTF-8; save the file as UTF-8"):
            open_source(write("a.csv", b"body,n\n\xff,1\n"), column="body")


class TestKinds:
    def test_a_column_goes_with_text(self):
        with pytest.raises(ConfigError, match=r"column='body' goes with kind='text'; leave it out"):
            open_source(TestTables.frame, kind="table", column="body")

    def test_another_kind_is_refused(self, write):
        source = open_source(write("a.txt", "x"))
        with pytest.raises(DataError, match=r"a.txt: holds text; leave kind='table' out"):
            open_source(source, kind="table")
        with pytest.raises(DataError, match=r"a.txt: holds text; give it a table or images"):
            open_samples(write("a.txt", "x"))
        with pytest.raises(ConfigError, match=r"kind='texts' is not known; did you mean 'text'\?"):
            open_source(write("a.txt", "x"), kind="texts")

    def test_again(self, write):
        source = open_source(write("a.txt", "x"), labels=np.array([3]))
        assert open_source(source, labels="label").label().tolist() == [3]
        assert not isinstance(source, (Source, EventSource))

from __future__ import annotations

import gzip
import io
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latens.data import open_source
from latens.data.text_tables import text_source
from latens.errors import DataError


class TestRoundTrip:
    @settings(max_examples=50, deadline=None)
    @given(data=st.data(), delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
    def test_values_names_and_order(self, data, delimiter, end, bom):
        name = st.text("abcdé \"',;\n", min_size=1, max_size=5).filter(lambda text: text.strip() == text)
        names = data.draw(st.lists(name, min_size=2, max_size=4, unique=True))
        shape = (data.draw(st.integers(1, 6)), len(names))
        values = data.draw(hnp.arrays(np.float64, shape, elements=st.floats(allow_nan=False, allow_infinity=False)))
        text = pd.DataFrame(values, columns=names).to_csv(index=False, sep=delimiter, lineterminator=end)
        content = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
        source = text_source(content, delimiter=delimiter)
        assert source.columns == tuple(names)
        np.testing.assert_array_equal(source.values, values)

    @pytest.mark.parametrize(
        ("name", "delimiter"), [("x.csv", ","), ("x.tsv", "\t"), ("x.csv.gz", ";"), ("x.TSV.gz", "\t")]
    )
    def test_files(self, tmp_path, name, delimiter):
        content = f"a{delimiter}b\n1{delimiter}2\n3{delimiter}4.5\n".encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        source = open_source(tmp_path / name)
        assert (source.name, source.kind, source.typed, source.columns) == (name, "table", True, ("a", "b"))
        assert source.values.tolist() == [[1, 2], [3, 4.5]]
        assert source.values.dtype == np.float64

    def test_a_type_that_changes_late(self, tmp_path):
        rows = ["1"] * 400_000 + ["0.5"]
        (tmp_path / "x.csv").write_text("\n".join(["a", *rows]))
        assert open_source(tmp_path / "x.csv").values[-1].tolist() == [0.5]

    def test_a_wide_table(self):
        n = 30_000
        text = ",".join(f"column {i}" for i in range(n)) + "\n" + ",".join(map(str, range(n)))
        assert text_source(text.encode()).values[0, -1] == n - 1


class TestHeader:
    def test_all_numbers_are_no_header(self):
        source = text_source(b"1,2\n3,4\n")
        assert source.columns is None
        assert source.values.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize(
        ("first", "second", "header"),
        [
            ("0,1,2", "0.5,1,2", True),
            ("2019,2020,2021", "7,8.5,9", True),
            ("0,1,2", "4,5,6", False),
            ("0,1,2,3,4,5,6,7", "4,5,6,7,8,9,1,2", True),
            ("1,2,3,4,5,6,7,8", "4,5,6,7,8,9,1,2", False),
            ("0,1", "0.5,1", False),
            ("0,2,4", "0.5,1,2", False),
            ("0,1.0,2", "0.5,1,2", False),
        ],
    )
    def test_numbers_that_count_are_names(self, first, second, header):
        source = text_source(f"{first}\n{second}\n".encode())
        assert source.columns == (tuple(first.split(",")) if header else None)
        assert len(source) == (1 if header else 2)

    @pytest.mark.parametrize(("said", "delimiter"), [("sep=;\n", ";"), ('"sep=,"\r\n', ","), ("\ufeffsep=|\n", "|")])
    def test_a_spreadsheet_says_what_separates(self, said, delimiter):
        source = text_source(f"{said}a{delimiter}b\n1{delimiter}2,5\n".replace("2,5", "2.5").encode())
        assert (source.columns, source.values.tolist()) == (("a", "b"), [[1, 2.5]])

    def test_an_empty_first_cell_is_the_index(self):
        source = text_source(pd.DataFrame({"a": [1.5, 2]}, index=["u", "v"]).to_csv().encode())
        assert (source.columns, source.ids.tolist()) == (("a",), ["u", "v"])

    def test_blank_lines_and_spaces(self):
        source = text_source(b"\n  \n a , b\n\n1, 2 \n\n")
        assert source.columns == ("a", "b")
        assert source.values.tolist() == [[1, 2]]

    def test_a_quoted_line_end(self):
        assert text_source(b'"a\nb",c\n1,2\n').columns == ("a\nb", "c")


class TestClocks:
    def test_a_time_of_day_stays_as_it_is_written(self):
        source = text_source(("at,x\n" + "".join(f"{i % 3:02d}:30,{i}\n" for i in range(30))).encode())
        assert source.table.types[0].levels == ("00:30", "01:30", "02:30")


class TestLabels:
    content = b"a,kind,code\n1,x,007\n2,NA,8\n"

    def test_are_carried(self):
        source = text_source(self.content, labels=["kind", "code"])
        assert source.columns == ("a",)
        assert source.labels["kind"].tolist() == ["x", "NA"]
        assert source.labels["code"].tolist() == [7, 8]
        assert source.labels["code"].dtype == np.int64

    def test_with_gaps_or_fractions_are_floats(self):
        assert text_source(b"a,b\n1,\n2,3\n", labels="b").label().tolist()[1] == 3.0
        assert text_source(b"a,b\n1,0.5\n2,3\n", labels="b").label().tolist() == [0.5, 3.0]

    def test_given_as_an_array(self):
        assert text_source(b"a,b\n1,0.5\n2,3\n", labels=np.array([5, 6])).label().tolist() == [5, 6]

    def test_a_line_end_inside_one(self):
        assert text_source(b'a,b\n1,"x\ny"\n2,z\n', labels="b").label().tolist() == ["x\ny", "z"]

    def test_an_unknown_one(self):
        with pytest.raises(DataError, match="label column 'kin' is not there; did you mean 'kind'"):
            text_source(self.content, labels="kin")


def test_true_and_false_are_numbers():
    assert text_source(b"a,b\n1,true\n2,False\n,".rstrip(b"\n,")).values.tolist() == [[1, 1], [2, 0]]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "prices.csv: is empty; give a"),
        (b" \n\n", "prices.csv: is empty"),
        (b"a,b\n", r"prices.csv: 0 sample\(s\) \(shape=\(0, 2\)\)"),
        (b"a,b\n1,2\n3\n", "prices.csv: data row 2 has 1 columns where the first line has 2; complete it or remove it"),
        (b"a,b\n1,2\n\n3,4,5\n", "prices.csv: data row 2 has 3 columns where the first line has 2"),
        (b"1,2\n3\n", "prices.csv: data row 2 has 1 columns"),
        (b"a,b,a\n1,2,3\n", "prices.csv: column 'a' is there twice"),
        (b"a,,b\n1,2,3\n", "prices.csv: header cell 2 is empty; give every column a name"),
        (
            b"a,price\n1,2\n3,n/a\n",
            r"prices.csv: column 'price', data row 2: 'n/a' is not a number; correct it, declare it missing with "
            r"--missing n/a \(missing=\['n/a'\]\), or the column a category with --types price=category",
        ),
        (b"a,price\n1,2\n3,1_0\n", "data row 2: '1_0' is not a number"),
        (b"a,price\n1,2\n3,inf\n", "column 'price', data row 2 is inf; replace"),
        (b"a,price\n1,2\n3,-1e999\n", "column 'price', data row 2 is -inf"),
        ("größe,b\n1,2\n".encode("latin-1"), "prices.csv: byte 0xf6 at offset 2 is not UTF-8; save the file as UTF-8"),
        (b"a,b\n1,\xff\n", "prices.csv: byte 0xff at offset 6 is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "prices.csv: byte 0xff at offset 0 is not UTF-8"),
    ],
)
def test_refuses(content, match, tmp_path):
    for name, stored in (("prices.csv", content), ("prices.csv.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(stored)
        with pytest.raises(DataError, match=match.replace("prices.csv", name)):
            open_source(tmp_path / name)


def test_the_first_bad_cell_of_many_blocks(tmp_path):
    rows = ["1,2"] * 500_000
    rows[400_000] = "1,oops"
    (tmp_path / "x.csv").write_text("\n".join(["a,b", *rows]))
    with pytest.raises(DataError, match="column 'b', data row 400001: 'oops' is not a number"):
        open_source(tmp_path / "x.csv")
    rows[400_000] = "1"
    (tmp_path / "x.csv").write_text("\n".join(["a,b", *rows]))
    with pytest.raises(DataError, match="data row 400001 has 1 columns"):
        open_source(tmp_path / "x.csv")


def test_a_damaged_gzip(tmp_path):
    packed = gzip.compress(b"a,b\n" + b"".join(b"%d,2\n" % i for i in range(1000)))
    for keep in (-1, -500, 30):
        (tmp_path / "x.csv.gz").write_bytes(packed[:keep])
        with pytest.raises(DataError, match=r"x.csv.gz: damaged or truncated gzip"):
            open_source(tmp_path / "x.csv.gz")


def test_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr("latens.data.values._SMALL", 1000)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"a\n" + b"1\n" * 4_000_000))
    with pytest.raises(DataError, match="look like a decompression bomb"):
        open_source(tmp_path / "x.csv.gz")


class TestStandardInput:
    @staticmethod
    def feed(monkeypatch, content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    def test_csv(self, monkeypatch):
        self.feed(monkeypatch, b"a,b\n1,2\n")
        source = open_source("-", labels="b")
        assert (source.name, source.columns, source.label().tolist()) == ("stdin", ("a",), [2])

    def test_npy(self, monkeypatch):
        file = io.BytesIO()
        np.save(file, np.ones((2, 3, 4)))
        self.feed(monkeypatch, file.getvalue())
        assert open_source("-").kind == "images"

    def test_nothing(self, monkeypatch):
        self.feed(monkeypatch, b"")
        with pytest.raises(DataError, match="stdin: is empty"):
            open_source("-")


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=60) | st.text('ab1,"\n\r;\t', max_size=40).map(str.encode))
def test_noise_is_numbers_or_a_data_error(content):
    try:
        assert not np.isinf(text_source(content, name="noise").values).any()
    except DataError as error:
        assert str(error).startswith("noise: ")  # noqa: PT017 - either outcome is right


class TestBounds:
    @pytest.mark.parametrize("content", [b"a,b" * 1000, b"a,b\n" + b"1" * 3000, b"\0" * 3000])
    def test_what_has_no_lines(self, tmp_path, monkeypatch, content):
        monkeypatch.setattr("latens.data.text_tables._HEAD", 1000)
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(DataError, match=r"x.csv: has no two lines in its first 1,000 bytes; give a table"):
            open_source(tmp_path / "x.csv")

    def test_blanks(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.text_tables._HEAD", 1000)
        (tmp_path / "x.csv").write_bytes(b" \n" * 2000 + b"a,b\n1,2\n")
        with pytest.raises(DataError, match=r"x.csv: begins with 1,000 blanks; give a header"):
            open_source(tmp_path / "x.csv")

    def test_columns(self, monkeypatch):
        monkeypatch.setattr("latens.data.text_tables._MOST_COLUMNS", 10)
        with pytest.raises(DataError, match=r"^stdin: has more than 10 columns; give it as an array, in .npy$"):
            text_source(b",".join(b"%d" % i for i in range(11)))
        assert text_source(b",".join(b"%d" % i for i in range(10))).n_features == 10

    def test_a_very_long_cell_does_not_make_a_very_long_message(self):
        with pytest.raises(DataError, match=r"^stdin: column 'a', data row 3: 'x+ … .*--types a=category") as found:
            text_source(b"a,b\n1,1\n2,2\n" + b"x" * 100_000 + b",3\n4,4\n")
        assert len(str(found.value)) < 1300

    def test_a_bomb_is_known_by_its_beginning(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 2**21)
        content = gzip.compress(b"1,2\n" * 2**22) + np.random.default_rng(0).bytes(2**20)
        (tmp_path / "x.csv.gz").write_bytes(content)  # what comes behind would make it a good file
        with pytest.raises(DataError, match=r"x.csv.gz: .* that unpack to 3 MiB or more look like"):
            open_source(tmp_path / "x.csv.gz")

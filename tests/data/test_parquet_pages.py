from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from latens.data.parquet_pages import Chunk, Damage, Leaf, check_footer, pages_of

# A header: kind 0, 16 bytes in 8, then 2 values.
HEADER = bytes([0x15, 0, 0x15, 32, 0x15, 16, 0x2C, 0x15, 4, 0, 0])
PAGE = HEADER + b"12345678"


def found(content, n_values=2, stop=None):
    return pages_of(memoryview(content), Chunk(0, len(content) if stop is None else stop, n_values))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_pages_are_what_arrow_says_of_them(tmp_path, version, compression):
    table = pa.table(
        {"n": [i % 9 for i in range(3000)], "s": [f"{i}" for i in range(3000)], "l": [[i] for i in range(3000)]}
    )
    pq.write_table(table, tmp_path / "x", data_page_version=version, compression=compression, data_page_size=500)
    content = memoryview((tmp_path / "x").read_bytes())
    metadata = pq.read_metadata(tmp_path / "x").row_group(0)
    for i in range(3):
        column = metadata.column(i)
        start = column.dictionary_page_offset or column.data_page_offset
        pages = pages_of(content, Chunk(start, start + column.total_compressed_size, column.num_values))
        assert pages.dictionary > 0
        # Arrow's total counts the headers, too.
        assert 0 < column.total_uncompressed_size - pages.unpacked < column.total_uncompressed_size / 2


def test_pages_are_read_as_far_as_values_go():
    assert found(PAGE + PAGE, n_values=4).unpacked == 32
    assert found(PAGE + b"\xff" * 20, n_values=2).unpacked == 16
    assert found(b"", n_values=0).unpacked == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "cut off at offset 0"),
        (HEADER, "leads out of its column"),
        (HEADER[:-3], "cut off"),
        (bytes([0x15, 0, 0x15, 31, 0x15, 16, 0]) + bytes(8), "without a size"),
        (bytes([0x15, 0, 0x15, 32, 0]), "without a size"),
        (bytes([0x15, 0, 0x05, 2, 0, 0]), "out of order"),
        (b"\x1c" * 100, "nested too deeply"),
        (bytes([0x1A, 0]), "holds what no page has"),
        (bytes([0x19, 0xF5, 0xFF, 0xFF, 0x7F]), "a list of 2,097,151"),
        (b"\x15" + b"\xff" * 20, "has no end"),
        (bytes([0x18]) + b"\xff\xff\x03", "cut off"),
        (bytes([0x15, 4, 0x15, 16, 0x15, 16, 0x4C, 0x15, 80, 0, 0]) + bytes(8), "more values than it has bytes"),
    ],
)
def test_what_is_no_page(content, what):
    with pytest.raises(Damage, match=what):
        found(content)


def test_pages_that_never_end_are_as_many_as_fit():
    empty = HEADER.replace(bytes([0x15, 4]), bytes([0x15, 0]))
    with pytest.raises(Damage, match="cut off"):
        found((empty + b"12345678") * 1000)


class TestFooter:
    @pytest.fixture
    def content(self, tmp_path):
        pq.write_table(pa.table({"n": [1, None, 3]}), tmp_path / "x", row_group_size=2)
        return memoryview((tmp_path / "x").read_bytes())

    def test_says_how_many_cells_are_missing(self, content, tmp_path):
        assert check_footer(content, [Leaf("INT64", (1, 0))]) == [[1], [0]]
        pq.write_table(pa.table({"n": [1, None, 3]}), tmp_path / "y", write_statistics=False)
        assert check_footer(memoryview((tmp_path / "y").read_bytes()), [Leaf("INT64", (1, 0))]) == [[None]]

    @pytest.mark.parametrize(
        ("leaves", "what"),
        [
            ([], "1 columns where the schema has 0"),
            ([Leaf("BYTE_ARRAY", (1, 0))], "type 2 where the schema has BYTE_ARRAY"),
            ([Leaf("of its own", (1, 0))], "type 2 where the schema has of its own"),
            ([Leaf("INT64", (2, 0))], "counts of levels"),
        ],
    )
    def test_that_is_not_of_this_schema(self, content, leaves, what):
        with pytest.raises(Damage, match=what):
            check_footer(content, leaves)

    def test_that_is_longer_than_the_file(self):
        with pytest.raises(Damage, match="longer than the file"):
            check_footer(memoryview(b"PAR1\xff\xff\xff\x7fPAR1"), [])

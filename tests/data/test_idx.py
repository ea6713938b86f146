from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latens.data import open_source
from latens.data.idx import read_idx
from latens.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx(values: np.ndarray, code: int = 0x08) -> bytes:
    return bytes([0, 0, code, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), packed=st.booleans())
def test_every_type_round_trips(data, packed, tmp_path):
    dtype = data.draw(st.sampled_from(sorted(CODES)))
    values = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)))
    content = idx(values, CODES[dtype])
    path = tmp_path / "any.name"
    path.write_bytes(gzip.compress(content) if packed else content)
    read = read_idx(path)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("name", ["x.idx", "x-images-idx3-ubyte.gz", "without"])
@pytest.mark.parametrize("packed", [False, True])
def test_is_recognised_by_its_first_bytes(tmp_path, name, packed):
    (tmp_path / name).write_bytes(gzip.compress(idx(IMAGES)) if packed else idx(IMAGES))
    source = open_source(tmp_path / name)
    assert (source.kind, source.name, source.values.dtype) == ("images", name, np.uint8)
    np.testing.assert_array_equal(source.values, IMAGES)
    assert source.values.flags.writeable


def test_two_dimensions_are_a_table(tmp_path):
    (tmp_path / "x.idx").write_bytes(idx(IMAGES[0]))
    assert open_source(tmp_path / "x.idx").kind == "table"


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    ],
)
class TestLabelsBeside:
    def test_are_carried(self, tmp_path, images, labels):
        self.write(tmp_path / images, IMAGES)
        self.write(tmp_path / labels, np.array([7, 9], dtype=np.uint8))
        assert open_source(tmp_path / images).label().tolist() == [7, 9]
        assert open_source(tmp_path / images, labels="label").label().tolist() == [7, 9]
        assert open_source(tmp_path / images, labels=["u", "v"]).label().tolist() == ["u", "v"]

    def test_of_another_length_are_left(self, tmp_path, images, labels):
        self.write(tmp_path / images, IMAGES)
        self.write(tmp_path / labels, np.array([7, 9, 1], dtype=np.uint8))
        assert open_source(tmp_path / images).label() is None

    def test_alone_are_no_data(self, tmp_path, images, labels):
        self.write(tmp_path / labels, np.array([7, 9], dtype=np.uint8))
        with pytest.raises(DataError, match=r"is a labels file \(1-D, 2 numbers\); give the images file"):
            open_source(tmp_path / labels)

    @staticmethod
    def write(path, values):
        path.write_bytes(gzip.compress(idx(values)) if path.suffix == ".gz" else idx(values))


class TestDamage:
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize(
        ("keep", "match"), [(10, "header ends early"), (30, "truncated|means 24 bytes and it has 14")]
    )
    def test_truncated_before_packing(self, tmp_path, packed, keep, match):
        content = idx(IMAGES)[:keep]
        (tmp_path / "x.idx").write_bytes(gzip.compress(content) if packed else content)
        with pytest.raises(DataError, match=match):
            open_source(tmp_path / "x.idx")

    def test_too_long(self, tmp_path):
        (tmp_path / "x.idx").write_bytes(idx(IMAGES) + b"more")
        with pytest.raises(DataError, match="means 24 bytes and it has more; fetch it again"):
            open_source(tmp_path / "x.idx")

    @pytest.mark.parametrize("keep", [-1, -6, 20])
    def test_truncated_gzip(self, tmp_path, keep):
        (tmp_path / "x.idx.gz").write_bytes(gzip.compress(idx(IMAGES))[:keep])
        with pytest.raises(DataError, match=r"x.idx.gz: (damaged or truncated gzip|.*header ends early)"):
            open_source(tmp_path / "x.idx.gz")

    def test_a_wrong_checksum(self, tmp_path):
        content = bytearray(gzip.compress(idx(IMAGES)))
        content[-6] ^= 1
        (tmp_path / "x.idx.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"damaged or truncated gzip .*CRC"):
            open_source(tmp_path / "x.idx.gz")

    @pytest.mark.parametrize("packed", [False, True])
    def test_an_absurd_shape_is_not_allocated(self, tmp_path, packed):
        content = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"1234"
        (tmp_path / "x.idx").write_bytes(gzip.compress(content) if packed else content)
        with pytest.raises(DataError, match=r"truncated idx file, it declares .* bytes and has"):
            open_source(tmp_path / "x.idx")

    def test_a_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 1000)
        (tmp_path / "x.idx.gz").write_bytes(gzip.compress(idx(np.zeros((1000, 30, 30), dtype=np.uint8))))
        with pytest.raises(DataError, match="look like a decompression bomb"):
            open_source(tmp_path / "x.idx.gz")

    def test_no_idx_at_all(self, tmp_path):
        (tmp_path / "x.idx").write_bytes(b"hello, idx")
        with pytest.raises(DataError, match=r"not an idx file .*give an idx1 to idx4 file"):
            read_idx(tmp_path / "x.idx")

    @pytest.mark.parametrize("shape", [(0, 2**32 - 1, 2**32 - 1, 2**32 - 1), (3, 0)])
    def test_a_shape_of_nothing(self, tmp_path, shape):
        (tmp_path / "x.idx").write_bytes(bytes([0, 0, 14, len(shape)]) + struct.pack(f">{len(shape)}I", *shape))
        with pytest.raises(DataError, match=r"x.idx: idx shape .* holds nothing; give a file with data"):
            open_source(tmp_path / "x.idx")

    def test_labels_beside_are_read_only_where_they_lie(self, tmp_path):
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "x-images-idx3-ubyte").write_bytes(idx(IMAGES))
        (tmp_path / "labels").write_bytes(idx(np.arange(len(IMAGES), dtype=np.uint8)))
        beside = tmp_path / "folder" / "x-labels-idx1-ubyte"
        beside.symlink_to("../labels")
        assert open_source(tmp_path / "folder" / "x-images-idx3-ubyte").label() is None
        beside.unlink()
        (tmp_path / "labels").rename(beside)
        assert open_source(tmp_path / "folder" / "x-images-idx3-ubyte").label().tolist() == list(range(len(IMAGES)))

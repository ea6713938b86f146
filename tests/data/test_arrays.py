from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latens.data import Source, open_source
from latens.data.arrays import npy_bytes
from latens.errors import ConfigError, DataError

FINITE = {"allow_nan": False, "allow_infinity": False}
TABLES = hnp.arrays(
    st.sampled_from([np.dtype(np.float64), np.dtype(np.float32)]),
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.floats(-1e6, 1e6, width=32),
)
MANY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestKeepsWhatItIsGiven:
    @MANY
    @given(values=TABLES)
    def test_floats_stay_bit_for_bit(self, values):
        source = open_source(values)
        assert source.values.dtype == values.dtype
        np.testing.assert_array_equal(source.values, values)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("uint8", "uint8"),
            ("float32", "float32"),
            ("float64", "float64"),
            ("float16", "float32"),
            ("bool", "float64"),
            ("int8", "float64"),
            ("uint16", "float64"),
            ("int64", "float64"),
            (">f8", "float64"),
            (">f4", "float32"),
            (">i4", "float64"),
        ],
    )
    def test_dtypes(self, given, kept):
        source = open_source(np.array([[0, 1], [1, 1]]).astype(given))
        assert source.values.dtype == np.dtype(kept)
        assert source.values.dtype.isnative
        np.testing.assert_array_equal(source.values, [[0, 1], [1, 1]])

    def test_views_become_contiguous(self):
        values = np.arange(24.0).reshape(4, 6)
        for view in (values.T, values[::2], values[:, ::-1]):
            source = open_source(view)
            assert source.values.flags.c_contiguous
            np.testing.assert_array_equal(source.values, view)

    def test_contiguous_floats_are_not_copied(self):
        values = np.ones((3, 2))
        assert np.shares_memory(open_source(values).values, values)

    def test_nested_lists_objects_and_array_protocol(self):
        class Wrapped:
            def __array__(self, dtype=None, copy=None):
                return np.array([[1.0, 2.0]])

        for data in ([[1, 2]], ((1, 2),), np.array([[1.0, 2]], dtype=object), Wrapped()):
            np.testing.assert_array_equal(open_source(data).values, [[1.0, 2.0]])

    def test_unmasked_masked_array(self):
        np.testing.assert_array_equal(open_source(np.ma.array([[1.0, 2.0]])).values, [[1.0, 2.0]])

    def test_one_row_one_column(self):
        assert open_source([[3]]).shape == (1,)


class TestKind:
    @pytest.mark.parametrize(
        ("shape", "kind"),
        [((3, 4), "table"), ((3, 4, 5), "images"), ((3, 4, 5, 1), "images"), ((3, 5, 7, 4), "images")],
    )
    def test_is_inferred_from_the_shape(self, shape, kind):
        source = open_source(np.zeros(shape))
        assert (source.kind, source.shape, len(source)) == (kind, shape[1:], 3)
        assert source.n_features == np.prod(shape[1:])

    def test_channels_come_last(self):
        with pytest.raises(DataError, match=r"\(2, 3, 33, 47\); channels come last.*moveaxis"):
            open_source(np.zeros((2, 3, 33, 47)))

    def test_five_dimensions(self):
        with pytest.raises(DataError, match=r"5-D of shape .*; use \(n, d\)"):
            open_source(np.zeros((1, 1, 1, 1, 1)))

    def test_a_table_is_no_images(self):
        with pytest.raises(DataError, match=r"is no images; use X.reshape\(2, height, width\)"):
            open_source(np.zeros((2, 16)), kind="images")

    def test_images_are_no_table(self):
        with pytest.raises(DataError, match=r"is no table; use X.reshape\(len\(X\), -1\)"):
            open_source(np.zeros((2, 4, 4)), kind="table")

    def test_unknown_kind_has_the_nearest_name(self):
        with pytest.raises(ConfigError, match="kind='image' is not known; did you mean 'images'"):
            open_source(np.zeros((2, 4, 4)), kind="image")


class TestRefuses:
    @pytest.mark.parametrize(
        ("data", "match"),
        [
            (np.ones(3), r"1-D of shape \(3,\). Reshape your data: X.reshape\(-1, 1\)"),
            (np.float64(3), "0-D of shape .*Reshape your data"),
            (np.empty((0, 3)), r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
            (np.empty((3, 0)), r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required\."),
            (np.empty((3, 0, 4)), r"0 feature\(s\)"),
            ([], "Reshape your data"),
            (np.ones((2, 2)) * 1j, "Complex data not supported.*X.real"),
            ([["a", "b"]], "holds text .*X.astype"),
            (np.array([["2020-01-01"]], dtype="M8[D]"), "holds dates"),
            (np.zeros((2, 2), dtype="f4,f4"), "holds records"),
            ([[1, 2], [3]], "row 1 has 1 values where row 0 has 2"),
            (np.array([[1.0, "x"]], dtype=object), r"row 0, column 1 \(counted from 0\): 'x' is not a number"),
            (np.ma.masked_equal([[1, 2]], 2), "1 values are masked; use X.filled"),
            (None, "a NoneType is no data; give"),
            ({"a": [1]}, "a dict is no data; give"),
        ],
    )
    def test_with_a_way_out(self, data, match):
        with pytest.raises(DataError, match=match):
            open_source(data)

    @pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csr_array, scipy.sparse.coo_array])
    def test_sparse(self, container):
        with pytest.raises(DataError, match=r"sparse data is not supported; use X.toarray\(\)"):
            open_source(container(np.eye(3)))

    def test_objects_as_scikit_learn_does(self):
        with pytest.raises(TypeError, match=r"row 1, column 0.*argument must be .* string.* number.*'dict'"):
            open_source(np.array([[1, 2], [{}, 4]], dtype=object))

    @pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_what_is_not_finite_by_row_and_column(self, value, word, dtype):
        values = np.zeros((5, 4), dtype=dtype)
        values[3, 2] = value
        values[4, 0] = np.nan
        with pytest.raises(DataError, match=rf"array: row 3, column 2 \(counted from 0\) is {word}; drop"):
            open_source(values)

    def test_what_is_not_finite_by_row_and_pixel(self):
        values = np.zeros((3, 4, 5, 2))
        values[1, 2, 3, 1] = np.inf
        with pytest.raises(DataError, match=r"row 1, pixel \(2, 3, 1\) \(counted from 0\) is inf; replace it"):
            open_source(values)

    def test_none_is_nan(self):
        with pytest.raises(DataError, match=r"row 0, column 1 .* is NaN"):
            open_source(np.array([[1.0, None]], dtype=object))

    def test_array_argument_without_an_archive(self):
        with pytest.raises(DataError, match=r"array='X' chooses from an .npz file"):
            open_source(np.ones((2, 2)), array="X")


class TestLabels:
    @pytest.mark.parametrize("labels", [np.array([1, 2, 3]), ["a", "b", "c"], (1, 2, 3), np.array(["x", "y", "z"])])
    def test_one_per_row_is_carried(self, labels):
        source = open_source(np.zeros((3, 2)), labels=labels)
        np.testing.assert_array_equal(source.label(), labels)

    def test_of_another_length(self):
        with pytest.raises(DataError, match=r"labels of shape \(2,\) for 3 rows; give one label per row"):
            open_source(np.zeros((3, 2)), labels=np.array([1, 2]))

    def test_an_array_has_no_names(self):
        with pytest.raises(DataError, match="labels='y' is not carried by it; give an array of 3 labels"):
            open_source(np.zeros((3, 2)), labels="y")


class TestNpy:
    @MANY
    @given(values=TABLES)
    def test_round_trip(self, values, tmp_path):
        np.save(tmp_path / "x.npy", values)
        source = open_source(tmp_path / "x.npy")
        assert (source.name, source.typed, source.values.dtype) == ("x.npy", False, values.dtype)
        np.testing.assert_array_equal(source.values, values)

    def test_the_name_does_not_matter(self, tmp_path):
        np.save(tmp_path / "x.npy", np.ones((2, 3)))
        renamed = (tmp_path / "x.npy").rename(tmp_path / "x.csv")
        assert open_source(str(renamed)).values.shape == (2, 3)

    def test_a_large_one_stays_on_disk(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.stored._LARGE", 100)
        np.save(tmp_path / "x.npy", np.arange(200.0).reshape(100, 2))
        source = open_source(tmp_path / "x.npy")
        assert source.streamed
        assert source.values[98:].tolist() == [[196, 197], [198, 199]]
        assert not open_source(tmp_path / "x.npy", stream=False).streamed
        assert source.in_memory().values.sum() == 19900

    def test_so_does_a_large_array_that_is_mapped(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.stored._LARGE", 100)
        values = np.arange(200.0).reshape(100, 2)
        values[70, 1] = np.nan
        np.save(tmp_path / "x.npy", values)
        source = open_source(np.load(tmp_path / "x.npy", mmap_mode="r"))
        assert source.streamed
        assert source.values[:2].tolist() == [[0, 1], [2, 3]]
        with pytest.raises(DataError, match=r"array: row 70, column 1 \(counted from 0\) is NaN"):
            source.in_memory()

    def test_pickled_objects_are_never_loaded(self, tmp_path):
        np.save(tmp_path / "x.npy", np.array([[{}]], dtype=object), allow_pickle=True)
        with pytest.raises(DataError, match=r"x.npy: holds pickled objects, which are never loaded"):
            open_source(tmp_path / "x.npy")

    def test_truncated(self, tmp_path):
        np.save(tmp_path / "x.npy", np.ones((50, 3)))
        content = (tmp_path / "x.npy").read_bytes()
        (tmp_path / "x.npy").write_bytes(content[:-1])
        with pytest.raises(DataError, match=r"x.npy: truncated, shape \(50, 3\) means 1,200 bytes and it has 1,199"):
            open_source(tmp_path / "x.npy")
        (tmp_path / "x.npy").write_bytes(content[:40])
        with pytest.raises(DataError, match=r"x.npy: damaged or no .npy data"):
            open_source(tmp_path / "x.npy")

    def test_an_absurd_shape_is_not_allocated(self, tmp_path):
        (tmp_path / "x.npy").write_bytes(_header((2**40, 2**40)) + b"1234")
        with pytest.raises(DataError, match=r"x.npy: truncated, shape"):
            open_source(tmp_path / "x.npy")

    @pytest.mark.parametrize("shape", [(-1, 3), (-2, -2)])
    def test_a_negative_shape(self, tmp_path, shape):
        (tmp_path / "x.npy").write_bytes(_header(shape) + bytes(64))
        with pytest.raises(DataError, match=r"x.npy: (truncated|damaged)"):
            open_source(tmp_path / "x.npy")

    @settings(MANY, max_examples=60)
    @given(content=st.binary(max_size=200))
    def test_noise_is_a_data_error(self, content, tmp_path):
        (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + content)
        with pytest.raises(DataError, match=r"x\.npy: "):
            open_source(tmp_path / "x.npy")

    def test_wrong_name(self, tmp_path):
        (tmp_path / "x.npy").write_text("a,b\n1,2\n")
        with pytest.raises(DataError, match=r"x.npy: damaged or no .npy data"):
            open_source(tmp_path / "x.npy")


def _header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


class TestNpz:
    @MANY
    @given(values=TABLES, packed=st.booleans())
    def test_round_trip(self, values, packed, tmp_path):
        labels = np.arange(len(values))
        (np.savez_compressed if packed else np.savez)(tmp_path / "x.npz", X=values, y=labels)
        source = open_source(tmp_path / "x.npz")
        np.testing.assert_array_equal(source.values, values)
        np.testing.assert_array_equal(source.labels["y"], labels)

    @pytest.mark.parametrize("name", ["X", "x", "data", "images", "anything"])
    def test_the_usual_or_the_only_array(self, tmp_path, name):
        np.savez(tmp_path / "x.npz", **{name: np.ones((2, 3))})
        assert open_source(tmp_path / "x.npz").shape == (3,)

    def test_one_is_chosen(self, tmp_path):
        np.savez(tmp_path / "x.npz", a=np.ones((2, 3)), b=np.ones((2, 4)))
        assert open_source(tmp_path / "x.npz", array="b").shape == (4,)
        with pytest.raises(DataError, match="holds the arrays a, b; choose one with array=NAME"):
            open_source(tmp_path / "x.npz")
        with pytest.raises(DataError, match=r"array='c' is not in it; it has a, b"):
            open_source(tmp_path / "x.npz", array="c")

    def test_labels_by_name_or_as_given(self, tmp_path):
        np.savez(tmp_path / "x.npz", X=np.ones((2, 3)), y=[0, 1], kinds=["u", "v"], wrong=[1, 2, 3])
        assert list(open_source(tmp_path / "x.npz").labels) == ["y"]
        assert open_source(tmp_path / "x.npz", labels="kinds").label().tolist() == ["u", "v"]
        assert open_source(tmp_path / "x.npz", labels=np.array([7, 8])).label().tolist() == [7, 8]
        with pytest.raises(DataError, match="labels='kind' is not in it; did you mean 'kinds'"):
            open_source(tmp_path / "x.npz", labels="kind")
        with pytest.raises(DataError, match=r"wrong: labels of shape \(3,\) for 2 rows"):
            open_source(tmp_path / "x.npz", labels="wrong")

    def test_labels_of_other_shapes_are_left(self, tmp_path):
        np.savez(tmp_path / "x.npz", X=np.ones((2, 3)), y=np.ones((2, 1)), label=np.ones(5))
        source = open_source(tmp_path / "x.npz")
        assert list(source.labels) == ["y"]
        assert source.label().shape == (2,)

    def test_pickled_objects_are_never_loaded(self, tmp_path):
        np.savez(tmp_path / "x.npz", X=np.array([[object]], dtype=object), allow_pickle=True)
        with pytest.raises(DataError, match=r"x.npz: X: holds pickled objects"):
            open_source(tmp_path / "x.npz", array="X")

    @pytest.mark.parametrize("keep", [10, 100, 0.5, -1])
    def test_truncated(self, tmp_path, keep):
        np.savez_compressed(tmp_path / "x.npz", X=np.random.default_rng(0).normal(size=(50, 3)))
        content = (tmp_path / "x.npz").read_bytes()
        (tmp_path / "x.npz").write_bytes(content[: int(keep * len(content)) if keep == 0.5 else keep])
        with pytest.raises(DataError, match=r"x.npz: damaged or truncated .npz file"):
            open_source(tmp_path / "x.npz")

    def test_a_flipped_byte(self, tmp_path):
        np.savez(tmp_path / "x.npz", X=np.ones((500, 3)))
        content = bytearray((tmp_path / "x.npz").read_bytes())
        content[5000] ^= 1
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"x.npz: damaged or truncated .npz file .*CRC"):
            open_source(tmp_path / "x.npz")

    def test_a_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 1000)
        with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("X.npy", _header((100_000, 2)) + bytes(1_600_000))
        with pytest.raises(DataError, match="look like a decompression bomb; unpack it yourself"):
            open_source(tmp_path / "x.npz")

    def test_headers_that_numpy_would_warn_of_or_say_more_than_a_line_about(self, tmp_path):
        for text in (b"[" * 9000 + b"]" * 9000, b"{" * 200, b"'" * 3, b"(" * 9000):
            (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text)
            with pytest.raises(
                DataError, match=r"^x.npy: damaged or no .npy data \(.*\); write it again with np.save$"
            ):
                open_source(tmp_path / "x.npy")
        text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 2L)}"  # as Python 2 wrote it
        (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + bytes(48))
        assert open_source(tmp_path / "x.npy").values.shape == (3, 2)

    @pytest.mark.parametrize("stream", [None, True])
    def test_more_dimensions_than_numpy_has(self, tmp_path, stream):
        (tmp_path / "x.npy").write_bytes(_header((1,) * 100) + bytes(8))
        with pytest.raises(DataError, match=r"^x.npy: 100-D of shape .*; use \(n, d\), images"):
            open_source(tmp_path / "x.npy", stream=stream)

    def test_damage_in_what_comes_through_a_pipe(self):
        content = _header((3, 2)).replace(b"'descr': '<f8'", b"'descr': '<f8(") + bytes(48)
        with pytest.raises(DataError, match=r"^stdin: damaged or no .npy data"):
            npy_bytes(content)

    def test_a_large_file_stays_on_disk_unless_it_is_stored_column_by_column(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.stored._LARGE", 100)
        x = np.asfortranarray(np.arange(60.0).reshape(20, 3))
        np.save(tmp_path / "x.npy", x)
        np.testing.assert_array_equal(open_source(tmp_path / "x.npy").values, x)
        np.save(tmp_path / "y.npy", np.ascontiguousarray(x))
        source = open_source(tmp_path / "y.npy")
        assert source.streamed
        np.testing.assert_array_equal(source.values[3:7], x[3:7])

    def test_more_than_the_machine_has(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.values.physical_memory", lambda: 1000)
        np.save(tmp_path / "x.npy", np.ones((1000, 3)))
        with pytest.raises(DataError, match=r"x.npy: needs 23.4 KiB where this machine has 1000 bytes; give it fewer"):
            open_source(tmp_path / "x.npy")


def test_a_source_passes_through():
    source = open_source(np.zeros((3, 2)), labels=[1, 2, 3])
    assert open_source(source) is source
    assert isinstance(source, Source)

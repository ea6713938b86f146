from __future__ import annotations

import gzip
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.data import Source, open_source, split
from latens.errors import ConfigError, DataError


class TestSource:
    source = Source(np.arange(12.0).reshape(4, 3), labels={"y": np.array([3, 2, 1, 0])}, ids=np.array(list("abcd")))

    def test_take_keeps_everything_together(self):
        taken = self.source.take(np.array([3, 1]))
        assert taken.values.tolist() == [[9, 10, 11], [3, 4, 5]]
        assert taken.label().tolist() == [0, 2]
        assert taken.ids.tolist() == ["d", "b"]

    def test_take_by_mask(self):
        assert len(self.source.take(np.array([True, False, True, False]))) == 2

    def test_defaults(self):
        plain = Source(np.zeros((2, 3, 5)))
        assert (len(plain), plain.shape, plain.n_features, plain.label(), plain.ids) == (2, (3, 5), 15, None, None)

    def test_opening_it_again_selects_labels(self):
        again = open_source(self.source, labels="y")
        assert list(again.labels) == ["y"]
        assert open_source(self.source, labels=list("wxyz")).label().tolist() == list("wxyz")
        with pytest.raises(DataError, match="labels='z' is not carried by it; it has y"):
            open_source(self.source, labels="z")

    def test_columns_apply_to_it(self):
        source = open_source(pd.DataFrame({"a": [1], "b": [2]}))
        assert open_source(source, columns=["b", "a"]).values.tolist() == [[2, 1]]


class TestPaths:
    def test_the_nearest_name(self, tmp_path):
        (tmp_path / "prices.csv").write_text("a\n1\n")
        with pytest.raises(
            DataError, match=r"no such file or folder; did you mean 'prices.csv'\? \(data sets are called"
        ):
            open_source(tmp_path / "price.csv")

    @pytest.mark.parametrize("name", ["nowhere/at/all", "a\0b", "x" * 5000, "hello, this is text"])
    def test_any_other_text(self, name):
        with pytest.raises(DataError, match=r"no such file or folder; check the path .*latens datasets"):
            open_source(name)

    def test_bytes_paths_and_relative_paths(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        np.save("x.npy", np.ones((2, 3)))
        assert open_source("x.npy").shape == (3,)

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "x.parquet").touch()
        with pytest.raises(DataError, match=r"x.parquet: is empty; give a file with data"):
            open_source(tmp_path / "x.parquet")

    @pytest.mark.parametrize("name", ["README", "x.json"])
    def test_a_format_it_does_not_know(self, tmp_path, name):
        (tmp_path / name).write_text("to be or not")
        with pytest.raises(DataError, match=f"{name}: not a format that latens reads; give it NumPy"):
            open_source(tmp_path / name)

    def test_a_gzipped_array(self, tmp_path):
        np.save(tmp_path / "x.npy", np.ones((2, 3)))
        (tmp_path / "x.npy.gz").write_bytes(gzip.compress((tmp_path / "x.npy").read_bytes()))
        with pytest.raises(DataError, match=r"x.npy.gz: is gzipped.*unpack it with gunzip"):
            open_source(tmp_path / "x.npy.gz")

    def test_array_chooses_only_from_archives(self, tmp_path):
        np.save(tmp_path / "x.npy", np.ones((2, 3)))
        with pytest.raises(DataError, match=r"x.npy: array='X' chooses from an .npz file"):
            open_source(tmp_path / "x.npy", array="X")

    def test_a_device_is_no_file(self):
        with pytest.raises(DataError, match="/dev/null: is neither a file nor a folder"):
            open_source("/dev/null")

    def test_what_may_not_be_read(self, tmp_path, monkeypatch):
        (tmp_path / "x.csv").write_text("a\n1\n")

        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("latens.data.sources.open_bytes", refuse)
        with pytest.raises(DataError, match=r"x.csv: cannot be read \(Permission denied\); check its permissions"):
            open_source(tmp_path / "x.csv")

    def test_a_name_that_is_empty(self):
        with pytest.raises(DataError, match="the name of the data is empty; give a file, a folder, or dataset:NAME"):
            open_source("")


class TestSplit:
    @settings(deadline=None)
    @given(n=st.integers(2, 500), fraction=st.floats(0, 0.999), seed=st.integers(0, 2**31))
    def test_partitions_the_rows(self, n, fraction, seed):
        train, held_out = split(n, fraction, seed)
        assert sorted([*train, *held_out]) == list(range(n))
        assert (np.diff(train) > 0).all()
        assert (np.diff(held_out) > 0).all()
        expected = 0 if fraction == 0 else min(n - 1, max(1, round(n * fraction)))
        assert len(held_out) == expected

    def test_is_a_function_of_the_seed(self):
        np.testing.assert_array_equal(split(100, 0.1, 3)[1], split(100, 0.1, 3)[1])
        assert not np.array_equal(split(100, 0.1, 3)[1], split(100, 0.1, 4)[1])

    @pytest.mark.parametrize("fraction", [0.0, 0.1])
    def test_one_sample(self, fraction):
        with pytest.raises(DataError, match="1 sample cannot be learned from; give it at least 2 rows"):
            split(1, fraction, 0)

    @pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan"), "half"])
    def test_a_fraction_out_of_range(self, fraction):
        with pytest.raises(ConfigError, match=r"validation_fraction=.* is out of range"):
            split(10, fraction, 0)


@pytest.mark.parametrize("how", [{"array": "x"}, {"types": {"a": "number"}}, {"missing": ["n/a"]}])
def test_what_is_for_tables_is_refused_for_text(how):
    with pytest.raises(ConfigError, match=r"is for tables and arrays, not for kind='text'; leave it out"):
        open_source(["to be"], kind="text", **how)


def test_importing_it_is_light():
    heavy = ("torch", "pandas", "pyarrow", "PIL", "sklearn")
    code = f"import sys, latens.data; print([name for name in {heavy} if name in sys.modules])"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"

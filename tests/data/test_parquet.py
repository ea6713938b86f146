"""Tables in Parquet files: one file or a folder, in memory or on disk with the same cells."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
import torch

from latens import Autoencoder, load
from latens.data import open_source
from latens.errors import DataError

N = 701


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr("latens.data.orders._WINDOW", 150 * (4 * 8 + 32))
    monkeypatch.setattr("latens.data.stored._STEP", 37 * 8 * 8)
    monkeypatch.setattr("latens.data.parquet_parts._LEAST", 16)
    monkeypatch.setattr("latens.data.parquet_parts._NUMBERS", 8 * 40)
    monkeypatch.setattr("latens.data.parquet._HEAD", 64)


def numbers(n: int = N) -> pd.DataFrame:
    random = np.random.default_rng(0)
    values = random.normal(size=(n, 3)) @ random.normal(size=(3, 6)) + random.normal(size=(n, 6)) * 0.1
    return pd.DataFrame(values.astype("f4")).add_prefix("x")


def typed(n: int = N) -> pd.DataFrame:
    """A column of every kind, with missing cells that come late and categories that come once."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "number": random.normal(size=n),
            "gaps": np.where(np.arange(n) % 7 == 6, np.nan, random.normal(size=n)),
            "whole": random.integers(0, 9, n),
            "small": random.integers(0, 9, n).astype("u1"),
            "late": pd.array([*range(n - 1), None], dtype="Int64"),
            "colour": random.choice(["red", "green", "blue"], n),
            "size": pd.Categorical(random.choice(["s", "m", "l"], n), ["s", "m", "l"], ordered=True),
            "smokes": random.choice([True, False], n),
            "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 900, n), unit="D"),
            "day": [datetime.date(2024, 1, 1) + datetime.timedelta(int(d)) for d in random.integers(0, 900, n)],
            "took": pd.to_timedelta(random.integers(1, 900, n), unit="s"),
            "customer_id": np.arange(n) + 1000,
            "note": [f"a long note number {i}" for i in range(n)],
            "nothing": np.full(n, np.nan),
            "y": random.integers(0, 3, n),
        }
    )
    frame.loc[n - 1, "colour"] = "violet"
    frame.loc[n - 2, "colour"] = None
    return frame


def written(frame: pd.DataFrame, folder, files: int = 3, group: int = 60):
    folder.mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(frame)), files)):
        frame.iloc[part].to_parquet(folder / f"part-{number}.parquet", row_group_size=group)
    return folder


def both(path, **how):
    sources = [open_source(path, stream=stream, **how) for stream in (False, True)]
    assert [source.streamed for source in sources] == [False, True]
    return sources


def weights(estimator) -> list[torch.Tensor]:
    return list(estimator.network_.network.state_dict().values())


CASES = [
    (numbers, {}),
    (numbers, {"labels": ["x1"]}),
    (numbers, {"types": {"x2": "ignore"}}),
    (typed, {}),
    (typed, {"labels": ["y", "colour", "late"]}),
    (typed, {"types": {"whole": "category", "colour": "ignore", "customer_id": "integer"}}),
]


class TestSources:
    @pytest.mark.parametrize(("make", "how"), CASES)
    def test_cells_and_columns_are_those_in_memory(self, tmp_path, make, how):
        held, streamed = both(written(make(), tmp_path / "x"), **how)
        assert held.table == streamed.table
        assert held.columns == streamed.columns
        assert (held.values.dtype, held.values.shape) == (streamed.values.dtype, streamed.values.shape)
        np.testing.assert_array_equal(held.groups, streamed.groups)
        np.testing.assert_array_equal(held.values, streamed.in_memory().values)
        assert list(held.labels) == list(streamed.labels)
        for name, column in held.labels.items():
            np.testing.assert_array_equal(pd.isna(column), pd.isna(np.asarray(streamed.labels[name])))
            there = ~pd.isna(column)
            assert column[there].tolist() == streamed.labels[name][:][there].tolist()

    def test_a_folder_is_its_files_in_natural_order(self, tmp_path):
        frame = numbers(44)
        folder = written(frame, tmp_path / "x", files=11)
        assert (folder / "part-10.parquet").exists()
        np.testing.assert_array_equal(open_source(folder).values, frame)
        assert open_source(folder).groups.tolist() == list(range(0, 45, 4))

    def test_rows_from_anywhere(self, tmp_path):
        held, streamed = both(written(numbers(), tmp_path / "x"))
        random = np.random.default_rng(0)
        for rows in (random.integers(0, N, 50), np.arange(N)[::-1], np.array([N - 1]), np.arange(N) % 100 == 0):
            np.testing.assert_array_equal(held.values[rows], streamed.values[rows])
        for start, stop in ((650, 701), (0, 5), (5, 40), (300, 310), (290, 299)):
            np.testing.assert_array_equal(held.values[start:stop], streamed.values[start:stop])

    def test_an_index_becomes_the_ids(self, tmp_path):
        frame = numbers().set_axis([f"row {i}" for i in range(N)])
        held, streamed = both(written(frame, tmp_path / "x"))
        assert held.ids.tolist() == streamed.ids[:].tolist() == frame.index.tolist()
        assert streamed.take(np.array([3, 600])).ids.tolist() == ["row 3", "row 600"]

    def test_a_large_one_stays_on_disk(self, tmp_path, monkeypatch):
        folder = written(numbers(), tmp_path / "x")
        assert not open_source(folder).streamed
        monkeypatch.setattr("latens.data.stored._LARGE", 4 * N * 6 - 1)
        assert open_source(folder).streamed

    def test_an_infinite_cell_is_named(self, tmp_path):
        frame = numbers()
        frame.loc[600, "x4"] = np.inf
        source = open_source(written(frame, tmp_path / "x"), stream=True)
        with pytest.raises(DataError, match=r"x: column 'x4', row 600 \(counted from 0\) is inf; replace infinity"):
            source.in_memory()

    def test_files_of_other_columns(self, tmp_path):
        folder = written(numbers(), tmp_path / "x")
        numbers(20).rename(columns={"x0": "z"}).to_parquet(folder / "part-7.parquet")
        for stream in (False, True):
            with pytest.raises(DataError, match=r"part-7.parquet: has other columns than part-0.parquet \(x0, z\)"):
                open_source(folder, stream=stream)
        numbers(20).astype("f8").to_parquet(folder / "part-7.parquet")
        with pytest.raises(DataError, match=r"part-7.parquet: column 'x0' is double and float in part-0.parquet"):
            open_source(folder)

    def test_images_beside_tables(self, tmp_path):
        folder = written(numbers(), tmp_path / "x")
        (folder / "a.png").write_bytes(b"")
        with pytest.raises(DataError, match=r"x: holds images and Parquet files; keep them in folders of their own"):
            open_source(folder)

    def test_a_damaged_file_far_behind(self, tmp_path):
        folder = written(numbers(), tmp_path / "x")
        source = open_source(folder, stream=True)
        content = bytearray((folder / "part-2.parquet").read_bytes())
        content[200:1200] = b"\xff" * 1000
        (folder / "part-2.parquet").write_bytes(content)
        with pytest.raises(DataError, match=r"part-2.parquet: "):
            source.in_memory()

    def test_what_is_no_such_file_cannot_be_streamed(self, tmp_path):
        (tmp_path / "x.csv").write_text("a,b\n1,2\n")
        with pytest.raises(DataError, match=r"x.csv: only .npy, Parquet and folders of images are read from disk"):
            open_source(tmp_path / "x.csv", stream=True)


class TestFit:
    @pytest.mark.parametrize("make", [numbers, typed])
    @pytest.mark.filterwarnings("ignore:.*not learned from")
    def test_ends_with_the_same_bits(self, tmp_path, make):
        fits = []
        for source in both(written(make(), tmp_path / "x")):
            fits.append(Autoencoder(2, corruption="masking:0.2", max_epochs=2, verbose=0).fit(source))
        assert all(torch.equal(a, b) for a, b in zip(*map(weights, fits), strict=True))
        assert fits[0].schema_.to_json() == fits[1].schema_.to_json()
        assert fits[0].referee_ == fits[1].referee_

    @pytest.mark.filterwarnings("ignore:.*not learned from")
    def test_new_data_is_recoded_as_it_is_read(self, tmp_path):
        ae = Autoencoder(2, max_epochs=1, verbose=0).fit(typed())
        ae.save(tmp_path / "m.latens")
        few = typed().loc[lambda frame: frame["colour"] != "green"]
        held, streamed = both(written(few, tmp_path / "x"), **ae.schema_.reading())
        again = load(tmp_path / "m.latens")
        np.testing.assert_array_equal(again.transform(held), again.transform(streamed))
        few.iloc[400, few.columns.get_loc("colour")] = "mauve"
        new = r"column 'colour', row 400 \(counted from 0\): category 'mauve' was not there"
        _, streamed = both(written(few, tmp_path / "y"), **ae.schema_.reading())
        with pytest.raises(DataError, match=new):
            again.transform(streamed)

from __future__ import annotations

import datetime
import gzip

import numpy as np
import pandas as pd
import polars as pl
import pytest

from latens.data import SeriesSource, open_source
from latens.errors import ConfigError, DataError


def read(data, **how) -> SeriesSource:
    return open_source(data, kind="series", **how)


def written(folder, text: str, name: str = "x.csv"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


HOURLY = "date,load,kind,price\n" + "".join(f"2020-01-01 {h:02}:00:00,{h},a,{h / 2}\n" for h in range(6))


class TestArrays:
    @pytest.mark.parametrize(
        ("data", "shapes"),
        [
            (np.arange(5.0), [(5, 1)]),
            ([1, 2, 3], [(3, 1)]),
            (np.ones((5, 2)), [(5, 2)]),
            ([np.ones(3), [1, 2]], [(3, 1), (2, 1)]),
            ([np.ones((3, 2)), np.ones((4, 2))], [(3, 2), (4, 2)]),
            (np.ones((2, 3, 4)), [(12, 1), (12, 1)]),
            (np.ones((2, 3, 4, 3), dtype=np.uint8), [(12, 3), (12, 3)]),
        ],
    )
    def test_shapes(self, data, shapes):
        source = read(data)
        assert [source[i].shape for i in range(len(source))] == shapes
        assert source.times(0, 0, 3) is None

    def test_images_are_read_row_by_row(self):
        source = read(np.arange(12.0).reshape(2, 2, 3))
        assert source[1].ravel().tolist() == [6, 7, 8, 9, 10, 11]
        assert source.image == (2, 3)

    def test_named_images(self):
        source = read("dataset:digits")
        assert (len(source), source.image, source[0].shape) == (1797, (8, 8), (64, 1))
        assert source.take(np.array([3, 5])).label().tolist() == [3, 5]

    def test_imputes_on_request(self):
        assert read(np.array([1.0, np.nan, 3.0]), impute="linear")[0].ravel().tolist() == [1, 2, 3]

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ([1.0, np.nan, 2.0], r'row 1, column 0 .* is nan; fill it in, or fit with impute="linear"'),
            ([1.0, np.inf], r"row 1, column 0 .* is inf; replace it"),
            ([1.0], r"has 1 step\(s\); give it at least 2"),
            ([[1.0, 2.0], [3.0]], r"series 1: has 1 step\(s\)"),
            ([np.ones((3, 2)), np.ones((3, 1))], "give series of the same columns"),
            (np.ones((2, 0)), "has shape"),
            ("no-such.csv", "no such file"),
            (np.array(["a", "b"]), "holds text"),
        ],
    )
    def test_refuses(self, data, message):
        with pytest.raises(DataError, match=message):
            read(data)

    def test_refuses_infinity_and_empty_columns_when_imputing(self):
        with pytest.raises(DataError, match="is inf"):
            read([1.0, np.inf], impute="linear")
        with pytest.raises(DataError, match="column 1 holds nothing but NaN"):
            read(np.array([[1.0, np.nan], [2.0, np.nan]]), impute="linear")


class TestTables:
    @pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.tsv"])
    def test_files(self, tmp_path, name):
        text = HOURLY.replace(",", "\t") if "tsv" in name else HOURLY
        with pytest.warns(UserWarning, match=f"{name}: not read: 'kind'"):
            source = read(written(tmp_path, text.replace("\n", "\r\n"), name))
        assert (source.columns, source.clock.step, source.clock.time) == (("load", "price"), "h", "date")
        assert source.times(0, 6, 2)[0] == pd.Timestamp("2020-01-01 06:00")

    def test_parquet_with_and_without_an_index(self, tmp_path):
        frame = pd.DataFrame({"a": [1.0, 2.0, 4.0]}, index=pd.date_range("2020", periods=3, freq="D"))
        frame.to_parquet(tmp_path / "x.parquet")
        source = read(tmp_path / "x.parquet")
        assert (source.clock.step, source.columns) == ("D", ("a",))

    @pytest.mark.parametrize(
        "make",
        [
            lambda frame: frame,
            lambda frame: frame["a"],
            lambda frame: frame.tz_localize("Europe/Vienna"),
            lambda frame: frame.reset_index(names="when"),
            lambda frame: pl.from_pandas(frame.reset_index(names="when")),
        ],
    )
    def test_frames(self, make):
        frame = pd.DataFrame({"a": [1.0, 2.0, 4.0]}, index=pd.date_range("2020", periods=3, freq="15min"))
        source = read(make(frame))
        assert source[0].ravel().tolist() == [1, 2, 4]
        assert source.clock.step == "15min"

    def test_a_series_without_times(self):
        source = read(pd.Series([1.0, 2.0]))
        assert (source.columns, source.clock.step) == (("value",), None)

    def test_columns_in_the_order_asked(self, tmp_path):
        path = written(tmp_path, HOURLY)
        assert read(path, columns=["price", "load"]).columns == ("price", "load")
        with pytest.raises(DataError, match=r"column 'kind', data row 1: 'a' is no number"):
            read(path, columns=["kind"])
        with pytest.raises(DataError, match=r"'pric' is not there; did you mean 'price'\?"):
            read(path, columns=["pric"])

    def test_many_series_interleaved(self):
        rows = [{"t": f"2020-01-0{d}", "id": name, "v": d} for d in (1, 2, 3) for name in "ba"]
        source = read(pd.DataFrame(rows), sequence="id")
        assert source.ids.tolist() == ["b", "a"]
        assert source[1].ravel().tolist() == [1, 2, 3]
        assert source.title(1) == "frame: series 'a'"
        with (
            pytest.warns(UserWarning, match="not read: 'id'"),
            pytest.raises(DataError, match=r"row 1 .*2020-01-01 is there twice; .* sequence=NAME"),
        ):
            read(pd.DataFrame(rows))

    @pytest.mark.parametrize(
        ("times", "step"),
        [
            (pd.date_range("1749-01", periods=30, freq="MS"), "MS"),
            (pd.date_range("2000", periods=9, freq="ME"), "ME"),
            (pd.date_range("2000", periods=9, freq="QS"), "3MS"),
            (pd.date_range("2000", periods=9, freq="B"), "B"),
            (pd.date_range("2000", periods=9, freq="W"), "7D"),
            (pd.date_range("2000", periods=9, freq="250ms"), "250ms"),
        ],
    )
    def test_regular_steps(self, times, step):
        source = read(pd.DataFrame({"v": range(len(times))}, index=times))
        assert source.clock.step == step
        assert source.times(0, 1, 2)[0] == times[1]

    def test_real_files(self, data_folder):
        spots = read(data_folder / "timeseries" / "monthly-sunspots.csv")
        assert (spots.clock.step, spots.columns, len(spots[0])) == ("MS", ("Sunspots",), 2820)
        cold = data_folder / "timeseries" / "daily-min-temperatures.csv"
        with pytest.raises(DataError, match=r'1 step is missing before it \(2 in all\); .* impute="linear"'):
            read(cold)
        assert len(read(cold, impute="linear")[0]) == 3652

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (["2020-01-01,1", "2020-01-01,2"], "data row 2: 2020-01-01 is there twice"),
            (["2020-01-02,1", "2020-01-01,2"], "data row 2: .* earlier than the row before; sort .* sequence=NAME"),
            (["2020-01-01,1", "2020-01-02,2", "2020-01-03,2", "2020-01-04 05:00,3"], "data row 4: .* comes 1 days 05"),
            (["2020-01-01,1", "2020-01-02,2", "2020-01-05,2"], r"data row 3: 2 steps are missing before it \(2 in all"),
            (["2020-01-01,1", ",2", "2020-01-05,2"], "data row 2: the time is missing"),
            (
                ["2020-01-01,1", "2020-01-02,", "2020-01-03,2"],
                r"column 'v', data row 2: is missing; .* impute=\"linear\" \(--set impute=linear\)",
            ),
            (["2020-01-01,1", "2020-01-02,inf"], "column 'v', data row 2 is inf; replace infinity"),
            (["2020-01-01,1", "2020-01-02,two"], "column 'v', data row 2: 'two' is no number"),
            (["2020-01-01,1"], "data row 1: is a series of 1 step"),
            (["2020-01-01,a", "2020-01-02,b"], "has no column of numbers beside its times"),
        ],
    )
    def test_refuses(self, tmp_path, lines, message):
        path = written(tmp_path, "\n".join(["t,v", *lines]) + "\n")
        with pytest.raises(DataError, match=message):
            read(path)

    def test_imputes_steps_and_cells(self, tmp_path):
        path = written(tmp_path, "t,v\n2020-01-01,1\n2020-01-02,\n2020-01-05,5\n")
        assert read(path, impute="linear")[0].ravel().tolist() == [1, 2, 3, 4, 5]

    def test_refuses_a_time_column_that_is_none(self, tmp_path):
        with pytest.raises(DataError, match=r"column 'load', data row 1: .* is no time"):
            read(written(tmp_path, HOURLY), time="load")


def test_settings():
    with pytest.raises(ConfigError, match="impute='mean' is not known"):
        read([1.0, 2.0], impute="mean")
    with pytest.raises(ConfigError, match="time='x' goes with kind='series'"):
        open_source([[1.0]], kind="table", time="x")
    assert isinstance(open_source([1.0, 2.0], impute="linear"), SeriesSource)
    with pytest.raises(ConfigError, match="name columns of a table; leave them out for a list"):
        read([1.0, 2.0], time="x")


def test_a_source_stays_one():
    source = read(np.arange(6.0).reshape(3, 2))
    assert open_source(source) is source


class TestAColumnThatIsNearlyTimes:
    FRAME = pd.DataFrame({"date": ["2024-01-01", "soon", "2024-01-03", "2024-01-04"], "load": [1.0, 2.0, 3.0, 4.0]})

    def test_is_an_error_at_the_cell_that_is_none(self):
        with pytest.raises(DataError, match=r"column 'date', row 1 .*: 'soon' is no time"):
            open_source(self.FRAME, kind="series")
        with pytest.raises(DataError, match=r"column 'date', row 1 .*: 'soon' is no time"):
            open_source(self.FRAME, kind="series", time="date")

    def test_notes_are_left_out_however_few(self):
        notes = self.FRAME.assign(date=["2024-01-01", "soon", "later", None])
        for frame in (notes, notes.assign(date=[None, None, None, "late"])):
            with pytest.warns(UserWarning, match="not read: 'date'"):
                assert open_source(frame, kind="series").columns == ("load",)

    def test_a_text_among_numbers_is_no_number(self):
        with pytest.raises(DataError, match="'oops' is no number"):
            open_source(self.FRAME.assign(date=["2001", "1999", "oops", "2003"]), kind="series")


def frame_at(times) -> pd.DataFrame:
    return pd.DataFrame({"t": times, "v": range(len(times))})


def berlin(start: str, count: int, step: str) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq=step, tz="Europe/Berlin")


class TestZones:
    @pytest.mark.parametrize(
        ("times", "step"),
        [
            (berlin("2020-03-27", 6, "D"), "D"),  # one of the days has 23 hours
            (berlin("2020-10-22", 6, "D"), "D"),
            (berlin("2020-01-01", 9, "MS"), "MS"),
            (berlin("2020-03-23 09:00", 9, "B"), "B"),
            (berlin("2020-03-01 00:00", 9, "7D"), "7D"),
            (berlin("2020-03-28 22:00", 9, "h"), "h"),
            (berlin("2020-10-24 22:00", 9, "h"), "h"),
            (pd.date_range("2020-03-27 12:00", periods=6, freq="D", tz="UTC").tz_convert("Europe/Berlin"), "D"),
            (pd.date_range("2020-01-01", periods=6, freq="MS", tz="UTC").tz_convert("Europe/Berlin"), "MS"),
            # There the clocks skip a midnight, and the day begins at one.
            (pd.date_range("2023-04-25", periods=6).tz_localize("Africa/Cairo", nonexistent="shift_forward"), "D"),
        ],
    )
    def test_regular_by_the_wall_clock_or_in_absolute_time(self, times, step):
        source = read(frame_at(times))
        assert source.clock.step == step
        assert source.times(0, 0, len(times)).equals(pd.DatetimeIndex(times))
        assert source.times(0, 1, 1).tz == times.tz

    def test_days_that_are_regular_by_neither(self):
        times = berlin("2020-03-27", 5, "D")
        with pytest.raises(DataError, match=r"row 4 .*: 2020-03-31 01:00:00 comes .* after the row before where"):
            read(frame_at([*times[:4], times[4] + pd.Timedelta("1h")]))

    def test_all_series_by_the_wall_clock_or_none(self):
        noon = pd.date_range("2020-03-27 12:00", periods=5, freq="D", tz="UTC").tz_convert("Europe/Berlin")
        winter = berlin("2020-01-01", 5, "D")  # regular by both
        frame = pd.concat([frame_at(noon).assign(id="a"), frame_at(winter).assign(id="b")])
        source = read(frame, sequence="id")
        assert source.times(0, 0, 5).equals(noon)
        assert source.times(1, 0, 5).equals(winter)

    def test_two_times_that_the_clock_shows_alike(self):
        times = pd.DatetimeIndex(["2020-10-25 00:30Z", "2020-10-25 01:30Z"]).tz_convert("Europe/Berlin")
        assert str(read(frame_at(times)).times(0, 2, 1)[0]) == "2020-10-25 03:30:00+01:00"

    @pytest.mark.parametrize(("offsets", "then"), [(("+02:00",) * 3, "13:00:00+02:00"), (("Z",) * 3, "13:00:00+00:00")])
    def test_the_offset_of_a_file(self, tmp_path, offsets, then):
        lines = [f"2020-01-01T{10 + i}:00:00{offset},{i}" for i, offset in enumerate(offsets)]
        source = read(written(tmp_path, "\n".join(["t,v", *lines]) + "\n"))
        assert str(source.times(0, 3, 1)[0]) == f"2020-01-01 {then}"

    def test_several_offsets_are_instants_in_utc_in_files_and_frames(self, tmp_path):
        times = ["2020-03-29 01:00:00+01:00", "2020-03-29 03:00:00+02:00", "2020-03-29 04:00:00+02:00"]
        path = written(tmp_path, "t,v\n" + "".join(f"{time},1\n" for time in times))
        cells = [datetime.datetime.fromisoformat(time) for time in times]
        index = pd.DataFrame({"v": [1.0, 1.0, 1.0]}, index=pd.Index(cells, dtype=object))
        for data in (path, frame_at(times), frame_at(pd.Series(cells, dtype=object)), index):
            assert str(read(data).times(0, 3, 1)[0]) == "2020-03-29 03:00:00+00:00"

    def test_a_time_without_a_zone_beside_others_with_one(self):
        with pytest.raises(DataError, match=r"'t', row 1 .*: has no time zone where other times have one; write all"):
            read(frame_at(["2020-03-29 01:00Z", "2020-03-29 02:00", "2020-03-29 03:00Z"]))

    def test_an_index_in_a_parquet_file(self, tmp_path):
        frame = frame_at(berlin("2020-03-27", 6, "D")).set_index("t")
        frame.to_parquet(tmp_path / "x.parquet")
        source = read(tmp_path / "x.parquet")
        assert source.clock.time == "t"
        assert source.times(0, 0, 6).equals(frame.index)

    def test_a_wrong_time_is_not_filled_up_to(self, tmp_path):
        path = written(tmp_path, "t,v\n1700-01-01 00:00:00,1\n1700-01-01 00:00:01,2\n2200-01-01 00:00:00,3\n")
        with pytest.raises(DataError, match=r"data row 3: 15,778,454,400 steps lie between the first of 3 rows"):
            open_source(path, kind="series", impute="linear")


def test_what_is_not_read_is_said(tmp_path):
    (tmp_path / "x.csv").write_text("when,note,y\n13/01/2024,a b,1\n14/01/2024,c d,2\n15/01/2024,e f,4\n")
    with pytest.warns(UserWarning, match=r"x.csv: not read: 'when', 'note' \(no numbers, and no times such as"):
        source = open_source(tmp_path / "x.csv", kind="series")
    assert source.columns == ("y",)


def test_a_series_in_an_array_file(tmp_path):
    np.save(tmp_path / "y.npy", np.arange(9.0))
    source = open_source(tmp_path / "y.npy", kind="series")
    assert (len(source), source[0].ravel().tolist()) == (1, list(range(9)))
    with pytest.raises(DataError, match=r"y.npy: expected a 2-D array"):
        open_source(tmp_path / "y.npy")
